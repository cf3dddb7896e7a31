//! Limits of circuit breakers: default times, depths and sizes, each with its unit and its reason. Rule: no other file
//! of this crate defines one; configurable values default to these.

use std::time::Duration;

pub use modehost_limits::BREAKER_OPEN;

/// Consecutive permanent failures that open a circuit breaker: a single one may be a restart of the provider.
pub const BREAKER_FAILURES: u32 = 3;
/// The longest that it stays open: the time doubles with each failed trial, up to this.
pub const BREAKER_OPEN_MAX: Duration = Duration::from_secs(60);
