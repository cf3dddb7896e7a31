//! Traffic counters of one connection. Rule: texts count as messages, binary frames as audio, and other frames as
//! neither; the counts of a connection are logged when it ends.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use tokio_tungstenite::tungstenite::Message;

use crate::connection_metrics::ConnectionMetrics;

/// The counters of one connection; the global metrics are updated as well.
pub(crate) struct Traffic<'a> {
    /// Of all connections.
    metrics: &'a ConnectionMetrics,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    audio_in: AtomicU64,
    audio_out: AtomicU64,
    /// Close code; 0 while open.
    code: AtomicU16,
}

/// A snapshot of the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub messages_in: u64,
    pub messages_out: u64,
    /// Bytes of binary frames, which carry audio.
    pub sound_in_bytes: u64,
    pub sound_out_bytes: u64,
    /// Close code; `None` if the server's shutdown cut the connection.
    pub code: Option<u16>,
}

impl<'a> Traffic<'a> {
    /// Counters of a new connection.
    pub fn new(metrics: &'a ConnectionMetrics) -> Self {
        let (messages_in, messages_out, audio_in, audio_out) = Default::default();
        Self { metrics, messages_in, messages_out, audio_in, audio_out, code: AtomicU16::new(0) }
    }

    /// Counts a received frame.
    pub(super) fn record_received(&self, message: &Message) {
        self.metrics.received_bytes.increment(message.len() as u64);
        count(message, &self.messages_in, &self.audio_in);
    }

    /// Counts a sent frame.
    pub(super) fn record_sent(&self, message: &Message) {
        self.metrics.sent.increment(1);
        self.metrics.sent_bytes.increment(message.len() as u64);
        count(message, &self.messages_out, &self.audio_out);
    }

    /// Records the close code.
    pub(super) fn record_close(&self, code: u16) {
        crate::connection_metrics::count_close(code);
        self.code.store(code, Ordering::Relaxed);
    }

    /// Takes a snapshot.
    pub fn snapshot(&self) -> Counts {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            messages_in: load(&self.messages_in),
            messages_out: load(&self.messages_out),
            sound_in_bytes: load(&self.audio_in),
            sound_out_bytes: load(&self.audio_out),
            code: Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != 0),
        }
    }
}

fn count(message: &Message, messages: &AtomicU64, audio: &AtomicU64) {
    match message {
        Message::Text(_) => messages.fetch_add(1, Ordering::Relaxed),
        Message::Binary(frame) => audio.fetch_add(frame.len() as u64, Ordering::Relaxed),
        _ => return,
    };
}
