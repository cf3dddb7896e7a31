//! The storage as one of several copies of the same state, each made from the same log of commands.
//!
//! Rule: a command is applied when it comes out of the log, at its place in it, and never before. Its caller is answered
//! then. The position of the last applied command is stored in the transaction that applies it, so that a node goes on
//! where it was, whenever it died.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use modehost_ids::DeviceId;
use parking_lot::Mutex;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::archives::{ExpireArchives, StoreArchive};
use super::command::{Command, CommandJob, Logged, LoggedCommand};
use super::commit::CommitBatch;
use super::components::SetComponent;
use super::device_data::{CompleteErasure, EraseDevice};
use super::devices::{AddFacts, RecordSeen};
use super::documents::WriteDocument;
use super::journals::{AppendEntry, RemoveJournal, SweepJournals};
use super::offline_queue::{EnqueueMessage, ExpireMessages, RemoveMessages};
use super::open::OpenError;
use super::ownership::ClaimDevice;
use super::sessions::{ExpireSessions, RemoveSession};
use super::writer::{Applied, Follower};
use super::{SqliteStorage, failure, open, reply_or_error, signed, unsigned};
use crate::limits;
use crate::reply::{Reply, StorageError};
use crate::traits::NodeId;

/// Layout of [`Header`].
const VERSION: u8 = 1;

/// The log that the commands of all nodes pass through.
pub trait CommandLog: Send + Sync {
    /// Appends the entry with this number of this node. It has to come back through [`SqliteStorage::apply_entries`], or to be
    /// given up with [`SqliteStorage::refuse`]. Must not block.
    ///
    /// # Errors
    /// If it is certain that it will never be in the log.
    fn append(&self, number: u64, entry: Vec<u8>) -> Result<(), StorageError>;
}

/// Hears of what other nodes have done. Called on the storage's own thread; must not block.
pub trait ClusterEvents: Send + Sync {
    /// Another node owns the device now, or its data was removed: its session here has to end without a trace.
    fn on_moved(&self, device: &DeviceId);

    /// A message was queued for the device.
    fn on_queued(&self, device: &DeviceId);

    /// The cluster has other plugins now.
    fn on_components(&self);
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its position, from 1; each entry has a higher one than those before.
    pub sequence: u64,
    /// As given to [`CommandLog::append`].
    pub bytes: bytes::Bytes,
}

/// How far a storage has followed its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// The log's identity; none if this storage has never followed one.
    pub log: Option<String>,
    /// Position of the last entry that it contains.
    pub applied: u64,
    /// It contains anything at all.
    pub has_data: bool,
}

/// How far a database has followed its log, read from its file while nobody writes to it.
///
/// # Errors
/// If it cannot be read.
pub fn log_position_of(file: &Path) -> Result<LogPosition, OpenError> {
    let connection = open::connect(file)?;
    position(&connection).map_err(|error| OpenError::Unusable { file: file.into(), reason: error.to_string() })
}

fn position(connection: &Connection) -> rusqlite::Result<LogPosition> {
    let (log, applied) = connection
        .query_row("SELECT log, applied FROM replication", (), |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    let any = "SELECT EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM documents)
         OR EXISTS (SELECT 1 FROM journals) OR EXISTS (SELECT 1 FROM archives)
         OR EXISTS (SELECT 1 FROM offline_queue) OR EXISTS (SELECT 1 FROM devices)";
    let has_data = connection.query_row(any, (), |row| row.get(0))?;
    Ok(LogPosition { log, applied, has_data })
}

/// Why entries of the log cannot be applied. This node must stop: the others have applied them.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A newer server writes to the log.
    #[error(
        "entry {sequence} of the log is of a newer server ({what}); upgrade this node, it goes on where it stopped"
    )]
    Newer {
        /// Its position.
        sequence: u64,
        /// What is not understood.
        what: String,
    },
    /// Not an entry of this server.
    #[error("entry {sequence} of the log is damaged or not of this server: {reason}")]
    Damaged {
        /// Its position.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// The log lacks entries.
    #[error(
        "the log goes on at {sequence}, and this node has applied up to {applied}; start it again, it then begins with a snapshot"
    )]
    Gap {
        /// Position of the next entry.
        sequence: u64,
        /// The last one that was applied.
        applied: u64,
    },
    /// The storage was shut down.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

/// In front of each command in the log.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    version: u8,
    /// The sender, and the number that it gave the command.
    node: &'a str,
    number: u64,
    /// The epoch in which the sender owned the device that the command is for.
    epoch: Option<u64>,
    kind: u16,
}

/// A storage's place in its cluster.
pub(super) struct Replication {
    node: NodeId,
    log: Arc<dyn CommandLog>,
    numbers: AtomicU64,
    /// Commands of this node that have not come back yet, by number.
    pending: Mutex<HashMap<u64, Box<dyn LoggedCommand>>>,
    /// Devices that this node owns, with their epochs.
    owned: Arc<Mutex<HashMap<DeviceId, u64>>>,
}

