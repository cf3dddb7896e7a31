//! Default times, depths and sizes that more than one crate uses, each with its unit and its reason.
//!
//! Rule: what one crate alone uses stands in the `limits.rs` of that crate; what an operator can change starts from
//! these files.

#![warn(missing_docs)]

use std::time::Duration;

// --- Devices and their connections ---------------------------------------------------------------

/// Handshake until the 101: firmware gives up after 10 s itself.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Largest message from a device. Firmware cannot send more than 65,535 bytes a frame; desktop
/// clients send logs, so four times the largest snapshot.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Nesting of JSON from a device; serde_json stops at 128, guests have small stacks.
pub const JSON_DEPTH: usize = 64;
/// Text and audio waiting for a device. A minute of 60 ms audio frames is 1,000.
pub const OUTBOX_FRAMES: usize = 256;
/// Bytes waiting for a device.
pub const OUTBOX_BYTES: usize = 2 * 1024 * 1024;
/// One write to a device may take this long before it counts as gone.
pub const WRITE: Duration = Duration::from_secs(10);
/// The old socket of a device that connected anew stays open, so that dictation is not cut.
pub const TAKEOVER_LINGER: Duration = Duration::from_millis(1500);
/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);
/// How often the files of a certificate are looked at: a renewed one is in use well within the days
/// that it is renewed early.
pub const TLS_LOOK: Duration = Duration::from_secs(5);
/// Request line and headers of one request. Browsers send 1 to 2 KiB.
pub const REQUEST_HEAD_BYTES: usize = 16 * 1024;
/// Body of an OTA request; firmware sends about 2 KiB.
pub const OTA_BODY_BYTES: usize = 64 * 1024;
/// A device that was sent nothing for this long is sent something: firmware calls a channel dead
/// after 120 s without data, and 100 s is promised.
pub const SILENCE: Duration = Duration::from_secs(95);
/// A device that nothing was heard of for this long, and for `IDLE_BUFFER` beyond, is closed: people
/// take breaks of some minutes, and firmware connects anew at the next word.
pub const IDLE: Duration = Duration::from_secs(600);
/// What is added to `IDLE`, whatever the mode.
pub const IDLE_BUFFER: Duration = Duration::from_secs(60);
/// How long before the end a device is warned.
pub const IDLE_WARNINGS: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(10)];
/// Messages that a connection holds while its session's queue is full; then it stops reading.
pub const PENDING_MESSAGES: usize = 64;
/// Bytes of the messages that a connection holds while its session's queue is full.
pub const PENDING_BYTES: usize = 256 * 1024;

// --- Sign-in -------------------------------------------------------------------------------------

/// A token. Those of identity providers have 1 to 4 KiB.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// A provider that could not be reached is not asked again for this long: callers are refused at
/// once then, instead of filling the places of the handshake.
pub const IDENTITY_BACKOFF: Duration = Duration::from_secs(1);
/// A file with keys is read again after this time.
pub const KEY_FILE_TTL: Duration = Duration::from_secs(10);

// --- Sessions ------------------------------------------------------------------------------------

/// A session waits this long for its device to come back.
pub const RESUME_WINDOW: Duration = Duration::from_secs(120);
/// Messages kept for a device that is expected back.
pub const HELD_MESSAGES: usize = 64;
/// Sessions beyond which one that no mode has anything in ends with its connection: twice what a server is
/// made for, so that only a flood of made-up devices gets there. Each takes some 10 KiB.
pub const SESSIONS_AT_EASE: usize = 20_000;
/// An idle session's mode gives its memory back after this time.
pub const HIBERNATE_AFTER: Duration = Duration::from_secs(60);
/// State that no durable effect has written is at most this much behind on a kill.
pub const CHECKPOINT: Duration = Duration::from_secs(2);
/// How long a request to the storage may take before the device is told.
pub const STORAGE_REPLY: Duration = Duration::from_secs(5);
/// Before a session asks a storage again that had too much to do.
pub const STORAGE_PAUSE: Duration = Duration::from_millis(50);

// --- Models and what is asked of others ----------------------------------------------------------

