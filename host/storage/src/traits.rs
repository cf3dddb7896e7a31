//! The traits of the storage. Rule: whatever implements one of these passes the tests of
//! `tests/contract.rs`, which are written once, against the traits.

mod batch;

use std::sync::Arc;

use modehost_ids::{DeviceId, SessionId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use self::batch::{Batch, Outcome, Write};
use crate::reply::Reply;

/// A document as it is now; version 0 and no value where it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its whole name, with the prefix of the grant.
    pub key: Arc<str>,
    /// Rises by one with each write; 0: there is none.
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

/// What a step of a sweep over the journals came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Where the next step goes on; none when all journals have been looked at.
    pub next: Option<u64>,
    /// Orphans removed by this step.
    pub journals: u64,
    /// Entries of removed journals that this step has given back the room of.
    pub entries: u64,
}

/// On whose behalf something is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The session that may go on with the journal.
    pub session: SessionId,
    /// Whose journal it is, if it begins one.
    pub device: DeviceId,
}

/// Append-only lists.
pub trait Journals: Send + Sync {
    /// Appends on behalf of a session, which may go on with the journal as long as it is stored;
    /// the answer is the entry's sequence number.
    fn append_for(&self, author: Option<&Author>, journal: &str, at: u64, value: Arc<str>) -> Reply<u64>;

    /// Appends on behalf of nobody; the answer is the entry's sequence number.
    fn append(&self, journal: &str, at: u64, value: Arc<str>) -> Reply<u64> {
        self.append_for(None, journal, at, value)
    }

    /// At most `limit` entries behind `after`, in order.
    fn read(&self, journal: &str, after: u64, limit: u32) -> Reply<Vec<JournalEntry>>;

    /// Removes a journal, as a whole and at once. What is not there is removed already.
    fn remove(&self, journal: &str) -> Reply<()>;

    /// One small step of a sweep, from place 0 on: removes an orphan, that is a journal whose last
    /// entry is older than the Unix ms `before`, that no archive entry is linked to, and whose
    /// session is no longer stored; or frees some room of journals removed earlier.
    fn sweep(&self, from: u64, before: u64) -> Reply<Swept>;
}

/// A journal as a part of a larger whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPart {
    /// The journal's name.
    pub journal: Arc<str>,
    /// The member of a JSON object that becomes the array of all entries.
    pub member: Arc<str>,
    /// How an entry reads as a line of Markdown, with `{name}` for its member of that name; empty:
    /// no lines.
    pub line: Arc<str>,
}

/// A finished piece of work, kept for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// What sort of work; fit to name a folder.
    pub kind: Arc<str>,
    /// Unique within the kind; fit to name a file.
    pub id: Arc<str>,
    /// One line for people.
    pub title: Arc<str>,
    /// Unix ms.
    pub at: u64,
    /// JSON, without the journal; an object where there is one.
    pub content: Arc<str>,
    /// Markdown, without the lines of the journal; may be empty.
    pub text: Arc<str>,
    /// Belongs to the entry from now on: it is removed with it.
    pub journal: Option<JournalPart>,
    /// Whose work it is; none where nobody knows.
    pub device: Option<DeviceId>,
}

/// Finished work with retention.
pub trait Archives: Send + Sync {
    /// Stores (replaces by kind and id) and keeps this one and the newest others of the kind and the device, `keep`
    /// of them; 0 keeps all. Over all devices there is the storage's own bound. The journals of entries that go are removed in the same step, and so is
    /// the journal of a replaced entry where the new one has another. Kind and id must be fit to
    /// name files.
    fn archive(&self, entry: Archived, keep: u32) -> Reply<()>;

    /// Removes some of the entries that are older than the Unix ms `before`, with their journals; gives how many, 0
    /// once there are none.
    fn expire(&self, before: u64) -> Reply<u64>;

    /// The newest `limit` of a kind, newest first.
    fn list(&self, kind: &str, limit: u32) -> Reply<Vec<Archived>>;
}

/// An archive entry whose files are to follow: to be written if the entry is there, to be removed
/// if it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The entry's kind.
    pub kind: Arc<str>,
    /// The entry's id within its kind.
    pub id: Arc<str>,
    /// Differs after each change, so that a later change is not taken for done.
    pub revision: u64,
}

/// What the files of finished work must still follow. It is on disk with the change itself, so a
/// crash between the two is made good at the next start.
pub trait Exports: Send + Sync {
    /// The next `limit` behind `after`, by kind and id; from the first on with none.
    fn due(&self, after: Option<&Due>, limit: u32) -> Reply<Vec<Due>>;

