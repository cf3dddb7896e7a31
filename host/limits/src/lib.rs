//! Default timeouts, queue depths and sizes that several crates use, each with its unit and its reason.
//!
//! Rule: a limit of a single crate belongs to the `limits.rs` of that crate; defaults of configuration keys come from
//! these files.

#![warn(missing_docs)]

use std::time::Duration;

// --- Devices and their connections ---------------------------------------------------------------

/// Timeout of the handshake up to the 101: firmware gives up after 10 s itself.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest message from a device. Firmware cannot send more than 65,535 bytes per frame; desktop clients send logs, so
/// four times the largest snapshot.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Maximum nesting of JSON from a device; serde_json stops at 128, and guests have small stacks.
pub const JSON_DEPTH: usize = 64;
/// Capacity of the outbox of a device, in frames. A minute of 60 ms audio frames is 1,000.
pub const OUTBOX_FRAMES: usize = 256;
/// Capacity of the outbox of a device, in bytes.
pub const OUTBOX_BYTES: usize = 2 * 1024 * 1024;
/// Timeout of one write to a device, after which it counts as gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the old socket of a reconnected device stays open, so that dictation is not cut.
pub const TAKEOVER_LINGER: Duration = Duration::from_millis(1500);
/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);
/// Poll interval of certificate files: a renewed certificate is in use long before the old one expires.
pub const TLS_POLL: Duration = Duration::from_secs(5);
/// Request line and headers of one request. Browsers send 1 to 2 KiB.
pub const REQUEST_HEAD_BYTES: usize = 16 * 1024;
/// Body of an OTA request; firmware sends about 2 KiB.
pub const OTA_BODY_BYTES: usize = 64 * 1024;
/// Keepalive: a device that was sent nothing for this long is sent a message. Firmware calls a channel dead after 120 s
/// without data, and 100 s is promised.
pub const KEEPALIVE: Duration = Duration::from_secs(95);
/// Idle timeout: a device that has sent nothing for this long, plus `IDLE_BUFFER`, is disconnected. People take breaks
/// of some minutes, and firmware reconnects at the next word.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// Added to `IDLE_TIMEOUT` in every mode.
pub const IDLE_BUFFER: Duration = Duration::from_secs(60);
/// How long before the idle timeout a device is warned.
pub const IDLE_WARNINGS: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(10)];
/// Messages that a connection buffers while the queue of its session is full; then it stops reading.
pub const PENDING_MESSAGES: usize = 64;
/// Bytes of the messages that a connection buffers while the queue of its session is full.
pub const PENDING_BYTES: usize = 256 * 1024;

// --- Sign-in -------------------------------------------------------------------------------------

/// Size of a token. Those of identity providers have 1 to 4 KiB.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// Backoff of an unreachable identity provider: sign-ins are rejected at once meanwhile, instead of occupying the
/// handshake permits.
pub const IDENTITY_BACKOFF: Duration = Duration::from_secs(1);
/// Cache time of a key file, after which it is read again.
pub const KEY_FILE_TTL: Duration = Duration::from_secs(10);

// --- Sessions ------------------------------------------------------------------------------------

/// How long a session waits for its device to reconnect.
pub const RESUME_WINDOW: Duration = Duration::from_secs(120);
/// Messages buffered for a device during the resume window.
pub const RESUME_MESSAGES: usize = 64;
/// Sessions beyond which a session without mode state ends with its connection: twice the designed capacity, so that
/// only a flood of made-up devices reaches it. Each takes some 10 KiB.
pub const SESSION_SOFT_LIMIT: usize = 20_000;
/// Idle time after which the mode of a session hibernates and frees its memory.
pub const HIBERNATE_AFTER: Duration = Duration::from_secs(60);
/// On a kill, state that no durable effect has written is at most this old.
pub const CHECKPOINT: Duration = Duration::from_secs(2);
/// Timeout of a storage request, after which an error is sent to the device.
pub const STORAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Backoff before a session retries an overloaded storage.
pub const STORAGE_BACKOFF: Duration = Duration::from_millis(50);

// --- Models and what is asked of others ----------------------------------------------------------

/// Tools in one request to a model; more than a handful confuse small models, and providers reject more than 128.
pub const MODEL_TOOLS: usize = 128;
/// Name of a tool; the longest that providers accept.
pub const TOOL_NAME_BYTES: usize = 128;
/// Kind of an archive entry, which names a directory.
pub const ARCHIVE_KIND_BYTES: usize = 64;
/// Id of an archive entry, which names files: file systems allow 255 bytes, including the extension and the suffix of a
/// temporary file.
pub const ARCHIVE_ID_BYTES: usize = 128;
/// Messages queued for an offline device; the oldest is dropped first.
pub const QUEUE_PER_DEVICE: u32 = 100;

