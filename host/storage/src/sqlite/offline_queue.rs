//! The offline queue in SQLite.
//!
//! Rule: a device never has more messages than the limit; expired ones are removed first and do not count. Each call
//! also removes a few expired messages of other devices, so that those of devices that never return do not pile up.

use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::devices::is_known;
use super::failure::rejection;
use super::writer::{Applied, FREES, JobInfo, WriteContext};
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
        self.enqueue_message(device, message, Sender::None).map(|(dropped, _)| dropped)
    }

    fn enqueue_delivery(&self, delivery: OfflineDelivery) -> Reply<u32> {
        let origin = delivery.origin();
        let OfflineDelivery { sender, receiver, payload, now, ttl_ms, allow_unknown_receiver: to_strangers, .. } =
            delivery;
        let message = QueuedMessage { id: 0, payload, origin, queued_at: now, ttl_ms };
        let sender = Sender::Device { sender, quotas: self.quotas.queue(), to_strangers };
        self.enqueue_message(&receiver, message, sender).map(|(dropped, _)| dropped)
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
        self.enqueue_message(device, message, Sender::None).map(|(dropped, id)| (dropped, Some(id)))
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
        self.execute(RemoveMessages { device: device.clone(), ids })
    }
}

/// [`OfflineQueue::remove`].
#[derive(Serialize, Deserialize)]
pub(super) struct RemoveMessages {
    device: DeviceId,
    ids: Vec<u64>,
}

impl Command for RemoveMessages {
    const KIND: u16 = 11;
    type Output = ();

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        let statement = "DELETE FROM offline_queue WHERE id = ?1 AND device_id = ?2";
        let mut statement = context.connection.prepare_cached(statement)?;
        for id in &self.ids {
            statement.execute((signed(*id), self.device.as_str()))?;
        }
        Ok(())
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// Removes messages that have expired, of any device.
#[derive(Serialize, Deserialize)]
pub(super) struct ExpireMessages {
    now: u64,
    /// At most this many.
    most: u32,
}

impl Command for ExpireMessages {
    const KIND: u16 = 12;
    type Output = u64;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<u64> {
        remove_expired(context.connection, self.now, self.most)
    }

    fn info(&self) -> JobInfo {
        FREES
    }
}

/// Removes at most `most` messages that have expired at `now`, Unix ms.
pub(super) fn remove_expired(connection: &Connection, now: u64, most: u32) -> rusqlite::Result<u64> {
    let sweep = "DELETE FROM offline_queue WHERE id IN (
         SELECT id FROM offline_queue WHERE queued_at + ttl_ms <= ?1 LIMIT ?2)";
    Ok(connection.prepare_cached(sweep)?.execute((signed(now).min(MAX_TTL_MS), most))? as u64)
}

/// On whose behalf a message is queued.
#[derive(Serialize, Deserialize)]
enum Sender {
    /// The server itself, or the message was acknowledged earlier.
    None,
    /// A device, to which quotas apply.
    Device { sender: DeviceId, quotas: QueueQuotas, to_strangers: bool },
}

impl Sender {
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
    /// Removes some of the messages that have expired at `now`, Unix ms; the reply is how many, 0 once there are none.
    pub fn expire_messages(&self, now: u64) -> Reply<u64> {
        self.execute(ExpireMessages { now, most: limits::QUEUE_EXPIRED_AT_ONCE })
    }

    /// Queues a message; the reply is the number of older messages that were dropped for it, and its id.
    fn enqueue_message(&self, device: &DeviceId, message: QueuedMessage, sender: Sender) -> Reply<(u32, u64)> {
        let QueuedMessage { payload, origin, queued_at, ttl_ms, .. } = message;
        let receipt = origin.as_ref().map_or("", |origin| &*origin.receipt);
        let sizes = check_length("a queued message", &payload, 0, limits::MESSAGE_BYTES)
            .and_then(|()| check_length("a notice for the sender", receipt, 0, limits::RECEIPT_BYTES));
        if let Err(error) = sizes {
            return reject(error);
        }
        let (device, max) = (device.clone(), self.quotas.queue_limit());
        self.execute(EnqueueMessage { device, payload, origin, queued_at, ttl_ms, sender, max })
    }
}

/// [`OfflineQueue::enqueue_with_id`] and its like.
#[derive(Serialize, Deserialize)]
pub(super) struct EnqueueMessage {
    device: DeviceId,
    payload: Arc<str>,
    origin: Option<ReceiptTarget>,
    queued_at: u64,
    ttl_ms: u64,
    sender: Sender,
    /// Messages that a device may have.
    max: u32,
}

impl Command for EnqueueMessage {
    const KIND: u16 = 10;
    type Output = (u32, u64);

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<(u32, u64)> {
        let connection = context.connection;
        let (now, ttl) = (signed(self.queued_at).min(MAX_TTL_MS), signed(self.ttl_ms).min(MAX_TTL_MS));
        if let Sender::Device { to_strangers: false, .. } = self.sender
            && !is_known(connection, &self.device)?
        {
            return Err(rejection(StorageError::QuotaExceeded(
                "no device with this id has ever connected, so no message is queued for it".to_owned(),
            )));
        }
        connection
            .prepare_cached("DELETE FROM offline_queue WHERE device_id = ?1 AND queued_at + ttl_ms <= ?2")?
            .execute((self.device.as_str(), now))?;
        remove_expired(connection, self.queued_at, limits::QUEUE_EXPIRED_PER_MESSAGE)?;
        let insert = "INSERT INTO offline_queue (device_id, payload, queued_at, ttl_ms) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(insert)?.execute((self.device.as_str(), &*self.payload, now, ttl))?;
        let id = connection.last_insert_rowid();
        if let Some(ReceiptTarget { sender, receipt }) = &self.origin {
            let insert = "INSERT INTO offline_origins (id, sender, notice) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(insert)?.execute((id, sender.as_str(), &**receipt))?;
        }
        let sender = self.sender().or(self.origin.as_ref().map(|origin| &origin.sender));
        let insert = "INSERT INTO offline_weights (id, sender, bytes) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(insert)?.execute((id, sender.map(DeviceId::as_str), self.payload.len() as i64))?;
        let trim = "DELETE FROM offline_queue WHERE id IN (
             SELECT id FROM offline_queue WHERE device_id = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)";
        let dropped = connection.prepare_cached(trim)?.execute((self.device.as_str(), self.max))?;
        // Checked last: a message that replaces older ones adds nothing.
        self.sender.check(connection)?;
        metrics::counter!("modehost_queue_dropped_total").increment(dropped as u64);
        context.applied(|| Applied::Queued(self.device.clone()));
        Ok((u32::try_from(dropped).unwrap_or(u32::MAX), unsigned(id)))
    }

    fn sender(&self) -> Option<&DeviceId> {
        match &self.sender {
            Sender::Device { sender, .. } => Some(sender),
            Sender::None => None,
        }
    }
}
