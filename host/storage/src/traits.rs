//! The traits of the storage. Rule: every implementation passes the tests in `tests/contract.rs`, which are written
//! once, against the traits.

mod batch;
mod components;
mod ownership;

use std::sync::Arc;

use modehost_ids::{DeviceId, SessionId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use self::batch::{Batch, Write, WriteResult};
pub use self::components::{ComponentRecord, Components};
pub use self::ownership::{Claim, Claims, NodeId, Owner, Ownership};
use crate::reply::Reply;

/// The current state of a document; version 0 and no value if it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its full name, including the prefix that grants refer to.
    pub key: Arc<str>,
    /// Increases by one with each write; 0: it does not exist.
    pub version: u64,
    /// JSON.
    pub value: Option<Arc<str>>,
}

/// Outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// On disk, with this version.
    Done(u64),
    /// The version did not match; the current document.
    Conflict(Document),
}

/// Called for every change of a watched document, in order. Must not block nor wait for a reply of the storage, because
/// it runs on the storage's own thread. Returning false ends the watch.
pub type Watcher = Box<dyn Fn(&Document) -> bool + Send + Sync>;

/// Ends a watch when dropped; a call of the watcher that is already running may still complete.
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    _guard: Box<dyn Send + Sync>,
}

impl Watch {
    /// Holds `guard` until the watch is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

/// Shared documents with optimistic concurrency.
pub trait Documents: Send + Sync {
    /// The current document.
    fn read(&self, key: &str) -> Reply<Document>;

    /// Writes (`None`: removes) if the current version is `expected`; 0: must not exist. Versions of a key only
    /// increase, even across a removal. Removing a document that does not exist succeeds with version 0.
    fn write(&self, key: &str, expected: u64, value: Option<Arc<str>>) -> Reply<WriteOutcome>;

    /// Notifies of every later change by anyone; a removal as version 0 without a value. Changes are notified after
    /// they are on disk. A read submitted after `watch` may return a change before it is notified.
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

/// Result of one sweep step over the journals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepStep {
    /// Where the next step continues; `None` when all journals have been examined.
    pub next: Option<u64>,
    /// Orphans removed by this step.
    pub journals: u64,
    /// Entries of removed journals that this step has deleted.
    pub entries: u64,
}

/// On whose behalf something is appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The session that may continue the journal.
    pub session: SessionId,
    /// Owner of the journal, if this append begins it.
    pub device: DeviceId,
}

/// Append-only lists.
pub trait Journals: Send + Sync {
    /// Appends on behalf of a session, which keeps the journal from being swept as long as it is stored; the reply is
    /// the entry's sequence number.
    fn append_for(&self, author: Option<&Author>, journal: &str, at: u64, value: Arc<str>) -> Reply<u64>;

    /// Appends on behalf of no session; the reply is the entry's sequence number.
    fn append(&self, journal: &str, at: u64, value: Arc<str>) -> Reply<u64> {
        self.append_for(None, journal, at, value)
    }

    /// At most `limit` entries after the sequence number `after`, in order.
    fn read(&self, journal: &str, after: u64, limit: u32) -> Reply<Vec<JournalEntry>>;

    /// Removes a journal, as a whole and at once. Succeeds if it does not exist.
    fn remove(&self, journal: &str) -> Reply<()>;

    /// One small sweep step, starting at position 0: removes an orphan, which is a journal whose last entry is older
    /// than the Unix ms `before`, to which no archive entry refers, and whose session is no longer stored; or deletes
    /// some entries of journals removed earlier.
    fn sweep(&self, from: u64, before: u64) -> Reply<SweepStep>;
}

/// A journal that is inserted into a larger object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPart {
    /// The journal's name.
    pub journal: Arc<str>,
    /// The member of a JSON object that becomes the array of all entries.
    pub member: Arc<str>,
    /// Template of an entry as a line of Markdown, with `{name}` for its member of that name; empty: no lines.
    pub line: Arc<str>,
}

