//! Limits of the program as a whole: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; the defaults of settings are taken from here.

use std::time::Duration;

pub use modehost_limits::{
    CERTIFICATE_BYTES, CHECKPOINT, CONFIG_BYTES, FILE_DEBOUNCE, HIBERNATE_AFTER, IDLE_BUFFER, IDLE_TIMEOUT,
    IDLE_WARNINGS, MAX_BLOCKING, MIGRATIONS_PER_SECOND, PATH_POLL, PLUGIN_FILE_BYTES, QUEUE_PER_DEVICE, RESUME_WINDOW,
    SESSION_SOFT_LIMIT, STATE_SAMPLE_SESSIONS, STORAGE_BACKOFF, STORAGE_TIMEOUT, TLS_POLL, WORKER_STACK_BYTES,
};

// --- Authors' tools ---------------------------------------------------------------

/// Components of a first build that are told one by one; more are served as they come.
pub const DEV_PLUGINS: usize = 256;

/// After a component is there: how long `dev` waits for the next before it serves. Those that are up to date follow each
/// other within milliseconds.
pub const DEV_FIRST_PLUGINS: Duration = Duration::from_secs(1);

/// Bytes of a test script; thousands of lines.
pub const SCRIPT_BYTES: usize = 1024 * 1024;

// --- Log files -----------------------------------------------------------------------------------

/// Pause after a failure to write a log file; lines in between are counted as lost.
pub const LOG_RETRY: Duration = Duration::from_secs(10);
/// Interval of removing old log files, in addition to each rotation.
pub const LOG_SWEEP: Duration = Duration::from_secs(60 * 60);

// --- Remote configuration ------------------------------------------------------------------------

/// Total time of one fetch: a start waits for it, and firmware waits 10 s for an OTA response.
pub const REMOTE_CONFIG: Duration = Duration::from_secs(5);

// --- Off the message path ------------------------------------------------------------------------

/// Mode threads beyond the number of cores, so that guests that use up their whole budget do not delay all other
/// sessions.
pub const SPARE_MODE_THREADS: usize = 1;
/// Grace period at the exit for blocking work; what still runs then is abandoned.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);
/// Interval of storage probes for `/readyz`: each is a small write to disk.
pub const HEALTH_PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// Equal probes in a row before `/readyz` changes, so that one slow write does not turn devices away.
pub const HEALTH_DEBOUNCE: u32 = 2;
/// Watchdog notifications per watchdog timeout of the service manager.
pub const WATCHDOG_PINGS: u32 = 3;
/// Interval of draining histogram samples into their buckets.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// Timeout of running the new program with `--version` before it replaces the running one.
pub const PROGRAM_CHECK: Duration = Duration::from_secs(10);
/// Greatest number of admin orders that run concurrently.
pub const ADMIN_ORDERS: usize = 4;
/// Timeout of the command line for a response of a running server.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The same where the server may have to compile a plugin first.
pub const ADMIN_WORK_TIMEOUT: Duration = Duration::from_secs(120);
/// Greatest response of a running server that the command line reads, in bytes.
pub const ADMIN_RESPONSE_BYTES: u64 = 16 * 1024 * 1024;
/// Live instances of the runtime that inspects single plugin files: the two of a probe, and spare ones.
pub const PROBE_INSTANCES: usize = 8;

// --- Operators -----------------------------------------------------------------------------------

