//! What has gone over a connection, counted where it goes. Rule: texts are messages, binary frames are sound, and
//! other frames are neither; what is counted of a connection is shown when it ends.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use tokio_tungstenite::tungstenite::Message;

use crate::connection_metrics::ConnectionMetrics;

/// The counts of one connection, beside those of all.
pub(crate) struct Traffic<'a> {
    /// Of all connections.
    meters: &'a ConnectionMetrics,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    sound_in: AtomicU64,
    sound_out: AtomicU64,
    /// How it was closed; 0 before.
    code: AtomicU16,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub messages_in: u64,
    pub messages_out: u64,
    /// Bytes of binary frames, which are sound.
    pub sound_in_bytes: u64,
    pub sound_out_bytes: u64,
    /// How it was closed; none where it was cut by the end of the server.
    pub code: Option<u16>,
}

impl<'a> Traffic<'a> {
    /// Of a connection that begins.
    pub fn new(meters: &'a ConnectionMetrics) -> Self {
        let (messages_in, messages_out, sound_in, sound_out) = Default::default();
        Self { meters, messages_in, messages_out, sound_in, sound_out, code: AtomicU16::new(0) }
    }

    /// A frame has come.
    pub(super) fn received(&self, message: &Message) {
        self.meters.received_bytes.increment(message.len() as u64);
        count(message, &self.messages_in, &self.sound_in);
    }

    /// A frame goes out.
    pub(super) fn sent(&self, message: &Message) {
        self.meters.sent.increment(1);
        self.meters.sent_bytes.increment(message.len() as u64);
        count(message, &self.messages_out, &self.sound_out);
    }

    /// The connection ends with this close code.
    pub(super) fn closed(&self, code: u16) {
        crate::connection_metrics::closed(code);
        self.code.store(code, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            messages_in: of(&self.messages_in),
            messages_out: of(&self.messages_out),
            sound_in_bytes: of(&self.sound_in),
            sound_out_bytes: of(&self.sound_out),
            code: Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != 0),
        }
    }
}

fn count(message: &Message, messages: &AtomicU64, sound: &AtomicU64) {
    match message {
        Message::Text(_) => messages.fetch_add(1, Ordering::Relaxed),
        Message::Binary(frame) => sound.fetch_add(frame.len() as u64, Ordering::Relaxed),
        _ => return,
    };
}