/// What the writer has to know of [`Replication`].
pub(super) struct Observer {
    node: NodeId,
    events: Arc<dyn ClusterEvents>,
    owned: Arc<Mutex<HashMap<DeviceId, u64>>>,
}

impl Follower for Observer {
    fn on_applied(&self, news: Vec<Applied>) {
        for change in news {
            match change {
                Applied::Owner(device, Some(owner)) if owner.node == self.node => {
                    self.owned.lock().insert(device, owner.epoch);
                }
                Applied::Owner(device, _) => {
                    let was_ours = self.owned.lock().remove(&device).is_some();
                    if was_ours {
                        self.events.on_moved(&device);
                    }
                }
                Applied::Queued(device) => self.events.on_queued(&device),
                Applied::Component => self.events.on_components(),
            }
        }
    }
}

impl SqliteStorage {
    /// Makes the storage a copy of the state that `log` leads to, for the rest of its life: from now on every durable
    /// operation goes through the log. `node` must be new: a run of a node owns nothing at first.
    ///
    /// # Errors
    /// If it is one already.
    pub fn replicate(
        &self,
        node: NodeId,
        log: Arc<dyn CommandLog>,
        events: Arc<dyn ClusterEvents>,
    ) -> Result<(), StorageError> {
        let owned: Arc<Mutex<HashMap<DeviceId, u64>>> = Arc::default();
        let observer = Observer { node: node.clone(), events, owned: owned.clone() };
        let numbers = AtomicU64::new(1);
        let replication = Replication { node, log, numbers, pending: Mutex::default(), owned };
        let twice = || StorageError::Invalid("this storage follows a log already".to_owned());
        self.replication.set(replication).map_err(|_| twice())?;
        self.follower.set(Arc::new(observer)).map_err(|_| twice())
    }

    /// The epoch in which this node owns a device, as far as it knows.
    pub fn owned_epoch(&self, device: &DeviceId) -> Option<u64> {
        self.replication.get().and_then(|replication| replication.owned.lock().get(device).copied())
    }

    /// Number of devices that this node owns.
    pub fn owned(&self) -> usize {
        self.replication.get().map_or(0, |replication| replication.owned.lock().len())
    }

    /// How far this storage has followed its log.
    pub fn log_position(&self) -> Reply<LogPosition> {
        SqliteStorage::read(self, |connection| Ok(position(connection)?))
    }

    /// Records that this storage contains everything up to `applied` of a log.
    pub fn set_log(&self, log: &str, applied: u64) -> Reply<()> {
        let log = log.to_owned();
        self.write(move |context| {
            context
                .connection
                .execute("UPDATE replication SET log = ?1, applied = ?2", (log, signed(applied)))
                .map(drop)
        })
    }

    /// Makes this the data of a server of its own, which follows no log and may begin a new one. Returns the identity of
    /// the log that it followed. Must not be called on a storage that follows one now.
    pub fn detach(&self) -> Reply<Option<String>> {
        self.write(|context| {
            let connection = context.connection;
            let log = connection.query_row("SELECT log FROM replication", (), |row| row.get(0))?;
            connection.execute("UPDATE replication SET log = NULL, applied = 0", ())?;
            connection.execute("DELETE FROM owners", ())?;
            connection.execute("DELETE FROM components", ())?;
            Ok(log)
        })
    }

    /// Applies entries in their order. Returns when all are on disk; while the disk fails, that is not before it works
    /// again. Entries must follow those applied before.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn apply_entries(&self, entries: Vec<LogEntry>) -> Result<(), ApplyError> {
        let jobs = entries.iter().map(|entry| self.job_of(entry)).collect::<Result<Vec<_>, _>>()?;
        self.writes.push_all(jobs.into_iter().map(LoggedCommand::into_write))?;
        // Behind them in the queue; a failure of the disk fails this one alone.
        loop {
            match self.write_freeing(|_| Ok(())).await {
                Ok(()) => return Ok(()),
                Err(StorageError::Closed) => return Err(StorageError::Closed.into()),
                Err(_) => tokio::time::sleep(limits::APPLY_RETRY).await,
            }
        }
    }

    /// Whether somebody waits for the command with this number of this node.
    pub fn is_awaited(&self, number: u64) -> bool {
        let pending = self.replication.get().map(|replication| replication.pending.lock());
        pending.is_some_and(|pending| pending.get(&number).is_some_and(|job| !job.is_abandoned()))
    }

    /// The command with this number of this node is not in the log, and will not be. Its caller is told.
    pub fn refuse(&self, number: u64, error: StorageError) {
        let replication = self.replication.get();
        if let Some(job) = replication.and_then(|replication| replication.pending.lock().remove(&number)) {
            job.into_write().answer(Some(error));
        }
    }

    /// Runs a command: at once, or through the log.
    pub(super) fn execute<C: Command>(&self, command: C) -> Reply<C::Output> {
        let (sender, reply) = Reply::channel();
        let queued = match self.replication.get() {
            None => self.writes.push(Box::new(CommandJob::new(command, Some(sender)))),
            Some(_) if !command.info().frees && self.quotas.is_full() => {
                Err(failure::size_limit_error(&self.file, self.quotas.max_mib()))
            }
            Some(replication) => replication.send(command, sender),
        };
        reply_or_error(queued, reply)
    }

    /// The job for an entry: the one that waits for it here, or one made from the entry.
    fn job_of(&self, entry: &LogEntry) -> Result<Box<dyn LoggedCommand>, ApplyError> {
        let sequence = entry.sequence;
        let damaged = |error: postcard::Error| ApplyError::Damaged { sequence, reason: error.to_string() };
        let newer = |what: String| ApplyError::Newer { sequence, what };
        if let Some(version) = entry.bytes.first().filter(|version| **version != VERSION) {
            return Err(newer(format!("version {version}")));
        }
        let (header, command): (Header<'_>, &[u8]) = postcard::take_from_bytes(&entry.bytes).map_err(damaged)?;
        let own = self.replication.get().filter(|replication| replication.node.as_str() == header.node);
        let own = own.and_then(|replication| replication.pending.lock().remove(&header.number));
        let job = own.map_or_else(|| decode(header.kind, command), |job| Ok(Some(job))).map_err(damaged)?;
        let mut job = job.ok_or_else(|| newer(format!("command {}", header.kind)))?;
        job.set_logged(Logged { sequence, epoch: header.epoch });
        Ok(job)
    }
}

