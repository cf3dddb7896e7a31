//! Sessions in SQLite.
//!
//! Rule: searched fields are columns; the rest is one postcard value in the layout that `format` names. A change of
//! `StoredSession` gets a new number, and older rows are converted when they are read.

use modehost_ids::{DeviceId, SessionId};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::failure::ReadError;
use super::writer::{FREES, JobInfo, WriteContext};
use super::{SqliteStorage, signed};
use crate::reply::{Reply, StorageError};
use crate::traits::{Batch, Sessions, StoredHandler, StoredSession, WriteResult};

const FORMAT: i64 = 2;

/// Layout of format 1. The encoding carries no field names, so a missing field cannot be detected from the bytes.
#[derive(Deserialize)]
struct StoredSessionV1 {
    device: DeviceId,
    session: SessionId,
    mode: Option<String>,
    saved_at: u64,
    unfinished: bool,
    segments: u64,
    handlers: Vec<StoredHandler>,
}

impl From<StoredSessionV1> for StoredSession {
    fn from(first: StoredSessionV1) -> Self {
        let StoredSessionV1 { device, session, mode, saved_at, unfinished, segments, handlers } = first;
        Self { device, session, mode, saved_at, unfinished, segments, turns: 0, handlers }
    }
}

impl Sessions for SqliteStorage {
    fn commit(&self, batch: Batch) -> Reply<Vec<WriteResult>> {
        self.commit_batch(batch)
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

    fn remove(&self, device: &DeviceId, epoch: Option<u64>) -> Reply<()> {
        self.execute(RemoveSession { device: device.clone(), epoch })
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
        self.execute(ExpireSessions { before })
    }

    fn recent(&self, max: usize) -> Reply<Vec<StoredSession>> {
        SqliteStorage::read(self, move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT device, format, state FROM sessions ORDER BY saved_at DESC LIMIT ?1")?;
            let rows = statement.query_map([max as i64], |row| {
                let (device, format, state): (String, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(decode(&DeviceId::new(device), format, &state).ok())
            })?;
            Ok(rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// [`Sessions::remove`].
#[derive(Serialize, Deserialize)]
pub(super) struct RemoveSession {
    device: DeviceId,
    /// Travels with the command, as [`Logged`](super::command::Logged).
    #[serde(skip)]
    epoch: Option<u64>,
}

impl Command for RemoveSession {
    const KIND: u16 = 2;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        let statement = "DELETE FROM sessions WHERE device = ?1";
        context.connection.prepare_cached(statement)?.execute([self.device.as_str()])?;
        Ok(())
    }

    fn info(&self) -> JobInfo {
        FREES
    }

    fn owner(&self) -> Option<&DeviceId> {
        Some(&self.device)
    }

    fn epoch(&self) -> Option<u64> {
        self.epoch
    }
}

/// [`Sessions::expire`].
#[derive(Serialize, Deserialize)]
pub(super) struct ExpireSessions {
    before: u64,
}

impl Command for ExpireSessions {
    const KIND: u16 = 3;
    type Output = u64;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<u64> {
        let statement = "DELETE FROM sessions WHERE unfinished = 0 AND saved_at < ?1";
        Ok(context.connection.prepare_cached(statement)?.execute([signed(self.before)])? as u64)
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// An encoded record.
#[derive(Serialize, Deserialize)]
pub(super) struct Encoded {
    device: DeviceId,
    session: SessionId,
    saved_at: u64,
    unfinished: bool,
    format: i64,
    state: Vec<u8>,
}

impl Encoded {
    /// Encodes a record on the caller's thread, because there are many callers and only one writer.
    pub(super) fn new(record: StoredSession) -> Result<Self, StorageError> {
        let state = postcard::to_stdvec(&record)
            .map_err(|error| StorageError::Invalid(format!("the session cannot be stored: {error}")))?;
        let StoredSession { device, session, saved_at, unfinished, .. } = record;
        Ok(Self { device, session, saved_at, unfinished, format: FORMAT, state })
    }

    /// Replaces the device's record.
    pub(super) fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let statement = "INSERT INTO sessions (device, saved_at, unfinished, format, state, session)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (device) DO UPDATE SET saved_at = excluded.saved_at, unfinished = excluded.unfinished,
             format = excluded.format, state = excluded.state, session = excluded.session";
        connection.prepare_cached(statement)?.execute((
            self.device.as_str(),
            signed(self.saved_at),
            self.unfinished,
            self.format,
            &self.state,
            self.session.as_str(),
        ))?;
        Ok(())
    }
}

fn decode(device: &DeviceId, format: i64, state: &[u8]) -> Result<StoredSession, ReadError> {
    let read = match format {
        1 => postcard::from_bytes::<StoredSessionV1>(state).map(Into::into),
        FORMAT => postcard::from_bytes(state),
        _ => {
            return Err(ReadError::Damaged(format!("the session of {device} has the unknown format {format}")));
        }
    };
    read.map_err(|error| ReadError::Damaged(format!("the session of {device}: {error}")))
}
