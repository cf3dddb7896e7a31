//! Devices that come to this node, and sessions of nodes that died. Rule: nothing runs for a device here before the log
//! says that this node owns it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use modehost_ids::DeviceId;
use modehost_storage::traits::{Claim, Claims, NodeId, Owner, Ownership};
use modehost_storage::{Reply, SqliteStorage, StorageError};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

use crate::host::SessionHost;
use crate::limits;
use crate::members::Living;
use crate::plugin_gate::PluginGate;
use crate::requests::{Asking, Request};

/// Claims of this node.
#[derive(Clone)]
pub(crate) struct NodeClaims {
    pub(crate) own: NodeId,
    pub(crate) storage: Arc<SqliteStorage>,
    pub(crate) living: Living,
    pub(crate) asking: Asking,
    pub(crate) gate: Arc<PluginGate>,
    /// Whether there is a connection to NATS.
    pub(crate) connected: watch::Receiver<bool>,
}

impl Claims for NodeClaims {
    fn claim(&self, device: &DeviceId) -> Reply<u64> {
        let (claims, device) = (self.clone(), device.clone());
        Reply::from_future(async move {
            let owner = match claims.storage.owned_epoch(&device) {
                None => None,
                Some(epoch) => match claims.confirm(&device, epoch).await? {
                    Confirmed::Still(epoch) => return Ok(epoch),
                    Confirmed::Replaced(owner) => Some(owner),
                },
            };
            claims.ready().await?;
            let owner = match owner {
                Some(owner) => Some(owner),
                None => claims.storage.owner(&device).await?,
            };
            claims.claim_from(&device, owner).await
        })
    }

    fn epoch(&self, device: &DeviceId) -> Option<u64> {
        self.storage.owned_epoch(device)
    }
}

/// What the log says of a device that this node takes for its own.
enum Confirmed {
    /// In this epoch.
    Still(u64),
    /// By this owner.
    Replaced(Owner),
}

impl NodeClaims {
    /// Asks the log whether this node still owns a device: it may have been stopped, or cut off, while another claimed it.
    /// Where NATS is away nobody can be asked; then the device is served, since nothing that it does can be stored anyway.
    async fn confirm(&self, device: &DeviceId, epoch: u64) -> Result<Confirmed, StorageError> {
        self.connected().await;
        // Behind everything that is in the log by now.
        let claim = self.storage.claim(device, &self.own, Some(&self.own));
        match timeout(limits::CONFIRM, claim).await {
            Ok(Ok(Claim::OwnedBy(owner))) => Ok(Confirmed::Replaced(owner)),
            Ok(Ok(Claim::Owned(now))) => Ok(Confirmed::Still(now)),
            Ok(Err(_)) => Ok(Confirmed::Still(epoch)),
            // What this node has in memory may be of the past.
            Err(_) => Err(StorageError::Unavailable("the log of the cluster is not read yet".into())),
        }
    }

    /// Waits for a moment: a NATS server that has died is replaced by another.
    async fn connected(&self) {
        let mut connected = self.connected.clone();
        let _ = timeout(limits::RECONNECT, connected.wait_for(|connected| *connected)).await;
    }

    /// Waits for NATS and for the plugins of the cluster, for a bounded time.
    async fn ready(&self) -> Result<(), StorageError> {
        self.connected().await;
        if !self.gate.wait().await {
            let why = "this node has not got all plugins of its cluster yet; /readyz says more";
            return Err(StorageError::Unavailable(why.into()));
        }
        Ok(())
    }

    /// Claims a device, whose owner may save its session before.
    async fn claim_from(&self, device: &DeviceId, owner: Option<Owner>) -> Result<u64, StorageError> {
        // One that is gone is known to NATS as such, and is not waited for.
        if let Some(Owner { node, epoch }) = owner {
            // Without its answer, what it has not saved yet is lost, as when it dies.
            let request = Request::LetGo { device: device.clone(), epoch };
            self.asking.ask(&node, &request, limits::LET_GO).await;
        }
        let claim = self.storage.claim(device, &self.own, None).await?;
        // What the node before may have had already; then it is the same a moment later.
        self.gate.wait().await;
        match claim {
            Claim::Owned(epoch) => Ok(epoch),
            Claim::OwnedBy(_) => Err(StorageError::Moved),
        }
    }

