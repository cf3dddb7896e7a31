//! The session's side of its connections. Rule: at most one connection is served; an older one
//! may linger for a moment, hears nothing but its farewell, and is closed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::limits;
use modehost_ids::ConnectionId;
use modehost_outbox::{Outbox, Text, close};
use modehost_protocol::reply;
use modehost_storage::traits::{Mailbox, Missed, Registration};
use tokio::time::Instant;

use crate::event::Control;
use crate::handle::SessionHandle;
use crate::redelivery::Gate;

/// What is kept for a device that is expected back.
pub(crate) enum Held {
    Message(Text),
    /// A sentence; those that follow each other make one turn.
    Speech(String),
}

impl Held {
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
    /// The device has been answered, or given up on saying hello: it may be spoken to.
    open: bool,
    /// Keeps others behind what waits for the device.
    gate: Arc<Gate>,
    /// While it lasts, others find the device here.
    _registration: Registration,
}

/// Who is connected, who lingers, and how long nobody is waited for.
#[derive(Default)]
pub(crate) struct Link {
    connection: Option<Connection>,
    /// Words that this connection and those before it still have in the queue are from before a boundary.
    past: u64,
    lingering: Vec<(Instant, ConnectionId, Outbox)>,
    /// Messages for a device that is expected back, oldest first.
    held: VecDeque<Held>,
    held_bytes: usize,
    /// The session ends for its modes when nobody has come back by then.
    pub(crate) gone_at: Option<Instant>,
    /// The modes have been told; their last requests are answered until then.
    pub(crate) end_at: Option<Instant>,
}

impl Link {
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// True if this is the connection that is served.
    pub(crate) fn serves(&self, id: ConnectionId) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.id == id)
    }

    /// The person has moved on from the connection that is served, which is about to go.
    pub(crate) fn move_on(&mut self) {
        self.past = self.connection.as_ref().map_or(self.past, |connection| connection.id.0);
    }

    /// True if the person has moved on from this connection.
    pub(crate) fn is_past(&self, id: ConnectionId) -> bool {
        id.0 <= self.past
    }

    /// True if the device is connected and may be spoken to.
    pub(crate) fn is_ready(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.open)
    }

    /// True once the device has been given up.
    pub(crate) fn is_over(&self) -> bool {
        self.connection.is_none() && self.end_at.is_some()
    }

    /// Serves a new connection; the one before is told and lingers.
    pub(crate) fn attach(&mut self, id: ConnectionId, outbox: Outbox, gate: Arc<Gate>, registration: Registration) {
        if let Some(old) = self.connection.take() {
            let farewell = "this device has connected again; this connection closes";
            let _ = old.outbox.text(reply::system(farewell));
            old.gate.leave(limits::HAND_OVER_LEFT);
            self.lingering.push((Instant::now() + limits::TAKEOVER_LINGER, old.id, old.outbox));
        }
        self.connection = Some(Connection { id, outbox, open: false, gate, _registration: registration });
        self.gone_at = None;
        self.end_at = None;
    }

    /// The connection is gone. True if it was the one that is served.
    pub(crate) fn detach(&mut self, id: ConnectionId) -> bool {
        self.lingering.retain(|(_, lingering, _)| *lingering != id);
        let served = self.serves(id);
        if served && let Some(gone) = self.connection.take() {
            gone.gate.leave(limits::HAND_OVER_LEFT);
        }
        served
    }

    /// To the device; kept for its return while it is away, and until it has been answered.
    pub(crate) fn send(&mut self, text: impl Into<Text>) {
        match &self.connection {
            // A refusal means that the connection is ending: its own end will be told.
            Some(connection) if connection.open => drop(connection.outbox.text(text)),
            _ => self.hold(Held::Message(text.into())),
        }
    }

    /// An answer that is of use now or never.
    pub(crate) fn answer(&self, text: impl Into<Text>) {
        if let Some(connection) = &self.connection {
            let _ = connection.outbox.text(text);
        }
    }

    /// Keeps a sentence for a device that cannot be spoken to yet.
    pub(crate) fn hold_speech(&mut self, text: String) {
        self.hold(Held::Speech(text));
    }

    /// Drops the sentences that are kept.
    pub(crate) fn forget_speech(&mut self) {
        self.held.retain(|held| matches!(held, Held::Message(_)));
        self.held_bytes = self.held.iter().map(Held::len).sum();
    }

    /// How many messages and sentences are kept.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    fn hold(&mut self, held: Held) {
        self.held_bytes += held.len();
        self.held.push_back(held);
        while self.held.len() > limits::HELD_MESSAGES || self.held_bytes > limits::HELD_BYTES {
            if let Some(oldest) = self.held.pop_front() {
                self.held_bytes -= oldest.len();
                metrics::counter!("modehost_outbox_dropped_total", "reason" => "away").increment(1);
            }
        }
    }

    /// From now on the device may be spoken to: after hello, which clients expect to be answered
    /// first. Gives what was kept; nothing where nobody is connected.
    pub(crate) fn open(&mut self) -> VecDeque<Held> {
        let Some(connection) = &mut self.connection else { return VecDeque::new() };
        connection.open = true;
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }

    /// Others may speak to the device too, once nothing waits for it.
    pub(crate) fn answered(&self) {
        if let Some(connection) = &self.connection {
            connection.gate.answer();
        }
    }

    /// The way to the device, and what guards it.
    pub(crate) fn way(&self) -> Option<(&Outbox, &Arc<Gate>)> {
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
            connection.gate.leave(limits::HAND_OVER_LEFT);
        }
    }

    /// Closes those that have lingered long enough.
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
        [lingering, self.gone_at, self.end_at].into_iter().flatten().min()
    }
}

/// The way of others to this device: straight into its outbox.
pub(crate) struct OutboxMailbox {
    pub(crate) outbox: Outbox,
    pub(crate) gate: Arc<Gate>,
    pub(crate) session: Arc<SessionHandle>,
}

impl Mailbox for OutboxMailbox {
    fn put(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), Missed> {
        let put = match supersedes {
            Some(key) => self.outbox.latest(key.clone(), message.clone()),
            None => self.outbox.text(message.clone()),
        };
        put.map_err(|_| Missed::Refused)
    }

    fn put_in_order(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), Missed> {
        if self.gate.admit() { self.put(message, supersedes) } else { Err(Missed::Behind) }
    }

    fn queued(&self) {
        if self.gate.queued() {
            self.session.inbox.control(Control::Queued(self.gate.clone()));
        }
    }
}
