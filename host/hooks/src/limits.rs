//! Limits of webhooks: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

/// One attempt in all, from connecting to the end of the answer.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Shortest pause before the one retry; by chance between this and `HOOK_RETRY_MOST`, so that what
/// failed together does not come back together.
pub const HOOK_RETRY_LEAST: Duration = Duration::from_secs(2);
/// Longest pause before the one retry.
pub const HOOK_RETRY_MOST: Duration = Duration::from_secs(5);
/// Posts to one hook at the same time.
pub const HOOK_CONCURRENT: usize = 4;
/// Posts that wait for their turn at one hook; each may hold a whole transcript.
pub const HOOK_WAITING: usize = 64;
/// Bytes of an answer that are read, so that the connection can be used again.
pub const HOOK_ANSWER_BYTES: usize = 64 * 1024;
/// An idle connection to a hook is kept this long.
pub const HOOK_IDLE: Duration = Duration::from_secs(30);
