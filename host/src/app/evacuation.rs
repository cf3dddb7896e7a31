//! Handing all sessions of this node over to the others, so that it can be stopped without anybody waiting for it.
//!
//! Rule: new devices are refused from the first moment; sessions end at a bounded rate, each saved before its device may
//! connect elsewhere. Only whoever asked for it ends it again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use modehost_cluster::Cluster;
use modehost_ids::DeviceId;
use modehost_session::Registry;
use modehost_task::{IoTask, spawn_io};
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use super::health::Health;
use crate::limits;

/// What a node does with its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It serves.
    Serving,
    /// It hands them over.
    Draining,
    /// It has handed them over, and takes none.
    Drained,
}

/// The sessions of this node on their way to others. Dropping it ends that where it is.
pub struct Evacuation {
    cluster: Arc<Cluster>,
    registry: Arc<Registry>,
    health: Arc<Health>,
    running: Mutex<Option<IoTask<()>>>,
}

/// Nobody else would take the sessions.
#[derive(Debug, thiserror::Error)]
#[error("no other node of the cluster takes sessions; start another one first, or stop this one, which saves them")]
pub struct NobodyElse;

impl Evacuation {
    /// It has not begun.
    pub fn new(cluster: Arc<Cluster>, registry: Arc<Registry>, health: Arc<Health>) -> Self {
        Self { cluster, registry, health, running: Mutex::new(None) }
    }

    /// Begins, or goes on at another rate: so many sessions a second.
    ///
    /// # Errors
    /// If there is no other node that takes sessions.
    pub fn begin(&self, per_second: u32) -> Result<(), NobodyElse> {
        let own = self.cluster.node();
        if !self.cluster.members().taking().iter().any(|node| node != own) {
            return Err(NobodyElse);
        }
        tracing::info!(
            sessions = self.registry.counts().sessions,
            per_second,
            "handing all sessions over to other nodes"
        );
        self.cluster.set_draining(true);
        self.registry.set_evacuating(true);
        self.health.evacuating(true);
        let (cluster, registry) = (self.cluster.clone(), self.registry.clone());
        *self.running.lock() = Some(spawn_io(hand_over(cluster, registry, per_second)));
        Ok(())
    }

    /// The node serves again.
    pub fn end(&self) {
        let running = self.running.lock().take();
        drop(running);
        self.registry.set_evacuating(false);
        self.cluster.set_draining(false);
        self.health.evacuating(false);
    }

    /// What this node does with its sessions.
    pub fn stage(&self) -> Stage {
        match &*self.running.lock() {
            None => Stage::Serving,
            Some(task) if task.is_finished() => Stage::Drained,
            Some(_) => Stage::Draining,
        }
    }
}

/// Ends sessions until there are none.
async fn hand_over(cluster: Arc<Cluster>, registry: Arc<Registry>, per_second: u32) {
    let batches = u32::try_from(Duration::from_secs(1).as_millis() / limits::EVACUATION_INTERVAL.as_millis());
    let batch = per_second.div_ceil(batches.unwrap_or(1)).max(1);
    let mut tick = interval(limits::EVACUATION_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Those that began meanwhile, and those that were busy, are in the next round.
        let devices: Vec<DeviceId> =
            registry.sessions().into_iter().map(|session| DeviceId::new(session.device)).collect();
        if devices.is_empty() {
            break;
        }
        for devices in devices.chunks(usize::try_from(batch).unwrap_or(1)) {
            tick.tick().await;
            join_all(devices.iter().map(|device| registry.let_go(device))).await;
            if let Err(error) = cluster.hand_over(devices).await {
                tracing::warn!(%error, "unfinished sessions are taken up by other nodes when this one has stopped");
            }
        }
    }
    tracing::info!("all sessions are handed over: this node may be stopped");
}
