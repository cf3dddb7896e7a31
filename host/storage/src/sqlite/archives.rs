//! Archives in SQLite. Rule: storing an entry and removing those beyond `keep` is one transaction.

use modehost_limits as limits;

use super::{SqliteStorage, check_bytes, refuse, signed, unsigned};
use crate::reply::Reply;
use crate::traits::{Archived, Archives};

impl Archives for SqliteStorage {
    fn archive(&self, entry: Archived, keep: u32) -> Reply<()> {
        let checked = check_bytes("the kind of an archive entry", &entry.kind, 1, limits::KEY_BYTES)
            .and_then(|()| check_bytes("the id of an archive entry", &entry.id, 1, limits::KEY_BYTES));
        if let Err(error) = checked {
            return refuse(error);
        }
        self.write(move |batch| {
            let store = "INSERT INTO archives (kind, id, title, at, content, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (kind, id) DO UPDATE
                 SET title = excluded.title, at = excluded.at, content = excluded.content, text = excluded.text";
            batch.connection.prepare_cached(store)?.execute((
                &*entry.kind,
                &*entry.id,
                &*entry.title,
                signed(entry.at),
                &*entry.content,
                &*entry.text,
            ))?;
            if keep > 0 {
                let trim = "DELETE FROM archives WHERE rowid IN (
                     SELECT rowid FROM archives WHERE kind = ?1 ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?2)";
                batch.connection.prepare_cached(trim)?.execute((&*entry.kind, keep))?;
            }
            Ok(())
        })
    }

    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<Archived>> {
        let kind: Box<str> = kind.into();
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT kind, id, title, at, content, text FROM archives
                 WHERE kind = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2";
            let mut statement = connection.prepare_cached(statement)?;
            let entries = statement.query_map((&*kind, limit), |row| {
                Ok(Archived {
                    kind: row.get(0)?,
                    id: row.get(1)?,
                    title: row.get(2)?,
                    at: unsigned(row.get(3)?),
                    content: row.get(4)?,
                    text: row.get(5)?,
                })
            })?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
    }
}
