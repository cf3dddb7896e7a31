//! Everything that is kept of one device: to be shown, and to be forgotten.
//!
//! Rule: what belongs to a device is what it alone has made: its session, documents whose last step is its id, journals
//! that it began, its finished work, messages to it and from it, and what is known about it. What others have a part
//! in stays, and is named. All of it goes in one transaction, with the bytes; a mark says that files have to follow.

use std::sync::Arc;

use crate::limits;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use modehost_ids::DeviceId;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::writer::Batch;
use super::{SqliteStorage, archives, unsigned};
use crate::reply::{Reply, StorageError};
use crate::traits::Document;

/// What has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Records of its session.
    pub sessions: u64,
    /// Documents whose key ends with its id.
    pub documents: u64,
    /// Journals that it made.
    pub journals: u64,
    /// Entries of those.
    pub journal_entries: u64,
    /// Finished work.
    pub archives: u64,
    /// Messages that waited for it.
    pub waiting: u64,
    /// Messages from it that waited for others.
    pub sent: u64,
    /// What was known about it.
    pub facts: u64,
}

impl Forgotten {
    /// Nothing was kept of it.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A document is a device's if its key ends with the id of the device, and not with a longer one that ends so.
const DOCUMENTS: &str = "SELECT key FROM documents WHERE substr(key, -length(?1) - 1) = '/' || ?1
     AND NOT EXISTS (SELECT 1 FROM devices AS other WHERE length(other.device) > length(?1)
         AND substr(documents.key, -length(other.device) - 1) = '/' || other.device)";

const JOURNALS: &str = "SELECT id FROM journals WHERE device = ?1
     OR (device IS NULL AND session IN (SELECT session FROM sessions WHERE device = ?1))
     OR name IN (SELECT journal FROM archives WHERE device = ?1)";

const SENT: &str = "SELECT id FROM offline_weights WHERE sender = ?1
     UNION SELECT id FROM offline_origins WHERE sender = ?1";

impl SqliteStorage {
    /// Everything that is kept of a device, as one JSON object; texts that are JSON stand in it as they are, and bytes
    /// in base64.
    pub fn of_device(&self, device: &DeviceId) -> Reply<Value> {
        let device = device.clone();
        let read = SqliteStorage::read(self, move |connection| {
            // What is given out belongs together.
            let moment = connection.unchecked_transaction()?;
            let mut left = limits::EXPORT_BYTES;
            let mut all = Map::new();
            for (name, query) in [
                (
                    "sessions",
                    "SELECT saved_at, unfinished, format, session, state FROM sessions WHERE device = ?1".to_owned(),
                ),
                ("documents", format!("SELECT key, version, value FROM documents WHERE key IN ({DOCUMENTS})")),
                ("journals", format!("SELECT id, name, session FROM journals WHERE id IN ({JOURNALS})")),
                (
                    "journal_entries",
                    format!("SELECT journal, sequence, at, value FROM journal_entries WHERE journal IN ({JOURNALS})"),
                ),
                (
                    "archives",
                    "SELECT kind, id, title, at, content, text, journal FROM archives WHERE device = ?1".to_owned(),
                ),
                ("waiting", "SELECT payload, queued_at, ttl_ms FROM offline_queue WHERE device_id = ?1".to_owned()),
                (
                    "sent",
                    format!("SELECT device_id, payload, queued_at, ttl_ms FROM offline_queue WHERE id IN ({SENT})"),
                ),
                ("facts", "SELECT knows_extensions, sends_stop, learnt_at FROM devices WHERE device = ?1".to_owned()),
            ] {
                all.insert(name.to_owned(), rows(connection, &query, &device, &mut left)?);
            }
            moment.finish()?;
            Ok(if left < 0 { Value::Null } else { Value::Object(all) })
        });
        Reply::of(async move {
            match read.await? {
                Value::Null => Err(StorageError::Invalid(format!(
                    "more than {} MiB are kept of this device, which is too much for one answer; `modehost backup` copies \
                 everything",
                    limits::EXPORT_BYTES >> 20
                ))),
                all => Ok(all),
            }
        })
    }

