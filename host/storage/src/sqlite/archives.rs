//! Archives in SQLite, and what their files must still follow.
//!
//! Rule: storing an entry, removing those beyond `keep` with their journals, and noting that the
//! files must follow is one transaction.

use std::sync::Arc;

use modehost_limits as limits;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::Notify;

use super::{SqliteStorage, journals, refuse, signed, unsigned};
use crate::export::names;
use crate::reply::{Reply, StorageError};
use crate::traits::{Archived, Archives, Due, Exports, JournalPart};

impl Archives for SqliteStorage {
    fn archive(&self, entry: Archived, keep: u32) -> Reply<()> {
        if let Err(error) = names::check_kind(&entry.kind).and_then(|()| names::check_id(&entry.id)) {
            return refuse(StorageError::Invalid(error.to_string()));
        }
        self.write(move |batch| {
            let connection = batch.connection;
            let replaced = journal_of(connection, &entry.kind, &entry.id)?;
            store(connection, &entry, keep)?;
            note(connection, &entry.kind, &entry.id)?;
            // After the entry has been stored: a journal that it still has stays.
            remove_journal(connection, replaced)?;
            if keep > 0 {
                trim(connection, &entry.kind, &entry.id, keep)?;
            }
            batch.due = true;
            Ok(())
        })
    }

    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<Archived>> {
        let kind: Box<str> = kind.into();
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT kind, id, title, at, content, text, journal, member, line FROM archives
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
            let statement = "SELECT kind, id, title, at, content, text, journal, member, line, keep FROM archives
                 WHERE kind = ?1 AND id = ?2";
            let mut statement = connection.prepare_cached(statement)?;
            let found = statement.query_row((&*kind, &*id), |row| Ok((entry_of(row)?, row.get(9)?)));
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

fn store(connection: &Connection, entry: &Archived, keep: u32) -> rusqlite::Result<()> {
    let statement = "INSERT INTO archives (kind, id, title, at, content, text, keep, journal, member, line)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (kind, id) DO UPDATE SET title = excluded.title, at = excluded.at, content = excluded.content,
         text = excluded.text, keep = excluded.keep, journal = excluded.journal, member = excluded.member,
         line = excluded.line";
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
    ))?;
    Ok(())
}

/// Removes the entries beyond `keep`, with their journals: all but the one just `stored` and the
/// newest others. The clock may stand behind those, but what is told to be stored is there.
fn trim(connection: &Connection, kind: &str, stored: &str, keep: u32) -> rusqlite::Result<()> {
    let statement = "DELETE FROM archives WHERE rowid IN (
         SELECT rowid FROM archives WHERE kind = ?1 AND id <> ?2 ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?3)
         RETURNING id, journal";
    let mut statement = connection.prepare_cached(statement)?;
    let others = keep.saturating_sub(1);
    let gone = statement.query_map((kind, stored, others), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let gone: Vec<(String, Option<String>)> = gone.collect::<rusqlite::Result<_>>()?;
    for (id, journal) in gone {
        note(connection, kind, &id)?;
        remove_journal(connection, journal)?;
    }
    Ok(())
}

/// The files of this entry must follow.
fn note(connection: &Connection, kind: &str, id: &str) -> rusqlite::Result<()> {
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

fn entry_of(row: &Row<'_>) -> rusqlite::Result<Archived> {
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
    })
}
