//! Limits of plugins and their instances: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{
    ARCHIVE_ID_BYTES, ARCHIVE_KIND_BYTES, CALL, DOCUMENT_BYTES, EFFECTS, JOURNAL_ENTRY_BYTES, KEY_BYTES,
    LIVE_INSTANCES, MAX_BLOCKING, MODEL_TOOLS, PATH_LOOK, PLUGIN_FILE_BYTES, TOOL_NAME_BYTES,
};

// --- Models and what is asked of others ----------------------------------------------------------

/// Name of the sender in the signature header of a webhook.
pub const HOOK_SENDER_BYTES: usize = 32;

// --- Work beside the message path ----------------------------------------------------------------

/// Trials of a plugin whose calls run out of time, before it is refused.
pub const PROBE_ATTEMPTS: u32 = 3;

// --- Plugins -------------------------------------------------------------------------------------

/// Times that a call whose budget is over is looked at, a tick apart, while its thread has had no processor.
pub const CALL_EXTENSIONS: u32 = 100;
/// Epoch tick: the unit in which the budget of a call is counted.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Linear memory of one instance.
pub const GUEST_MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of the effects of one event.
pub const EFFECT_BYTES: usize = 512 * 1024;
/// A snapshot.
pub const SNAPSHOT_BYTES: usize = 256 * 1024;
/// What is kept of a compiled plugin: machine code takes up to six times its component.
pub const COMPILED_PLUGIN_BYTES: usize = 512 * 1024 * 1024;
/// A checksum beside it: 64 digits, and a line end where a person wrote it.
pub const CHECKSUM_BYTES: usize = 128;
/// The index of kept releases: some hundred bytes a release.
pub const RELEASE_INDEX_BYTES: usize = 4 * 1024 * 1024;
/// Address-space mappings that one live instance uses, for the check at start. Measured: 3.99 for a
/// Rust guest with 1,000 live.
pub const MAPS_PER_INSTANCE: usize = 4;
/// Mappings of the process besides instances: code, libraries, stacks, compiled plugins.
pub const MAPS_OF_PROCESS: usize = 2_000;
/// Core instances of one plugin instance: Rust guests have 3, composed ones more.
pub const CORE_INSTANCES_PER_PLUGIN: usize = 4;
/// Tables of one plugin instance: Rust guests have 2.
pub const TABLES_PER_PLUGIN: usize = 3;
/// Entries of one table of a guest; a Rust guest has some hundred, an interpreter some thousand.
pub const TABLE_ELEMENTS: usize = 20_000;
/// Host memory that one call of a guest may make the host allocate while it is read out: the
/// effects, and what they weigh as Rust values.
pub const GUEST_TRANSFER_BYTES: usize = 4 * 1024 * 1024;
/// Resources of the system interface (streams, pollables) that one instance may hold.
pub const GUEST_HANDLES: usize = 64;
/// Lines on stderr that are kept in case the guest traps: a panic writes three or four.
pub const LAST_WORDS_LINES: usize = 8;
/// Characters of what is told of them.
pub const LAST_WORDS_CHARS: usize = 300;
/// Random bytes that a guest may ask for at once.
pub const GUEST_RANDOM_BYTES: u64 = 64 * 1024;
/// Longest delay of a timer.
pub const TIMER_DELAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Log lines that one plugin may write a second, over all its instances.
pub const PLUGIN_LOG_LINES: u32 = 20;
/// One line of a plugin's log; the rest is cut.
pub const PLUGIN_LOG_LINE_BYTES: usize = 2_000;
/// Calls of a guest per measured one: reading the clock twice costs a tenth of a call.
pub const CALLS_PER_SAMPLE: u32 = 16;
/// Quiet time after a change in the plugin folder before the file is read.
pub const WATCH_DEBOUNCE: Duration = Duration::from_millis(100);
/// Where the plugin folder is replaced by another, plugins that are missing there go after this time: whoever
/// removes a folder and makes it anew needs a moment to fill it.
pub const FOLDER_SETTLE: Duration = Duration::from_secs(3);
/// How often trials are looked at.
pub const CATALOG_TICK: Duration = Duration::from_millis(500);
/// Faults of a new generation within `ROLLBACK_WINDOW` that roll it back.
pub const ROLLBACK_FAULTS: u32 = 3;
/// How long a new generation is on trial.
pub const ROLLBACK_WINDOW: Duration = Duration::from_secs(30);
/// Releases of a plugin that are kept for rollbacks and the next start.
pub const KEPT_RELEASES: usize = 4;
/// Snapshots of sessions that a new version is tried on before it is in force: some 2 ms of work.
pub const STATE_SAMPLES: usize = 32;
/// Devices whose sessions a generation has served that are told apart: about 1 MiB. With more, a few that
/// go back are never all of them.
pub const TRIAL_DEVICES: usize = 65_536;
/// Compiling one plugin. On two old cores a Python one of 18 MB takes half a minute.
pub const COMPILE: Duration = Duration::from_secs(120);
/// Address space of the program that compiles.
pub const COMPILE_BYTES: u64 = 2 << 30;
/// Plugins that are compiled side by side: one that takes long leaves the other place to the rest.
pub const COMPILERS: usize = 2;
/// A start waits so long for plugins that have to be compiled, well under what service managers give it.
pub const START_COMPILE: Duration = Duration::from_secs(60);
/// A plugin is listed as being compiled once that takes longer than it does for most: what is listed is looked at.
pub const COMPILING_SHOWN: Duration = Duration::from_secs(10);
/// What is read of a compiler's complaints.
pub const COMPILER_WORDS: u64 = 4096;
/// Compiled plugins that wait for somebody to load them.
pub const COMPILED_WAITING: usize = 8;
/// Compiled plugins on disk; a bundled one has about 3 MB.
pub const PLUGIN_CACHE_BYTES: u64 = 2 << 30;
/// The key that compiled plugins on disk are signed with: a block of SHA-256.
pub const CACHE_KEY_BYTES: usize = 64;

// --- Storage -------------------------------------------------------------------------------------

/// Entries of one page of a journal.
pub const JOURNAL_PAGE: u32 = 1_000;
