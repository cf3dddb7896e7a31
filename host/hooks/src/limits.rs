//! Limits of webhooks: default timeouts, queue depths and sizes, each with its unit and its reason. Rule: no other file
//! of this crate holds such a number; defaults of configuration keys come from here.

use std::time::Duration;

/// Timeout of one attempt, from connecting to the end of the response.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Shortest delay before the one retry; it is random between this and `HOOK_RETRY_DELAY_MAX`, so that posts that failed
/// together are not retried together.
pub const HOOK_RETRY_DELAY_MIN: Duration = Duration::from_secs(2);
/// Longest delay before the one retry.
pub const HOOK_RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// Concurrent posts to one hook.
pub const HOOK_CONCURRENT: usize = 4;
/// Posts that wait for a permit of one hook; each may contain a whole transcript.
pub const HOOK_QUEUE: usize = 64;
/// Bytes of a response that are read, so that the connection can be reused.
pub const HOOK_RESPONSE_BYTES: usize = 64 * 1024;
/// Idle timeout of a pooled connection to a hook.
pub const HOOK_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
