//! The offline queue in SQLite.
//!
//! Rule: a device never has more messages than the limit; what has expired goes first and
//! is not counted. Each call clears a few expired messages of anyone, so that those of devices
//! which never return do not pile up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};

use super::devices::is_known;
use super::failure::refused;
use super::{SqliteStorage, check_bytes, refuse, signed, unsigned};
use crate::config::Shares;
use crate::reply::{Reply, StorageError};
use crate::traits::{OfflineDelivery, OfflineQueue, Origin, Queued};

/// Longest life of a message in ms, so that adding it to a time cannot overflow.
const FOR_EVER: i64 = i64::MAX / 4;

impl OfflineQueue for SqliteStorage {
    fn enqueue_from(
        &self,
        origin: Option<Origin>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<u32> {
        let message = Queued { id: 0, payload, origin, queued_at: now, ttl_ms };
        self.insert(device, message, Whose::Nobodys, |dropped, _| dropped)
    }

    fn enqueue_delivery(&self, letter: OfflineDelivery) -> Reply<u32> {
        let origin = letter.origin();
        let OfflineDelivery { sender, receiver, payload, now, ttl_ms, to_strangers, .. } = letter;
        let message = Queued { id: 0, payload, origin, queued_at: now, ttl_ms };
        let whose = Whose::Of { sender, shares: *self.shares.lock(), to_strangers };
        self.insert(&receiver, message, whose, |dropped, _| dropped)
    }

    fn enqueue_known(
        &self,
        origin: Option<Origin>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<(u32, Option<u64>)> {
        let message = Queued { id: 0, payload, origin, queued_at: now, ttl_ms };
        // It has been acknowledged: no share is asked for.
        self.insert(device, message, Whose::Nobodys, |dropped, id| (dropped, Some(id)))
    }

    fn limit(&self, most: u32) {
        self.queue_limit.store(most.max(1), Ordering::Relaxed);
    }

    fn waiting(&self, device: &DeviceId, now: u64) -> Reply<Vec<Queued>> {
        let (device, now) = (device.clone(), signed(now).min(FOR_EVER));
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT id, payload, queued_at, ttl_ms, sender, notice
                 FROM offline_queue LEFT JOIN offline_origins USING (id)
                 WHERE device_id = ?1 AND queued_at + ttl_ms > ?2 ORDER BY id LIMIT ?3";
            let mut statement = connection.prepare_cached(statement)?;
            let rows = statement.query_map((device.as_str(), now, limits::QUEUE_PAGE as i64), |row| {
                let sender: Option<Arc<str>> = row.get(4)?;
                let receipt: Option<Arc<str>> = row.get(5)?;
                let origin =
                    sender.zip(receipt).map(|(sender, receipt)| Origin { sender: DeviceId::new(sender), receipt });
                Ok(Queued {
                    origin,
                    id: unsigned(row.get(0)?),
                    payload: row.get(1)?,
                    queued_at: unsigned(row.get(2)?),
                    ttl_ms: unsigned(row.get(3)?),
                })
            })?;
            let (mut messages, mut bytes) = (Vec::new(), 0);
            for message in rows {
                let message: Queued = message?;
                bytes += message.payload.len();
                messages.push(message);
                if bytes >= limits::QUEUE_PAGE_BYTES {
                    break;
                }
            }
            Ok(messages)
        })
    }

    fn remove(&self, device: &DeviceId, ids: Vec<u64>) -> Reply<()> {
        let device = device.clone();
        self.free(move |batch| {
            let mut statement =
                batch.connection.prepare_cached("DELETE FROM offline_queue WHERE id = ?1 AND device_id = ?2")?;
            for id in ids {
                statement.execute((signed(id), device.as_str()))?;
            }
            Ok(())
        })
    }
}

/// On whose behalf a message is queued.
enum Whose {
    /// It is the server's, or has been acknowledged.
    Nobodys,
    /// A device wants it kept.
    Of { sender: DeviceId, shares: Shares, to_strangers: bool },
}