    /// Documents that others have a part in and that name the device, up to `limits::SHARED_NAMED`.
    pub fn shared_with(&self, device: &DeviceId) -> Reply<Vec<Arc<str>>> {
        let device = device.clone();
        SqliteStorage::read(self, move |connection| {
            let query = format!(
                "SELECT key FROM documents WHERE value IS NOT NULL AND instr(value, ?1) > 0 AND key NOT IN ({DOCUMENTS})
                 ORDER BY key LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&query)?;
            let keys = statement.query_map((device.as_str(), limits::SHARED_NAMED), |row| row.get(0))?;
            Ok(keys.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Removes everything that is kept of a device, in one transaction. Nobody may be writing it at the same time. What
    /// is outside of the database has to follow: [`Self::being_forgotten`] names the device until
    /// [`Self::has_forgotten`].
    pub fn forget(&self, device: &DeviceId) -> Reply<Forgotten> {
        let device = device.clone();
        self.free(move |batch| {
            secure(batch.connection, "ON")?;
            let forgotten = forget(batch, &device);
            secure(batch.connection, "FAST")?;
            forgotten
        })
    }

    /// Devices whose removal an earlier process has not ended.
    pub fn being_forgotten(&self) -> Reply<Vec<DeviceId>> {
        SqliteStorage::read(self, |connection| {
            let mut statement = connection.prepare_cached("SELECT device FROM forgetting")?;
            let devices = statement.query_map((), |row| Ok(DeviceId::new(row.get::<_, String>(0)?)))?;
            Ok(devices.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Everything outside of the database has followed. What has come from there meanwhile goes, too.
    pub fn has_forgotten(&self, device: &DeviceId) -> Reply<()> {
        let device = device.clone();
        self.free(move |batch| {
            secure(batch.connection, "ON")?;
            let (connection, id) = (batch.connection, [device.as_str()]);
            let removed = connection
                .execute(&format!("DELETE FROM offline_queue WHERE device_id = ?1 OR id IN ({SENT})"), id)
                .and_then(|_| connection.execute("DELETE FROM forgetting WHERE device = ?1", id));
            secure(connection, "FAST")?;
            removed.map(drop)
        })
    }

    /// How many files of finished work have still to follow the database.
    pub fn files_due(&self) -> Reply<u64> {
        SqliteStorage::read(self, |connection| {
            Ok(unsigned(connection.query_row("SELECT count(*) FROM exports", (), |row| row.get(0))?))
        })
    }

    /// Finished work of which nobody knows whose it is.
    pub fn nobodys_work(&self) -> Reply<u64> {
        SqliteStorage::read(self, |connection| {
            let count =
                connection.query_row("SELECT count(*) FROM archives WHERE device IS NULL", (), |row| row.get(0))?;
            Ok(unsigned(count))
        })
    }
}

/// Whether what is removed is written over, also in pages that come free.
fn secure(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA secure_delete = {how}"), (), |_| Ok(()))
}

fn forget(batch: &mut Batch<'_>, device: &DeviceId) -> rusqlite::Result<Forgotten> {
    let (connection, id) = (batch.connection, [device.as_str()]);
    let remove = |statement: &str| Ok::<u64, rusqlite::Error>(connection.execute(statement, id)? as u64);
    let mut gone = Forgotten::default();
    connection.execute("INSERT OR IGNORE INTO forgetting (device) VALUES (?1)", id)?;
    let keys: Vec<Arc<str>> =
        connection.prepare(DOCUMENTS)?.query_map(id, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for key in keys {
        gone.documents += connection.execute("DELETE FROM documents WHERE key = ?1", [&*key])? as u64;
        batch.changes.push(Document { key, version: 0, value: None });
    }
    let journals: Vec<i64> =
        connection.prepare(JOURNALS)?.query_map(id, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for journal in journals {
        gone.journal_entries += connection.execute("DELETE FROM journal_entries WHERE journal = ?1", [journal])? as u64;
        gone.journals += connection.execute("DELETE FROM journals WHERE id = ?1", [journal])? as u64;
    }
    let work: Vec<(String, String)> = connection
        .prepare("DELETE FROM archives WHERE device = ?1 RETURNING kind, id")?
        .query_map(id, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (kind, id) in &work {
        archives::note(connection, kind, id)?;
    }
    gone.archives = work.len() as u64;
    batch.due |= !work.is_empty();
    gone.waiting = remove("DELETE FROM offline_queue WHERE device_id = ?1")?;
    gone.sent = remove(&format!("DELETE FROM offline_queue WHERE id IN ({SENT})"))?;
    gone.sessions = remove("DELETE FROM sessions WHERE device = ?1")?;
    gone.facts = remove("DELETE FROM devices WHERE device = ?1")?;
    Ok(gone)
}

/// The rows of a query, each as an object. `left` goes below zero where they are too many bytes.
fn rows(connection: &Connection, query: &str, device: &DeviceId, left: &mut i64) -> rusqlite::Result<Value> {
    let mut statement = connection.prepare(query)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut rows = statement.query([device.as_str()])?;
    while let Some(row) = rows.next()? {
        let mut object = Map::new();
        for (place, name) in names.iter().enumerate() {
            let value = match row.get_ref(place)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => json!(number),
                ValueRef::Real(number) => json!(number),
                ValueRef::Blob(bytes) => {
                    *left -= bytes.len() as i64;
                    json!({ "base64": BASE64_STANDARD.encode(bytes) })
                }
                ValueRef::Text(text) => {
                    *left -= text.len() as i64;
                    let is_json = matches!(&**name, "value" | "content" | "payload");
                    let parsed = is_json.then(|| serde_json::from_slice(text).ok()).flatten();
                    parsed.unwrap_or_else(|| String::from_utf8_lossy(text).into())
                }
            };
            object.insert(name.clone(), value);
        }
        if *left < 0 {
            return Ok(Value::Null);
        }
        found.push(Value::Object(object));
    }
    Ok(Value::Array(found))
}
