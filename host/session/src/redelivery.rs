//! Draining the queue of a device, and receipts for the senders (P.4).
//!
//! Rule: a message leaves the queue once it has been written and acknowledged, and not before. A connection that ends
//! in between leaves the rest, in order, for the next one; messages that arrived unacknowledged are sent again. A
//! receipt is sent after its messages have left the queue, one for each sender and drain; a sender that is offline gets
//! it from its own queue.

mod delivery_gate;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use modehost_outbox::Outbox;
use modehost_storage::traits::{DeliveryError, QueuedMessage, ReceiptTarget};
use modehost_task::{IoTask, spawn_io};
use serde_json::{Map, Value};
use tokio::sync::watch;

use self::delivery_gate::OpenResult;
use crate::clock::unix_ms;
use crate::services::Services;

pub(crate) use self::delivery_gate::DeliveryGate;

/// One drain, from the first read of the queue to the receipts. It ends with the queue, or with the connection.
pub(crate) struct BacklogDrain {
    pub(crate) services: Services,
    pub(crate) device: DeviceId,
    pub(crate) outbox: Outbox,
    pub(crate) gate: Arc<DeliveryGate>,
    /// The previous drain, which must have collected its acknowledgements before the queue is read.
    pub(crate) previous: Option<IoTask<()>>,
}

/// The result of sending one page.
struct Page {
    /// Acknowledged messages, counted from the oldest.
    acked: usize,
    /// The connection accepts more.
    continues: bool,
}

impl BacklogDrain {
    /// Runs in a task of its own, so that a slow device does not block its session.
    pub(crate) fn start(self) -> IoTask<()> {
        // Boxed, so that a finished drain takes no space in its session.
        spawn_io(Box::pin(self.run()))
    }

    async fn run(mut self) {
        if let Some(previous) = self.previous.take() {
            previous.join().await;
        }
        let mut counts = BTreeMap::new();
        self.drain_queue(&mut counts).await;
        send_receipts(&self.services, &self.device, counts).await;
    }

    /// Sends page after page until the queue is empty or the connection has ended.
    async fn drain_queue(&self, counts: &mut BTreeMap<ReceiptTarget, u64>) {
        let queue = &self.services.queue;
        loop {
            self.gate.mark_read();
            let mut waiting = match queue.next_page(&self.device, unix_ms()).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::error!(device = %self.device, %error, "queued messages cannot be read; they stay queued");
                    return self.gate.force_open();
                }
            };
            if waiting.is_empty() {
                match self.gate.try_open() {
                    OpenResult::Opened => return,
                    OpenResult::QueueChanged => {}
                    OpenResult::EnqueuePending => self.gate.wait_for_enqueue(limits::STORAGE_TIMEOUT).await,
                }
                continue;
            }
            if !self.gate.wait_ready().await {
                return;
            }
            let page = self.send_page(&waiting).await;
            waiting.truncate(page.acked);
            let ids = waiting.iter().map(|message| message.id).collect();
            if let Err(error) = queue.remove(&self.device, ids).await {
                if !error.is_logged_by_storage() {
                    tracing::error!(device = %self.device, %error, "delivered messages stay queued and will come again");
                }
                return self.gate.force_open();
            }
            metrics::counter!("modehost_queue_handed_over_total").increment(waiting.len() as u64);
            for origin in waiting.into_iter().filter_map(|message| message.origin) {
                *counts.entry(origin).or_default() += 1;
            }
            if !page.continues {
                return;
            }
        }
    }

    /// Writes a page and waits until it is known how much of it was acknowledged.
    async fn send_page(&self, page: &[QueuedMessage]) -> Page {
        let (progress, mut reached) = watch::channel(0);
        let put = (1..).zip(page).take_while(|(number, message)| {
            self.outbox.text_with_marker(message.payload.clone(), &progress, *number).is_ok()
        });
        let continues = put.count() == page.len();
        drop(progress);
        let all = page.len() as u64;
        tokio::select! {
            // An error means that the connection has ended, and with it every ack marker.
            _ = reached.wait_for(|reached| *reached == all) => {}
            () = self.gate.acks_closed() => {}
        }
        let acked = usize::try_from(*reached.borrow()).unwrap_or(0).min(page.len());
        Page { acked, continues: continues && acked == page.len() }
    }
}

/// Sends each sender that asked for it a receipt with the number of delivered messages. A failure is only logged: the
/// messages themselves have arrived.
async fn send_receipts(services: &Services, receiver: &DeviceId, counts: BTreeMap<ReceiptTarget, u64>) {
    for (origin, count) in counts {
        let Some(receipt) = fill_receipt(&origin.receipt, receiver, count) else { continue };
        let outcome = match services.directory.deliver(&origin.sender, &receipt, None).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(DeliveryError::Offline | DeliveryError::Rejected | DeliveryError::QueueFirst)) => {
                let ttl = u64::try_from(limits::RECEIPT_TTL.as_millis()).unwrap_or(u64::MAX);
                let kept = services.queue.enqueue(&origin.sender, receipt, unix_ms(), ttl).await;
                services.directory.notify_queued(&origin.sender);
                kept.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome
            && !error.is_logged_by_storage()
        {
            tracing::warn!(device = %origin.sender, %receiver, %error, "the sender is not told of a redelivery");
        }
    }
}

/// The receipt, with receiver and count filled in.
fn fill_receipt(receipt: &str, receiver: &DeviceId, count: u64) -> Option<Arc<str>> {
    let mut object: Map<String, Value> = serde_json::from_str(receipt).ok()?;
    object.insert("to".to_owned(), receiver.as_str().into());
    object.insert("count".to_owned(), count.into());
    Some(Value::Object(object).to_string().into())
}
