//! Journals in SQLite.
//!
//! Rule: the last number stands in the journal's own row and moves in the transaction that adds
//! the entry, so numbers have no gaps whatever is undone.

use std::sync::Arc;

use modehost_limits as limits;
use rusqlite::OptionalExtension;

use super::{SqliteStorage, check_bytes, refuse, signed, unsigned};
use crate::reply::Reply;
use crate::traits::{JournalEntry, Journals};

impl Journals for SqliteStorage {
    fn append(&self, journal: &str, at: u64, value: Arc<str>) -> Reply<u64> {
        let checked = check_bytes("the name of a journal", journal, 1, limits::KEY_BYTES)
            .and_then(|()| check_bytes("an entry of a journal", &value, 0, limits::JOURNAL_ENTRY_BYTES));
        if let Err(error) = checked {
            return refuse(error);
        }
        let journal: Box<str> = journal.into();
        SqliteStorage::write(self, move |batch| {
            let next = "INSERT INTO journals (name, last) VALUES (?1, 1)
                 ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING id, last";
            let (id, sequence): (i64, i64) =
                batch.connection.prepare_cached(next)?.query_row([&*journal], |row| Ok((row.get(0)?, row.get(1)?)))?;
            batch
                .connection
                .prepare_cached("INSERT INTO journal_entries (journal, sequence, at, value) VALUES (?1, ?2, ?3, ?4)")?
                .execute((id, sequence, signed(at), &*value))?;
            Ok(unsigned(sequence))
        })
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
        let journal: Box<str> = journal.into();
        SqliteStorage::write(self, move |batch| {
            let id: Option<i64> = batch
                .connection
                .prepare_cached("DELETE FROM journals WHERE name = ?1 RETURNING id")?
                .query_row([&*journal], |row| row.get(0))
                .optional()?;
            if let Some(id) = id {
                batch.connection.prepare_cached("DELETE FROM journal_entries WHERE journal = ?1")?.execute([id])?;
            }
            Ok(())
        })
    }
}
