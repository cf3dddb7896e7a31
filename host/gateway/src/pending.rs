//! Messages that have been received and that the session has no room for yet. Rule: they leave in
//! the order in which they came, and their number and bytes are bounded.

use std::collections::VecDeque;

use modehost_limits as limits;
use modehost_session::Incoming;

/// Messages that the session has no room for yet, in order.
#[derive(Default)]
pub(crate) struct Pending {
    messages: VecDeque<(Incoming, usize)>,
    bytes: usize,
}

impl Pending {
    /// Keeps a message that came as `bytes` bytes of text.
    pub fn push(&mut self, message: Incoming, bytes: usize) {
        self.bytes += bytes;
        self.messages.push_back((message, bytes));
    }

    /// The oldest.
    pub fn pop(&mut self) -> Option<Incoming> {
        let (message, bytes) = self.messages.pop_front()?;
        self.bytes -= bytes;
        // An idle connection keeps no queue of its busiest moment.
        if self.messages.is_empty() && self.messages.capacity() > 4 {
            self.messages = VecDeque::new();
        }
        Some(message)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// False while the device must wait; a single message may go over the limit of bytes.
    pub fn has_room(&self) -> bool {
        self.messages.len() < limits::PENDING_MESSAGES && self.bytes < limits::PENDING_BYTES
    }
}
