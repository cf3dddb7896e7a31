//! Limits of the storage: default times, depths and sizes, each with its unit and its reason. Rule: no other file of
//! this crate defines a constant of this kind; configurable values take their defaults from here.

use std::time::Duration;

pub use modehost_limits::{
    ARCHIVE_ID_BYTES, ARCHIVE_KIND_BYTES, DAY, DOCUMENT_BYTES, JOURNAL_ENTRY_BYTES, KEY_BYTES, MESSAGE_BYTES,
    QUEUE_PER_DEVICE,
};

// --- Archive, devices and queue -------------------------------------------------------------------

/// Index of an archive directory: some hundred bytes per entry, and whatever else a person adds to it.
pub const ARCHIVE_INDEX_BYTES: usize = 64 * 1024 * 1024;
/// Largest archive file that is read back. A day of speech takes 10 MiB.
pub const ARCHIVE_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Devices with stored facts; beyond it the oldest records are deleted.
pub const DEVICE_FACTS: u64 = 100_000;
/// How often the last-seen time of a device that connects daily is updated.
pub const DEVICE_SEEN_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// Size limit of the database, in MiB: far more than a household fills in years, and less than the disk of a small
/// machine.
pub const STORAGE_MIB: u32 = 4096;
/// Messages queued for offline devices, in MiB: an eighth of the database, so that a flood of them leaves room for
/// everything else.
pub const QUEUE_MIB: u32 = 512;
/// Share of one sender in them, in MiB: sixteen such devices fill the queue, a single one does not.
pub const QUEUE_SENDER_MIB: u32 = 32;
/// The same as a count: a bit more than two deliveries to as many devices as one delivery reaches.
pub const QUEUE_SENDER_MESSAGES: u64 = 10_000;
/// Expired messages removed at once while space is low: takes some milliseconds.
pub const QUEUE_EXPIRED_AT_ONCE: u32 = 1_024;
/// Expired messages of other devices removed with each new one: more than one, so that they run out.
pub const QUEUE_EXPIRED_PER_MESSAGE: u32 = 8;
/// Bytes of one page of queued messages on the way to a returning device: well under `OUTBOX_BYTES`, so that it does
/// not make a slow device count as too slow. The message that reaches the limit is the last of the page.
pub const QUEUE_PAGE_BYTES: usize = 256 * 1024;
/// Messages of one page; fewer than `OUTBOX_FRAMES`.
pub const QUEUE_PAGE: usize = 128;
/// Messages in the fallback file: it is rewritten as a whole, and 10,000 short ones are about 3 MB.
pub const FALLBACK_MESSAGES: usize = 10_000;
/// Bytes of the messages in that file.
pub const FALLBACK_BYTES: usize = 16 * 1024 * 1024;
/// One sender may use one in this many parts of that file.
pub const FALLBACK_SENDER_SHARE: usize = 8;
/// Size of the file itself: JSON escapes some characters as six.
pub const FALLBACK_FILE_BYTES: usize = 6 * FALLBACK_BYTES + 256 * FALLBACK_MESSAGES;
/// Interval of attempts to move messages from the file into the database.
pub const FALLBACK_RETRY: Duration = Duration::from_secs(2);
/// Interval at which it is logged that the database, or the file itself, rejects messages: senders retry often.
pub const FALLBACK_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// How long a device may take to acknowledge messages delivered from the file.
pub const FALLBACK_DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls that wait for the file; as many are written at once.
pub const FALLBACK_JOBS: usize = 1024;
/// Receipt of a delivered message: a type, an event and a few words.
pub const RECEIPT_BYTES: usize = 4096;

// --- Operators -----------------------------------------------------------------------------------

