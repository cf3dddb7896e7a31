//! Batches of sessions in SQLite.
//!
//! Rule: a batch is one job of the writer, so one savepoint of its transaction: whatever fails in it undoes all of it,
//! and nothing of others. The record goes last, into the room that the writes may have given back.

use std::sync::atomic::Ordering;

use crate::limits;

use super::archives::{self, Keep};
use super::sessions::Encoded;
use super::writer::{Batch, Size};
use super::{SqliteStorage, documents, journals, refuse};
use crate::reply::{Reply, StorageError};
use crate::traits::{self, Author, Outcome, Write};

impl SqliteStorage {
    /// Queues a batch.
    pub(super) fn commit_batch(&self, batch: traits::Batch) -> Reply<Vec<Outcome>> {
        let traits::Batch { author, writes, record } = batch;
        if let Err(error) = writes.iter().try_for_each(check) {
            return refuse(error);
        }
        let record = match record.map(Encoded::new).transpose() {
            Ok(record) => record,
            Err(error) => return refuse(error),
        };
        let in_all = self.archive_keep.load(Ordering::Relaxed);
        let frees = !writes.is_empty() && writes.iter().all(frees);
        let size = Size { operations: writes.len() + usize::from(record.is_some()), frees };
        let work = move |batch: &mut Batch<'_>| {
            let outcomes = writes.into_iter().map(|write| carry_out(batch, &author, write, in_all));
            let outcomes = outcomes.collect::<rusqlite::Result<_>>()?;
            if let Some(record) = record {
                record.store(batch.connection)?;
            }
            Ok(outcomes)
        };
        self.submit(work, size)
    }
}

/// Says what is wrong with a write before it is queued.
fn check(write: &Write) -> Result<(), StorageError> {
    match write {
        Write::Document { key, value, .. } => documents::check(key, value.as_deref()),
        Write::Append { journal, entry, .. } => journals::check(journal, entry),
        Write::RemoveJournal { .. } => Ok(()),
        Write::Archive { entry, .. } => archives::check(entry),
    }
}

/// Whether it gives room back and takes none.
fn frees(write: &Write) -> bool {
    match write {
        Write::Document { value, .. } => value.is_none(),
        Write::RemoveJournal { .. } => true,
        Write::Append { .. } | Write::Archive { .. } => false,
    }
}

fn carry_out(batch: &mut Batch<'_>, author: &Author, write: Write, in_all: u32) -> rusqlite::Result<Outcome> {
    match write {
        Write::Document { key, expected, value } => {
            documents::write(batch, key, expected, value).map(Outcome::Document)
        }
        Write::Append { journal, at, entry } => {
            journals::append(batch.connection, Some(author), &journal, at, &entry).map(Outcome::Appended)
        }
        Write::RemoveJournal { journal } => {
            journals::remove(batch.connection, &journal, limits::REMOVED_ENTRIES).map(|()| Outcome::Done)
        }
        Write::Archive { entry, keep } => {
            archives::archive(batch, &entry, Keep { of_device: keep, in_all }).map(|()| Outcome::Done)
        }
    }
}
