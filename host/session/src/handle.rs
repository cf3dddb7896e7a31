//! The handle of a session: its queues, and the state that it publishes. Rule: nothing here waits for the session, and
//! none of its private state is accessible.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use modehost_ids::{ClientId, ConnectionId, DeviceId, GenerationId, SessionId};
use modehost_protocol::Hello;
use modehost_speech::{AudioEvent, AudioInput};
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
use crate::inspect::{ClientInfo, ConnectionFacts};
use crate::turns::RecentTurns;

/// How others reach a session.
pub(crate) struct SessionHandle {
    pub(crate) device: DeviceId,
    /// For the server and the storage.
    pub(crate) inbox: Inbox,
    /// For the device: bounded, senders wait.
    pub(crate) messages: mpsc::Sender<DeviceEvent>,
    /// The audio input of the device.
    pub(crate) audio: AudioInput,
    /// The current audio epoch. Rises with every boundary: results of an older epoch are dropped, or go only to a mode
    /// that records.
    epoch: AtomicU64,
    /// Activity of the device and its user.
    pub(crate) activity: Activity,
    pub(crate) extensions: Extensions,
    /// The connection that is served; 0 for none.
    pub(crate) connected: AtomicU64,
    /// As the device sees it in the answer to its hello; empty until the session has loaded its record.
    pub(crate) id: Arc<OnceLock<SessionId>>,
    /// State that the session publishes.
    pub(crate) published: Published,
    /// Facts about the connection, for operators.
    pub(crate) connection_facts: Mutex<ConnectionFacts>,
    pub(crate) life: Life,
}

/// Since when a session lives, and where.
pub(crate) struct Life {
    /// The epoch in which this process served the device when the session began. In any other one it is of the past: it
    /// serves nobody and stores nothing.
    pub(crate) owner_epoch: u64,
    /// Its own task; it ends itself, or is stopped with the registry.
    pub(crate) task: Mutex<Option<WorkTask>>,
}

/// State that a session publishes for operators, the instance budget and metrics. Written by the session after each
/// event.
#[derive(Default)]
pub(crate) struct Published {
    /// Live instances.
    pub(crate) live: AtomicUsize,
    /// Unix ms of the last event.
    pub(crate) used: AtomicU64,
    /// The current mode; none for the default mode.
    pub(crate) mode: Mutex<Option<Arc<str>>>,
    /// The mode that receives transcripts, with the generation that serves it; none before any has started.
    pub(crate) served: Mutex<Served>,
    /// The last turns.
    pub(crate) turns: Mutex<RecentTurns>,
}

/// A mode and the generation that serves it; none before any has started.
pub(crate) type Served = Option<(Arc<str>, GenerationId)>;

impl SessionHandle {
    /// The handle of a session that has not started.
    pub(crate) fn new(
        (device, owner_epoch): (DeviceId, u64),
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
            connection_facts: Mutex::default(),
            life: Life { owner_epoch, task: Mutex::default() },
        }
    }

    /// The current audio epoch.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Adds facts about the device; new ones are stored.
    pub(crate) fn learn(&self, facts: DeviceFacts) {
        if self.extensions.learn(facts) {
            self.inbox.push_control(Control::StoreFacts);
        }
    }

    /// Starts a new epoch.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Applies a boundary to the audio: speech from before it is dropped, or recognised to its end for a mode that
    /// records. Starts a new epoch.
    pub(crate) fn apply_boundary(&self, boundary: Boundary) {
        let fates = boundary.fates(self.activity.records());
        let epoch = self.next_epoch();
        if fates.open_utterance == Fate::Dropped && fates.settling_utterances == Fate::Recorded {
            self.audio.push(AudioEvent::Discard);
        }
        self.audio.push(match fates.settling_utterances {
            Fate::Dropped => AudioEvent::Reset(epoch),
            Fate::Recorded | Fate::Continues => AudioEvent::StartEpoch(epoch),
        });
    }

    /// Records the peer of a new connection.
    pub(crate) fn record_caller(
        &self,
        connection: ConnectionId,
        address: IpAddr,
        client: ClientId,
        version: Option<u64>,
    ) {
        let caller = ClientInfo { connection, address, client, protocol_version: version, since: unix_ms() };
        *self.connection_facts.lock() = ConnectionFacts { caller: Some(caller), features: None, away_since: None };
    }

    pub(crate) fn record_hello(&self, hello: &Hello) {
        self.connection_facts.lock().features = Some(hello.into());
    }

    pub(crate) fn record_away(&self) {
        self.connection_facts.lock().away_since = Some(unix_ms());
    }
}