    /// An entry as it is now, with the `keep` that it came with; none if it has been removed.
    fn entry(&self, kind: &str, id: &str) -> Reply<Option<(Archived, u32)>>;

    /// Whether nothing has changed since: what was read meanwhile belongs together.
    fn is_current(&self, due: &Due) -> Reply<bool>;

    /// The files have followed; nothing of what has changed again meanwhile is forgotten.
    fn done(&self, due: Vec<Due>) -> Reply<()>;

    /// All entries of a kind are due again; the answer is how many.
    fn redo(&self, kind: &str) -> Reply<u64>;

    /// The ids of the entries of a kind.
    fn ids(&self, kind: &str) -> Reply<Vec<Arc<str>>>;

    /// The kinds of which there are entries.
    fn kinds(&self) -> Reply<Vec<Arc<str>>>;

    /// Notified when something has become due.
    fn changed(&self) -> Arc<Notify>;
}

/// Who wants to hear that a kept message has been handed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The device that sent it.
    pub sender: DeviceId,
    /// What the sender is to be told: a JSON object, to which receiver and count are added.
    pub receipt: Arc<str>,
}

/// A message that waits for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Grows with every message; for `remove`.
    pub id: u64,
    /// The text frame that the device is sent.
    pub payload: Arc<str>,
    /// None where nobody wants to hear of it.
    pub origin: Option<Origin>,
    /// Unix ms.
    pub queued_at: u64,
    /// In ms, from `queued_at` on.
    pub ttl_ms: u64,
}

/// A message of one device for another that is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineDelivery {
    /// The device that sends it.
    pub sender: DeviceId,
    /// What the sender is told of the hand-over, as in [`Origin`]; none: nothing.
    pub receipt: Option<Arc<str>>,
    /// The device that it is for.
    pub receiver: DeviceId,
    /// The text frame that the receiver is sent.
    pub payload: Arc<str>,
    /// Unix ms.
    pub now: u64,
    /// In ms, from `now` on.
    pub ttl_ms: u64,
    /// It is kept even if the receiver has never been here.
    pub to_strangers: bool,
}

impl OfflineDelivery {
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.receipt.clone().map(|receipt| Origin { sender: self.sender.clone(), receipt })
    }
}

/// Messages for devices that are away.
pub trait OfflineQueue: Send + Sync {
    /// Queues, with who wants to hear of the hand-over; the answer is how many older messages had
    /// to go for it. A message has expired when `ttl_ms` have passed since it was queued.
    fn enqueue_from(
        &self,
        origin: Option<Origin>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<u32>;

    /// As [`OfflineQueue::enqueue_from`], on behalf of a device. It is refused with `Share` where the receiver has
    /// never been here, or where what waits already is as much as is allowed, of this sender or of all.
    fn enqueue_delivery(&self, letter: OfflineDelivery) -> Reply<u32>;

    /// As [`OfflineQueue::enqueue_from`]; the answer has the message's id as well, where the queue
    /// can tell it.
    fn enqueue_known(
        &self,
        origin: Option<Origin>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<(u32, Option<u64>)> {
        let queued = self.enqueue_from(origin, device, payload, now, ttl_ms);
        Reply::of(async move { Ok((queued.await?, None)) })
    }

    /// As [`OfflineQueue::enqueue_from`], with nobody to hear of it.
    fn enqueue(&self, device: &DeviceId, payload: Arc<str>, now: u64, ttl_ms: u64) -> Reply<u32> {
        self.enqueue_from(None, device, payload, now, ttl_ms)
    }

    /// From now on at most `most` messages wait for a device, at least one; until somebody says so,
    /// `limits::QUEUE_PER_DEVICE`. A device that has more loses its oldest with its next message.
    fn limit(&self, most: u32);

    /// What waits for a device and has not expired at `now`, oldest first: as many messages as
    /// `limits::QUEUE_PAGE` and `limits::QUEUE_PAGE_BYTES` allow, the last of which may go over the
    /// bytes. Whoever has removed these asks again.
    fn waiting(&self, device: &DeviceId, now: u64) -> Reply<Vec<Queued>>;

    /// Removes delivered messages.
    fn remove(&self, device: &DeviceId, ids: Vec<u64>) -> Reply<()>;
}

/// What is left of a handler when its instance is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredHandler {
    /// Its plugin's id.
    pub plugin: String,
    /// Version that took the snapshot, for `upgraded`.
    pub version: String,
    /// Version of the state's own layout, as the plugin counts it.
    pub schema: u32,
    /// The snapshot; only the plugin can read it.
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
    /// Whose session it is.
    pub device: DeviceId,
    /// Its id, which outlives the process.
    pub session: SessionId,
    /// The current mode; none for the default mode.
    pub mode: Option<String>,
    /// Unix ms.
    pub saved_at: u64,
    /// Must be taken up at start, without waiting for its device.
    pub unfinished: bool,
    /// Counts the transcripts of the session.
    pub segments: u64,
    /// Counts the turns of the session. Records of before 0.2 do not know it.
    #[serde(default)]
    pub turns: u64,
    /// All handlers with a state, in no particular order.
    pub handlers: Vec<StoredHandler>,
}

/// Sessions across processes.
pub trait Sessions: Send + Sync {
    /// Stores a batch, all of it in one step: the answer comes when the record and every write are on disk, with the
    /// outcome of each write in their order. An error means that nothing of it was stored.
    fn commit(&self, batch: Batch) -> Reply<Vec<Outcome>>;

