//! Journals in SQLite.
//!
//! Rule: the last sequence number is in the journal's own row and is incremented in the transaction that adds the
//! entry, so numbers have no gaps, whatever is rolled back. A removed journal loses its name at once; the entries of a
//! long one are deleted in small steps, so that no other write waits.

use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::writer::{FREES, JobInfo, WriteContext};
use super::{SqliteStorage, check_length, reject, signed, unsigned};
use crate::reply::{Reply, StorageError};
use crate::traits::{Author, JournalEntry, Journals, SweepStep};

impl Journals for SqliteStorage {
    fn append_for(&self, author: Option<&Author>, journal: &str, at: u64, value: Arc<str>) -> Reply<u64> {
        if let Err(error) = check(journal, &value) {
            return reject(error);
        }
        self.execute(AppendEntry { author: author.cloned(), journal: journal.into(), at, entry: value })
    }

    fn read(&self, journal: &str, after: u64, limit: u32) -> Reply<Vec<JournalEntry>> {
        let journal: Box<str> = journal.into();
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT sequence, at, value FROM journal_entries
                 WHERE journal = (SELECT id FROM journals WHERE name = ?1) AND sequence > ?2
                 ORDER BY sequence LIMIT ?3";
            let mut statement = connection.prepare_cached(statement)?;
            let entries = statement.query_map((&*journal, signed(after), limit), |row| {
                Ok(JournalEntry { sequence: unsigned(row.get(0)?), at: unsigned(row.get(1)?), value: row.get(2)? })
            })?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn remove(&self, journal: &str) -> Reply<()> {
        self.execute(RemoveJournal { journal: journal.into() })
    }

    fn sweep(&self, from: u64, before: u64) -> Reply<SweepStep> {
        self.execute(SweepJournals { from, before })
    }
}

/// [`Journals::append_for`].
#[derive(Serialize, Deserialize)]
pub(super) struct AppendEntry {
    author: Option<Author>,
    journal: Box<str>,
    at: u64,
    entry: Arc<str>,
}

impl Command for AppendEntry {
    const KIND: u16 = 5;
    type Output = u64;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<u64> {
        append(context.connection, self.author.as_ref(), &self.journal, self.at, &self.entry)
    }

    fn owner(&self) -> Option<&DeviceId> {
        self.author.as_ref().map(|author| &author.device)
    }
}

/// [`Journals::remove`].
#[derive(Serialize, Deserialize)]
pub(super) struct RemoveJournal {
    journal: Box<str>,
}

impl Command for RemoveJournal {
    const KIND: u16 = 6;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        remove(context.connection, &self.journal, limits::JOURNAL_REMOVED_AT_ONCE)
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// [`Journals::sweep`].
#[derive(Serialize, Deserialize)]
pub(super) struct SweepJournals {
    from: u64,
    before: u64,
}

impl Command for SweepJournals {
    const KIND: u16 = 7;
    type Output = SweepStep;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<SweepStep> {
        let connection = context.connection;
        let removed: Option<i64> = connection
            .prepare_cached("SELECT id FROM journals WHERE name IS NULL LIMIT 1")?
            .query_row((), |row| row.get(0))
            .optional()?;
        if let Some(id) = removed {
            let entries = remove_entries(connection, id, limits::SWEEP_ENTRIES)?;
            return Ok(SweepStep { next: Some(self.from), journals: 0, entries });
        }
        remove_orphan(connection, self.from, self.before)
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// Validates the size of an entry.
pub(super) fn check(journal: &str, entry: &str) -> Result<(), StorageError> {
    check_length("the name of a journal", journal, 1, limits::KEY_BYTES)?;
    check_length("an entry of a journal", entry, 0, limits::JOURNAL_ENTRY_BYTES)
}

/// Appends an entry with the next sequence number.
pub(super) fn append(
    connection: &Connection,
    author: Option<&Author>,
    journal: &str,
    at: u64,
    entry: &str,
) -> rusqlite::Result<u64> {
    let next = "INSERT INTO journals (name, last, session, device) VALUES (?1, 1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET last = last + 1, session = excluded.session RETURNING id, last";
    let session = author.map(|author| author.session.as_str());
    let device = author.map(|author| author.device.as_str());
    let (id, sequence): (i64, i64) =
        connection.prepare_cached(next)?.query_row((journal, session, device), |row| Ok((row.get(0)?, row.get(1)?)))?;
    connection
        .prepare_cached("INSERT INTO journal_entries (journal, sequence, at, value) VALUES (?1, ?2, ?3, ?4)")?
        .execute((id, sequence, signed(at), entry))?;
    Ok(unsigned(sequence))
}

/// Removes a journal by name, with at most `max` entries; the sweep deletes the rest.
pub(super) fn remove(connection: &Connection, journal: &str, max: u32) -> rusqlite::Result<()> {
    let id: Option<i64> = connection
        .prepare_cached("UPDATE journals SET name = NULL, session = NULL WHERE name = ?1 RETURNING id")?
        .query_row([journal], |row| row.get(0))
        .optional()?;
    if let Some(id) = id {
        remove_entries(connection, id, max)?;
    }
    Ok(())
}

/// Deletes the oldest entries of a removed journal, and its row with the last of them.
fn remove_entries(connection: &Connection, id: i64, max: u32) -> rusqlite::Result<u64> {
    let statement = "DELETE FROM journal_entries WHERE journal = ?1 AND sequence IN (
         SELECT sequence FROM journal_entries WHERE journal = ?1 ORDER BY sequence LIMIT ?2)";
    let deleted = connection.prepare_cached(statement)?.execute((id, max))?;
    if deleted < max as usize {
        connection.prepare_cached("DELETE FROM journals WHERE id = ?1")?.execute([id])?;
    }
    Ok(deleted as u64)
}

/// Examines the next journals and removes the first orphan among them.
fn remove_orphan(connection: &Connection, from: u64, before: u64) -> rusqlite::Result<SweepStep> {
    let statement = "SELECT id, name, session IS NOT NULL AND EXISTS (
             SELECT 1 FROM sessions WHERE sessions.session = journals.session)
         OR EXISTS (SELECT 1 FROM archives WHERE archives.journal = journals.name)
         OR EXISTS (SELECT 1 FROM journal_entries AS entry
             WHERE entry.journal = journals.id AND entry.sequence = journals.last AND entry.at >= ?2)
         FROM journals WHERE id > ?1 AND name IS NOT NULL ORDER BY id LIMIT ?3";
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query((signed(from), signed(before), limits::SWEEP_JOURNALS))?;
    let mut next = None;
    while let Some(row) = rows.next()? {
        let (id, name, needed): (i64, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        next = Some(unsigned(id));
        if !needed {
            drop(rows);
            remove(connection, &name, limits::SWEEP_ENTRIES)?;
            return Ok(SweepStep { next, journals: 1, entries: 0 });
        }
    }
    Ok(SweepStep { next, journals: 0, entries: 0 })
}
