//! Sessions in SQLite.
//!
//! Rule: what is looked for stands in columns; the rest is one value in the shape that `FORMAT`
//! names. A changed `StoredSession` gets a new number, and rows with an older one are converted
//! when they are read.

use modehost_ids::DeviceId;
use rusqlite::OptionalExtension;

use super::failure::ReadError;
use super::{SqliteStorage, refuse, signed, unsigned};
use crate::reply::{Reply, StorageError};
use crate::traits::{Sessions, StoredSession};

const FORMAT: i64 = 1;

impl Sessions for SqliteStorage {
    fn save(&self, session: StoredSession) -> Reply<()> {
        // Encoded by the caller's thread, which is one of many; the writer is one.
        let state = match postcard::to_stdvec(&session) {
            Ok(state) => state,
            Err(error) => return refuse(StorageError::Invalid(format!("the session cannot be stored: {error}"))),
        };
        let StoredSession { device, session, saved_at, unfinished, .. } = session;
        self.write(move |batch| {
            let statement = "INSERT INTO sessions (device, saved_at, unfinished, format, state, session)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (device) DO UPDATE SET saved_at = excluded.saved_at, unfinished = excluded.unfinished,
                 format = excluded.format, state = excluded.state, session = excluded.session";
            batch.connection.prepare_cached(statement)?.execute((
                device.as_str(),
                signed(saved_at),
                unfinished,
                FORMAT,
                state,
                session.as_str(),
            ))?;
            Ok(())
        })
    }

    fn load(&self, device: &DeviceId) -> Reply<Option<StoredSession>> {
        let device = device.clone();
        SqliteStorage::read(self, move |connection| {
            let row: Option<(i64, Vec<u8>)> = connection
                .prepare_cached("SELECT format, state FROM sessions WHERE device = ?1")?
                .query_row([device.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            row.map(|(format, state)| decode(&device, format, &state)).transpose()
        })
    }

    fn remove(&self, device: &DeviceId) -> Reply<()> {
        let device = device.clone();
        self.free(move |batch| {
            batch.connection.prepare_cached("DELETE FROM sessions WHERE device = ?1")?.execute([device.as_str()])?;
            Ok(())
        })
    }

    fn unfinished(&self) -> Reply<Vec<DeviceId>> {
        SqliteStorage::read(self, |connection| {
            let mut statement =
                connection.prepare_cached("SELECT device FROM sessions WHERE unfinished = 1 ORDER BY device")?;
            let devices = statement.query_map((), |row| Ok(DeviceId::new(row.get::<_, String>(0)?)))?;
            Ok(devices.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn expire(&self, before: u64) -> Reply<u64> {
        self.free(move |batch| {
            let statement = "DELETE FROM sessions WHERE unfinished = 0 AND saved_at < ?1";
            let gone = batch.connection.prepare_cached(statement)?.execute([signed(before)])?;
            Ok(unsigned(gone as i64))
        })
    }

    fn recent(&self, most: usize) -> Reply<Vec<StoredSession>> {
        SqliteStorage::read(self, move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT device, format, state FROM sessions ORDER BY saved_at DESC LIMIT ?1")?;
            let rows = statement.query_map([most as i64], |row| {
                let (device, format, state): (String, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(decode(&DeviceId::new(device), format, &state).ok())
            })?;
            Ok(rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn decode(device: &DeviceId, format: i64, state: &[u8]) -> Result<StoredSession, ReadError> {
    if format != FORMAT {
        return Err(ReadError::Damaged(format!("the session of {device} has the unknown format {format}")));
    }
    postcard::from_bytes(state).map_err(|error| ReadError::Damaged(format!("the session of {device}: {error}")))
}