/// A database up to this size is rewritten while the server runs: takes about a second on a common disk, during which
/// writes wait but none is rejected.
pub const VACUUM_BYTES: u64 = 128 * 1024 * 1024;
/// Limit of the export of one device, in bytes before encoding as JSON; it is built in memory.
pub const EXPORT_BYTES: i64 = 64 * 1024 * 1024;
/// Shared documents that mention an erased device, per reply.
pub const SHARED_DOCUMENTS_LISTED: u32 = 100;
/// Devices with the most data, per reply.
pub const LARGEST_DEVICES: u32 = 10;

// --- Storage -------------------------------------------------------------------------------------

/// Writes waiting for the writer thread.
pub const WRITER_QUEUE: usize = 4096;
/// Reads waiting for the reader threads.
pub const READER_QUEUE: usize = 4096;
/// Reader threads: one slow read of a long list does not block all others.
pub const READERS: usize = 2;
/// How long the storage waits for another program's lock on its file; less than `STORAGE_REPLY`, so that the error
/// names the cause and is not a timeout.
pub const STORAGE_BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The write-ahead log is truncated to this many bytes; it grows beyond only in bursts.
pub const STORAGE_WAL_BYTES: u64 = 64 * 1024 * 1024;
/// Database files up to this many bytes are checked during the start: 16 MiB take about 20 ms.
pub const STORAGE_CHECK_BYTES: u64 = 16 * 1024 * 1024;
/// Prepared statements cached per connection; there are about 25.
pub const STORAGE_STATEMENTS: usize = 64;
/// Writes in one transaction.
pub const WRITER_BATCH: usize = 512;
/// Pause before a node tries again to apply what came out of the log of its cluster.
pub const APPLY_RETRY: Duration = Duration::from_millis(500);
/// Devices with an owner in a cluster; beyond it those claimed longest ago lose theirs, and are claimed anew when they
/// are used.
pub const OWNERS: u64 = 4 * DEVICE_FACTS;
/// Commands of this node on their way to the log of its cluster and back.
pub const COMMANDS_PENDING: usize = WRITER_QUEUE;
/// Entries read at once when the host reads a whole journal: at most 16 MiB.
pub const JOURNAL_CHUNK: u32 = 256;
/// An object with an inserted journal that has to be held in memory. Six hours of speech take about 2 MiB; of a longer
/// journal, head and tail are kept.
pub const ASSEMBLED_BYTES: usize = 32 * 1024 * 1024;
/// Days after its last entry at which an orphaned journal is removed.
pub const ORPHAN_DAYS: u32 = 30;
/// Archive entries kept per kind over all devices: fifty for each of 200 devices.
pub const ARCHIVE_KEEP: u32 = 10_000;
/// Archive entries expired in one transaction, so that no message waits for it.
pub const ARCHIVE_EXPIRED_AT_ONCE: u32 = 64;
/// Interval of sweeps, after the one at start.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// Pause between two sweep steps, so that sweeping is a small part of the writes.
pub const SWEEP_PAUSE: Duration = Duration::from_millis(20);
/// Journals examined in one sweep step: well under a millisecond.
pub const SWEEP_JOURNALS: u32 = 64;
/// Entries deleted in one sweep step: about a millisecond.
pub const SWEEP_ENTRIES: u32 = 512;
/// Entries deleted at once with their journal; six hours of speech have about 5,000, and of a longer journal the sweep
/// deletes the rest.
pub const JOURNAL_REMOVED_AT_ONCE: u32 = 8_192;
/// Archive entries whose files are written between two writes of their index.
pub const EXPORT_BATCH: u32 = 32;
/// Interval of retries for files that could not be written.
pub const EXPORT_RETRY: Duration = Duration::from_secs(30);
/// Archive entries that one step of a search looks at: some milliseconds.
pub const SEARCH_ENTRIES: u64 = 500;
/// Bytes that one step of a search reads, so that no other reader waits for long.
pub const SEARCH_BYTES: usize = 8 * 1024 * 1024;
/// Characters of what is shown around a match.
pub const EXCERPT_CHARACTERS: usize = 160;
