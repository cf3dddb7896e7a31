//! Everything that can wake a session. Rule: one closed enum; every source is a variant of it.

use std::sync::Arc;

use modehost_contract::Snapshot;
use modehost_ids::{ConnectionId, PluginId};
use modehost_outbox::Outbox;
use modehost_protocol::DeviceMessage;
use modehost_speech::{InputEvent, Sound};
use modehost_storage::StorageError;
use modehost_storage::traits::Document;
use tokio::sync::mpsc;

use crate::boundary::Boundary;
use crate::inspect::SessionState;
use crate::redelivery::DeliveryGate;
use crate::requests::Outcome;
use crate::tools::OfferedTools;

/// An event that wakes a session.
pub(crate) enum SessionEvent {
    /// From the server itself.
    Control(Control),
    /// A watched document has changed.
    Document(PluginId, Document),
    /// A request of a mode has an outcome.
    Outcome(Outcome),
    /// From the device.
    Device(DeviceEvent),
    /// The timer of the session is due.
    Deadline,
    /// The storage has answered a background save.
    Saved(Result<(), StorageError>),
}

/// An event of the device, in order.
pub(crate) enum DeviceEvent {
    Message(ConnectionId, Incoming),
    /// An ASR event, with the epoch of its audio.
    Asr(u64, InputEvent),
    /// An audio packet came, and no recogniser is configured.
    AudioWithoutAsr,
}

/// A message of the device, after it has been processed in order with the audio.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The message.
    pub message: DeviceMessage,
    pub(crate) boundary: Option<Boundary>,
}

impl From<DeviceMessage> for Incoming {
    /// A message that is no boundary.
    fn from(message: DeviceMessage) -> Self {
        Self { message, boundary: None }
    }
}

/// Dropped when the work that it belongs to is done; the receiver learns when all senders are dropped.
pub(crate) type Done = mpsc::Sender<()>;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// The device closed it: the user has hung up.
    HungUp,
    /// By the network, a timeout or the server itself.
    Lost,
}

/// Why a sound is not played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPlayed {
    /// There is no connection that is ready.
    #[error("the device is not connected now")]
    Away,
    /// Other sounds are being played or wait.
    #[error("other sounds wait to be played; stop them, or wait until they have ended")]
    Full,
}

/// A control of the server.
pub(crate) enum Control {
    Attach {
        connection: ConnectionId,
        outbox: Outbox,
    },
    Detach(ConnectionId, Departure),
    /// Start from the record of an earlier process, with no connection.
    Resume,
    /// Migrate to the generations that the catalog serves.
    Migrate(Done),
    /// The settings have changed.
    ConfigChanged,
    /// Free the memory of idle instances.
    Hibernate,
    /// Send the current state of this plugin, if there is one; never waits.
    Sample(PluginId, mpsc::Sender<Snapshot>),
    /// Report the session's state to an operator; never waits.
    Inspect(mpsc::Sender<SessionState>),
    /// Facts about the device have been learnt and are to be stored.
    StoreFacts,
    /// A playback has ended.
    PlaybackEnded,
    /// A message was queued for the device whose connection has this gate.
    Queued(Arc<DeliveryGate>),
    /// An operator has the device say this, or show it as a notice.
    Tell {
        text: Arc<str>,
        spoken: bool,
    },
    /// An operator has the device play this.
    Play {
        sound: Sound,
        outcome: mpsc::Sender<Result<(), NotPlayed>>,
    },
    /// An operator stops what the device is speaking.
    Silence,
    /// An operator asks for the tools of the device.
    OfferTools(mpsc::Sender<OfferedTools>),
    /// An operator calls a tool of older firmware.
    CallThing {
        name: String,
        arguments: String,
        /// Its text; none if there is no such tool.
        outcome: mpsc::Sender<Option<String>>,
    },
    /// Close the connection: this one only, or whichever is served.
    Kick {
        connection: Option<ConnectionId>,
        reason: Arc<str>,
    },
    /// Close the connection and end, without saving anything.
    Forget {
        code: u16,
        reason: Arc<str>,
        done: Done,
    },
    /// Save everything, close the connection, end.
    Drain {
        code: u16,
        reason: Arc<str>,
        done: Done,
    },
}
