//! What plugins and their instances may use, and how their versions follow each other. Rule: as in the
//! rest of this crate, each figure with its unit and the reason for it.

use std::time::Duration;

/// One call of a guest. Measured calls take 2 to 100 µs; a busy machine stretches them.
pub const CALL: Duration = Duration::from_millis(100);
/// Times that a call whose budget is over is looked at, a tick apart, while its thread has had no processor.
pub const CALL_EXTENSIONS: u32 = 100;
/// Epoch tick: the unit in which the budget of a call is counted.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Linear memory of one instance.
pub const GUEST_MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// Effects of one event.
pub const EFFECTS: usize = 64;
/// Bytes of the effects of one event.
pub const EFFECT_BYTES: usize = 512 * 1024;
/// A snapshot.
pub const SNAPSHOT_BYTES: usize = 256 * 1024;
/// A plugin file. Rust guests have 0.2 MB, Python ones 18 MB.
pub const PLUGIN_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// What is kept of a compiled plugin: machine code takes up to six times its component.
pub const COMPILED_PLUGIN_BYTES: usize = 512 * 1024 * 1024;
/// A checksum beside it: 64 digits, and a line end where a person wrote it.
pub const CHECKSUM_BYTES: usize = 128;
/// The index of kept releases: some hundred bytes a release.
pub const RELEASE_INDEX_BYTES: usize = 4 * 1024 * 1024;
/// Live instances over the whole server; `vm.max_map_count` 65,530 allows about 16,000.
pub const LIVE_INSTANCES: usize = 14_000;
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
/// Stored sessions that are looked through for them.
pub const STATE_SAMPLE_SESSIONS: usize = 256;
/// How long sessions in memory may take to give theirs.
pub const STATE_SAMPLE_PATIENCE: Duration = Duration::from_millis(500);
/// Devices whose sessions a generation has served that are told apart: about 1 MiB. With more, a few that
/// go back are never all of them.
pub const TRIAL_DEVICES: usize = 65_536;
/// Sessions that move to a new generation at the same time. More of them contend for the address
/// space of the process and hold up the messages of all others.
pub const MIGRATION_BATCH: usize = 4;
/// How long the next ones wait for one that is busy; it moves at its next event.
pub const MIGRATION_PATIENCE: Duration = Duration::from_millis(50);
/// Sessions moved to a new generation a second at the most.
pub const MIGRATIONS_PER_SECOND: u32 = 20_000;
/// A handler that faults is stopped for this long, doubling up to `BACKOFF_MAX`.
pub const BACKOFF: Duration = Duration::from_secs(1);
/// Longest stop of a handler that keeps faulting.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Faults in a row that a handler has free before it is stopped.
pub const FAULTS_FREE: u32 = 3;

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