impl Replication {
    fn send<C: Command>(
        &self,
        command: C,
        caller: oneshot::Sender<Result<C::Output, StorageError>>,
    ) -> Result<(), StorageError> {
        let owned = |device: &DeviceId| self.owned.lock().get(device).copied();
        let epoch = match command.owner() {
            Some(device) => {
                let present = owned(device).ok_or(StorageError::Moved)?;
                // Of a session of before: others may have served the device since, and what it has is of the past.
                if command.epoch().is_some_and(|epoch| epoch != present) {
                    return Err(StorageError::Moved);
                }
                Some(present)
            }
            None => command.sender().and_then(owned),
        };
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let header = Header { version: VERSION, node: self.node.as_str(), number, epoch, kind: C::KIND };
        let entry = postcard::to_extend(&header, Vec::new()).and_then(|entry| postcard::to_extend(&command, entry));
        let entry = entry.map_err(|error| StorageError::Invalid(format!("this cannot be stored: {error}")))?;
        let mut pending = self.pending.lock();
        if pending.len() >= limits::COMMANDS_PENDING {
            pending.retain(|_, job| !job.is_abandoned());
            if pending.len() >= limits::COMMANDS_PENDING {
                return Err(StorageError::Overloaded);
            }
        }
        pending.insert(number, Box::new(CommandJob::new(command, Some(caller))));
        drop(pending);
        let appended = self.log.append(number, entry);
        if appended.is_err() {
            self.pending.lock().remove(&number);
        }
        appended
    }
}

/// A command of another node, or of an earlier run of this one. None if this server does not know its kind.
fn decode(kind: u16, bytes: &[u8]) -> postcard::Result<Option<Box<dyn LoggedCommand>>> {
    fn of<C: Command>(bytes: &[u8]) -> postcard::Result<Option<Box<dyn LoggedCommand>>> {
        let job: Box<dyn LoggedCommand> = Box::new(CommandJob::new(postcard::from_bytes::<C>(bytes)?, None));
        Ok(Some(job))
    }
    match kind {
        CommitBatch::KIND => of::<CommitBatch>(bytes),
        RemoveSession::KIND => of::<RemoveSession>(bytes),
        ExpireSessions::KIND => of::<ExpireSessions>(bytes),
        WriteDocument::KIND => of::<WriteDocument>(bytes),
        AppendEntry::KIND => of::<AppendEntry>(bytes),
        RemoveJournal::KIND => of::<RemoveJournal>(bytes),
        SweepJournals::KIND => of::<SweepJournals>(bytes),
        StoreArchive::KIND => of::<StoreArchive>(bytes),
        ExpireArchives::KIND => of::<ExpireArchives>(bytes),
        EnqueueMessage::KIND => of::<EnqueueMessage>(bytes),
        RemoveMessages::KIND => of::<RemoveMessages>(bytes),
        ExpireMessages::KIND => of::<ExpireMessages>(bytes),
        AddFacts::KIND => of::<AddFacts>(bytes),
        RecordSeen::KIND => of::<RecordSeen>(bytes),
        EraseDevice::KIND => of::<EraseDevice>(bytes),
        CompleteErasure::KIND => of::<CompleteErasure>(bytes),
        ClaimDevice::KIND => of::<ClaimDevice>(bytes),
        SetComponent::KIND => of::<SetComponent>(bytes),
        _ => Ok(None),
    }
}
