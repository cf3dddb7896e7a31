//! Limits of what is stored: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{
    ARCHIVE_ID_BYTES, ARCHIVE_KIND_BYTES, DAY, DOCUMENT_BYTES, JOURNAL_ENTRY_BYTES, KEY_BYTES, MESSAGE_BYTES,
    QUEUE_PER_DEVICE,
};

// --- Models and what is asked of others ----------------------------------------------------------

/// The list of a folder of finished work: some hundred bytes an entry, and whatever else a person keeps there.
pub const ARCHIVE_INDEX_BYTES: usize = 64 * 1024 * 1024;
/// A file of finished work that is read again. A day of speech takes 10 MiB.
pub const ARCHIVE_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Devices about which something is remembered for good; those learnt of first go first.
pub const DEVICE_FACTS: u64 = 100_000;
/// How often it is written down that a device which comes every day is still there.
pub const DEVICE_SEEN: Duration = Duration::from_secs(24 * 60 * 60);
/// The database, in MiB: far more than a house fills in years, and less than the disk of a small machine.
pub const STORAGE_MIB: u32 = 4096;
/// Messages that wait for devices which are away, in MiB: an eighth of the database, so that a flood of them
/// leaves room for everything else.
pub const QUEUE_MIB: u32 = 512;
/// Those of them that one device has sent, in MiB: sixteen such devices fill the queue, and one does not.
pub const QUEUE_SENDER_MIB: u32 = 32;
/// The same as a count: two deliveries to as many devices as one delivery reaches, and some.
pub const QUEUE_SENDER_MESSAGES: u64 = 10_000;
/// Expired messages that are cleared at once where room is scarce: some milliseconds.
pub const QUEUE_CLEARED: u32 = 1_024;
/// Expired messages of other devices cleared with each new one: more than one, so they run out.
pub const QUEUE_SWEEP: u32 = 8;
/// Bytes of the messages that are read from the queue at once and are on their way to a returning
/// device: well under `OUTBOX_BYTES`, so that a slow device does not count as too slow by it. The
/// message that reaches it is the last.
pub const QUEUE_PAGE_BYTES: usize = 256 * 1024;
/// Messages read from the queue at once; fewer than `OUTBOX_FRAMES`.
pub const QUEUE_PAGE: usize = 128;
/// Messages in the file that takes over where the database cannot be used: it is rewritten as a
/// whole, and 10,000 short ones are about 3 MB.
pub const SPARE_MESSAGES: usize = 10_000;
/// Bytes of the messages in that file.
pub const SPARE_BYTES: usize = 16 * 1024 * 1024;
/// Of that file, one sender has this part at the most.
pub const SPARE_SHARE: usize = 8;
/// The file itself: JSON writes some characters as six.
pub const SPARE_FILE_BYTES: usize = 6 * SPARE_BYTES + 256 * SPARE_MESSAGES;
/// How often the database is asked whether it takes messages again.
pub const SPARE_RETRY: Duration = Duration::from_secs(2);
/// How often it is said that the database, or the file itself, takes no messages: a sender tries many times.
pub const SPARE_TOLD_AGAIN: Duration = Duration::from_secs(60);
/// How long a device that is being handed messages from the file may take to say what arrived.
pub const SPARE_LENT: Duration = Duration::from_secs(30);
/// Calls that wait for the file, and at most as many are written at once.
pub const SPARE_JOBS: usize = 1024;
/// What a sender is told of a kept message; a type, an event and a few words.
pub const NOTICE_BYTES: usize = 4096;

// --- Operators -----------------------------------------------------------------------------------

/// A database up to this many bytes is rewritten while the server runs: about a second of a common disk, in which
/// writes wait and none is refused.
pub const VACUUM_BYTES: u64 = 128 * 1024 * 1024;
/// What is given out of one device in one answer, in bytes before it becomes JSON; it is made in memory.
pub const EXPORT_BYTES: i64 = 64 * 1024 * 1024;
/// Documents that stay although they name a device that is forgotten, in one answer.
pub const SHARED_NAMED: u32 = 100;
/// Devices that hold most, in one answer.
pub const LARGEST_DEVICES: u32 = 10;

// --- Storage -------------------------------------------------------------------------------------

/// Writes waiting for the writer thread.
pub const WRITER_QUEUE: usize = 4096;
/// Reads waiting for the reader threads.
pub const READER_QUEUE: usize = 4096;
/// Threads that read: one slow read of a long list does not hold up all others.
pub const READERS: usize = 2;
/// How long the storage waits for another program that has its file locked; under `STORAGE_REPLY`,
/// so that the cause is told and not a timeout.
pub const STORAGE_BUSY: Duration = Duration::from_secs(2);
/// The write-ahead file is cut back to this many bytes; it only grows that far in bursts.
pub const STORAGE_WAL_BYTES: u64 = 64 * 1024 * 1024;
/// Database files up to this many bytes are looked through at start: 16 MiB take about 20 ms.
pub const STORAGE_CHECK_BYTES: u64 = 16 * 1024 * 1024;
/// Prepared statements kept by a connection; there are about 25.
pub const STORAGE_STATEMENTS: usize = 64;
/// Writes in one transaction.
pub const WRITER_BATCH: usize = 512;
/// Entries read at once where the host reads a whole journal: at their largest 16 MiB.
pub const JOURNAL_CHUNK: u32 = 256;
/// A whole that a journal is a part of, where it must be held in memory. Six hours of speech take
/// about 2 MiB; of what is longer, head and tail are kept.
pub const ASSEMBLED_BYTES: usize = 32 * 1024 * 1024;
/// Days after its last entry at which a journal that nobody needs is removed.
pub const ORPHAN_DAYS: u32 = 30;
/// Finished works of a kind that are kept over all devices: fifty for each of 200 devices.
pub const ARCHIVE_KEEP: u32 = 10_000;
/// Finished works that go for their age in one transaction, so that no message waits for it.
pub const ARCHIVE_EXPIRED: u32 = 64;
/// How often such journals are looked for, beside at start.
pub const SWEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// Pause between two steps of a sweep, so that it is never more than a small part of the writes.
pub const SWEEP_PAUSE: Duration = Duration::from_millis(20);
/// Journals that one step of a sweep looks at: well under a millisecond.
pub const SWEEP_JOURNALS: u32 = 64;
/// Entries that one step of a sweep removes: about a millisecond.
pub const SWEEP_ENTRIES: u32 = 512;
/// Entries that go with their journal at once; six hours of speech have about 5,000, and a longer
/// journal leaves the rest to the sweep.
pub const REMOVED_ENTRIES: u32 = 8_192;
/// Archive entries whose files are written between two writes of their index.
pub const EXPORT_BATCH: u32 = 32;
/// Files that could not be written are tried again after this time.
pub const EXPORT_RETRY: Duration = Duration::from_secs(30);
