//! The plugins of a cluster, as a table. Rule: the files themselves are elsewhere, under their digest; this says which one
//! every node is to have.

use serde::{Deserialize, Serialize};

use super::command::Command;
use super::writer::{Applied, WriteContext};
use super::{SqliteStorage, signed, unsigned};
use crate::reply::Reply;
use crate::traits::{ComponentRecord, Components};

impl Components for SqliteStorage {
    fn components(&self) -> Reply<Vec<ComponentRecord>> {
        self.read(|connection| {
            let statement = "SELECT plugin, file, sha256, instead, revision FROM components ORDER BY plugin";
            let mut statement = connection.prepare_cached(statement)?;
            let rows = statement.query_map((), |row| {
                Ok(ComponentRecord {
                    plugin: row.get(0)?,
                    file: row.get(1)?,
                    sha256: row.get(2)?,
                    instead: row.get(3)?,
                    revision: unsigned(row.get(4)?),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn set_component(&self, record: ComponentRecord) -> Reply<Option<u64>> {
        self.execute(SetComponent { record })
    }
}

/// [`Components::set_component`].
#[derive(Serialize, Deserialize)]
pub(super) struct SetComponent {
    record: ComponentRecord,
}

impl Command for SetComponent {
    const KIND: u16 = 18;
    type Output = Option<u64>;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<Option<u64>> {
        let ComponentRecord { plugin, file, sha256, instead, revision: replaces } = &self.record;
        let connection = context.connection;
        let find = "SELECT coalesce((SELECT revision FROM components WHERE plugin = ?1), 0),
             coalesce((SELECT max(revision) FROM components), 0) + 1";
        let (present, next): (i64, i64) =
            connection.prepare_cached(find)?.query_row([plugin], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if present != signed(*replaces) {
            return Ok(None);
        }
        let write = "INSERT INTO components (plugin, file, sha256, instead, revision) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (plugin) DO UPDATE SET file = excluded.file, sha256 = excluded.sha256,
             instead = excluded.instead, revision = excluded.revision";
        connection.prepare_cached(write)?.execute((plugin, file, sha256, instead, next))?;
        context.applied(|| Applied::Component);
        Ok(Some(unsigned(next)))
    }
}
