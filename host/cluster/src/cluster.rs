//! A node of a cluster, from its start to its end. Rule: nothing is served before the storage contains what was in the
//! log when the node began.
//!
//! Further methods in `cluster/`: [`components`] (files of plugins for all nodes).

mod components;

pub use self::components::ComponentError;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use modehost_ids::DeviceId;
use modehost_storage::traits::{Claims, Directory, Exports, NodeId, Owner, Ownership};
use modehost_storage::{ApplyError, ClusterEvents, LocalDirectory, SqliteStorage, StorageError};
use modehost_task::{IoTask, run_blocking, spawn_io};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::interval;

use crate::answering::Answering;
use crate::append::Stalled;
use crate::calls::{Call, CallError, CallHost, CallResponse, Calling};
use crate::claims::NodeClaims;
use crate::config::{Config, NatsConfig};
use crate::directory::{Background, ClusterDirectory};
use crate::engine::{ClusterError, Engine};
use crate::follow::{Following, Progress};
use crate::host::SessionHost;
use crate::members::{Members, Membership};
use crate::plugin_gate::PluginGate;
use crate::requests::Asking;
use crate::trim::Trim;
use crate::{append, calls, limits, members, snapshot};

/// This node in its cluster. Dropping it ends its part in it.
pub struct Cluster {
    node: NodeId,
    engine: Engine,
    storage: Arc<SqliteStorage>,
    local: LocalDirectory,
    membership: Membership,
    stalled: Arc<Stalled>,
    background: Background,
    news: Arc<News>,
    progress: Progress,
    trim: Trim,
    tasks: Mutex<Vec<IoTask<()>>>,
}

/// What the log has told this node.
#[derive(Default)]
struct News {
    /// Devices that others have taken over, until their sessions have been told.
    moved: Mutex<HashSet<DeviceId>>,
    any_moved: Notify,
    plugins: Arc<PluginGate>,
}

struct Events {
    news: Arc<News>,
    local: LocalDirectory,
}

impl ClusterEvents for Events {
    fn on_moved(&self, device: &DeviceId) {
        self.news.moved.lock().insert(device.clone());
        self.news.any_moved.notify_one();
    }

    fn on_queued(&self, device: &DeviceId) {
        self.local.notify_queued(device);
    }

    fn on_components(&self) {
        self.news.plugins.note_change();
    }
}