/// Tools that one question to a model may offer; more than a handful confuse small models, and
/// providers refuse more than 128.
pub const MODEL_TOOLS: usize = 128;
/// Name of a tool; the longest that providers take.
pub const TOOL_NAME_BYTES: usize = 128;
/// Kind of an archive entry, which names a folder.
pub const ARCHIVE_KIND_BYTES: usize = 64;
/// Id of an archive entry, which names files: file systems take 255 bytes with the ending and with
/// what a temporary file adds.
pub const ARCHIVE_ID_BYTES: usize = 128;
/// Messages kept for a device that is away; the oldest goes first.
pub const QUEUE_PER_DEVICE: u32 = 100;

// --- Files that are watched ----------------------------------------------------------------------

/// A file must be left alone this long before it is read: editors and compilers write in bursts.
pub const FILE_SETTLE: Duration = Duration::from_millis(100);
/// How often what is open or watched is compared with what its path leads to now: events are bound to the
/// folder that was there when the watch began. Some dozen looks at the file system each time.
pub const PATH_LOOK: Duration = Duration::from_secs(1);

// --- Files of the operator -----------------------------------------------------------------------

/// The configuration file, and schemas of plugins; one with ten thousand devices in groups has less than 2 MiB.
pub const CONFIG_BYTES: usize = 8 * 1024 * 1024;
/// A certificate with its chain, or its key; the longest chains have 20 KiB.
pub const CERTIFICATE_BYTES: usize = 1024 * 1024;

// --- Work beside the message path ----------------------------------------------------------------

/// Threads for compiling plugins and other blocking work.
pub const MAX_BLOCKING: usize = 2;
/// Stack of a thread for long work. Readers of configurations go down as deep as a text is, up to 64 levels, and need
/// 32 KiB for each in a development build; pages that are not touched cost nothing.
pub const APART_STACK_BYTES: usize = 16 * 1024 * 1024;

// --- Circuit breakers ----------------------------------------------------------------------------

/// How long a circuit breaker stays open at first; about the time between two things a person says.
pub const BREAKER_OPEN: Duration = Duration::from_secs(5);

// --- Plugins -------------------------------------------------------------------------------------

/// One call of a guest. Measured calls take 2 to 100 µs; a busy machine stretches them.
pub const CALL: Duration = Duration::from_millis(100);
/// Effects of one event.
pub const EFFECTS: usize = 64;
/// A plugin file. Rust guests have 0.2 MB, Python ones 18 MB.
pub const PLUGIN_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Live instances over the whole server; `vm.max_map_count` 65,530 allows about 16,000.
pub const LIVE_INSTANCES: usize = 14_000;
/// Stored sessions that are looked through for them.
pub const STATE_SAMPLE_SESSIONS: usize = 256;
/// Sessions moved to a new generation a second at the most.
pub const MIGRATIONS_PER_SECOND: u32 = 20_000;

// --- Audio input and recognition -----------------------------------------------------------------

/// Boundaries of a device that follow each other faster are a button that bounces (A.1).
pub const BOUNCE: Duration = Duration::from_millis(300);

// --- Playback ------------------------------------------------------------------------------------

/// Sentences of a turn that wait; a long answer has thirty.
pub const SPEECH_SENTENCES: usize = 256;
/// Bytes of the sentences that wait.
pub const SPEECH_BYTES: usize = 64 * 1024;

// --- Storage -------------------------------------------------------------------------------------

/// A document's value.
pub const DOCUMENT_BYTES: usize = 256 * 1024;
/// A journal entry.
pub const JOURNAL_ENTRY_BYTES: usize = 64 * 1024;
/// Key of a document or name of a journal.
pub const KEY_BYTES: usize = 256;

// --- Tools of devices ----------------------------------------------------------------------------

/// A device's answer to what it offers. Firmware answers within 100 ms; some clients never do.
pub const TOOL_LIST_REPLY: Duration = Duration::from_secs(5);
/// A device that says it has tools and does not answer is not asked again for so long, unless it
/// says hello or that its tools have changed.
pub const TOOL_SILENCE: Duration = Duration::from_secs(60);
/// A device's answer to a call: taking and explaining a picture takes up to half a minute.
pub const TOOL_CALL_REPLY: Duration = Duration::from_secs(30);
/// Pages of a list of tools; firmware cuts them at 8,000 bytes.
pub const TOOL_PAGES: usize = 32;
/// Calls that wait for one device: firmware works them off one after the other.
pub const TOOL_CALLS: usize = 8;