/// An archive entry: a finished piece of work, kept for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// Kind of the work; valid as a directory name.
    pub kind: Arc<str>,
    /// Unique within the kind; valid as a file name.
    pub id: Arc<str>,
    /// One line for people.
    pub title: Arc<str>,
    /// Unix ms.
    pub at: u64,
    /// JSON, without the journal; an object if there is a journal.
    pub content: Arc<str>,
    /// Markdown, without the lines of the journal; may be empty.
    pub text: Arc<str>,
    /// Owned by the entry from now on: it is removed with it.
    pub journal: Option<JournalPart>,
    /// The device that the work belongs to; `None` if unknown.
    pub device: Option<DeviceId>,
}

/// Archive entries with retention.
pub trait Archives: Send + Sync {
    /// Stores an entry (replacing one of the same kind and id) and keeps it and the newest others of the same kind and
    /// device, `keep` of them; 0 keeps all. The storage's own limit applies over all devices. The journals of removed
    /// entries are removed in the same step, and so is the journal of a replaced entry if the new one has another. Kind
    /// and id must be valid file names.
    fn archive(&self, entry: ArchiveEntry, keep: u32) -> Reply<()>;

    /// Removes some of the entries older than the Unix ms `before`, with their journals; the reply is how many, 0 once
    /// there are none.
    fn expire(&self, before: u64) -> Reply<u64>;

    /// The newest `limit` entries of a kind, newest first.
    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<ArchiveEntry>>;
}

/// An archive entry whose files are due: to be written if the entry exists, to be removed if it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueExport {
    /// The entry's kind.
    pub kind: Arc<str>,
    /// The entry's id within its kind.
    pub id: Arc<str>,
    /// Differs after each change, so that a later change is not marked as done.
    pub revision: u64,
}

/// Archive files that are due for export. Stored in the same transaction as the change itself, so a crash in between is
/// made up for at the next start.
pub trait Exports: Send + Sync {
    /// The next `limit` after `after`, by kind and id; from the first on with `None`.
    fn due(&self, after: Option<&DueExport>, limit: u32) -> Reply<Vec<DueExport>>;

    /// The current entry, with the `keep` that it was stored with; `None` if it has been removed.
    fn entry(&self, kind: &str, id: &str) -> Reply<Option<(ArchiveEntry, u32)>>;

    /// Whether the entry has not changed since: then everything read meanwhile is consistent.
    fn is_current(&self, due: &DueExport) -> Reply<bool>;

    /// Marks files as exported; entries that have changed again meanwhile stay due.
    fn done(&self, due: Vec<DueExport>) -> Reply<()>;

    /// Marks all entries of a kind as due again; the reply is how many.
    fn mark_all_due(&self, kind: &str) -> Reply<u64>;

    /// The ids of the entries of a kind.
    fn ids(&self, kind: &str) -> Reply<Vec<Arc<str>>>;

    /// The kinds that have entries.
    fn kinds(&self) -> Reply<Vec<Arc<str>>>;

    /// Notified when something has become due.
    fn changed(&self) -> Arc<Notify>;
}

/// Whom to notify when a queued message has been delivered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReceiptTarget {
    /// The device that sent it.
    pub sender: DeviceId,
    /// The receipt for the sender: a JSON object, to which receiver and count are added.
    pub receipt: Arc<str>,
}

/// A message queued for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// Increases with every message; for `remove`.
    pub id: u64,
    /// The text frame that is sent to the device.
    pub payload: Arc<str>,
    /// `None` if nobody is to be notified.
    pub origin: Option<ReceiptTarget>,
    /// Unix ms.
    pub queued_at: u64,
    /// In ms, from `queued_at` on.
    pub ttl_ms: u64,
}

/// A message of one device for another that is offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineDelivery {
    /// The device that sends it.
    pub sender: DeviceId,
    /// The delivery receipt for the sender, as in [`ReceiptTarget`]; `None` for none.
    pub receipt: Option<Arc<str>>,
    /// The device that it is for.
    pub receiver: DeviceId,
    /// The text frame that is sent to the receiver.
    pub payload: Arc<str>,
    /// Unix ms.
    pub now: u64,
    /// In ms, from `now` on.
    pub ttl_ms: u64,
    /// Queue it even if the receiver has never connected.
    pub allow_unknown_receiver: bool,
}

