//! The offline queue in SQLite.
//!
//! Rule: a device never has more messages than the limit; expired ones are removed first and do not count. Each call
//! also removes a few expired messages of other devices, so that those of devices that never return do not pile up.

use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};

use super::devices::is_known;
use super::failure::rejection;
use super::{SqliteStorage, check_length, reject, signed, unsigned};
use crate::config::QueueQuotas;
use crate::reply::{Reply, StorageError};
use crate::traits::{OfflineDelivery, OfflineQueue, QueuedMessage, ReceiptTarget};

/// Maximum lifetime of a message in ms, so that adding it to a time cannot overflow.
const MAX_TTL_MS: i64 = i64::MAX / 4;

impl OfflineQueue for SqliteStorage {
    fn enqueue_with_receipt(
        &self,
        origin: Option<ReceiptTarget>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<u32> {
        let message = QueuedMessage { id: 0, payload, origin, queued_at: now, ttl_ms };
        self.insert(device, message, Owner::None, |dropped, _| dropped)
    }

    fn enqueue_delivery(&self, delivery: OfflineDelivery) -> Reply<u32> {
        let origin = delivery.origin();
        let OfflineDelivery { sender, receiver, payload, now, ttl_ms, allow_unknown_receiver: to_strangers, .. } =
            delivery;
        let message = QueuedMessage { id: 0, payload, origin, queued_at: now, ttl_ms };
        let owner = Owner::Device { sender, quotas: self.quotas.queue(), to_strangers };
        self.insert(&receiver, message, owner, |dropped, _| dropped)
    }

    fn enqueue_with_id(
        &self,
        origin: Option<ReceiptTarget>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<(u32, Option<u64>)> {
        let message = QueuedMessage { id: 0, payload, origin, queued_at: now, ttl_ms };
        // The message was acknowledged earlier, so no quota applies.
        self.insert(device, message, Owner::None, |dropped, id| (dropped, Some(id)))
    }

    fn set_limit_per_device(&self, max: u32) {
        self.quotas.set_queue_limit(max);
    }

    fn next_page(&self, device: &DeviceId, now: u64) -> Reply<Vec<QueuedMessage>> {
        let (device, now) = (device.clone(), signed(now).min(MAX_TTL_MS));
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT id, payload, queued_at, ttl_ms, sender, notice
                 FROM offline_queue LEFT JOIN offline_origins USING (id)
                 WHERE device_id = ?1 AND queued_at + ttl_ms > ?2 ORDER BY id LIMIT ?3";
            let mut statement = connection.prepare_cached(statement)?;
            let rows = statement.query_map((device.as_str(), now, limits::QUEUE_PAGE as i64), |row| {
                let sender: Option<Arc<str>> = row.get(4)?;
                let receipt: Option<Arc<str>> = row.get(5)?;
                let origin = sender
                    .zip(receipt)
                    .map(|(sender, receipt)| ReceiptTarget { sender: DeviceId::new(sender), receipt });
                Ok(QueuedMessage {
                    origin,
                    id: unsigned(row.get(0)?),
                    payload: row.get(1)?,
                    queued_at: unsigned(row.get(2)?),
                    ttl_ms: unsigned(row.get(3)?),
                })
            })?;
            let (mut messages, mut bytes) = (Vec::new(), 0);
            for message in rows {
                let message: QueuedMessage = message?;
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
        self.write_freeing(move |context| {
            let mut statement =
                context.connection.prepare_cached("DELETE FROM offline_queue WHERE id = ?1 AND device_id = ?2")?;
            for id in ids {
                statement.execute((signed(id), device.as_str()))?;
            }
            Ok(())
        })
    }
}

/// On whose behalf a message is queued.
enum Owner {
    /// The server itself, or the message was acknowledged earlier.
    None,
    /// A device, to which quotas apply.
    Device { sender: DeviceId, quotas: QueueQuotas, to_strangers: bool },
}

impl Owner {
    /// An error if a quota is exceeded now.
    fn check(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self::Device { sender, quotas, .. } = self else { return Ok(()) };
        let (count, bytes) = read_tally(connection, &format!("queue/{sender}"))?;
        if count > limits::QUEUE_SENDER_MESSAGES || bytes > quotas.per_sender {
            return Err(rejection(StorageError::QuotaExceeded(format!(
                "the queue quota of the sender is used up ({} messages, {} MiB)",
                limits::QUEUE_SENDER_MESSAGES,
                quotas.per_sender >> 20
            ))));
        }
        if read_tally(connection, "queue")?.1 > quotas.total {
            return Err(rejection(StorageError::QuotaExceeded(format!(
                "the offline queue is full ({} MiB)",
                quotas.total >> 20
            ))));
        }
        Ok(())
    }
}

/// Count and bytes of a tally.
fn read_tally(connection: &Connection, name: &str) -> rusqlite::Result<(u64, u64)> {
    let row = connection
        .prepare_cached("SELECT count, bytes FROM tallies WHERE name = ?1")?
        .query_row([name], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))
        .optional()?;
    Ok(row.unwrap_or_default())
}

impl SqliteStorage {
    /// Queues a message; `answer` gets the number of older messages that were dropped for it, and its id.
    fn insert<T: Send + 'static>(
        &self,
        device: &DeviceId,
        message: QueuedMessage,
        owner: Owner,
        answer: impl Fn(u32, u64) -> T + Send + 'static,
    ) -> Reply<T> {
        let QueuedMessage { payload, origin, queued_at, ttl_ms, .. } = message;
        let receipt = origin.as_ref().map_or("", |origin| &*origin.receipt);
        let sizes = check_length("a queued message", &payload, 0, limits::MESSAGE_BYTES)
            .and_then(|()| check_length("a notice for the sender", receipt, 0, limits::RECEIPT_BYTES));
        if let Err(error) = sizes {
            return reject(error);
        }
        let (device, max) = (device.clone(), self.quotas.queue_limit());
        let (now, ttl) = (signed(queued_at).min(MAX_TTL_MS), signed(ttl_ms).min(MAX_TTL_MS));
        self.write(move |context| {
            let connection = context.connection;
            if let Owner::Device { to_strangers: false, .. } = owner
                && !is_known(connection, &device)?
            {
                return Err(rejection(StorageError::QuotaExceeded(
                    "no device with this id has ever connected, so no message is queued for it".to_owned(),
                )));
            }
            connection
                .prepare_cached("DELETE FROM offline_queue WHERE device_id = ?1 AND queued_at + ttl_ms <= ?2")?
                .execute((device.as_str(), now))?;
            let sweep = "DELETE FROM offline_queue WHERE id IN (
                 SELECT id FROM offline_queue WHERE queued_at + ttl_ms <= ?1 LIMIT ?2)";
            connection.prepare_cached(sweep)?.execute((now, limits::QUEUE_EXPIRED_PER_MESSAGE))?;
            let insert = "INSERT INTO offline_queue (device_id, payload, queued_at, ttl_ms) VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(insert)?.execute((device.as_str(), &*payload, now, ttl))?;
            let id = connection.last_insert_rowid();
            if let Some(ReceiptTarget { sender, receipt }) = &origin {
                let insert = "INSERT INTO offline_origins (id, sender, notice) VALUES (?1, ?2, ?3)";
                connection.prepare_cached(insert)?.execute((id, sender.as_str(), &**receipt))?;
            }
            let sender = match (&owner, &origin) {
                (Owner::Device { sender, .. }, _) => Some(sender),
                (Owner::None, Some(origin)) => Some(&origin.sender),
                (Owner::None, None) => None,
            };
            let insert = "INSERT INTO offline_weights (id, sender, bytes) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(insert)?.execute((id, sender.map(DeviceId::as_str), payload.len() as i64))?;
            let trim = "DELETE FROM offline_queue WHERE id IN (
                 SELECT id FROM offline_queue WHERE device_id = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)";
            let dropped = connection.prepare_cached(trim)?.execute((device.as_str(), max))?;
            // Checked last: a message that replaces older ones adds nothing.
            owner.check(connection)?;
            metrics::counter!("modehost_queue_dropped_total").increment(dropped as u64);
            Ok(answer(u32::try_from(dropped).unwrap_or(u32::MAX), unsigned(id)))
        })
    }
}
