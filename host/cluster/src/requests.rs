//! What nodes ask each other. Rule: a request that is not answered in time has failed; whoever asks must be right without
//! the answer, too. Requests are postcard behind a version; one of another version is not answered.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use modehost_ids::DeviceId;
use modehost_storage::traits::{Audience, DeliveryError, Directory, NodeId};
use modehost_task::IoTasks;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::engine::Engine;
use crate::host::SessionHost;
use crate::limits;

const VERSION: u8 = 1;

/// A request to one node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Save the session of this device and end it: the sender is about to claim it.
    LetGo(DeviceId),
    /// As [`Directory::deliver`], for a device that this node owns.
    Deliver { device: DeviceId, message: Arc<str>, supersedes: Option<Arc<str>> },
    /// As [`Directory::broadcast`], to the devices of this node.
    Broadcast {
        /// These devices only, or all but these.
        only: bool,
        devices: Vec<DeviceId>,
        message: Arc<str>,
        supersedes: Option<Arc<str>>,
    },
    /// As [`Directory::notify_queued`].
    Queued(DeviceId),
    /// Its connected devices.
    Devices,
    /// Their number.
    Connected,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    Delivered(Delivered),
    Count(u64),
    Devices(Vec<DeviceId>),
}

/// Outcome of [`Request::Deliver`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Delivered {
    Sent,
    Offline,
    Rejected,
    QueueFirst,
}

impl From<Result<(), DeliveryError>> for Delivered {
    fn from(outcome: Result<(), DeliveryError>) -> Self {
        match outcome {
            Ok(()) => Self::Sent,
            Err(DeliveryError::Offline) => Self::Offline,
            Err(DeliveryError::Rejected) => Self::Rejected,
            Err(DeliveryError::QueueFirst) => Self::QueueFirst,
        }
    }
}

impl From<Delivered> for Result<(), DeliveryError> {
    fn from(outcome: Delivered) -> Self {
        match outcome {
            Delivered::Sent => Ok(()),
            Delivered::Offline => Err(DeliveryError::Offline),
            Delivered::Rejected => Err(DeliveryError::Rejected),
            Delivered::QueueFirst => Err(DeliveryError::QueueFirst),
        }
    }
}

/// Asks other nodes.
#[derive(Clone)]
pub(crate) struct Asking {
    engine: Engine,
}

impl Asking {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone() }
    }

    fn subject(&self, node: &NodeId) -> String {
        self.engine.subject(&format!("to.{node}"))
    }

    /// The answer of a node, or none within `patience`.
    pub(crate) async fn ask(&self, node: &NodeId, request: &Request, patience: Duration) -> Option<Answer> {
        let asking = self.engine.client.request(self.subject(node), encode(request)?);
        let message = timeout(patience, asking).await.ok()?.ok()?;
        decode(&message.payload)
    }

    /// Tells a node something that needs no answer.
    pub(crate) async fn tell(&self, node: &NodeId, request: &Request) {
        if let Some(payload) = encode(request) {
            // Whoever is told does without it as well.
            let _ = self.engine.client.publish(self.subject(node), payload).await;
        }
    }
}

fn encode(value: &impl Serialize) -> Option<Bytes> {
    postcard::to_extend(value, vec![VERSION]).ok().map(Into::into)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (version, rest) = bytes.split_first()?;
    (*version == VERSION).then(|| postcard::from_bytes(rest).ok()).flatten()
}

/// Answers the requests of other nodes.
#[derive(Clone)]
pub(crate) struct Answering<D> {
    pub(crate) engine: Engine,
    pub(crate) own: NodeId,
    /// The devices connected here.
    pub(crate) local: D,
    pub(crate) host: Arc<dyn SessionHost>,
}

impl<D: Directory + Clone + Send + Sync + 'static> Answering<D> {
    /// Answers until it is dropped.
    pub(crate) async fn run(self) {
        let subject = self.engine.subject(&format!("to.{}", self.own));
        while let Ok(requests) = self.engine.client.subscribe(subject.clone()).await {
            self.serve(requests).await;
        }
    }

    async fn serve(&self, mut requests: Subscriber) {
        let mut running = IoTasks::default();
        loop {
            tokio::select! {
                Some(()) = running.next_end(), if !running.is_empty() => {}
                message = requests.next(), if running.len() < limits::REQUESTS => {
                    let Some(message) = message else { return };
                    let Some(request) = decode::<Request>(&message.payload) else { continue };
                    let answering = self.clone();
                    running.spawn(async move {
                        let answer = answering.answer(request).await;
                        if let (Some(reply), Some(payload)) = (message.reply, answer.and_then(|answer| encode(&answer))) {
                            let _ = answering.engine.client.publish(reply, payload).await;
                        }
                    });
                }
            }
        }
    }

    async fn answer(&self, request: Request) -> Option<Answer> {
        match request {
            Request::LetGo(device) => self.host.let_go(device).await,
            Request::Deliver { device, message, supersedes } => {
                let outcome = self.local.deliver(&device, &message, supersedes.as_ref()).await.ok()?;
                return Some(Answer::Delivered(outcome.into()));
            }
            Request::Broadcast { only, devices, message, supersedes } => {
                let audience = if only { Audience::Only(devices.into()) } else { Audience::AllBut(devices.into()) };
                let count = self.local.broadcast(audience, &message, supersedes.as_ref()).await.ok()?;
                return Some(Answer::Count(count as u64));
            }
            Request::Queued(device) => self.local.notify_queued(&device),
            Request::Devices => return Some(Answer::Devices(self.local.devices().await.ok()?)),
            Request::Connected => return Some(Answer::Count(self.local.connected().await.ok()? as u64)),
        }
        Some(Answer::Done)
    }
}