    /// Takes up unfinished sessions that no living node owns, spread over the living, until it is dropped.
    pub(crate) async fn take_over(mut self, host: Arc<dyn SessionHost>) {
        // Until the others have been heard.
        sleep(limits::LISTEN).await;
        let mut tick = interval(limits::LOOK);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                changed = self.living.changed() => if changed.is_err() { return },
            }
            let members = self.living.borrow_and_update().clone();
            let taking = members.taking();
            let unserved = match self.storage.unserved(members.living).await {
                Ok(unserved) => unserved,
                Err(error) => {
                    tracing::error!(%error, "unfinished sessions of other nodes cannot be found");
                    continue;
                }
            };
            let mut taken = 0;
            for (device, owner) in unserved {
                if chosen(&device, &taking) == Some(&self.own) && self.take(&device, owner).await {
                    host.resume(device).await;
                    taken += 1;
                }
            }
            if taken > 0 {
                tracing::info!(sessions = taken, "took over unfinished sessions");
            }
        }
    }

    /// Has other nodes take up the unfinished sessions among these, which have ended here.
    pub(crate) async fn hand_over(&self, devices: &[DeviceId]) -> Result<(), StorageError> {
        let members = self.living.borrow().clone();
        let others = |nodes: Vec<NodeId>| nodes.into_iter().filter(|node| *node != self.own).collect::<Vec<_>>();
        let (others, taking) = (others(members.living.clone()), others(members.taking()));
        let unserved = self.storage.unserved(others).await?;
        for (device, _) in
            unserved.into_iter().filter(|(device, owner)| owner.as_ref() == Some(&self.own) && devices.contains(device))
        {
            let Some(node) = chosen(&device, &taking) else { continue };
            // One that does not answer takes it up when this node has ended.
            self.asking.ask(node, &Request::TakeUp { device, from: self.own.clone() }, limits::ANSWER).await;
        }
        Ok(())
    }

    /// Claims a device from an owner that is gone, or has let it go. False if somebody else has it by now, or if this node
    /// lacks plugins of the cluster.
    pub(crate) async fn take(&self, device: &DeviceId, owner: Option<NodeId>) -> bool {
        if !self.gate.wait().await {
            return false;
        }
        // No node has an empty id: only if nobody owns the device.
        let from = owner.unwrap_or_else(|| NodeId::new(""));
        matches!(self.storage.claim(device, &self.own, Some(&from)).await, Ok(Claim::Owned(_)))
    }
}

/// The living node that takes up what nobody serves: for each device the one with the highest hash with it, so that all
/// agree, and few devices change hands when a node comes or goes. If they disagree for a moment, the log decides.
fn chosen<'n>(device: &DeviceId, living: &'n [NodeId]) -> Option<&'n NodeId> {
    living.iter().max_by_key(|node| {
        let mut hasher = DefaultHasher::new();
        (node.name(), device.as_str()).hash(&mut hasher);
        hasher.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_spread_and_stay_where_they_are_when_another_node_goes() {
        let nodes: Vec<NodeId> = ["a@1", "b@1", "c@1"].map(NodeId::new).into();
        let (mut counts, mut moved) = ([0; 3], 0);
        for number in 0..3000 {
            let device = DeviceId::new(format!("device-{number}"));
            let place = nodes.iter().position(|node| Some(node) == chosen(&device, &nodes)).expect("a node");
            counts[place] += 1;
            moved += u32::from(place != 2 && chosen(&device, &nodes[..2]) != Some(&nodes[place]));
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        assert_eq!(moved, 0);
        assert_eq!(chosen(&DeviceId::new("d"), &[]), None);
    }
}
