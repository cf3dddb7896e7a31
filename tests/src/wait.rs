//! Waiting for a condition. Rule: a wait ends when the condition holds, or fails at its deadline
//! with what was seen last; no test sleeps and hopes.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// How long anything that should happen at once may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(15);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Looks with `look` until `wanted` is true of what it sees, and returns that.
///
/// # Panics
/// At the deadline, with the last thing seen.
pub async fn until<T: Debug, F: Future<Output = T>>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: not within {deadline:?}; seen last: {seen:?}");
        tokio::time::sleep(LOOK).await;
    }
}
