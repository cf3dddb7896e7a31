//! Connected devices of all nodes.
//!
//! Rule: a device is asked for where its owner says it is. A node that does not answer counts as one where the device is
//! not connected, so that a message is queued rather than lost: if the node had delivered it and died before it said so,
//! the device gets it twice.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use modehost_ids::DeviceId;
use modehost_storage::traits::{Audience, DeliveryError, Directory, Mailbox, NodeId, Owner, Ownership, Registration};
use modehost_storage::{LocalDirectory, Reply, SqliteStorage, StorageError};
use modehost_task::IoTasks;
use tokio::sync::mpsc;

use crate::limits;
use crate::members::Living;
use crate::requests::{Answer, Asking, Request};

/// The devices of this node, and of those that it asks.
#[derive(Clone)]
pub(crate) struct ClusterDirectory {
    pub(crate) local: LocalDirectory,
    pub(crate) own: NodeId,
    pub(crate) storage: Arc<SqliteStorage>,
    pub(crate) living: Living,
    pub(crate) asking: Asking,
    pub(crate) background: Background,
}

impl ClusterDirectory {
    /// The node, other than this one, that owns the device. One that is gone is known to NATS as such, and is not waited
    /// for.
    async fn elsewhere(&self, device: &DeviceId) -> Result<Option<NodeId>, StorageError> {
        let owner = self.storage.owner(device).await?;
        Ok(owner.map(|Owner { node, .. }| node).filter(|node| *node != self.own))
    }

    fn others(&self) -> Vec<NodeId> {
        self.living.borrow().living.iter().filter(|node| **node != self.own).cloned().collect()
    }

    /// The answers of all other nodes.
    async fn ask_all(self, request: Request) -> Vec<Answer> {
        let nodes = self.others();
        let asked = nodes.iter().map(|node| self.asking.ask(node, &request, limits::ANSWER));
        join_all(asked).await.into_iter().flatten().collect()
    }
}

impl Directory for ClusterDirectory {
    fn register(&self, device: &DeviceId, mailbox: Arc<dyn Mailbox>) -> Registration {
        self.local.register(device, mailbox)
    }

    fn deliver(
        &self,
        device: &DeviceId,
        message: &Arc<str>,
        supersedes: Option<&Arc<str>>,
    ) -> Reply<Result<(), DeliveryError>> {
        // At once, so that messages for a device of this node keep their order.
        let here = self.local.deliver(device, message, supersedes);
        let (all, device) = (self.clone(), device.clone());
        let request =
            Request::Deliver { device: device.clone(), message: message.clone(), supersedes: supersedes.cloned() };
        Reply::from_future(async move {
            let outcome = here.await?;
            if outcome != Err(DeliveryError::Offline) {
                return Ok(outcome);
            }
            let Some(node) = all.elsewhere(&device).await? else { return Ok(outcome) };
            match all.asking.ask(&node, &request, limits::ANSWER).await {
                Some(Answer::Delivered(delivered)) => Ok(delivered.into()),
                _ => Ok(outcome),
            }
        })
    }

    fn notify_queued(&self, device: &DeviceId) {
        self.local.notify_queued(device);
        let (all, device) = (self.clone(), device.clone());
        // A node hears of every message that was queued; this is for those that could not be.
        self.background.run(async move {
            if let Ok(Some(node)) = all.elsewhere(&device).await {
                all.asking.tell(&node, &Request::Queued(device)).await;
            }
        });
    }

    fn broadcast(&self, wanted: Audience, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Reply<usize> {
        let (only, devices) = match &wanted {
            Audience::Only(devices) => (true, devices.to_vec()),
            Audience::AllBut(devices) => (false, devices.to_vec()),
        };
        let here = self.local.broadcast(wanted, message, supersedes);
        let request = Request::Broadcast { only, devices, message: message.clone(), supersedes: supersedes.cloned() };
        let (sender, reply) = Reply::channel();
        let asking = self.clone().ask_all(request);
        // Also if nobody waits for the count.
        self.background.run(async move {
            let (here, there) = (here.await, asking.await);
            let _ = sender.send(here.map(|here| here + count(&there)));
        });
        reply
    }

    fn devices(&self) -> Reply<Vec<DeviceId>> {
        let (here, asking) = (self.local.devices(), self.clone().ask_all(Request::Devices));
        Reply::from_future(async move {
            let mut devices = here.await?;
            for answer in asking.await {
                if let Answer::Devices(more) = answer {
                    devices.extend(more);
                }
            }
            Ok(devices)
        })
    }

    fn connected(&self) -> Reply<usize> {
        let (here, asking) = (self.local.connected(), self.clone().ask_all(Request::Connected));
        Reply::from_future(async move { Ok(here.await? + count(&asking.await)) })
    }
}

fn count(answers: &[Answer]) -> usize {
    let counts = answers.iter().map(|answer| match answer {
        Answer::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
        _ => 0,
    });
    counts.sum()
}

/// Work that nobody waits for, a bounded amount of it.
#[derive(Clone)]
pub(crate) struct Background(mpsc::Sender<BoxFuture<'static, ()>>);

impl Background {
    /// The second part runs it.
    pub(crate) fn new() -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (sender, mut waiting) = mpsc::channel::<BoxFuture<'static, ()>>(limits::WAITING);
        let running = async move {
            let mut running = IoTasks::default();
            loop {
                tokio::select! {
                    Some(()) = running.next_end(), if !running.is_empty() => {}
                    work = waiting.recv(), if running.len() < limits::REQUESTS => match work {
                        Some(work) => running.spawn(work),
                        None => return,
                    },
                }
            }
        };
        (Self(sender), running)
    }

    fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Too much of it is dropped, as messages between nodes may be.
        let _ = self.0.try_send(work.boxed());
    }
}
