//! Who may write for a device where several nodes share the data. Rule: a device has one owner at a time, and what an
//! earlier owner sends is refused.

use std::fmt;
use std::sync::Arc;

use modehost_ids::DeviceId;
use serde::{Deserialize, Serialize};

use crate::reply::Reply;

/// One run of one node of a cluster: a node that starts anew is another.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// `name` as configured, and what distinguishes this run of it, joined by `@`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The configured name of the node.
    pub fn name(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(name, _)| name)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The owner of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The node that runs its session.
    pub node: NodeId,
    /// Higher than that of every owner before, of any device.
    pub epoch: u64,
}

/// Outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The claimant owns the device, in this epoch.
    Owned(u64),
    /// It was to be taken from a node that does not own it; this one does.
    OwnedBy(Owner),
}

/// Owners of devices.
pub trait Ownership: Send + Sync {
    /// Makes a node the owner of a device; only if `from` owns it or nobody does, where `from` is given. A claim by the
    /// owner itself keeps the epoch. The reply comes when this storage contains everything that earlier owners have
    /// written.
    fn claim(&self, device: &DeviceId, node: &NodeId, from: Option<&NodeId>) -> Reply<Claim>;

    /// The owner of a device, as far as this node knows.
    fn owner(&self, device: &DeviceId) -> Reply<Option<Owner>>;

    /// Devices with unfinished sessions that none of these nodes owns, with their owners.
    fn unserved(&self, nodes: Vec<NodeId>) -> Reply<Vec<(DeviceId, Option<NodeId>)>>;
}

/// Devices of this process. A session of an epoch that is not the present one is of the past, in memory too: others may
/// have served the device since.
pub trait Claims: Send + Sync {
    /// Makes this process the one that serves a device, and returns the epoch; whatever served it before has saved its
    /// state. At once where there is only one process.
    fn claim(&self, device: &DeviceId) -> Reply<u64>;

    /// The epoch in which this process serves the device now, as far as it knows; none if it does not.
    fn epoch(&self, device: &DeviceId) -> Option<u64>;
}
