//! Session batches in SQLite.
//!
//! Rule: a batch is one job of the writer and so one savepoint of its transaction: any failure undoes the whole batch
//! and nothing of others. The record is written last, into space that the writes may have freed.

use crate::limits;

use super::archives::{self, Retention};
use super::sessions::Encoded;
use super::writer::{JobInfo, WriteContext};
use super::{SqliteStorage, documents, journals, reject};
use crate::reply::{Reply, StorageError};
use crate::traits::{self, Author, Write, WriteResult};

impl SqliteStorage {
    /// Queues a batch.
    pub(super) fn commit_batch(&self, batch: traits::Batch) -> Reply<Vec<WriteResult>> {
        let traits::Batch { author, writes, record } = batch;
        if let Err(error) = writes.iter().try_for_each(validate) {
            return reject(error);
        }
        let record = match record.map(Encoded::new).transpose() {
            Ok(record) => record,
            Err(error) => return reject(error),
        };
        let total = self.quotas.archive_keep();
        let frees = !writes.is_empty() && writes.iter().all(frees);
        let info = JobInfo { operations: writes.len() + usize::from(record.is_some()), frees };
        let work = move |context: &mut WriteContext<'_>| {
            let outcomes = writes.into_iter().map(|write| apply(context, &author, write, total));
            let outcomes = outcomes.collect::<rusqlite::Result<_>>()?;
            if let Some(record) = record {
                record.store(context.connection)?;
            }
            Ok(outcomes)
        };
        self.submit(work, info)
    }
}

/// Validates a write before it is queued.
fn validate(write: &Write) -> Result<(), StorageError> {
    match write {
        Write::Document { key, value, .. } => documents::check(key, value.as_deref()),
        Write::Append { journal, entry, .. } => journals::check(journal, entry),
        Write::RemoveJournal { .. } => Ok(()),
        Write::Archive { entry, .. } => archives::check(entry),
    }
}

/// Whether it only frees space.
fn frees(write: &Write) -> bool {
    match write {
        Write::Document { value, .. } => value.is_none(),
        Write::RemoveJournal { .. } => true,
        Write::Append { .. } | Write::Archive { .. } => false,
    }
}

fn apply(context: &mut WriteContext<'_>, author: &Author, write: Write, total: u32) -> rusqlite::Result<WriteResult> {
    match write {
        Write::Document { key, expected, value } => {
            documents::write(context, key, expected, value).map(WriteResult::Document)
        }
        Write::Append { journal, at, entry } => {
            journals::append(context.connection, Some(author), &journal, at, &entry).map(WriteResult::Appended)
        }
        Write::RemoveJournal { journal } => {
            journals::remove(context.connection, &journal, limits::JOURNAL_REMOVED_AT_ONCE).map(|()| WriteResult::Done)
        }
        Write::Archive { entry, keep } => {
            archives::archive(context, &entry, Retention { per_device: keep, total }).map(|()| WriteResult::Done)
        }
    }
}