impl Whose {
    /// An error if now more waits than may.
    fn check(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self::Of { sender, shares, .. } = self else { return Ok(()) };
        let (count, bytes) = tally(connection, &format!("queue/{sender}"))?;
        if count > limits::QUEUE_SENDER_MESSAGES || bytes > shares.of_sender {
            return Err(refused(StorageError::Share(format!(
                "as much as one device may have sent waits for others already ({} messages, {} MiB at the most)",
                limits::QUEUE_SENDER_MESSAGES,
                shares.of_sender >> 20
            ))));
        }
        if tally(connection, "queue")?.1 > shares.all {
            return Err(refused(StorageError::Share(format!(
                "as much as may wait for devices waits already ({} MiB at the most)",
                shares.all >> 20
            ))));
        }
        Ok(())
    }
}

/// How many there are, and their bytes.
fn tally(connection: &Connection, name: &str) -> rusqlite::Result<(u64, u64)> {
    let row = connection
        .prepare_cached("SELECT count, bytes FROM tallies WHERE name = ?1")?
        .query_row([name], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))
        .optional()?;
    Ok(row.unwrap_or_default())
}

impl SqliteStorage {
    /// Queues a message, which gets an id; answers with how many older ones had to go, and the id.
    fn insert<T: Send + 'static>(
        &self,
        device: &DeviceId,
        message: Queued,
        whose: Whose,
        answer: impl Fn(u32, u64) -> T + Send + 'static,
    ) -> Reply<T> {
        let Queued { payload, origin, queued_at, ttl_ms, .. } = message;
        let receipt = origin.as_ref().map_or("", |origin| &*origin.receipt);
        let sizes = check_bytes("a queued message", &payload, 0, limits::MESSAGE_BYTES)
            .and_then(|()| check_bytes("a notice for the sender", receipt, 0, limits::NOTICE_BYTES));
        if let Err(error) = sizes {
            return refuse(error);
        }
        let (device, most) = (device.clone(), self.queue_limit.load(Ordering::Relaxed));
        let (now, ttl) = (signed(queued_at).min(FOR_EVER), signed(ttl_ms).min(FOR_EVER));
        self.write(move |batch| {
            let connection = batch.connection;
            if let Whose::Of { to_strangers: false, .. } = whose
                && !is_known(connection, &device)?
            {
                return Err(refused(StorageError::Share(
                    "no device of this id has ever been here, so nothing is kept for it".to_owned(),
                )));
            }
            connection
                .prepare_cached("DELETE FROM offline_queue WHERE device_id = ?1 AND queued_at + ttl_ms <= ?2")?
                .execute((device.as_str(), now))?;
            let sweep = "DELETE FROM offline_queue WHERE id IN (
                 SELECT id FROM offline_queue WHERE queued_at + ttl_ms <= ?1 LIMIT ?2)";
            connection.prepare_cached(sweep)?.execute((now, limits::QUEUE_SWEEP))?;
            let insert = "INSERT INTO offline_queue (device_id, payload, queued_at, ttl_ms) VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(insert)?.execute((device.as_str(), &*payload, now, ttl))?;
            let id = connection.last_insert_rowid();
            if let Some(Origin { sender, receipt }) = &origin {
                let insert = "INSERT INTO offline_origins (id, sender, notice) VALUES (?1, ?2, ?3)";
                connection.prepare_cached(insert)?.execute((id, sender.as_str(), &**receipt))?;
            }
            let sender = match (&whose, &origin) {
                (Whose::Of { sender, .. }, _) => Some(sender),
                (Whose::Nobodys, Some(origin)) => Some(&origin.sender),
                (Whose::Nobodys, None) => None,
            };
            let insert = "INSERT INTO offline_weights (id, sender, bytes) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(insert)?.execute((id, sender.map(DeviceId::as_str), payload.len() as i64))?;
            let trim = "DELETE FROM offline_queue WHERE id IN (
                 SELECT id FROM offline_queue WHERE device_id = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)";
            let dropped = connection.prepare_cached(trim)?.execute((device.as_str(), most))?;
            // Only now: a message that takes the place of older ones adds nothing.
            whose.check(connection)?;
            metrics::counter!("modehost_queue_dropped_total").increment(dropped as u64);
            Ok(answer(u32::try_from(dropped).unwrap_or(u32::MAX), unsigned(id)))
        })
    }
}