impl Cluster {
    /// Joins the cluster: connects to NATS, creates the log or finds it, opens the storage and applies what is in the
    /// log.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn join(
        config: &Config,
        nats: &NatsConfig,
        storage: &modehost_storage::Config,
    ) -> Result<(Arc<SqliteStorage>, Self), ClusterError> {
        let name = config.node.clone().unwrap_or_default();
        let engine = Engine::connect(config, nats).await?;
        members::check_name(&engine, &name).await?;
        let mut tasks = vec![spawn_io(members::hold_name(engine.clone(), name.clone()))];
        let (storage, identity) = open(&engine, nats, storage).await?;

        let node = NodeId::new(format!("{name}@{:08x}", fastrand::u32(..)));
        let (appender, appending) = append::appender(&engine, &node);
        let stalled = appender.stalled();
        let news: Arc<News> = Arc::default();
        let local = LocalDirectory::new();
        let events = Events { news: news.clone(), local: local.clone() };
        storage.replicate(node.clone(), Arc::new(appender), Arc::new(events))?;
        tasks.push(spawn_io(appending.run(Arc::downgrade(&storage))));

        let (membership, running) = Membership::begin(engine.clone(), node.clone(), news.plugins.clone());
        tasks.push(spawn_io(running));

        let (background, running) = Background::new();
        tasks.push(spawn_io(running));

        let begin = storage.log_position().await?.applied;
        let (following, progress) = Following::begin(engine.clone(), storage.clone(), identity.clone(), begin);
        tasks.push(spawn_io(following.run()));
        let (dir, replicas) = (storage_dir(&storage), nats.replicas);
        let trim = Trim { engine: engine.clone(), dir, identity: identity.into(), replicas };
        let tasks = Mutex::new(tasks);
        let cluster = Self {
            node,
            engine,
            storage: storage.clone(),
            local,
            membership,
            stalled,
            background,
            news,
            progress,
            trim,
            tasks,
        };
        cluster.catch_up(begin).await?;
        tracing::info!(node = %cluster.node, cluster = %cluster.engine.cluster, "this node has joined its cluster");
        if !nats.synced {
            tracing::warn!(
                "NATS acknowledges before a command is on disk, unless its servers have `sync_interval: always`, which a \
                 node cannot see: several that lose power at once may lose what devices were told; set it there, and \
                 cluster.nats.synced here"
            );
        }
        Ok((storage, cluster))
    }

    /// Waits until everything is applied that is in the log now.
    async fn catch_up(&self, begin: u64) -> Result<(), ClusterError> {
        let Some((stream, _)) = self.engine.log().await? else { return Ok(()) };
        let last = stream.cached_info().state.last_sequence;
        if last > begin {
            tracing::info!(entries = last - begin, "applying what the other nodes have stored meanwhile");
        }
        let (mut applied, mut failure) = (self.progress.applied.clone(), self.progress.failure.clone());
        let mut progress = interval(limits::DEAD);
        progress.tick().await;
        loop {
            if *applied.borrow_and_update() >= last {
                return Ok(());
            }
            tokio::select! {
                _ = applied.changed() => {}
                _ = progress.tick() => {
                    let left = last.saturating_sub(*applied.borrow());
                    tracing::info!(left, "still applying what the other nodes have stored");
                }
                _ = failure.wait_for(Option::is_some) => {
                    // The line above says why.
                    return Err(ClusterError::Engine("the log of the cluster cannot be applied".to_owned()));
                }
            }
        }
    }

    /// Takes part in the cluster from now on, with the sessions of `host`.
    pub fn serve(&self, host: Arc<dyn SessionHost>) {
        let answering = Answering {
            engine: self.engine.clone(),
            own: self.node.clone(),
            local: self.local.clone(),
            host: host.clone(),
            claims: self.node_claims(),
        };
        let mut tasks = self.tasks.lock();
        tasks.push(spawn_io(answering.run()));
        tasks.push(spawn_io(self.node_claims().take_over(host.clone())));
        tasks.push(spawn_io(self.trim.clone().run(self.node.clone(), self.membership.living.clone())));
        let news = self.news.clone();
        tasks.push(spawn_io(async move {
            loop {
                news.any_moved.notified().await;
                let devices = std::mem::take(&mut *news.moved.lock());
                devices.iter().for_each(|device| host.on_moved(device));
            }
        }));
    }

    /// The id of this run of this node.
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The nodes of the cluster, as this one has heard of them.
    pub fn members(&self) -> Members {
        self.membership.living.borrow().clone()
    }

    /// Ends when a node is not heard of any more.
    pub fn left(&self, node: &NodeId) -> impl Future<Output = ()> + Send + use<> {
        let (mut living, node) = (self.membership.living.clone(), node.clone());
        async move {
            let _ = living.wait_for(|members| !members.lives(&node)).await;
        }
    }

    /// Tells the others whether this node takes sessions. It owns those that it has until they are handed over.
    pub fn set_draining(&self, draining: bool) {
        self.membership.draining.send_replace(draining);
    }

    /// Has other nodes take up the unfinished sessions among these, which have ended here.
    ///
    /// # Errors
    /// If the storage cannot be read.
    pub async fn hand_over(&self, devices: &[DeviceId]) -> Result<(), StorageError> {
        self.node_claims().hand_over(devices).await
    }

    /// The node, other than this one, that owns a device, if it lives.
    ///
    /// # Errors
    /// If the storage cannot be read.
    pub async fn elsewhere(&self, device: &DeviceId) -> Result<Option<NodeId>, StorageError> {
        let owner = self.storage.owner(device).await?.map(|Owner { node, .. }| node);
        Ok(owner.filter(|node| *node != self.node && self.membership.living.borrow().lives(node)))
    }

    /// Has another node answer a call.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, node: &NodeId, call: Call) -> Result<CallResponse, CallError> {
        Calling { engine: self.engine.clone(), living: self.membership.living.clone() }.call(node, call).await
    }

    /// Answers the calls that other nodes forward, until it is dropped.
    pub fn answer_calls(&self, host: Arc<dyn CallHost>) -> impl Future<Output = ()> + Send + use<> {
        calls::answer(self.engine.clone(), self.node.clone(), host)
    }

    /// How many entries of the log this node has applied.
    pub fn applied(&self) -> u64 {
        *self.progress.applied.borrow()
    }

    /// Why nothing can be stored at present, if that is so.
    pub fn trouble(&self) -> Option<String> {
        if !*self.engine.connected.borrow() {
            return Some("there is no connection to the NATS servers of cluster.nats.servers".to_owned());
        }
        if let Some(reason) = self.progress.trouble.borrow().clone() {
            return Some(format!("the log of the cluster cannot be read: {reason}"));
        }
        self.stalled.trouble()
    }

    /// Returns when this node cannot go on, with the reason.
    pub async fn failed(&self) -> Arc<ApplyError> {
        let mut failure = self.progress.failure.clone();
        loop {
            if let Some(error) = failure.borrow_and_update().clone() {
                return error;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The number of changes of the cluster's plugins, as it grows; 1 at the start.
    pub fn plugin_changes(&self) -> watch::Receiver<u64> {
        self.news.plugins.changes()
    }

    /// This node has the plugins that the cluster had after so many changes: devices of other nodes may come.
    pub fn follow_plugins(&self, changes: u64) {
        self.news.plugins.follow(changes);
    }

    /// Claims of this node.
    pub fn claims(&self) -> Arc<dyn Claims> {
        Arc::new(self.node_claims())
    }

    fn node_claims(&self) -> NodeClaims {
        NodeClaims {
            own: self.node.clone(),
            storage: self.storage.clone(),
            living: self.membership.living.clone(),
            asking: Asking::new(&self.engine),
            gate: self.news.plugins.clone(),
            connected: self.engine.connected.clone(),
        }
    }

    /// Connected devices of all nodes.
    pub fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(ClusterDirectory {
            local: self.local.clone(),
            own: self.node.clone(),
            storage: self.storage.clone(),
            living: self.membership.living.clone(),
            asking: Asking::new(&self.engine),
            background: self.background.clone(),
        })
    }
}

#[cfg(test)]
impl Cluster {
    /// For tests of trimming.
    pub(crate) fn trim(&self) -> Trim {
        self.trim.clone()
    }
}

fn storage_dir(storage: &SqliteStorage) -> Arc<Path> {
    storage.dir().into()
}

async fn open_storage(config: &modehost_storage::Config) -> Result<Arc<SqliteStorage>, ClusterError> {
    let config = config.clone();
    let opened = run_blocking(move || SqliteStorage::open(&config)).await;
    Ok(opened.ok_or_else(|| ClusterError::Engine("opening the storage broke off".to_owned()))??)
}

/// Opens the storage so that it can follow the log: with its own data, or with a snapshot. Returns the log's identity.
async fn open(
    engine: &Engine,
    nats: &NatsConfig,
    config: &modehost_storage::Config,
) -> Result<(Arc<SqliteStorage>, String), ClusterError> {
    let dir = config.dir.display().to_string();
    let storage = open_storage(config).await?;
    let position = storage.log_position().await?;
    let fresh = position.log.is_none() && !position.has_data;
    let (stream, identity) = match (engine.log_at_start().await?, &position.log) {
        (None, Some(_)) => return Err(ClusterError::LogGone { stream: engine.stream(), dir }),
        (None, None) => {
            let identity = uuid::Uuid::new_v4().to_string();
            if position.has_data {
                tracing::info!("a new cluster begins with the data of this server");
                snapshot::store(engine, &config.dir, &identity, nats.replicas).await?;
            }
            let created = engine.create_log(&identity, nats.replicas).await?;
            if position.has_data && created.1 != identity {
                return Err(ClusterError::OwnData { dir });
            }
            created
        }
        (Some(_), None) if position.has_data => return Err(ClusterError::OwnData { dir }),
        (Some((_, identity)), Some(own)) if identity != *own => return Err(ClusterError::OtherLog { dir }),
        (Some(found), _) => found,
    };
    let state = &stream.cached_info().state;
    if position.applied > state.last_sequence {
        return Err(ClusterError::OlderLog { last: state.last_sequence, applied: position.applied, dir });
    }
    let behind = position.applied + 1 < state.first_sequence;
    let found = if fresh || behind { snapshot::find(engine, &identity).await } else { None };
    let Some(found) = found.filter(|found| fresh || found.applied > position.applied) else {
        if behind {
            return Err(ClusterError::NoSnapshot { dir });
        }
        if position.log.is_none() {
            storage.set_log(&identity, 0).await?;
        }
        return Ok((storage, identity));
    };
    tracing::info!(mib = found.bytes / 1024 / 1024, "beginning with a snapshot of the cluster");
    run_blocking(move || storage.shutdown()).await;
    let applied = found.applied;
    found.restore(&config.dir).await?;
    let storage = open_storage(config).await?;
    storage.set_log(&identity, applied).await?;
    // Its files of finished work are on the node that made it.
    for kind in storage.kinds().await? {
        storage.mark_all_due(&kind).await?;
    }
    Ok((storage, identity))
}
