//! The session's connections. Rule: at most one connection is served; a replaced one lingers for a moment, receives
//! only its closing message, and is closed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::limits;
use modehost_ids::ConnectionId;
use modehost_outbox::{Outbox, Text, close};
use modehost_protocol::reply;
use modehost_storage::traits::{DeliveryError, Mailbox, Registration};
use tokio::time::Instant;

use crate::event::Control;
use crate::handle::SessionHandle;
use crate::redelivery::DeliveryGate;

/// Output kept for a device that is expected to reconnect.
pub(crate) enum PendingOutput {
    Message(Text),
    /// A sentence; consecutive ones form one turn.
    Speech(String),
}

impl PendingOutput {
    fn len(&self) -> usize {
        match self {
            Self::Message(text) => text.len(),
            Self::Speech(text) => text.len(),
        }
    }
}

/// The connection that is served.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) outbox: Outbox,
    /// Messages may be sent: `hello` has been answered, or has not come in time.
    ready: bool,
    /// Holds direct messages of others back while the backlog is drained.
    gate: Arc<DeliveryGate>,
    /// While it lives, other sessions find the device here.
    _registration: Registration,
}

/// The connections of a session, and its resume and linger deadlines.
#[derive(Default)]
pub(crate) struct Link {
    connection: Option<Connection>,
    /// Typed text still queued from connections up to this one is from before a boundary.
    superseded_up_to: u64,
    lingering: Vec<(Instant, ConnectionId, Outbox)>,
    /// Output for a device that is expected to reconnect, oldest first.
    pending: VecDeque<PendingOutput>,
    pending_bytes: usize,
    /// The session expires if the device has not reconnected by then.
    pub(crate) resume_deadline: Option<Instant>,
    /// The session has expired; requests that are still open are answered until then.
    pub(crate) linger_deadline: Option<Instant>,
}

