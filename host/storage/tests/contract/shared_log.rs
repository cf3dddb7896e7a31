//! A log in memory that several storages follow, as the nodes of a cluster do.
//!
//! Rule: an entry gets its place in the log when it is appended, and each node gets all entries in that order; when a
//! node gets them is up to the test.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_lite::future::block_on;
use modehost_ids::DeviceId;
use modehost_storage::traits::NodeId;
use modehost_storage::{ApplyError, ClusterEvents, CommandLog, Config, LogEntry, SqliteStorage, StorageError};
use parking_lot::{Condvar, Mutex};

/// The log.
#[derive(Default)]
pub struct SharedLog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entries: Vec<Vec<u8>>,
    /// Nodes that get nothing at present.
    held: Vec<NodeId>,
    stopped: Vec<NodeId>,
}

impl SharedLog {
    /// All entries.
    pub fn entries(&self) -> Vec<Vec<u8>> {
        self.state.lock().entries.clone()
    }

    /// Appends an entry as it is.
    pub fn push(&self, entry: Vec<u8>) {
        self.state.lock().entries.push(entry);
        self.changed.notify_all();
    }

    /// The node gets nothing until `release`.
    pub fn hold(&self, node: &Node) {
        self.state.lock().held.push(node.id.clone());
    }

    /// The node gets everything.
    pub fn release(&self, node: &Node) {
        self.state.lock().held.retain(|held| *held != node.id);
        self.changed.notify_all();
    }

    /// Opens the storage in `dir` as a node that begins behind what it has.
    pub fn join(self: &Arc<Self>, dir: &Path, id: &str) -> Node {
        let storage = SqliteStorage::open(&Config { dir: dir.into(), ..Config::default() }).expect("a storage");
        let (id, events) = (NodeId::new(id), Arc::new(Events::default()));
        storage.replicate(id.clone(), Arc::new(Appender(self.clone())), events.clone()).expect("a node");
        let applied = block_on(storage.log_position()).expect("a position").applied;
        let (log, follower, own) = (self.clone(), storage.clone(), id.clone());
        let applier = std::thread::spawn(move || log.follow(&own, &follower, applied));
        Node { storage, id, events, log: self.clone(), applier: Some(applier) }
    }

    fn follow(&self, id: &NodeId, storage: &SqliteStorage, mut applied: u64) -> Result<(), ApplyError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        loop {
            let mut state = self.state.lock();
            while state.held.contains(id) || (state.entries.len() as u64 == applied && !state.stopped.contains(id)) {
                self.changed.wait(&mut state);
            }
            if state.stopped.contains(id) {
                return Ok(());
            }
            let new = (applied + 1..).zip(&state.entries[applied as usize..]);
            let new: Vec<_> = new.map(|(sequence, bytes)| LogEntry { sequence, bytes: bytes.clone().into() }).collect();
            drop(state);
            applied += new.len() as u64;
            runtime.block_on(storage.apply_entries(new))?;
        }
    }
}

struct Appender(Arc<SharedLog>);

impl CommandLog for Appender {
    fn append(&self, _number: u64, entry: Vec<u8>) -> Result<(), StorageError> {
        self.0.push(entry);
        Ok(())
    }
}

/// What a node has heard.
#[derive(Default)]
pub struct Events {
    pub moved: Mutex<Vec<DeviceId>>,
    pub queued: Mutex<Vec<DeviceId>>,
    pub components: Mutex<u32>,
}

impl ClusterEvents for Events {
    fn on_moved(&self, device: &DeviceId) {
        self.moved.lock().push(device.clone());
    }

    fn on_queued(&self, device: &DeviceId) {
        self.queued.lock().push(device.clone());
    }

    fn on_components(&self) {
        *self.components.lock() += 1;
    }
}

/// A storage that follows the log. Dropping it stops it where it is.
pub struct Node {
    pub storage: Arc<SqliteStorage>,
    pub id: NodeId,
    pub events: Arc<Events>,
    log: Arc<SharedLog>,
    applier: Option<JoinHandle<Result<(), ApplyError>>>,
}

impl Node {
    /// Waits until it has stopped by itself, and returns why.
    pub fn why_stopped(&mut self) -> ApplyError {
        let applier = self.applier.take().expect("it runs");
        applier.join().expect("no panic").expect_err("an error")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut state = self.log.state.lock();
        state.stopped.push(self.id.clone());
        state.held.retain(|held| *held != self.id);
        drop(state);
        self.log.changed.notify_all();
        if let Some(applier) = self.applier.take() {
            let _ = applier.join();
        }
        self.storage.shutdown();
    }
}
