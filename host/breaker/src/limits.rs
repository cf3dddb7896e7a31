//! Limits of circuit breakers: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::BREAKER_OPEN;

/// Lasting failures in a row that open a circuit breaker: one may be a restart of the provider.
pub const BREAKER_FAILURES: u32 = 3;
/// The longest that it stays open: the time doubles with each trial that fails, up to here.
pub const BREAKER_OPEN_MAX: Duration = Duration::from_secs(60);