impl OfflineDelivery {
    pub(crate) fn origin(&self) -> Option<ReceiptTarget> {
        self.receipt.clone().map(|receipt| ReceiptTarget { sender: self.sender.clone(), receipt })
    }
}

/// Messages for devices that are offline.
pub trait OfflineQueue: Send + Sync {
    /// Queues a message, with the sender to notify on delivery; the reply is how many older messages were dropped for
    /// it. A message expires `ttl_ms` after it was queued.
    fn enqueue_with_receipt(
        &self,
        origin: Option<ReceiptTarget>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<u32>;

    /// As [`OfflineQueue::enqueue_with_receipt`], on behalf of a device. Rejected with `QuotaExceeded` if the receiver has never
    /// connected, or if the quota of this sender or of the whole queue is used up.
    fn enqueue_delivery(&self, delivery: OfflineDelivery) -> Reply<u32>;

    /// As [`OfflineQueue::enqueue_with_receipt`]; the reply includes the message's id, if the queue can tell it.
    fn enqueue_with_id(
        &self,
        origin: Option<ReceiptTarget>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<(u32, Option<u64>)> {
        let queued = self.enqueue_with_receipt(origin, device, payload, now, ttl_ms);
        Reply::from_future(async move { Ok((queued.await?, None)) })
    }

    /// As [`OfflineQueue::enqueue_with_receipt`], without a sender to notify.
    fn enqueue(&self, device: &DeviceId, payload: Arc<str>, now: u64, ttl_ms: u64) -> Reply<u32> {
        self.enqueue_with_receipt(None, device, payload, now, ttl_ms)
    }

    /// Sets the maximum number of messages per device, at least one; the default is `limits::QUEUE_PER_DEVICE`. A
    /// device that has more loses its oldest with its next message.
    fn set_limit_per_device(&self, max: u32);

    /// The next messages for a device that have not expired at `now`, oldest first: as many as `limits::QUEUE_PAGE` and
    /// `limits::QUEUE_PAGE_BYTES` allow; the last one may exceed the bytes. Callers remove these and ask again.
    fn next_page(&self, device: &DeviceId, now: u64) -> Reply<Vec<QueuedMessage>>;

    /// Removes delivered messages.
    fn remove(&self, device: &DeviceId, ids: Vec<u64>) -> Reply<()>;
}

/// Persisted state of a handler without an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredHandler {
    /// Its plugin's id.
    pub plugin: String,
    /// Plugin version that took the snapshot, for `upgraded`.
    pub version: String,
    /// Schema version of the state, as the plugin counts it.
    pub schema: u32,
    /// The snapshot; opaque to the host.
    pub state: Vec<u8>,
    /// Running timers: id and Unix ms of their expiry.
    pub timers: Vec<(u64, u64)>,
    /// Open requests, which end as `request-failed(interrupted)` when the process dies.
    pub requests: Vec<u64>,
    /// Watched documents.
    pub watches: Vec<String>,
    /// The mode that the handler runs, if it is one.
    pub mode: Option<String>,
    /// The handler was told of its end; it is removed once nothing of it is open.
    pub ending: bool,
}

/// Persisted state of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSession {
    /// The device that it belongs to.
    pub device: DeviceId,
    /// Its id, which outlives the process.
    pub session: SessionId,
    /// The current mode; `None` for the default mode.
    pub mode: Option<String>,
    /// Unix ms.
    pub saved_at: u64,
    /// To be restored at start, without waiting for its device.
    pub unfinished: bool,
    /// Number of transcripts of the session.
    pub segments: u64,
    /// Number of turns of the session. Records from before 0.2 do not have it.
    #[serde(default)]
    pub turns: u64,
    /// All handlers with a state, in no particular order.
    pub handlers: Vec<StoredHandler>,
}

/// Persisted sessions.
pub trait Sessions: Send + Sync {
    /// Stores a batch in one step: the reply comes when the record and every write are on disk, with the outcome of
    /// each write in their order. An error means that nothing of it was stored.
    fn commit(&self, batch: Batch) -> Reply<Vec<WriteResult>>;

    /// Replaces the device's record.
    fn save(&self, session: StoredSession) -> Reply<()> {
        let committed = self.commit(Batch::of(session));
        Reply::from_future(async move { committed.await.map(drop) })
    }

