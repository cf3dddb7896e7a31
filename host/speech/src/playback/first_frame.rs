//! What waits for a first frame: messages for the first of the turn, and a measurement that begins later. Rule: a message
//! is sent once, with the first frame or by its owner.

use std::sync::Arc;

use tokio::time::Instant;

use crate::limits;

#[derive(Default)]
pub(super) struct FirstFrame {
    /// Messages to send with the first frame of the turn.
    messages: Vec<Arc<str>>,
    /// A frame has been sent.
    has_audio: bool,
    /// Waiting since then for the first frame of a sentence queued later.
    awaiting_since: Option<Instant>,
    /// When that frame was sent.
    sent_at: Option<Instant>,
}

impl FirstFrame {
    /// Keeps a message for the first frame. Returns it if that has been sent, or if too many wait.
    pub fn hold(&mut self, message: Arc<str>) -> Option<Arc<str>> {
        if self.has_audio || self.messages.len() >= limits::SPEECH_SENTENCES {
            return Some(message);
        }
        self.messages.push(message);
        None
    }

    /// The first frame is about to be sent: the messages that go with it.
    pub fn release(&mut self) -> Vec<Arc<str>> {
        self.has_audio = true;
        std::mem::take(&mut self.messages)
    }

    /// Starts waiting for the first frame of a sentence that is queued from now on.
    pub fn start_waiting(&mut self) {
        (self.awaiting_since, self.sent_at) = (Some(Instant::now()), None);
    }

    /// A frame has been sent, the first of a sentence that was queued then or another.
    pub fn record_frame(&mut self, begins: Option<Instant>) {
        if self.awaiting_since.zip(begins).is_some_and(|(awaiting_since, queued)| queued >= awaiting_since) {
            (self.awaiting_since, self.sent_at) = (None, Some(Instant::now()));
        }
    }

    /// When the awaited frame was sent; none before.
    pub fn sent_at(&self) -> Option<Instant> {
        self.sent_at
    }
}
