//! Limits of plugins and their instances: default times, depths and sizes, each with its unit and its reason. Rule: no
//! other file of this crate defines a constant of this kind; configurable values take their defaults from here.

use std::time::Duration;

pub use modehost_limits::{
    ARCHIVE_ID_BYTES, ARCHIVE_KIND_BYTES, CALL_BUDGET, DOCUMENT_BYTES, EFFECTS, JOURNAL_ENTRY_BYTES, KEY_BYTES,
    LIVE_INSTANCES, MAX_BLOCKING, MODEL_TOOLS, PATH_POLL, PLUGIN_FILE_BYTES, TOOL_NAME_BYTES,
};

// --- Models and outgoing requests ----------------------------------------------------------------

/// Sender name in the signature header of a webhook.
pub const HOOK_SENDER_BYTES: usize = 32;

// --- Work off the message path -------------------------------------------------------------------

/// Attempts to probe a plugin whose calls time out, before it is rejected.
pub const PROBE_ATTEMPTS: u32 = 3;

// --- Plugins -------------------------------------------------------------------------------------

/// Deadline extensions of a call, one tick each, while its thread gets no CPU time.
pub const MAX_DEADLINE_EXTENSIONS: u32 = 100;
/// Epoch tick: the unit in which the budget of a call is counted.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Description of a mode, in characters: one sentence. Those of all modes are part of a question to a model.
pub const MODE_DESCRIPTION_CHARS: usize = 200;
/// Phrases of a mode: some ways to say it in each of several languages.
pub const MODE_PHRASES: usize = 16;
/// Characters of a phrase; a single one would be found in other words.
pub const PHRASE_CHARS: std::ops::RangeInclusive<usize> = 2..=64;
/// Linear memory of one instance.
pub const GUEST_MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// Total bytes of the effects of one event.
pub const EFFECT_BYTES: usize = 512 * 1024;
/// Maximum size of a snapshot.
pub const SNAPSHOT_BYTES: usize = 256 * 1024;
/// Largest compiled plugin that is read: machine code takes up to six times the size of its component.
pub const COMPILED_PLUGIN_BYTES: usize = 512 * 1024 * 1024;
/// Signature file of a compiled plugin: 64 hex digits, with room for a line end.
pub const CHECKSUM_BYTES: usize = 128;
/// Index of the release store: some hundred bytes per release.
pub const RELEASE_INDEX_BYTES: usize = 4 * 1024 * 1024;
/// Memory mappings of one live instance, for the check at start. Measured: 3.99 for a Rust guest with 1,000 live.
pub const MAPS_PER_INSTANCE: usize = 4;
/// Mappings of the process besides instances: code, libraries, stacks, compiled plugins.
pub const PROCESS_MAPS: usize = 2_000;
/// Core instances per plugin instance: Rust guests have 3, composed ones more.
pub const CORE_INSTANCES_PER_PLUGIN: usize = 4;
/// Tables per plugin instance: Rust guests have 2.
pub const TABLES_PER_PLUGIN: usize = 3;
/// Entries of one table of a guest; a Rust guest has some hundred, an interpreter some thousand.
pub const TABLE_ELEMENTS: usize = 20_000;
/// Host memory that one guest call may allocate while its result is read: the effects as Rust values.
pub const GUEST_TRANSFER_BYTES: usize = 4 * 1024 * 1024;
/// WASI resources (streams, pollables) that one instance may hold.
pub const GUEST_HANDLES: usize = 64;
/// Lines of stderr retained in case the guest traps: a panic writes three or four.
pub const STDERR_TAIL_LINES: usize = 8;
/// Characters of a trap's message taken from stderr.
pub const TRAP_MESSAGE_CHARS: usize = 300;
/// Random bytes per request of a guest.
pub const RANDOM_BYTES_PER_REQUEST: u64 = 64 * 1024;
/// Longest delay of a timer.
pub const TIMER_DELAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Log lines per plugin and second, over all its instances.
pub const PLUGIN_LOG_LINES_PER_SECOND: u32 = 20;
/// Longest line of a plugin's log; the rest is cut.
pub const PLUGIN_LOG_LINE_BYTES: usize = 2_000;
/// One in this many guest calls is timed: reading the clock twice costs a tenth of a call.
pub const CALLS_PER_SAMPLE: u32 = 16;
/// Quiet time after a change in the plugin directory before the files are read.
pub const WATCH_DEBOUNCE: Duration = Duration::from_millis(100);
/// Grace period after the plugin directory was replaced by another, before plugins missing there are removed: an
/// installer that removes and recreates the directory needs a moment to fill it.
pub const REPLACED_DIRECTORY_GRACE: Duration = Duration::from_secs(3);
/// Interval at which trials are checked.
pub const CATALOG_TICK: Duration = Duration::from_millis(500);
/// Sessions rolled back from a new generation within `ROLLBACK_WINDOW` after which it is rolled back.
pub const ROLLBACK_FAULTS: u32 = 3;
/// How long a new generation is on trial.
pub const ROLLBACK_WINDOW: Duration = Duration::from_secs(30);
/// Releases of a plugin that are retained for rollbacks and the next start.
pub const KEPT_RELEASES: usize = 4;
/// Session snapshots that a new version is checked against before it is published: some 2 ms of work.
pub const STATE_SAMPLES: usize = 32;
/// Devices served by a generation that are tracked individually: about 1 MiB. Half of the tracked ones, rolled back,
/// roll back the version.
pub const TRIAL_DEVICES: usize = 65_536;
/// Timeout for compiling one plugin. A Python one of 18 MB takes half a minute on two old cores.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(120);
/// Address space of the compiler process.
pub const COMPILER_MEMORY_BYTES: u64 = 2 << 30;
/// Plugins compiled concurrently: while one takes long, the other thread serves the rest.
pub const MAX_COMPILERS: usize = 2;
/// How long a start waits for compilation; well below the start timeouts of service managers.
pub const START_COMPILE_TIMEOUT: Duration = Duration::from_secs(60);
/// A plugin is listed as compiling after this time, longer than most take: operators look into what is listed.
pub const COMPILING_LISTED_AFTER: Duration = Duration::from_secs(10);
/// Bytes read of the compiler's stderr.
pub const COMPILER_STDERR_BYTES: u64 = 4096;
/// Compile results that wait to be loaded.
pub const PENDING_COMPILE_RESULTS: usize = 8;
/// Size limit of the on-disk cache; a bundled plugin takes about 3 MB.
pub const PLUGIN_CACHE_BYTES: u64 = 2 << 30;
/// Key that signs compiled plugins on disk: one block of SHA-256.
pub const CACHE_KEY_BYTES: usize = 64;

// --- Storage -------------------------------------------------------------------------------------

/// Entries of one page of a journal.
pub const JOURNAL_PAGE: u32 = 1_000;
