//! Device facts in SQLite. Rule: facts are only ever added, and the table is bounded: without sign-in anybody can
//! present any number of device ids.

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::writer::WriteContext;
use super::{SqliteStorage, signed};
use crate::reply::Reply;
use crate::traits::{DeviceFacts, Devices};

impl Devices for SqliteStorage {
    fn facts(&self, device: &DeviceId) -> Reply<DeviceFacts> {
        let device = device.clone();
        SqliteStorage::read(self, move |connection| {
            let facts = connection
                .prepare_cached("SELECT knows_extensions, sends_stop FROM devices WHERE device = ?1")?
                .query_row([device.as_str()], |row| {
                    Ok(DeviceFacts { knows_extensions: row.get(0)?, sends_stop: row.get(1)? })
                })
                .optional()?;
            Ok(facts.unwrap_or_default())
        })
    }

    fn add_facts(&self, device: &DeviceId, facts: DeviceFacts, now: u64) -> Reply<()> {
        self.execute(AddFacts { device: device.clone(), facts, now })
    }

    fn record_seen(&self, device: &DeviceId, now: u64) -> Reply<()> {
        self.execute(RecordSeen { device: device.clone(), now })
    }
}

/// [`Devices::add_facts`].
#[derive(Serialize, Deserialize)]
pub(super) struct AddFacts {
    device: DeviceId,
    facts: DeviceFacts,
    now: u64,
}

impl Command for AddFacts {
    const KIND: u16 = 13;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        let statement = "INSERT INTO devices (device, knows_extensions, sends_stop, learnt_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (device) DO UPDATE SET
             knows_extensions = max(knows_extensions, excluded.knows_extensions),
             sends_stop = max(sends_stop, excluded.sends_stop), learnt_at = excluded.learnt_at";
        let DeviceFacts { knows_extensions, sends_stop } = self.facts;
        let row = (self.device.as_str(), knows_extensions, sends_stop, signed(self.now));
        context.connection.prepare_cached(statement)?.execute(row)?;
        forget(context)
    }
}

/// [`Devices::record_seen`].
#[derive(Serialize, Deserialize)]
pub(super) struct RecordSeen {
    device: DeviceId,
    now: u64,
}

impl Command for RecordSeen {
    const KIND: u16 = 14;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        // Recorded at most once a day for a device that connects often.
        let statement = "INSERT INTO devices (device, knows_extensions, sends_stop, learnt_at)
             VALUES (?1, 0, 0, ?2)
             ON CONFLICT (device) DO UPDATE SET learnt_at = excluded.learnt_at
             WHERE learnt_at < excluded.learnt_at - ?3";
        let row = (self.device.as_str(), signed(self.now), limits::DEVICE_SEEN_INTERVAL.as_millis() as i64);
        match context.connection.prepare_cached(statement)?.execute(row)? {
            0 => Ok(()),
            _ => forget(context),
        }
    }
}

/// Removes surplus devices: first those without any fact, and of these the ones that have been away longest.
fn forget(context: &WriteContext<'_>) -> rusqlite::Result<()> {
    let statement = "DELETE FROM devices WHERE device IN
         (SELECT device FROM devices ORDER BY max(knows_extensions, sends_stop), learnt_at
          LIMIT max(0, (SELECT count FROM tallies WHERE name = 'devices') - ?1))";
    context.connection.prepare_cached(statement)?.execute([signed(limits::DEVICE_FACTS)])?;
    Ok(())
}

/// Whether the device has ever connected.
pub(super) fn is_known(connection: &Connection, device: &DeviceId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM devices WHERE device = ?1")?.exists([device.as_str()])
}
