//! Archives in SQLite, and what their files must still follow.
//!
//! Rule: storing an entry, removing those that are too many with their journals, and noting that the
//! files must follow is one transaction; what goes is told in the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::Notify;

use super::writer::Batch;
use super::{SqliteStorage, journals, refuse, signed, unsigned};
use crate::export::names;
use crate::reply::{Reply, StorageError};
use crate::traits::{Archived, Archives, Due, Exports, JournalPart};

impl Archives for SqliteStorage {
    fn archive(&self, entry: Archived, keep: u32) -> Reply<()> {
        if let Err(error) = check(&entry) {
            return refuse(error);
        }
        let keep = Keep { of_device: keep, in_all: self.archive_keep.load(Ordering::Relaxed) };
        self.write(move |batch| archive(batch, &entry, keep))
    }

    fn expire(&self, before: u64) -> Reply<u64> {
        SqliteStorage::free(self, move |batch| {
            let connection = batch.connection;
            let statement = "DELETE FROM archives WHERE rowid IN (
                 SELECT rowid FROM archives WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING kind, id, journal";
            let mut statement = connection.prepare_cached(statement)?;
            let gone = statement.query_map((signed(before), limits::ARCHIVE_EXPIRED), |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
            })?;
            let gone: Vec<(String, String, Option<String>)> = gone.collect::<rusqlite::Result<_>>()?;
            let count = gone.len() as u64;
            for (kind, id, journal) in gone {
                note(connection, &kind, &id)?;
                remove_journal(connection, journal)?;
                batch.removed.push(Removed { kind: kind.into(), device: None, count: 1, why: Why::Age });
            }
            batch.due |= count > 0;
            Ok(count)
        })
    }

    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<Archived>> {
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

impl Exports for SqliteStorage {
    fn due(&self, after: Option<&Due>, limit: u32) -> Reply<Vec<Due>> {
        // Nothing sorts before the empty kind.
        let (kind, id): (Arc<str>, Arc<str>) =
            after.map_or_else(|| ("".into(), "".into()), |due| (due.kind.clone(), due.id.clone()));
        SqliteStorage::read(self, move |connection| {
            let statement =
                "SELECT kind, id, revision FROM exports WHERE (kind, id) > (?1, ?2) ORDER BY kind, id LIMIT ?3";
            let mut statement = connection.prepare_cached(statement)?;
            let due = statement.query_map((&*kind, &*id, limit), |row| {
                Ok(Due { kind: row.get(0)?, id: row.get(1)?, revision: unsigned(row.get(2)?) })
            })?;
            Ok(due.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn entry(&self, kind: &str, id: &str) -> Reply<Option<(Archived, u32)>> {
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

    fn is_current(&self, due: &Due) -> Reply<bool> {
        let due = due.clone();
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT 1 FROM exports WHERE kind = ?1 AND id = ?2 AND revision = ?3";
            let mut statement = connection.prepare_cached(statement)?;
            Ok(statement.exists((&*due.kind, &*due.id, signed(due.revision)))?)
        })
    }

    fn done(&self, due: Vec<Due>) -> Reply<()> {
        SqliteStorage::free(self, move |batch| {
            let statement = "DELETE FROM exports WHERE kind = ?1 AND id = ?2 AND revision = ?3";
            let mut statement = batch.connection.prepare_cached(statement)?;
            for due in &due {
                statement.execute((&*due.kind, &*due.id, signed(due.revision)))?;
            }
            Ok(())
        })
    }

    fn redo(&self, kind: &str) -> Reply<u64> {
        let kind: Box<str> = kind.into();
        SqliteStorage::write(self, move |batch| {
            let statement = "INSERT INTO exports (kind, id, revision) SELECT kind, id, 1 FROM archives WHERE kind = ?1
                 ON CONFLICT (kind, id) DO UPDATE SET revision = revision + 1";
            let due = batch.connection.prepare_cached(statement)?.execute([&*kind])?;
            batch.due = true;
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

/// Says what is wrong with the names of an entry.
pub(super) fn check(entry: &Archived) -> Result<(), StorageError> {
    let checked = names::check_kind(&entry.kind).and_then(|()| names::check_id(&entry.id));
    checked.map_err(|error| StorageError::Invalid(error.to_string()))
}

/// How many entries of a kind are kept; 0: all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// Of the same device.
    pub(super) of_device: u32,
    /// Over all devices.
    pub(super) in_all: u32,
}

/// Stores an entry, and removes those that are too many.
pub(super) fn archive(batch: &mut Batch<'_>, entry: &Archived, keep: Keep) -> rusqlite::Result<()> {
    let connection = batch.connection;
    let replaced = journal_of(connection, &entry.kind, &entry.id)?;
    store(connection, entry, keep.in_all)?;
    note(connection, &entry.kind, &entry.id)?;
    // After the entry has been stored: a journal that it still has stays.
    remove_journal(connection, replaced)?;
    if keep.of_device > 0 {
        let gone = trim(connection, entry, keep.of_device, true)?;
        batch.removed.extend(Removed::of(entry, gone, Why::OfDevice(keep.of_device)));
    }
    if keep.in_all > 0 {
        let gone = trim(connection, entry, keep.in_all, false)?;
        batch.removed.extend(Removed::of(entry, gone, Why::InAll(keep.in_all)));
    }
    batch.due = true;
    Ok(())
}

fn store(connection: &Connection, entry: &Archived, keep: u32) -> rusqlite::Result<()> {
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

/// Removes the entries beyond `keep`, of the same device or of all, with their journals: all but the one just `stored`
/// and the newest others. The clock may stand behind those, but what is told to be stored is there.
fn trim(connection: &Connection, stored: &Archived, keep: u32, of_device: bool) -> rusqlite::Result<u64> {
    let statement = "DELETE FROM archives WHERE rowid IN (
         SELECT rowid FROM archives WHERE kind = ?1 AND id <> ?2 AND (?4 OR device IS ?5)
         ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?3) RETURNING id, journal";
    let mut statement = connection.prepare_cached(statement)?;
    let (kind, others) = (&*stored.kind, keep.saturating_sub(1));
    let device = stored.device.as_ref().map(DeviceId::as_str);
    let gone = statement.query_map((kind, &*stored.id, others, !of_device, device), |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?))
    })?;
    let gone: Vec<(String, Option<String>)> = gone.collect::<rusqlite::Result<_>>()?;
    let count = gone.len() as u64;
    for (id, journal) in gone {
        note(connection, kind, &id)?;
        remove_journal(connection, journal)?;
    }
    Ok(count)
}

/// Finished work that is kept no longer.
#[derive(Clone, Debug)]
pub(super) struct Removed {
    kind: Arc<str>,
    /// Whose, where only works of one device have gone.
    device: Option<DeviceId>,
    count: u64,
    why: Why,
}

/// Why it goes, with the bound.
#[derive(Clone, Copy, Debug)]
enum Why {
    OfDevice(u32),
    InAll(u32),
    Age,
}

impl Removed {
    /// None where nothing has gone.
    fn of(stored: &Archived, count: u64, why: Why) -> Option<Self> {
        let device = stored.device.clone().filter(|_| matches!(why, Why::OfDevice(_)));
        (count > 0).then(|| Self { kind: stored.kind.clone(), device, count, why })
    }

    /// A line for the operator, once it is on disk.
    pub(super) fn tell(&self) {
        let Self { kind, device, count, why } = self;
        let device = device.as_ref().map(DeviceId::as_str);
        match why {
            Why::OfDevice(keep) => {
                tracing::info!(%kind, device, count, keep, "finished work was removed: its device has newer");
            }
            Why::InAll(keep) => {
                tracing::info!(%kind, count, keep, "finished work was removed: storage.archive_keep are kept over all devices");
            }
            Why::Age => {
                tracing::info!(%kind, count, "finished work was removed: it is older than storage.archive_days")
            }
        }
    }
}

/// The files of this entry must follow.
pub(super) fn note(connection: &Connection, kind: &str, id: &str) -> rusqlite::Result<()> {
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

/// Removes a journal that an entry had, unless another one has it too.
fn remove_journal(connection: &Connection, journal: Option<String>) -> rusqlite::Result<()> {
    let Some(journal) = journal else { return Ok(()) };
    let linked = connection.prepare_cached("SELECT 1 FROM archives WHERE journal = ?1")?.exists([&*journal])?;
    if linked { Ok(()) } else { journals::remove(connection, &journal, limits::SWEEP_ENTRIES) }
}

pub(super) fn entry_of(row: &Row<'_>) -> rusqlite::Result<Archived> {
    let journal: Option<Arc<str>> = row.get(6)?;
    let part = match journal {
        Some(journal) => Some(JournalPart { journal, member: row.get(7)?, line: row.get(8)? }),
        None => None,
    };
    Ok(Archived {
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
