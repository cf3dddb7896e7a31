//! Everything that can wake a session. Rule: one closed enum; whatever wakes a session is a case of it.

use std::sync::Arc;

use modehost_contract::Snapshot;
use modehost_ids::{ConnectionId, PluginId};
use modehost_outbox::Outbox;
use modehost_protocol::DeviceMessage;
use modehost_speech::Report;
use modehost_storage::StorageError;
use modehost_storage::traits::Document;
use tokio::sync::mpsc;

use crate::boundary::Boundary;
use crate::inspect::Inside;
use crate::redelivery::Gate;
use crate::requests::Outcome;

/// Wakes a session.
pub(crate) enum SessionEvent {
    /// From the server itself.
    Control(Control),
    /// A watched document has changed.
    Document(PluginId, Document),
    /// A request of a mode has come to something.
    Outcome(Outcome),
    /// From the device.
    Device(DeviceEvent),
    /// The timer of the session is due.
    Deadline,
    /// The storage has answered a save that nobody waits for.
    Saved(Result<(), StorageError>),
}

/// From the device, in order.
pub(crate) enum DeviceEvent {
    Message(ConnectionId, Incoming),
    /// What the recogniser has made of the sound of this epoch.
    Recogniser(u64, Report),
    /// A packet of sound came, and no recogniser is configured.
    UnheardSound,
}

/// A message of the device, looked at in its place among the sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub message: DeviceMessage,
    pub(crate) boundary: Option<Boundary>,
}

impl From<DeviceMessage> for Incoming {
    /// A message that is no boundary.
    fn from(message: DeviceMessage) -> Self {
        Self { message, boundary: None }
    }
}

/// Dropped when what it belongs to is done; whoever holds the receiver learns when all are.
pub(crate) type Done = mpsc::Sender<()>;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// The device closed it: a person has hung up.
    HungUp,
    /// The network, a time limit or the server itself.
    Lost,
}

/// From the server itself.
pub(crate) enum Control {
    Attach {
        connection: ConnectionId,
        outbox: Outbox,
    },
    Detach(ConnectionId, Departure),
    /// Take up what an earlier process left, with nobody connected.
    Resume,
    /// Move to what the catalog holds now.
    Migrate(Done),
    /// The settings have changed.
    Reconfigured,
    /// Give back the memory of instances that nothing happens to.
    Hibernate,
    /// Give the state of this plugin as it is now, if there is one; never waits.
    Sample(PluginId, mpsc::Sender<Snapshot>),
    /// Tell an operator how things stand; never waits.
    Show(mpsc::Sender<Inside>),
    /// Something has been found out about the device that is to be kept.
    Learnt,
    /// What was being said to the device is over.
    Spoken,
    /// Something waits for the device whose connection has this gate.
    Queued(Arc<Gate>),
    /// Close the connection: this one only, or whichever is served.
    Kick {
        connection: Option<ConnectionId>,
        reason: Arc<str>,
    },
    /// Close the connection and end, without saving anything.
    Forget {
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
