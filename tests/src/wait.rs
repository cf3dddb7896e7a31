//! Waiting for a condition. Rule: a wait ends when the condition holds, or fails at its deadline with the last observed
//! value; tests never rely on a fixed sleep.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// Default timeout: bounds anything that should happen at once, on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// Poll interval of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls `probe` until its value satisfies `wanted`, and returns that value.
///
/// # Panics
/// At the deadline, with the last value.
pub async fn until<T: Debug, F: Future<Output = T>>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        let value = probe().await;
        if wanted(&value) {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {deadline:?}; seen last: {value:?}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
