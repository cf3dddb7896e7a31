//! Limits of the circuit breakers in front of providers. Rule: a provider that lastingly fails costs
//! nobody a wait, and one that was repaired is in use again within a minute without anybody's help.

use std::time::Duration;

/// Lasting failures in a row that open a circuit breaker: one may be a restart of the provider.
pub const BREAKER_FAILURES: u32 = 3;
/// How long a circuit breaker stays open at first; about the time between two things a person says.
pub const BREAKER_OPEN: Duration = Duration::from_secs(5);
/// The longest that it stays open: the time doubles with each trial that fails, up to here.
pub const BREAKER_OPEN_MAX: Duration = Duration::from_secs(60);