    /// Replaces what was saved for the device.
    fn save(&self, session: StoredSession) -> Reply<()> {
        let committed = self.commit(Batch::of(session));
        Reply::of(async move { committed.await.map(drop) })
    }

    /// What was saved for the device.
    fn load(&self, device: &DeviceId) -> Reply<Option<StoredSession>>;

    /// Forgets the device's session.
    fn remove(&self, device: &DeviceId) -> Reply<()>;

    /// Devices whose sessions are unfinished.
    fn unfinished(&self) -> Reply<Vec<DeviceId>>;

    /// Forgets finished sessions saved before this Unix ms; the answer is how many.
    fn expire(&self, before: u64) -> Reply<u64>;

    /// Up to `most` sessions, the one saved last first; those that cannot be read are left out.
    fn recent(&self, most: usize) -> Reply<Vec<StoredSession>>;
}

/// What has been found out about a device, for good: it outlives sessions and processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// It has sent a message of a type that is not the ecosystem's: it knows this server's own messages.
    pub knows_extensions: bool,
    /// It has sent `listen` `stop`: it says when a button is let go.
    pub sends_stop: bool,
}

/// What is known about devices, whether they are connected or not.
pub trait Devices: Send + Sync {
    /// What has been found out; nothing about a device that has never been heard of.
    fn facts(&self, device: &DeviceId) -> Reply<DeviceFacts>;

    /// Adds to it; nothing is ever taken back. `now` is Unix ms. Of more than `limits::DEVICE_FACTS` devices
    /// those that were learnt of first are forgotten.
    fn learn(&self, device: &DeviceId, facts: DeviceFacts, now: u64) -> Reply<()>;

    /// It has connected, at the Unix ms `now`: messages are kept for it from now on. Where there are too many
    /// devices, those of which nothing else is known are forgotten first.
    fn seen(&self, device: &DeviceId, now: u64) -> Reply<()>;
}

/// Why a message could not be handed to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Connected nowhere.
    Away,
    /// Connected, and its connection takes nothing more.
    Refused,
    /// Connected, and what waits for it in the queue goes first: to be queued behind that.
    Behind,
}

/// Takes messages for one connected device. Must not block.
pub trait Mailbox: Send + Sync {
    /// Hands a message over. A message of the same `supersedes` key that still waits is dropped.
    ///
    /// # Errors
    /// If the connection takes nothing more.
    fn put(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), Missed>;

    /// As `put`, for a message that must not overtake what waits for the device in the queue.
    ///
    /// # Errors
    /// If the connection takes nothing more, or something waits.
    fn put_in_order(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), Missed> {
        self.put(message, supersedes)
    }

    /// Something has been queued for the device after it was missed here, or could not be queued.
    fn queued(&self) {}
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

    /// Hands a message to wherever the device is connected, behind what waits for it in the queue.
    fn deliver(
        &self,
        device: &DeviceId,
        message: &Arc<str>,
        supersedes: Option<&Arc<str>>,
    ) -> Reply<Result<(), Missed>>;

    /// To be called when a message that `deliver` missed has been queued, or could not be: wherever
    /// the device is connected by now, its queue is looked at.
    fn queued(&self, device: &DeviceId);

    /// Hands a message to every connected device that `wanted` names, at once and past what waits
    /// for it; the answer is how many.
    fn broadcast(&self, wanted: Audience, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Reply<usize>;

    /// The devices that are connected, everywhere, in no order.
    fn devices(&self) -> Reply<Vec<DeviceId>>;

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
