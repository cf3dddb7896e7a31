//! The traits of the storage. Rule: whatever implements one of these passes the tests of
//! `tests/contract.rs`, which are written once, against the traits.

use std::sync::Arc;

use modehost_ids::{DeviceId, SessionId};
use serde::{Deserialize, Serialize};

use crate::reply::Reply;

/// A document as it is now; version 0 and no value where it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub key: Arc<str>,
    pub version: u64,
    /// JSON.
    pub value: Option<Arc<str>>,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// On disk, under this version.
    Done(u64),
    /// Somebody else was first; this is what stands there.
    Conflict(Document),
}

/// Told of every change of a watched document, in order. Must not block nor wait for a reply of
/// the storage: it runs on the storage's own thread. False ends the watch.
pub type Watcher = Box<dyn Fn(&Document) -> bool + Send + Sync>;

/// Ends a watch when dropped; a call of the watcher that already runs may still end.
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    _guard: Box<dyn Send + Sync>,
}

impl Watch {
    /// Keeps `guard` until the watch is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

/// Shared state with expected-version writes.
pub trait Documents: Send + Sync {
    /// The document as it is now.
    fn read(&self, key: &str) -> Reply<Document>;

    /// Writes (`None`: removes) if the current version is `expected`; 0: must not exist. Versions
    /// of a key only grow, also across a removal. Removing what is not there is done, as 0.
    fn write(&self, key: &str, expected: u64, value: Option<Arc<str>>) -> Reply<Written>;

    /// Tells of every change by anyone from now on; a removal as version 0 without a value. A
    /// change is told after it is on disk. A read that was asked for after `watch` may be answered
    /// before a change that it already shows is told.
    fn watch(&self, key: &str, watcher: Watcher) -> Watch;
}

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Unix ms.
    pub at: u64,
    /// JSON.
    pub value: Arc<str>,
}

/// Append-only lists.
pub trait Journals: Send + Sync {
    /// Appends; the answer is the entry's sequence number.
    fn append(&self, journal: &str, at: u64, value: Arc<str>) -> Reply<u64>;

    /// At most `limit` entries behind `after`, in order.
    fn read(&self, journal: &str, after: u64, limit: u32) -> Reply<Vec<JournalEntry>>;

    /// Removes a journal.
    fn remove(&self, journal: &str) -> Reply<()>;
}

/// A finished piece of work, kept for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    pub kind: Arc<str>,
    pub id: Arc<str>,
    pub title: Arc<str>,
    /// Unix ms.
    pub at: u64,
    /// JSON.
    pub content: Arc<str>,
    /// Markdown; may be empty.
    pub text: Arc<str>,
}

/// Finished work with retention.
pub trait Archives: Send + Sync {
    /// Stores (replaces by kind and id) and keeps the newest `keep` of the kind; 0 keeps all.
    fn archive(&self, entry: Archived, keep: u32) -> Reply<()>;

    /// The newest `limit` of a kind, newest first.
    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<Archived>>;
}

/// A message that waits for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Grows with every message; for `remove`.
    pub id: u64,
    pub payload: Arc<str>,
    /// Unix ms.
    pub queued_at: u64,
    pub ttl_ms: u64,
}

/// Messages for devices that are away.
pub trait OfflineQueue: Send + Sync {
    /// Queues; the answer is how many older messages had to go for it. A message has expired when
    /// `ttl_ms` have passed since it was queued.
    fn enqueue(&self, device: &DeviceId, payload: Arc<str>, now: u64, ttl_ms: u64) -> Reply<u32>;

    /// All that waits for a device and has not expired at `now`, oldest first.
    fn waiting(&self, device: &DeviceId, now: u64) -> Reply<Vec<Queued>>;

    /// Removes delivered messages.
    fn remove(&self, device: &DeviceId, ids: Vec<u64>) -> Reply<()>;
}

/// What is left of a handler when its instance is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredHandler {
    pub plugin: String,
    /// Version that took the snapshot, for `upgraded`.
    pub version: String,
    pub schema: u32,
    pub state: Vec<u8>,
    /// Running timers: id and Unix ms of their end.
    pub timers: Vec<(u64, u64)>,
    /// Open requests, which end as `request-failed(interrupted)` when the process dies.
    pub requests: Vec<u64>,
    /// Watched documents.
    pub watches: Vec<String>,
    /// The mode that the handler is, if it is one.
    pub mode: Option<String>,
    /// The end of its role has been told; it goes once nothing of it is open.
    pub ending: bool,
}

/// A session between two processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSession {
    pub device: DeviceId,
    pub session: SessionId,
    /// The current mode; none for the default mode.
    pub mode: Option<String>,
    /// Unix ms.
    pub saved_at: u64,
    /// Must be taken up at start, without waiting for its device.
    pub unfinished: bool,
    /// Counts the transcripts of the session.
    pub segments: u64,
    pub handlers: Vec<StoredHandler>,
}

/// Sessions across processes.
pub trait Sessions: Send + Sync {
    /// Replaces what was saved for the device.
    fn save(&self, session: StoredSession) -> Reply<()>;

    /// What was saved for the device.
    fn load(&self, device: &DeviceId) -> Reply<Option<StoredSession>>;

    /// Forgets the device's session.
    fn remove(&self, device: &DeviceId) -> Reply<()>;

    /// Devices whose sessions are unfinished.
    fn unfinished(&self) -> Reply<Vec<DeviceId>>;

    /// Forgets finished sessions saved before this Unix ms; the answer is how many.
    fn expire(&self, before: u64) -> Reply<u64>;
}

/// Why a message could not be handed to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Connected nowhere.
    Away,
    /// Connected, and its connection takes nothing more.
    Refused,
}

/// Takes messages for one connected device. Must not block.
pub trait Mailbox: Send + Sync {
    /// Hands a message over. A message of the same `supersedes` key that still waits is dropped.
    ///
    /// # Errors
    /// If the connection takes nothing more.
    fn put(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), Missed>;
}

/// Ends a registration when dropped, unless a newer one has replaced it.
#[must_use = "dropping it ends the registration"]
pub struct Registration {
    _guard: Box<dyn Send + Sync>,
}

impl Registration {
    /// Keeps `guard` until the registration is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

/// Who is connected where, and the way to them.
pub trait Directory: Send + Sync {
    /// The device is connected here from now on; replaces any earlier registration anywhere.
    fn register(&self, device: &DeviceId, mailbox: Arc<dyn Mailbox>) -> Registration;

    /// Hands a message to wherever the device is connected.
    fn deliver(
        &self,
        device: &DeviceId,
        message: &Arc<str>,
        supersedes: Option<&Arc<str>>,
    ) -> Reply<Result<(), Missed>>;

    /// Hands a message to every connected device that `wanted` names; the answer is how many.
    fn broadcast(&self, wanted: Audience, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Reply<usize>;

    /// How many devices are connected, everywhere.
    fn connected(&self) -> Reply<usize>;
}

/// Who a broadcast is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// These devices.
    Only(Arc<[DeviceId]>),
    /// Everyone but these.
    AllBut(Arc<[DeviceId]>),
}

impl Audience {
    /// The same audience without one device.
    #[must_use]
    pub fn without(self, device: &DeviceId) -> Self {
        match self {
            Self::Only(devices) => Self::Only(devices.iter().filter(|one| *one != device).cloned().collect()),
            Self::AllBut(devices) => Self::AllBut(devices.iter().chain([device]).cloned().collect()),
        }
    }
}