// --- Files that are watched ----------------------------------------------------------------------

/// How long a file must be unchanged before it is read: editors and compilers write in bursts.
pub const FILE_DEBOUNCE: Duration = Duration::from_millis(100);
/// Poll interval of opened or watched paths: file events are bound to the directory that existed when the watch began.
/// Each poll makes some dozen file system calls.
pub const PATH_POLL: Duration = Duration::from_secs(1);

// --- Files of the operator -----------------------------------------------------------------------

/// Size of the configuration file, and of plugin schemas; a file with ten thousand devices in groups has less than 2
/// MiB.
pub const CONFIG_BYTES: usize = 8 * 1024 * 1024;
/// Size of a certificate with its chain, or of its key; the longest chains have 20 KiB.
pub const CERTIFICATE_BYTES: usize = 1024 * 1024;

// --- Work beside the message path ----------------------------------------------------------------

/// Threads for compiling plugins and other blocking work.
pub const MAX_BLOCKING: usize = 2;
/// Stack of a thread for long work. Configuration parsers recurse as deep as the text is nested, up to 64 levels, and
/// need 32 KiB per level in a development build; untouched pages cost nothing.
pub const WORKER_STACK_BYTES: usize = 16 * 1024 * 1024;

// --- Circuit breakers ----------------------------------------------------------------------------

/// First open time of a circuit breaker; about the time between two utterances of a person.
pub const BREAKER_OPEN: Duration = Duration::from_secs(5);

// --- Plugins -------------------------------------------------------------------------------------

/// Time budget of one call of a guest. Measured calls take 2 to 100 µs; a busy machine stretches them.
pub const CALL_BUDGET: Duration = Duration::from_millis(100);
/// Effects of one event.
pub const EFFECTS: usize = 64;
/// Size of a plugin file. Rust guests have 0.2 MB, Python ones 18 MB.
pub const PLUGIN_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Live instances of the whole server; `vm.max_map_count` 65,530 allows about 16,000.
pub const LIVE_INSTANCES: usize = 14_000;
/// Stored sessions that are searched for state samples of a plugin.
pub const STATE_SAMPLE_SESSIONS: usize = 256;
/// Sessions migrated to a new generation per second, at most.
pub const MIGRATIONS_PER_SECOND: u32 = 20_000;

// --- Audio input and recognition -----------------------------------------------------------------

/// Endpoints of a device that follow each other faster are a bouncing button (A.1).
pub const ENDPOINT_DEBOUNCE: Duration = Duration::from_millis(300);

// --- Playback ------------------------------------------------------------------------------------

/// Queued sentences of a turn; a long answer has thirty.
pub const SPEECH_SENTENCES: usize = 256;
/// Bytes of the queued sentences.
pub const SPEECH_BYTES: usize = 64 * 1024;

// --- Storage -------------------------------------------------------------------------------------

/// Value of a document.
pub const DOCUMENT_BYTES: usize = 256 * 1024;
/// Entry of a journal.
pub const JOURNAL_ENTRY_BYTES: usize = 64 * 1024;
/// Key of a document, or name of a journal.
pub const KEY_BYTES: usize = 256;

// --- Tools of devices ----------------------------------------------------------------------------

/// Timeout of the tool list of a device. Firmware answers within 100 ms; some clients never do.
pub const TOOL_LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// Backoff after a device has announced tools and not answered, unless it sends another hello or announces a change of
/// its tools.
pub const TOOL_LIST_BACKOFF: Duration = Duration::from_secs(60);
/// Timeout of a tool call: taking and explaining a picture takes up to half a minute.
pub const TOOL_CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Pages of a tool list; firmware splits them at 8,000 bytes.
pub const TOOL_PAGES: usize = 32;
/// Queued calls of one device: firmware processes them one after another.
pub const TOOL_CALLS: usize = 8;

/// Shortest delay of a timer: a mode that restarts it each time it fires is woken at most fifty times a second, and
/// does not occupy a thread.
pub const TIMER_LEAST: Duration = Duration::from_millis(20);

/// Longest delay of a timer: ten years, so that adding it to a time cannot overflow.
pub const TIMER_MOST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
