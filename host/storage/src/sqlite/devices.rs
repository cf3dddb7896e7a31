//! What has been found out about devices, in SQLite. Rule: a fact is only ever added, and the table is bounded:
//! where nobody has to sign in, anybody can have any number of device ids.

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};

use super::writer::Batch;
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

    fn learn(&self, device: &DeviceId, facts: DeviceFacts, now: u64) -> Reply<()> {
        let device = device.clone();
        self.write(move |batch| {
            let statement = "INSERT INTO devices (device, knows_extensions, sends_stop, learnt_at)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (device) DO UPDATE SET
                 knows_extensions = max(knows_extensions, excluded.knows_extensions),
                 sends_stop = max(sends_stop, excluded.sends_stop), learnt_at = excluded.learnt_at";
            let DeviceFacts { knows_extensions, sends_stop } = facts;
            let row = (device.as_str(), knows_extensions, sends_stop, signed(now));
            batch.connection.prepare_cached(statement)?.execute(row)?;
            forget(batch)
        })
    }

    fn seen(&self, device: &DeviceId, now: u64) -> Reply<()> {
        let device = device.clone();
        self.write(move |batch| {
            // A device that comes often is written down once a day.
            let statement = "INSERT INTO devices (device, knows_extensions, sends_stop, learnt_at)
                 VALUES (?1, 0, 0, ?2)
                 ON CONFLICT (device) DO UPDATE SET learnt_at = excluded.learnt_at
                 WHERE learnt_at < excluded.learnt_at - ?3";
            let row = (device.as_str(), signed(now), limits::DEVICE_SEEN.as_millis() as i64);
            match batch.connection.prepare_cached(statement)?.execute(row)? {
                0 => Ok(()),
                _ => forget(batch),
            }
        })
    }
}

/// Forgets devices that are too many: those of which nothing but that they were here is known, and of them those
/// that have been away for longest.
fn forget(batch: &Batch<'_>) -> rusqlite::Result<()> {
    let statement = "DELETE FROM devices WHERE device IN
         (SELECT device FROM devices ORDER BY max(knows_extensions, sends_stop), learnt_at
          LIMIT max(0, (SELECT count FROM tallies WHERE name = 'devices') - ?1))";
    batch.connection.prepare_cached(statement)?.execute([signed(limits::DEVICE_FACTS)])?;
    Ok(())
}

/// Whether the device has ever been here.
pub(super) fn is_known(connection: &Connection, device: &DeviceId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM devices WHERE device = ?1")?.exists([device.as_str()])
}
