//! What nodes ask each other. Rule: a request that is not answered in time has failed; whoever asks must be right without
//! the answer, too. Requests are postcard behind a version; one of another version is not answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use modehost_ids::DeviceId;
use modehost_storage::traits::{DeliveryError, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::engine::Engine;

const VERSION: u8 = 1;

/// A request to one node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Save the session of this device and end it: the sender is about to claim it from the owner of this epoch.
    LetGo { device: DeviceId, epoch: u64 },
    /// Take up the unfinished session of this device, which `from` has ended.
    TakeUp { device: DeviceId, from: NodeId },
    /// As [`modehost_storage::traits::Directory::deliver`], for a device that this node owns.
    Deliver { device: DeviceId, message: Arc<str>, supersedes: Option<Arc<str>> },
    /// As [`modehost_storage::traits::Directory::broadcast`], to the devices of this node.
    Broadcast {
        /// These devices only, or all but these.
        only: bool,
        devices: Vec<DeviceId>,
        message: Arc<str>,
        supersedes: Option<Arc<str>>,
    },
    /// As [`modehost_storage::traits::Directory::notify_queued`].
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

pub(crate) fn encode(value: &impl Serialize) -> Option<Bytes> {
    postcard::to_extend(value, vec![VERSION]).ok().map(Into::into)
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (version, rest) = bytes.split_first()?;
    (*version == VERSION).then(|| postcard::from_bytes(rest).ok()).flatten()
}
