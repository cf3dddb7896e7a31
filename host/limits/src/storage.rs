//! What is kept on disk. Rule: as for the crate.

use std::time::Duration;

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
/// A document's value.
pub const DOCUMENT_BYTES: usize = 256 * 1024;
/// A journal entry.
pub const JOURNAL_ENTRY_BYTES: usize = 64 * 1024;
/// Entries of one page of a journal.
pub const JOURNAL_PAGE: u32 = 1_000;
/// Entries read at once where the host reads a whole journal: at their largest 16 MiB.
pub const JOURNAL_CHUNK: u32 = 256;
/// A whole that a journal is a part of, where it must be held in memory. Six hours of speech take
/// about 2 MiB; of what is longer, head and tail are kept.
pub const ASSEMBLED_BYTES: usize = 32 * 1024 * 1024;
/// Key of a document or name of a journal.
pub const KEY_BYTES: usize = 256;
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
