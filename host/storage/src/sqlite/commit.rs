//! Session batches in SQLite.
//!
//! Rule: a batch is one job of the writer and so one savepoint of its transaction: any failure undoes the whole batch
//! and nothing of others. The record is written last, into space that the writes may have freed.

use crate::limits;

use modehost_ids::DeviceId;
use serde::{Deserialize, Serialize};

use super::archives::{self, Retention};
use super::command::Command;
use super::sessions::Encoded;
use super::writer::{JobInfo, WriteContext};
use super::{SqliteStorage, documents, journals, reject};
use crate::reply::{Reply, StorageError};
use crate::traits::{self, Author, Write, WriteResult};

impl SqliteStorage {
    /// Queues a batch.
    pub(super) fn commit_batch(&self, batch: traits::Batch) -> Reply<Vec<WriteResult>> {
        let traits::Batch { author, writes, record, epoch } = batch;
        if let Err(error) = writes.iter().try_for_each(validate) {
            return reject(error);
        }
        let record = match record.map(Encoded::new).transpose() {
            Ok(record) => record,
            Err(error) => return reject(error),
        };
        self.execute(CommitBatch { author, writes, record, total: self.quotas.archive_keep(), epoch })
    }
}

/// [`Sessions::commit`](traits::Sessions::commit).
#[derive(Serialize, Deserialize)]
pub(super) struct CommitBatch {
    author: Author,
    writes: Vec<Write>,
    record: Option<Encoded>,
    /// Archive entries kept per kind over all devices; 0: all.
    total: u32,
    /// Travels with the command, as [`Logged`](super::command::Logged).
    #[serde(skip)]
    epoch: Option<u64>,
}

impl Command for CommitBatch {
    const KIND: u16 = 1;
    type Output = Vec<WriteResult>;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<Vec<WriteResult>> {
        let Self { author, writes, record, total, .. } = self;
        let outcomes = writes.iter().map(|write| apply(context, author, write, *total));
        let outcomes = outcomes.collect::<rusqlite::Result<_>>()?;
        if let Some(record) = record {
            record.store(context.connection)?;
        }
        Ok(outcomes)
    }

    fn info(&self) -> JobInfo {
        let frees = !self.writes.is_empty() && self.writes.iter().all(frees);
        JobInfo { operations: self.writes.len() + usize::from(self.record.is_some()), frees }
    }

    fn owner(&self) -> Option<&DeviceId> {
        Some(&self.author.device)
    }

    fn epoch(&self) -> Option<u64> {
        self.epoch
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

fn apply(context: &mut WriteContext<'_>, author: &Author, write: &Write, total: u32) -> rusqlite::Result<WriteResult> {
    match write {
        Write::Document { key, expected, value } => {
            documents::write(context, key.clone(), *expected, value.clone()).map(WriteResult::Document)
        }
        Write::Append { journal, at, entry } => {
            journals::append(context.connection, Some(author), journal, *at, entry).map(WriteResult::Appended)
        }
        Write::RemoveJournal { journal } => {
            journals::remove(context.connection, journal, limits::JOURNAL_REMOVED_AT_ONCE).map(|()| WriteResult::Done)
        }
        Write::Archive { entry, keep } => {
            archives::archive(context, entry, Retention { per_device: *keep, total }).map(|()| WriteResult::Done)
        }
    }
}
