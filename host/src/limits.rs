//! Limits of the server as a whole: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{
    APART_STACK_BYTES, CERTIFICATE_BYTES, CHECKPOINT, CONFIG_BYTES, FILE_SETTLE, HIBERNATE_AFTER, IDLE, IDLE_BUFFER,
    IDLE_WARNINGS, MAX_BLOCKING, MIGRATIONS_PER_SECOND, PATH_LOOK, PLUGIN_FILE_BYTES, QUEUE_PER_DEVICE, RESUME_WINDOW,
    SESSIONS_AT_EASE, STATE_SAMPLE_SESSIONS, STORAGE_PAUSE, STORAGE_REPLY, TLS_LOOK,
};

// --- Log files -----------------------------------------------------------------------------------

/// After a failure to write a log file the next try waits so long; lines in between are counted.
pub const LOG_RETRY: Duration = Duration::from_secs(10);
/// How often old log files are looked for, beside each time that a new file begins.
pub const LOG_SWEEP: Duration = Duration::from_secs(60 * 60);

// --- A configuration on another machine ----------------------------------------------------------

/// One fetch in all: a start waits for it, and firmware waits 10 s for its answer.
pub const REMOTE_CONFIG: Duration = Duration::from_secs(5);

// --- Work beside the message path ----------------------------------------------------------------

/// Mode threads beyond the number of cores, so that guests that use up their whole budget do not
/// hold up all others.
pub const SPARE_MODE_THREADS: usize = 1;
/// Blocking work that has not ended this long after everything else is left behind at a stop.
pub const STOP: Duration = Duration::from_secs(3);
/// How often the storage is tried for `/readyz`: a small write to disk each time.
pub const HEALTH_LOOK: Duration = Duration::from_secs(5);
/// Looks in a row that must agree before `/readyz` changes its mind, so that one slow write turns
/// nobody away.
pub const HEALTH_AGREE: u32 = 2;
/// Signs of life within the time that the service manager waits for one.
pub const WATCHDOG_SHARE: u32 = 3;
/// How often the samples of histograms are put into their buckets.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How long a program may take to say its version before it is put in the place of the one that runs.
pub const PROGRAM_CHECK: Duration = Duration::from_secs(10);
/// Orders of operators that are carried out side by side.
pub const OPERATOR_ORDERS: usize = 4;
/// How long the command line waits for an answer of a running server.
pub const ADMIN_REPLY: Duration = Duration::from_secs(5);
/// The same where it may have to compile a plugin first.
pub const ADMIN_WORK: Duration = Duration::from_secs(120);
/// Bytes of an answer of a running server that the command line reads.
pub const ADMIN_REPLY_BYTES: u64 = 16 * 1024 * 1024;
/// Live instances of the runtime that looks at single plugin files: the two of a probe, and spare.
pub const PROBE_INSTANCES: usize = 8;

// --- Operators -----------------------------------------------------------------------------------

/// The same as an answer: bytes become a third longer, and marks in texts twice as long.
pub const EXPORT_ANSWER_BYTES: u64 = 192 * 1024 * 1024;
/// How long files of finished work are waited for when a device is forgotten; what takes longer follows.
pub const FORGET_FILES: Duration = Duration::from_secs(10);
/// How long the journals of nobody may be swept while an operator waits.
pub const COMPACT_SWEEP: Duration = Duration::from_secs(60);