impl Link {
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// True if this is the connection that is served.
    pub(crate) fn serves(&self, id: ConnectionId) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.id == id)
    }

    /// The user has hung up on the connection that is served, or replaced it.
    pub(crate) fn mark_superseded(&mut self) {
        self.superseded_up_to = self.connection.as_ref().map_or(self.superseded_up_to, |connection| connection.id.0);
    }

    /// True if the user has hung up on this connection, or replaced it.
    pub(crate) fn is_superseded(&self, id: ConnectionId) -> bool {
        id.0 <= self.superseded_up_to
    }

    /// True if the device is connected and messages may be sent to it.
    pub(crate) fn is_ready(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.ready)
    }

    /// True once the session has expired.
    pub(crate) fn is_expired(&self) -> bool {
        self.connection.is_none() && self.linger_deadline.is_some()
    }

    /// Serves a new connection; the previous one gets a message and lingers.
    pub(crate) fn attach(
        &mut self,
        id: ConnectionId,
        outbox: Outbox,
        gate: Arc<DeliveryGate>,
        registration: Registration,
    ) {
        if let Some(old) = self.connection.take() {
            let farewell = "this device has connected again; this connection closes";
            let _ = old.outbox.text(reply::system(farewell));
            old.gate.leave(limits::ACK_GRACE);
            self.lingering.push((Instant::now() + limits::TAKEOVER_LINGER, old.id, old.outbox));
        }
        self.connection = Some(Connection { id, outbox, ready: false, gate, _registration: registration });
        self.resume_deadline = None;
        self.linger_deadline = None;
    }

    /// The connection has ended. True if it was the one that is served.
    pub(crate) fn detach(&mut self, id: ConnectionId) -> bool {
        self.lingering.retain(|(_, lingering, _)| *lingering != id);
        let served = self.serves(id);
        if served && let Some(gone) = self.connection.take() {
            gone.gate.leave(limits::ACK_GRACE);
        }
        served
    }

    /// Sends a message; keeps it while the device is offline or `hello` has not been answered.
    pub(crate) fn send(&mut self, text: impl Into<Text>) {
        match &self.connection {
            // An error means that the connection is ending, which is reported separately.
            Some(connection) if connection.ready => drop(connection.outbox.text(text)),
            _ => self.push_pending(PendingOutput::Message(text.into())),
        }
    }

    /// Sends a reply that is of no use later; dropped if there is no connection.
    pub(crate) fn answer(&self, text: impl Into<Text>) {
        if let Some(connection) = &self.connection {
            let _ = connection.outbox.text(text);
        }
    }

    /// Keeps a sentence for a device that cannot receive it yet.
    pub(crate) fn push_pending_speech(&mut self, text: String) {
        self.push_pending(PendingOutput::Speech(text));
    }

    /// Drops the sentences that are kept.
    pub(crate) fn drop_pending_speech(&mut self) {
        self.pending.retain(|pending| matches!(pending, PendingOutput::Message(_)));
        self.pending_bytes = self.pending.iter().map(PendingOutput::len).sum();
    }

    /// Number of messages and sentences kept.
    pub(crate) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    fn push_pending(&mut self, pending: PendingOutput) {
        self.pending_bytes += pending.len();
        self.pending.push_back(pending);
        while self.pending.len() > limits::RESUME_MESSAGES || self.pending_bytes > limits::PENDING_BYTES {
            if let Some(oldest) = self.pending.pop_front() {
                self.pending_bytes -= oldest.len();
                metrics::counter!("modehost_outbox_dropped_total", "reason" => "away").increment(1);
            }
        }
    }

    /// Messages may be sent from now on: after `hello`, which clients expect to be answered first. Returns what was
    /// kept; nothing if there is no connection.
    pub(crate) fn mark_ready(&mut self) -> VecDeque<PendingOutput> {
        let Some(connection) = &mut self.connection else { return VecDeque::new() };
        connection.ready = true;
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }

    /// Lets others send directly, once the backlog is drained.
    pub(crate) fn open_gate(&self) {
        if let Some(connection) = &self.connection {
            connection.gate.set_ready();
        }
    }

    /// The outbox of the connection and its gate.
    pub(crate) fn outbox_and_gate(&self) -> Option<(&Outbox, &Arc<DeliveryGate>)> {
        self.connection.as_ref().map(|connection| (&connection.outbox, &connection.gate))
    }

    pub(crate) fn outbox(&self) -> Option<&Outbox> {
        self.connection.as_ref().map(|connection| &connection.outbox)
    }

    /// Closes every connection of the session.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        for (_, _, outbox) in self.lingering.drain(..) {
            outbox.close(code, reason);
        }
        if let Some(connection) = self.connection.take() {
            connection.outbox.close(code, reason);
            connection.gate.leave(limits::ACK_GRACE);
        }
    }

    /// Closes connections that have lingered long enough.
    pub(crate) fn close_lingering(&mut self, now: Instant) {
        self.lingering.retain(|(until, _, outbox)| {
            let stays = *until > now;
            if !stays {
                outbox.close(close::POLICY, "this device has connected again");
            }
            stays
        });
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let lingering = self.lingering.iter().map(|(until, _, _)| *until).min();
        [lingering, self.resume_deadline, self.linger_deadline].into_iter().flatten().min()
    }
}

/// Delivers messages of others straight into this device's outbox.
pub(crate) struct OutboxMailbox {
    pub(crate) outbox: Outbox,
    pub(crate) gate: Arc<DeliveryGate>,
    pub(crate) session: Arc<SessionHandle>,
}

impl Mailbox for OutboxMailbox {
    fn send(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), DeliveryError> {
        let put = match supersedes {
            Some(key) => self.outbox.text_superseding(key.clone(), message.clone()),
            None => self.outbox.text(message.clone()),
        };
        put.map_err(|_| DeliveryError::Rejected)
    }

    fn send_in_order(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), DeliveryError> {
        if self.gate.admit() { self.send(message, supersedes) } else { Err(DeliveryError::QueueFirst) }
    }

    fn on_queued(&self) {
        if self.gate.queued() {
            self.session.inbox.push_control(Control::Queued(self.gate.clone()));
        }
    }
}
