//! Writes of a session that have to be durable together. Rule: a batch is stored as a whole or not at all; a version
//! conflict of a document is the outcome of its write, not a failure of the batch.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ArchiveEntry, Author, StoredSession, WriteOutcome};

/// The writes of a session and its record, committed in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Owner of the batch. The journals that it appends to are needed for as long as its session is stored.
    pub author: Author,
    /// Applied in this order.
    pub writes: Vec<Write>,
    /// Replaces the device's session record, after the writes; `None` leaves it as it is.
    pub record: Option<StoredSession>,
    /// The epoch in which its session took up the device: refused with
    /// [`StorageError::Moved`](crate::StorageError::Moved) if this process owns the device in another one by now. None:
    /// the present one.
    pub epoch: Option<u64>,
}

impl Batch {
    /// A batch of the record alone.
    pub fn of(record: StoredSession) -> Self {
        let author = Author { session: record.session.clone(), device: record.device.clone() };
        Self { author, writes: Vec::new(), record: Some(record), epoch: None }
    }
}

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    /// As [`Documents::write`](super::Documents::write).
    Document {
        /// Key of the document.
        key: Arc<str>,
        /// The version that the document must have; 0: it must not exist.
        expected: u64,
        /// JSON; `None` removes the document.
        value: Option<Arc<str>>,
    },
    /// As [`Journals::append_for`](super::Journals::append_for), on behalf of the author.
    Append {
        /// Name of the journal.
        journal: Arc<str>,
        /// Unix ms.
        at: u64,
        /// JSON.
        entry: Arc<str>,
    },
    /// As [`Journals::remove`](super::Journals::remove).
    RemoveJournal {
        /// Name of the journal.
        journal: Arc<str>,
    },
    /// As [`Archives::archive`](super::Archives::archive).
    Archive {
        /// The entry; stored under its own id.
        entry: ArchiveEntry,
        /// How many entries of the kind and the device are kept; 0: all.
        keep: u32,
    },
}

/// Outcome of a write of a batch that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// Of [`Write::Document`].
    Document(WriteOutcome),
    /// Of [`Write::Append`]: the entry's sequence number.
    Appended(u64),
    /// Of all other writes.
    Done,
}