/// Characters of one text that an operator has a device say or show.
pub const SAY_CHARACTERS: usize = 2_000;
/// How long such a text waits for a device that is away, if the operator names no time.
pub const SAY_TTL: Duration = Duration::from_secs(60 * 60);
/// The longest that it may wait: a week.
pub const SAY_TTL_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Texts and sounds for one device in a minute.
pub const SAYS_A_MINUTE: u32 = 20;
/// Keys of a limiter of calls, such as addresses, above which those that have not called lately are dropped.
pub const LIMITED_KEYS: usize = 10_000;
/// Calls of `/api/v1` that one address may make in a minute: a dozen open consoles make about 1,000.
pub const OPERATOR_CALLS_PER_MINUTE: u32 = 6_000;
/// Tests of providers in a minute: each of them costs money.
pub const PROVIDER_TESTS_PER_MINUTE: u32 = 20;
/// How often `logs --follow` asks for new lines.
pub const LOG_POLL: Duration = Duration::from_secs(1);
/// Bytes of a value above which a text that contains it shows a secret; shorter ones would be found in any text.
pub const SECRET_BYTES: usize = 6;
/// Bytes of a sound that an operator sends: a minute of 24 bit stereo at 48 kHz.
pub const SOUND_FILE_BYTES: usize = 18 * 1024 * 1024;
/// Longest recording that a recogniser is tried with.
pub const TRIED_RECORDING: Duration = Duration::from_secs(30);
/// Longest sound that a device is to play.
pub const PLAYED_SOUND: Duration = Duration::from_secs(60);
/// Longest answer of a model that is tried, in tokens.
pub const TRIED_TOKENS: u32 = 300;
/// Name of a tool that an operator calls, in bytes: longer ones are in no list.
pub const CALLED_TOOL_BYTES: usize = modehost_limits::TOOL_NAME_BYTES;
/// Arguments of a tool that an operator calls, in bytes of JSON.
pub const TOOL_ARGUMENT_BYTES: usize = 64 * 1024;
/// Archive entries and documents on one page at most.
pub const PAGE_ROWS: u32 = 500;
/// Bytes of an archive entry on a page; an export has all of it.
pub const SHOWN_ENTRY_BYTES: usize = 1024 * 1024;
/// Bytes of an exported archive entry.
pub const EXPORTED_ENTRY_BYTES: usize = 64 * 1024 * 1024;
/// Log lines that are kept in memory, and as many of the audit.
pub const RECENT_LINES: usize = 2_000;
/// Characters of a message, and of each field, that are kept of such a line.
pub const RECENT_CHARACTERS: usize = 2_000;
/// Fields that are kept of such a line.
pub const RECENT_FIELDS: usize = 24;
/// Interval of the samples of `/api/v1/history`.
pub const HISTORY_INTERVAL: Duration = Duration::from_secs(10);
/// Samples that are kept: one hour.
pub const HISTORY_SAMPLES: usize = 360;
/// How long a stream of `/api/v1` lasts before it ends by itself: less than the lifetime of a connection, which would cut
/// it in the middle of a line. Whoever reads it asks again.
pub const STREAM_LIFETIME: Duration = Duration::from_secs(240);
/// Interval of blank lines of such a stream while nothing happens, so that a reader that is gone is noticed.
pub const STREAM_BLANK_LINE: Duration = Duration::from_secs(10);
/// How often the figures of the feed are looked at.
pub const FEED_INTERVAL: Duration = Duration::from_secs(1);
/// Intervals after which unchanged figures are sent all the same.
pub const FEED_REPEAT: u32 = 5;
/// Turns a second that the feed shows; the others are counted.
pub const FEED_TURNS: u32 = 20;
/// Longest line of a stream that the command line reads, in bytes.
pub const STREAM_LINE_BYTES: usize = 1024 * 1024;
/// Silence after which the command line takes the server of a stream for gone; blank lines come more often.
pub const STREAM_SILENCE: Duration = Duration::from_secs(30);
/// How long `plugin watch` waits for a server that is away to come back.
pub const WATCH_RETURN: Duration = Duration::from_secs(60);
/// Devices whose last state `plugin watch` remembers.
pub const WATCH_STATES: usize = 1_000;

/// Greatest response of a device export, in bytes: base64 adds a third, and escapes can double texts.
pub const EXPORT_RESPONSE_BYTES: u64 = 192 * 1024 * 1024;
/// How long an erasure waits for the removal of archive files; the rest is removed in the background.
pub const FORGET_FILES: Duration = Duration::from_secs(10);
/// Timeout of removing orphaned journals while an operator waits.
pub const COMPACT_SWEEP: Duration = Duration::from_secs(60);
/// Sessions that a node hands over a second, if nobody says otherwise: 3,000 in six seconds, 50 at a time.
pub const EVACUATED_PER_SECOND: u32 = 500;
/// Most that may be asked for.
pub const EVACUATED_PER_SECOND_MAX: u32 = 10_000;
/// Interval between batches of them.
pub const EVACUATION_INTERVAL: Duration = Duration::from_millis(100);
/// How long another node may take to say what it has, for a list of all nodes.
pub const NODE_ANSWER: Duration = Duration::from_secs(3);
/// Interval at which `node drain` looks how far it is.
pub const DRAIN_POLL: Duration = Duration::from_millis(500);
/// Interval at which a node compares its plugins with those of its cluster, beside each change that it hears of.
pub const PLUGIN_SYNC_INTERVAL: Duration = Duration::from_secs(2);
/// How long a plugin of the cluster may be loading before the node says that it lacks it; compiling takes some seconds.
pub const PLUGIN_SYNC_PATIENCE: Duration = Duration::from_secs(60);
