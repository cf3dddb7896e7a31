//! Export and erasure of everything that is stored of one device.
//!
//! Rule: a device owns what it alone has created: its session, documents whose last key segment is its id, journals
//! that it began, its archive entries, messages to and from it, and its device facts. Data shared with others stays,
//! and is listed. Everything is erased in one transaction, overwriting the bytes; a marker row records that files
//! outside the database have to follow.

use std::sync::Arc;

use crate::limits;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use modehost_ids::DeviceId;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::command::Command;
use super::writer::{FREES, JobInfo, WriteContext};
use super::{SqliteStorage, archives, ownership, unsigned};
use crate::reply::{Reply, StorageError};
use crate::traits::Document;

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErasureReport {
    /// Records of its session.
    pub sessions: u64,
    /// Documents whose key ends with its id.
    pub documents: u64,
    /// Journals that it began.
    pub journals: u64,
    /// Entries of those journals.
    pub journal_entries: u64,
    /// Archive entries.
    pub archives: u64,
    /// Messages that waited for it.
    pub waiting: u64,
    /// Messages from it that waited for others.
    pub sent: u64,
    /// Device facts.
    pub facts: u64,
}

impl ErasureReport {
    /// True if nothing was stored of it.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A document belongs to a device if its key ends with `/` and the device's id, and not with a longer known id that
/// ends the same.
const DOCUMENTS: &str = "SELECT key FROM documents WHERE substr(key, -length(?1) - 1) = '/' || ?1
     AND NOT EXISTS (SELECT 1 FROM devices AS other WHERE length(other.device) > length(?1)
         AND substr(documents.key, -length(other.device) - 1) = '/' || other.device)";

const JOURNALS: &str = "SELECT id FROM journals WHERE device = ?1
     OR (device IS NULL AND session IN (SELECT session FROM sessions WHERE device = ?1))
     OR name IN (SELECT journal FROM archives WHERE device = ?1)";

const SENT: &str = "SELECT id FROM offline_weights WHERE sender = ?1
     UNION SELECT id FROM offline_origins WHERE sender = ?1";

impl SqliteStorage {
    /// Everything that is stored of a device, as one JSON object; JSON texts are embedded as values, bytes as base64.
    pub fn export_device(&self, device: &DeviceId) -> Reply<Value> {
        let device = device.clone();
        let read = SqliteStorage::read(self, move |connection| {
            // One transaction, so that the export is consistent.
            let transaction = connection.unchecked_transaction()?;
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
            transaction.finish()?;
            Ok(if left < 0 { Value::Null } else { Value::Object(all) })
        });
        Reply::from_future(async move {
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

    /// Keys of shared documents that mention the device, up to `limits::SHARED_NAMED`.
    pub fn shared_documents(&self, device: &DeviceId) -> Reply<Vec<Arc<str>>> {
        let device = device.clone();
        SqliteStorage::read(self, move |connection| {
            let query = format!(
                "SELECT key FROM documents WHERE value IS NOT NULL AND instr(value, ?1) > 0 AND key NOT IN ({DOCUMENTS})
                 ORDER BY key LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&query)?;
            let keys = statement.query_map((device.as_str(), limits::SHARED_DOCUMENTS_LISTED), |row| row.get(0))?;
            Ok(keys.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Erases everything that is stored of a device, in one transaction. Nothing may write its data at the same time.
    /// Data outside the database has to follow: [`Self::pending_erasures`] lists the device until
    /// [`Self::complete_erasure`].
    pub fn erase_device(&self, device: &DeviceId) -> Reply<ErasureReport> {
        self.execute(EraseDevice { device: device.clone() })
    }

    /// Devices whose erasure was not completed by an earlier process.
    pub fn pending_erasures(&self) -> Reply<Vec<DeviceId>> {
        SqliteStorage::read(self, |connection| {
            let mut statement = connection.prepare_cached("SELECT device FROM forgetting")?;
            let devices = statement.query_map((), |row| Ok(DeviceId::new(row.get::<_, String>(0)?)))?;
            Ok(devices.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Completes an erasure once everything outside the database has followed. Queued messages that came from there
    /// meanwhile are erased too.
    pub fn complete_erasure(&self, device: &DeviceId) -> Reply<()> {
        self.execute(CompleteErasure { device: device.clone() })
    }

    /// Number of archive entries whose files still have to be exported or removed.
    pub fn exports_due(&self) -> Reply<u64> {
        SqliteStorage::read(self, |connection| {
            Ok(unsigned(connection.query_row("SELECT count(*) FROM exports", (), |row| row.get(0))?))
        })
    }

    /// Number of archive entries without a known owner.
    pub fn unowned_archives(&self) -> Reply<u64> {
        SqliteStorage::read(self, |connection| {
            let count =
                connection.query_row("SELECT count(*) FROM archives WHERE device IS NULL", (), |row| row.get(0))?;
            Ok(unsigned(count))
        })
    }
}

/// [`SqliteStorage::erase_device`].
#[derive(Serialize, Deserialize)]
pub(super) struct EraseDevice {
    device: DeviceId,
}

impl Command for EraseDevice {
    const KIND: u16 = 15;
    type Output = ErasureReport;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<ErasureReport> {
        set_secure_delete(context.connection, "ON")?;
        let forgotten = forget(context, &self.device);
        set_secure_delete(context.connection, "FAST")?;
        forgotten
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// [`SqliteStorage::complete_erasure`].
#[derive(Serialize, Deserialize)]
pub(super) struct CompleteErasure {
    device: DeviceId,
}

impl Command for CompleteErasure {
    const KIND: u16 = 16;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        set_secure_delete(context.connection, "ON")?;
        let (connection, id) = (context.connection, [self.device.as_str()]);
        let removed = connection
            .execute(&format!("DELETE FROM offline_queue WHERE device_id = ?1 OR id IN ({SENT})"), id)
            .and_then(|_| connection.execute("DELETE FROM forgetting WHERE device = ?1", id));
        set_secure_delete(connection, "FAST")?;
        removed.map(drop)
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// Sets whether deleted content is overwritten, including freed pages.
fn set_secure_delete(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA secure_delete = {how}"), (), |_| Ok(()))
}

fn forget(context: &mut WriteContext<'_>, device: &DeviceId) -> rusqlite::Result<ErasureReport> {
    let (connection, id) = (context.connection, [device.as_str()]);
    let remove = |statement: &str| Ok::<u64, rusqlite::Error>(connection.execute(statement, id)? as u64);
    let mut forgotten = ErasureReport::default();
    connection.execute("INSERT OR IGNORE INTO forgetting (device) VALUES (?1)", id)?;
    let keys: Vec<Arc<str>> =
        connection.prepare(DOCUMENTS)?.query_map(id, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for key in keys {
        forgotten.documents += connection.execute("DELETE FROM documents WHERE key = ?1", [&*key])? as u64;
        context.changes.push(Document { key, version: 0, value: None });
    }
    let journals: Vec<i64> =
        connection.prepare(JOURNALS)?.query_map(id, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for journal in journals {
        forgotten.journal_entries +=
            connection.execute("DELETE FROM journal_entries WHERE journal = ?1", [journal])? as u64;
        forgotten.journals += connection.execute("DELETE FROM journals WHERE id = ?1", [journal])? as u64;
    }
    let work: Vec<(String, String)> = connection
        .prepare("DELETE FROM archives WHERE device = ?1 RETURNING kind, id")?
        .query_map(id, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (kind, id) in &work {
        archives::mark_due(connection, kind, id)?;
    }
    forgotten.archives = work.len() as u64;
    context.due |= !work.is_empty();
    forgotten.waiting = remove("DELETE FROM offline_queue WHERE device_id = ?1")?;
    forgotten.sent = remove(&format!("DELETE FROM offline_queue WHERE id IN ({SENT})"))?;
    forgotten.sessions = remove("DELETE FROM sessions WHERE device = ?1")?;
    forgotten.facts = remove("DELETE FROM devices WHERE device = ?1")?;
    ownership::forget(context, device)?;
    Ok(forgotten)
}

/// The rows of a query, each as an object. `left` is the remaining byte budget; it becomes negative if the rows exceed
/// it.
fn rows(connection: &Connection, query: &str, device: &DeviceId, left: &mut i64) -> rusqlite::Result<Value> {
    let mut statement = connection.prepare(query)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut rows = statement.query([device.as_str()])?;
    while let Some(row) = rows.next()? {
        let mut object = Map::new();
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index)? {
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
