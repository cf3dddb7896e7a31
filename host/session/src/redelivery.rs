//! Handing a device what was kept for it, and telling the senders (P.4).
//!
//! Rule: a message leaves the queue once it has been written and its receipt is known, and not
//! before. A connection that ends in between leaves the rest, in order, for the next one; what had
//! arrived without our knowing comes again then. A receipt is told after its messages have left the
//! queue, once for each sender and hand-over; a sender that is away finds it on its own return.

mod gate;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use modehost_outbox::Outbox;
use modehost_storage::traits::{Missed, Origin, Queued};
use modehost_task::{IoTask, spawn_io};
use serde_json::{Map, Value};
use tokio::sync::watch;

use self::gate::Settled;
use crate::clock::unix_ms;
use crate::services::Services;

pub(crate) use self::gate::Gate;

/// One hand-over, from the first look at the queue to the notices. It ends by itself: with the
/// queue, or with the connection.
pub(crate) struct HandOver {
    pub(crate) services: Services,
    pub(crate) device: DeviceId,
    pub(crate) outbox: Outbox,
    pub(crate) gate: Arc<Gate>,
    /// The one before, which must have said what arrived before the queue is looked at.
    pub(crate) before: Option<IoTask<()>>,
}

/// How far a page came.
struct Page {
    /// As many of the messages as are known to have arrived, oldest first.
    arrived: usize,
    /// The connection takes more.
    goes_on: bool,
}

impl HandOver {
    /// Hands over in a task of its own, so that a slow device does not hold up its session.
    pub(crate) fn start(self) -> IoTask<()> {
        // Boxed, so that a hand-over which is long over leaves no room taken in its session.
        spawn_io(Box::pin(self.run()))
    }

    async fn run(mut self) {
        if let Some(before) = self.before.take() {
            before.join().await;
        }
        let mut counts = BTreeMap::new();
        self.empty_queue(&mut counts).await;
        tell_senders(&self.services, &self.device, counts).await;
    }

    /// Page after page until nothing waits, or the connection is over.
    async fn empty_queue(&self, counts: &mut BTreeMap<Origin, u64>) {
        let queue = &self.services.queue;
        loop {
            self.gate.look();
            let mut waiting = match queue.waiting(&self.device, unix_ms()).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::error!(device = %self.device, %error, "queued messages cannot be read; they stay queued");
                    return self.gate.give_up();
                }
            };
            if waiting.is_empty() {
                match self.gate.settle() {
                    Settled::Open => return,
                    Settled::Again => {}
                    Settled::Expected => self.gate.expect(limits::STORAGE_REPLY).await,
                }
                continue;
            }
            if !self.gate.answered().await {
                return;
            }
            let page = self.hand(&waiting).await;
            waiting.truncate(page.arrived);
            let ids = waiting.iter().map(|message| message.id).collect();
            if let Err(error) = queue.remove(&self.device, ids).await {
                if !error.is_told() {
                    tracing::error!(device = %self.device, %error, "delivered messages stay queued and will come again");
                }
                return self.gate.give_up();
            }
            metrics::counter!("modehost_queue_handed_over_total").increment(waiting.len() as u64);
            for origin in waiting.into_iter().filter_map(|message| message.origin) {
                *counts.entry(origin).or_default() += 1;
            }
            if !page.goes_on {
                return;
            }
        }
    }

    /// Writes a page and waits until it is known how much of it has arrived.
    async fn hand(&self, page: &[Queued]) -> Page {
        let (progress, mut reached) = watch::channel(0);
        let put = (1..)
            .zip(page)
            .take_while(|(number, message)| self.outbox.marked(message.payload.clone(), &progress, *number).is_ok());
        let goes_on = put.count() == page.len();
        drop(progress);
        let all = page.len() as u64;
        tokio::select! {
            // An error says that the connection is over, and with it every mark.
            _ = reached.wait_for(|reached| *reached == all) => {}
            () = self.gate.over() => {}
        }
        let arrived = usize::try_from(*reached.borrow()).unwrap_or(0).min(page.len());
        Page { arrived, goes_on: goes_on && arrived == page.len() }
    }
}

/// Tells each sender that wants to hear of it how many messages have arrived. What cannot be told
/// is only logged: the messages themselves are there.
async fn tell_senders(services: &Services, receiver: &DeviceId, counts: BTreeMap<Origin, u64>) {
    for (origin, count) in counts {
        let Some(receipt) = written(&origin.receipt, receiver, count) else { continue };
        let outcome = match services.directory.deliver(&origin.sender, &receipt, None).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Missed::Away | Missed::Refused | Missed::Behind)) => {
                let ttl = u64::try_from(limits::NOTICE_KEPT.as_millis()).unwrap_or(u64::MAX);
                let kept = services.queue.enqueue(&origin.sender, receipt, unix_ms(), ttl).await;
                services.directory.queued(&origin.sender);
                kept.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome
            && !error.is_told()
        {
            tracing::warn!(device = %origin.sender, %receiver, %error, "the sender is not told of a redelivery");
        }
    }
}

/// The receipt with who got how many messages.
fn written(receipt: &str, receiver: &DeviceId, count: u64) -> Option<Arc<str>> {
    let mut object: Map<String, Value> = serde_json::from_str(receipt).ok()?;
    object.insert("to".to_owned(), receiver.as_str().into());
    object.insert("count".to_owned(), count.into());
    Some(Value::Object(object).to_string().into())
}
