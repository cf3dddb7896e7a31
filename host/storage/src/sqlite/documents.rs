//! Documents in SQLite.
//!
//! Rule: the version is checked and written in the same transaction, so that of two writes that expect the same version
//! exactly one succeeds.

use std::sync::Arc;

use crate::limits;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::writer::{JobInfo, WriteContext};
use super::{SqliteStorage, check_length, reject, signed, unsigned};
use crate::reply::{Reply, StorageError};
use crate::traits::{Document, Documents, Watch, Watcher, WriteOutcome};

impl Documents for SqliteStorage {
    fn read(&self, key: &str) -> Reply<Document> {
        let key: Arc<str> = key.into();
        SqliteStorage::read(self, move |connection| Ok(find(connection, key)?.document))
    }

    fn write(&self, key: &str, expected: u64, value: Option<Arc<str>>) -> Reply<WriteOutcome> {
        if let Err(error) = check(key, value.as_deref()) {
            return reject(error);
        }
        self.execute(WriteDocument { key: key.into(), expected, value })
    }

    fn watch(&self, key: &str, watcher: Watcher) -> Watch {
        self.watches.begin(key, watcher)
    }
}

/// [`Documents::write`].
#[derive(Serialize, Deserialize)]
pub(super) struct WriteDocument {
    key: Arc<str>,
    expected: u64,
    value: Option<Arc<str>>,
}

impl Command for WriteDocument {
    const KIND: u16 = 4;
    type Output = WriteOutcome;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<WriteOutcome> {
        write(context, self.key.clone(), self.expected, self.value.clone())
    }

    fn info(&self) -> JobInfo {
        JobInfo { operations: 1, frees: self.value.is_none() }
    }
}

/// Validates the size of a document.
pub(super) fn check(key: &str, value: Option<&str>) -> Result<(), StorageError> {
    check_length("the key of a document", key, 1, limits::KEY_BYTES)?;
    check_length("the value of a document", value.unwrap_or(""), 0, limits::DOCUMENT_BYTES)
}

/// Writes or removes the document if its version is the expected one.
pub(super) fn write(
    context: &mut WriteContext<'_>,
    key: Arc<str>,
    expected: u64,
    value: Option<Arc<str>>,
) -> rusqlite::Result<WriteOutcome> {
    let found = find(context.connection, key.clone())?;
    if found.document.version != expected {
        return Ok(WriteOutcome::Conflict(found.document));
    }
    if value.is_none() && expected == 0 {
        // Removing a document that does not exist succeeds.
        return Ok(WriteOutcome::Done(0));
    }
    let version = found.last_version + 1;
    let statement = "INSERT INTO documents (key, version, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";
    context.connection.prepare_cached(statement)?.execute((&*key, signed(version), value.as_deref()))?;
    let visible_version = if value.is_some() { version } else { 0 };
    context.changes.push(Document { key, version: visible_version, value });
    Ok(WriteOutcome::Done(version))
}

struct StoredDocument {
    document: Document,
    /// Version of the last change, including removals.
    last_version: u64,
}

fn find(connection: &Connection, key: Arc<str>) -> rusqlite::Result<StoredDocument> {
    let row = connection
        .prepare_cached("SELECT version, value FROM documents WHERE key = ?1")?
        .query_row([&*key], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Arc<str>>>(1)?)))
        .optional()?;
    let (last_version, value) = row.map_or((0, None), |(version, value)| (unsigned(version), value));
    let version = if value.is_some() { last_version } else { 0 };
    Ok(StoredDocument { document: Document { key, version, value }, last_version })
}
