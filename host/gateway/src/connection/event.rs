//! Everything that can wake a connection. Rule: the list is closed; whoever waits for something else adds a case here,
//! and the connection says what it does about it.

use std::collections::VecDeque;

use modehost_outbox::Frame;
use modehost_session::Gone;

use super::socket::SocketEvent;
use crate::console::Answer;

/// Everything that can wake a connection.
pub(super) enum Event {
    /// Something may be due.
    Alarm,
    /// The session has taken the oldest message of the backlog, or is gone.
    HandedOver(Result<(), Gone>),
    /// The session has something for the device.
    Outgoing(VecDeque<Frame>),
    /// An order of the operator's console has been carried out.
    CommandDone(Answer),
    Socket(SocketEvent),
}

impl Event {
    /// What it costs of the burst that a connection may take in one go: a message counts once, and once
    /// more for each KiB.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Socket(SocketEvent::Received(message)) => 1 + message.len() / 1024,
            _ => 0,
        }
    }
}
