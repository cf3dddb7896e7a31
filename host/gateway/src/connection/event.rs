//! All events that wake a connection. Rule: the enum is exhaustive; a new source of events adds a variant here, and the
//! connection handles it.

use std::collections::VecDeque;

use modehost_outbox::Frame;
use modehost_session::SessionEnded;

use super::socket::SocketEvent;
use crate::control::CommandResult;

/// All events that wake a connection.
pub(super) enum Event {
    /// The keepalive timer has fired.
    Timer,
    /// The session has received the oldest message of the backlog, or has ended.
    Delivered(Result<(), SessionEnded>),
    /// The session has frames for the device.
    Outgoing(VecDeque<Frame>),
    /// An operator command has been executed.
    CommandDone(CommandResult),
    Socket(SocketEvent),
}

impl Event {
    /// Its cost within a read burst: a message counts 1, plus 1 for each KiB.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Socket(SocketEvent::Received(message)) => 1 + message.len() / 1024,
            _ => 0,
        }
    }
}
