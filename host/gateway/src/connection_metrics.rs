//! The metrics handles of connections. Rule: every handle is looked up once, so that counting a message costs one
//! addition; labels come from closed sets.

use metrics::{Counter, Gauge, counter, gauge};
use modehost_protocol::HostKind;

/// Reasons of failed handshakes; every label is registered at zero.
pub(crate) const REJECTION_REASONS: [&str; 17] = [
    "moved",
    "evacuating",
    "unclaimed",
    "timeout",
    "not_http",
    "plain_http",
    "path",
    "origin",
    "identity",
    "sign_in",
    "upgrade",
    "displaced",
    "tls",
    "duplicate",
    "forgotten",
    "full",
    "stopping",
];
/// Close codes with a label of their own; all others count as `other`.
pub(crate) const CLOSE_CODES: std::ops::RangeInclusive<u16> = 1000..=1013;
/// Metrics handles, shared by all connections.
pub(crate) struct ConnectionMetrics {
    connections: Gauge,
    connections_total: Counter,
    /// In the order of [`HostKind::ALL`].
    kinds: [Counter; HostKind::ALL.len()],
    /// Of all other types.
    other: Counter,
    invalid: Counter,
    audio: Counter,
    pub received_bytes: Counter,
    pub sent: Counter,
    pub sent_bytes: Counter,
}

impl ConnectionMetrics {
    /// Looks up all handles; the recorder must have been installed before.
    pub fn new() -> Self {
        let received = |kind: &'static str| counter!("modehost_messages_received_total", "kind" => kind);
        Self {
            connections: gauge!("modehost_connections"),
            connections_total: counter!("modehost_connections_total"),
            kinds: HostKind::ALL.map(|kind| received(kind.word())),
            other: received("other"),
            invalid: received("invalid"),
            audio: received("audio"),
            received_bytes: counter!("modehost_received_bytes_total"),
            sent: counter!("modehost_messages_sent_total"),
            sent_bytes: counter!("modehost_sent_bytes_total"),
        }
    }

    /// Counts a connection in the gauge until the guard is dropped.
    pub fn connected(&self) -> Connected {
        self.connections.increment(1.0);
        self.connections_total.increment(1);
        Connected(self.connections.clone())
    }

    /// Counts a text message of this type.
    pub fn received(&self, kind: &str) {
        HostKind::of(kind).map_or(&self.other, |kind| &self.kinds[kind as usize]).increment(1);
    }

    /// Counts an invalid text message.
    pub fn received_invalid(&self) {
        self.invalid.increment(1);
    }

    /// Counts an invalid binary frame.
    pub fn received_invalid_audio(&self, reason: &'static str) {
        metrics::counter!("modehost_audio_packets_skipped_total", "reason" => reason).increment(1);
    }

    /// Counts an audio packet.
    pub fn received_audio(&self) {
        self.audio.increment(1);
    }
}

/// One connection in the gauge; decremented on drop.
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Counts a handshake that did not become a connection.
pub(crate) fn count_rejected(reason: &'static str) {
    debug_assert!(REJECTION_REASONS.contains(&reason), "{reason} is not counted from the start");
    counter!("modehost_handshakes_refused_total", "reason" => reason).increment(1);
}

/// Counts a connection that has ended; 1006 stands for an end without a close frame.
pub(crate) fn count_close(code: u16) {
    let code = if CLOSE_CODES.contains(&code) { code.to_string() } else { "other".to_owned() };
    counter!("modehost_closes_total", "code" => code).increment(1);
}
