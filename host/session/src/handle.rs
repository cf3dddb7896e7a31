//! What others hold of a session: its queues, and what it shows of itself. Rule: nothing here waits for the session, and
//! none of its state is touched from outside.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use modehost_ids::{ClientId, ConnectionId, DeviceId, GenerationId, SessionId};
use modehost_protocol::Hello;
use modehost_speech::{AudioInput, Sound};
use modehost_storage::traits::DeviceFacts;
use modehost_task::WorkTask;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::activity::Activity;
use crate::boundary::{Boundary, Fate};
use crate::clock::unix_ms;
use crate::event::{Control, DeviceEvent};
use crate::extensions::Extensions;
use crate::inbox::Inbox;
use crate::inspect::{Caller, Seen};
use crate::turns::Ring;

/// What others hold of a session.
pub(crate) struct SessionHandle {
    pub(crate) device: DeviceId,
    /// For the server and the storage.
    pub(crate) inbox: Inbox,
    /// For the device: bounded, senders wait.
    pub(crate) messages: mpsc::Sender<DeviceEvent>,
    /// Hears what the device sends.
    pub(crate) audio: AudioInput,
    /// Of the sound that comes now. Rises with every boundary: what was made of older sound is for nobody, or
    /// only for a mode that records.
    epoch: AtomicU64,
    /// Signs of life of the device and its person.
    pub(crate) activity: Activity,
    pub(crate) extensions: Extensions,
    /// The connection that is served; 0 for none.
    pub(crate) connected: AtomicU64,
    /// As the device is told it in the answer to its hello; none before the session has found it.
    pub(crate) id: Arc<OnceLock<SessionId>>,
    /// What the session shows of itself.
    pub(crate) published: Published,
    /// What connections have shown, for operators.
    pub(crate) seen: Mutex<Seen>,
    /// The session's own task; it ends itself, or is stopped with the registry.
    pub(crate) task: Mutex<Option<WorkTask>>,
}

/// What a session shows of itself, to operators, to the budget of instances and to metrics. Written by the session after
/// each event.
#[derive(Default)]
pub(crate) struct Published {
    /// Live instances.
    pub(crate) live: AtomicUsize,
    /// Unix ms of the last event.
    pub(crate) used: AtomicU64,
    /// The current mode; none for the default mode.
    pub(crate) mode: Mutex<Option<Arc<str>>>,
    /// The mode that takes what is said, with the generation that serves it; none before any has begun.
    pub(crate) served: Mutex<Served>,
    /// The last turns.
    pub(crate) turns: Mutex<Ring>,
}

/// A mode and the generation that serves it; none before any has begun.
pub(crate) type Served = Option<(Arc<str>, GenerationId)>;

impl SessionHandle {
    /// The handle of a session that has not begun.
    pub(crate) fn new(
        device: DeviceId,
        messages: mpsc::Sender<DeviceEvent>,
        audio: AudioInput,
        activity: Activity,
    ) -> Self {
        Self {
            device,
            inbox: Inbox::default(),
            messages,
            audio,
            epoch: AtomicU64::new(0),
            activity,
            extensions: Extensions::default(),
            connected: AtomicU64::new(0),
            id: Arc::default(),
            published: Published::default(),
            seen: Mutex::default(),
            task: Mutex::default(),
        }
    }

    /// Of the sound that comes now.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Something has been found out about the device; what is new is kept for good.
    pub(crate) fn learn(&self, facts: DeviceFacts) {
        if self.extensions.learn(facts) {
            self.inbox.control(Control::Learnt);
        }
    }

    /// Another epoch begins.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// What was said before a boundary is forgotten, or recognised to its end for whoever records. From here
    /// on sound has another epoch.
    pub(crate) fn divide_sound(&self, boundary: Boundary) {
        let fates = boundary.fates(self.activity.records());
        let epoch = self.next_epoch();
        if fates.open_utterance == Fate::Dropped && fates.settling_utterances == Fate::Recorded {
            self.audio.put(Sound::Discard);
        }
        self.audio.put(match fates.settling_utterances {
            Fate::Dropped => Sound::Forget(epoch),
            Fate::Recorded | Fate::GoesOn => Sound::Divide(epoch),
        });
    }

    /// A connection tells who it is.
    pub(crate) fn note_caller(
        &self,
        connection: ConnectionId,
        address: IpAddr,
        client: ClientId,
        version: Option<u64>,
    ) {
        let caller = Caller { connection, address, client, protocol_version: version, since: unix_ms() };
        *self.seen.lock() = Seen { caller: Some(caller), features: None, away_since: None };
    }

    pub(crate) fn note_hello(&self, hello: &Hello) {
        self.seen.lock().features = Some(hello.into());
    }

    pub(crate) fn note_away(&self) {
        self.seen.lock().away_since = Some(unix_ms());
    }
}
