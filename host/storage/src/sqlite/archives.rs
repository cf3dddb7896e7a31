//! Archive entries in SQLite, and the export of their files.
//!
//! Rule: storing an entry, removing surplus entries with their journals, and marking the files as due is one
//! transaction; removals are logged.

use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::command::Command;
use super::removed::{RemovalReason, RemovedEntries};
use super::writer::{FREES, JobInfo, WriteContext};
use super::{SqliteStorage, journals, reject, signed, unsigned};
use crate::export::names;
use crate::reply::{Reply, StorageError};
use crate::traits::{ArchiveEntry, Archives, DueExport, Exports, JournalPart};

impl Archives for SqliteStorage {
    fn archive(&self, entry: ArchiveEntry, keep: u32) -> Reply<()> {
        if let Err(error) = check(&entry) {
            return reject(error);
        }
        let keep = Retention { per_device: keep, total: self.quotas.archive_keep() };
        self.execute(StoreArchive { entry, keep })
    }

    fn expire(&self, before: u64) -> Reply<u64> {
        self.execute(ExpireArchives { before })
    }

    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<ArchiveEntry>> {
        let kind: Box<str> = kind.into();
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT kind, id, title, at, content, text, journal, member, line, device FROM archives
                 WHERE kind = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2";
            let mut statement = connection.prepare_cached(statement)?;
            let entries = statement.query_map((&*kind, limit), entry_of)?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// [`Archives::archive`].
#[derive(Serialize, Deserialize)]
pub(super) struct StoreArchive {
    entry: ArchiveEntry,
    keep: Retention,
}

impl Command for StoreArchive {
    const KIND: u16 = 8;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        archive(context, &self.entry, self.keep)
    }
}

/// [`Archives::expire`].
#[derive(Serialize, Deserialize)]
pub(super) struct ExpireArchives {
    before: u64,
}

impl Command for ExpireArchives {
    const KIND: u16 = 9;
    type Output = u64;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<u64> {
        let connection = context.connection;
        let statement = "DELETE FROM archives WHERE rowid IN (
             SELECT rowid FROM archives WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING kind, id, journal";
        let mut statement = connection.prepare_cached(statement)?;
        let removed = statement.query_map((signed(self.before), limits::ARCHIVE_EXPIRED_AT_ONCE), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })?;
        let removed: Vec<(String, String, Option<String>)> = removed.collect::<rusqlite::Result<_>>()?;
        let count = removed.len() as u64;
        for (kind, id, journal) in removed {
            mark_due(connection, &kind, &id)?;
            remove_journal(connection, journal)?;
            let (kind, reason) = (kind.into(), RemovalReason::Age);
            context.removed.push(RemovedEntries { kind, device: None, count: 1, reason });
        }
        context.due |= count > 0;
        Ok(count)
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

impl Exports for SqliteStorage {
    fn due(&self, after: Option<&DueExport>, limit: u32) -> Reply<Vec<DueExport>> {
        // Nothing sorts before the empty kind.
        let (kind, id): (Arc<str>, Arc<str>) =
            after.map_or_else(|| ("".into(), "".into()), |due| (due.kind.clone(), due.id.clone()));
        SqliteStorage::read(self, move |connection| {
            let statement =
                "SELECT kind, id, revision FROM exports WHERE (kind, id) > (?1, ?2) ORDER BY kind, id LIMIT ?3";
            let mut statement = connection.prepare_cached(statement)?;
            let due = statement.query_map((&*kind, &*id, limit), |row| {
                Ok(DueExport { kind: row.get(0)?, id: row.get(1)?, revision: unsigned(row.get(2)?) })
            })?;
            Ok(due.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn entry(&self, kind: &str, id: &str) -> Reply<Option<(ArchiveEntry, u32)>> {
        let (kind, id): (Box<str>, Box<str>) = (kind.into(), id.into());
        SqliteStorage::read(self, move |connection| {
            let statement =
                "SELECT kind, id, title, at, content, text, journal, member, line, device, keep FROM archives
                 WHERE kind = ?1 AND id = ?2";
            let mut statement = connection.prepare_cached(statement)?;
            let found = statement.query_row((&*kind, &*id), |row| Ok((entry_of(row)?, row.get(10)?)));
            Ok(found.optional()?)
        })
    }

    fn is_current(&self, due: &DueExport) -> Reply<bool> {
        let due = due.clone();
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT 1 FROM exports WHERE kind = ?1 AND id = ?2 AND revision = ?3";
            let mut statement = connection.prepare_cached(statement)?;
            Ok(statement.exists((&*due.kind, &*due.id, signed(due.revision)))?)
        })
    }

    fn done(&self, due: Vec<DueExport>) -> Reply<()> {
        SqliteStorage::write_freeing(self, move |context| {
            let statement = "DELETE FROM exports WHERE kind = ?1 AND id = ?2 AND revision = ?3";
            let mut statement = context.connection.prepare_cached(statement)?;
            for due in &due {
                statement.execute((&*due.kind, &*due.id, signed(due.revision)))?;
            }
            Ok(())
        })
    }

    fn mark_all_due(&self, kind: &str) -> Reply<u64> {
        let kind: Box<str> = kind.into();
        SqliteStorage::write(self, move |context| {
            let statement = "INSERT INTO exports (kind, id, revision) SELECT kind, id, 1 FROM archives WHERE kind = ?1
                 ON CONFLICT (kind, id) DO UPDATE SET revision = revision + 1";
            let due = context.connection.prepare_cached(statement)?.execute([&*kind])?;
            context.due = true;
            Ok(due as u64)
        })
    }

    fn ids(&self, kind: &str) -> Reply<Vec<Arc<str>>> {
        let kind: Box<str> = kind.into();
        SqliteStorage::read(self, move |connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM archives WHERE kind = ?1")?;
            let ids = statement.query_map([&*kind], |row| row.get(0))?;
            Ok(ids.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn kinds(&self) -> Reply<Vec<Arc<str>>> {
        SqliteStorage::read(self, |connection| {
            let mut statement = connection.prepare_cached("SELECT DISTINCT kind FROM archives ORDER BY kind")?;
            let kinds = statement.query_map((), |row| row.get(0))?;
            Ok(kinds.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn changed(&self) -> Arc<Notify> {
        self.due.clone()
    }
}

/// Validates the names of an entry.
pub(super) fn check(entry: &ArchiveEntry) -> Result<(), StorageError> {
    let checked = names::check_kind(&entry.kind).and_then(|()| names::check_id(&entry.id));
    checked.map_err(|error| StorageError::Invalid(error.to_string()))
}

/// How many entries of a kind are kept; 0: all.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Retention {
    /// Of the same device.
    pub(super) per_device: u32,
    /// Over all devices.
    pub(super) total: u32,
}

/// Stores an entry, and removes surplus ones.
pub(super) fn archive(context: &mut WriteContext<'_>, entry: &ArchiveEntry, keep: Retention) -> rusqlite::Result<()> {
    let connection = context.connection;
    let replaced = journal_of(connection, &entry.kind, &entry.id)?;
    store(connection, entry, keep.total)?;
    mark_due(connection, &entry.kind, &entry.id)?;
    // After storing the entry: a journal that it still refers to stays.
    remove_journal(connection, replaced)?;
    if keep.per_device > 0 {
        let removed = trim(connection, entry, keep.per_device, true)?;
        context.removed.extend(RemovedEntries::of(entry, removed, RemovalReason::PerDevice(keep.per_device)));
    }
    if keep.total > 0 {
        let removed = trim(connection, entry, keep.total, false)?;
        context.removed.extend(RemovedEntries::of(entry, removed, RemovalReason::Total(keep.total)));
    }
    context.due = true;
    Ok(())
}

fn store(connection: &Connection, entry: &ArchiveEntry, keep: u32) -> rusqlite::Result<()> {
    let statement = "INSERT INTO archives (kind, id, title, at, content, text, keep, journal, member, line, device)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (kind, id) DO UPDATE SET title = excluded.title, at = excluded.at, content = excluded.content,
         text = excluded.text, keep = excluded.keep, journal = excluded.journal, member = excluded.member,
         line = excluded.line, device = excluded.device";
    let part = entry.journal.as_ref();
    connection.prepare_cached(statement)?.execute((
        &*entry.kind,
        &*entry.id,
        &*entry.title,
        signed(entry.at),
        &*entry.content,
        &*entry.text,
        keep,
        part.map(|part| &*part.journal),
        part.map_or("", |part| &*part.member),
        part.map_or("", |part| &*part.line),
        entry.device.as_ref().map(DeviceId::as_str),
    ))?;
    Ok(())
}

/// Removes the entries beyond `keep`, of the same device or of all, with their journals. The entry just `stored` always
/// stays, even if a clock that was set back makes it look older than the others.
fn trim(connection: &Connection, stored: &ArchiveEntry, keep: u32, of_device: bool) -> rusqlite::Result<u64> {
    let statement = "DELETE FROM archives WHERE rowid IN (
         SELECT rowid FROM archives WHERE kind = ?1 AND id <> ?2 AND (?4 OR device IS ?5)
         ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?3) RETURNING id, journal";
    let mut statement = connection.prepare_cached(statement)?;
    let (kind, others) = (&*stored.kind, keep.saturating_sub(1));
    let device = stored.device.as_ref().map(DeviceId::as_str);
    let removed = statement.query_map((kind, &*stored.id, others, !of_device, device), |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?))
    })?;
    let removed: Vec<(String, Option<String>)> = removed.collect::<rusqlite::Result<_>>()?;
    let count = removed.len() as u64;
    for (id, journal) in removed {
        mark_due(connection, kind, &id)?;
        remove_journal(connection, journal)?;
    }
    Ok(count)
}

/// Marks the files of an entry as due for export.
pub(super) fn mark_due(connection: &Connection, kind: &str, id: &str) -> rusqlite::Result<()> {
    let statement = "INSERT INTO exports (kind, id, revision) VALUES (?1, ?2, 1)
         ON CONFLICT (kind, id) DO UPDATE SET revision = revision + 1";
    connection.prepare_cached(statement)?.execute((kind, id))?;
    Ok(())
}

fn journal_of(connection: &Connection, kind: &str, id: &str) -> rusqlite::Result<Option<String>> {
    let statement = "SELECT journal FROM archives WHERE kind = ?1 AND id = ?2";
    let found = connection.prepare_cached(statement)?.query_row((kind, id), |row| row.get(0)).optional()?;
    Ok(found.flatten())
}

/// Removes the journal that an entry had, unless another entry refers to it.
fn remove_journal(connection: &Connection, journal: Option<String>) -> rusqlite::Result<()> {
    let Some(journal) = journal else { return Ok(()) };
    let linked = connection.prepare_cached("SELECT 1 FROM archives WHERE journal = ?1")?.exists([&*journal])?;
    if linked { Ok(()) } else { journals::remove(connection, &journal, limits::SWEEP_ENTRIES) }
}

pub(super) fn entry_of(row: &Row<'_>) -> rusqlite::Result<ArchiveEntry> {
    let journal: Option<Arc<str>> = row.get(6)?;
    let part = match journal {
        Some(journal) => Some(JournalPart { journal, member: row.get(7)?, line: row.get(8)? }),
        None => None,
    };
    Ok(ArchiveEntry {
        kind: row.get(0)?,
        id: row.get(1)?,
        title: row.get(2)?,
        at: unsigned(row.get(3)?),
        content: row.get(4)?,
        text: row.get(5)?,
        journal: part,
        device: row.get::<_, Option<String>>(9)?.map(DeviceId::new),
    })
}