    /// The device's record.
    fn load(&self, device: &DeviceId) -> Reply<Option<StoredSession>>;

    /// Deletes the device's record. `epoch`: see [`Batch::epoch`].
    fn remove(&self, device: &DeviceId, epoch: Option<u64>) -> Reply<()>;

    /// Devices whose sessions are unfinished.
    fn unfinished(&self) -> Reply<Vec<DeviceId>>;

    /// Deletes finished sessions saved before this Unix ms; the reply is how many.
    fn expire(&self, before: u64) -> Reply<u64>;

    /// Up to `most` sessions, most recently saved first; unreadable ones are left out.
    fn recent(&self, max: usize) -> Reply<Vec<StoredSession>>;
}

/// Permanent facts about a device, which outlive sessions and processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// It has sent a message of a type outside the common protocol: it knows this server's extensions.
    pub knows_extensions: bool,
    /// It has sent `listen` `stop`: it reports the release of a button.
    pub sends_stop: bool,
}

/// Device facts, whether the devices are connected or not.
pub trait Devices: Send + Sync {
    /// The known facts; the default for an unknown device.
    fn facts(&self, device: &DeviceId) -> Reply<DeviceFacts>;

    /// Adds facts; facts are never removed. `now` is Unix ms. Beyond `limits::DEVICE_FACTS` devices the oldest records
    /// are deleted.
    fn add_facts(&self, device: &DeviceId, facts: DeviceFacts, now: u64) -> Reply<()>;

    /// Records that the device has connected, at the Unix ms `now`: messages can be queued for it from now on. If there
    /// are too many devices, those without any fact are deleted first.
    fn record_seen(&self, device: &DeviceId, now: u64) -> Reply<()>;
}

/// Why a message could not be delivered to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryError {
    /// Not connected.
    Offline,
    /// Connected, but its connection accepts nothing more.
    Rejected,
    /// Connected, but queued messages have to be delivered first: the message has to be queued behind them.
    QueueFirst,
}

/// Accepts messages for one connected device. Must not block.
pub trait Mailbox: Send + Sync {
    /// Sends a message. A pending message with the same `supersedes` key is dropped.
    ///
    /// # Errors
    /// If the connection accepts nothing more.
    fn send(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), DeliveryError>;

    /// As `put`, for a message that must not overtake queued messages of the device.
    ///
    /// # Errors
    /// If the connection accepts nothing more, or messages are queued.
    fn send_in_order(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), DeliveryError> {
        self.send(message, supersedes)
    }

    /// A message that this mailbox did not accept has been queued for the device, or could not be queued.
    fn on_queued(&self) {}
}

/// Ends a registration when dropped, unless a newer one has replaced it.
#[must_use = "dropping it ends the registration"]
pub struct Registration {
    _guard: Box<dyn Send + Sync>,
}

impl Registration {
    /// Holds `guard` until the registration is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

/// The directory of connected devices.
pub trait Directory: Send + Sync {
    /// Registers the device as connected here; replaces any earlier registration anywhere.
    fn register(&self, device: &DeviceId, mailbox: Arc<dyn Mailbox>) -> Registration;

    /// Sends a message to wherever the device is connected, behind the queued messages.
    fn deliver(
        &self,
        device: &DeviceId,
        message: &Arc<str>,
        supersedes: Option<&Arc<str>>,
    ) -> Reply<Result<(), DeliveryError>>;

    /// To be called after a message that `deliver` could not deliver has been queued, or could not be: wherever the
    /// device is connected by now, its queue is checked.
    fn notify_queued(&self, device: &DeviceId);

    /// Sends a message to every connected device in `wanted`, at once and ahead of queued messages; the reply is how
    /// many accepted it.
    fn broadcast(&self, wanted: Audience, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Reply<usize>;

    /// The connected devices, everywhere, in no order.
    fn devices(&self) -> Reply<Vec<DeviceId>>;

    /// Number of connected devices, everywhere.
    fn connected(&self) -> Reply<usize>;
}

/// Recipients of a broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// These devices.
    Only(Arc<[DeviceId]>),
    /// All devices but these.
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
