//! The shutdown of the server as devices see it. Rule: from the moment no device is admitted any more, even out of a
//! running handshake, every rejected device gets the same close code and reason.

use std::sync::OnceLock;

use modehost_outbox::close;
use tokio::sync::watch;

/// What devices are sent when the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownNotice {
    /// A close code of `modehost_outbox::close`.
    pub code: u16,
    /// Close reason, one sentence; truncated to 123 bytes.
    pub reason: String,
    /// The listening sockets stay open for the next program, so that no connection is refused.
    pub hand_over_sockets: bool,
}

impl ShutdownNotice {
    /// The server stops.
    pub fn stopping() -> Self {
        Self { code: close::GOING_AWAY, reason: "the server is stopping".to_owned(), hand_over_sockets: false }
    }

    /// The server restarts at once.
    pub fn restarting() -> Self {
        let reason = "the server restarts; please connect again".to_owned();
        Self { code: close::RESTART, reason, hand_over_sockets: true }
    }
}

/// Whether devices are still admitted, and what rejected ones are sent.
#[derive(Default)]
pub(crate) struct Shutdown {
    /// Set once, when the shutdown begins.
    notice: OnceLock<ShutdownNotice>,
    /// True once no device is admitted any more.
    closed: watch::Sender<bool>,
}

impl Shutdown {
    /// Begins the shutdown; handshakes in progress may still be admitted.
    pub fn begin(&self, notice: ShutdownNotice) {
        let _ = self.notice.set(notice);
    }

    /// Stops admitting devices.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until no device is admitted any more.
    pub async fn closed(&self) {
        // The error case (all senders dropped) cannot occur: `self` owns the sender.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// What a rejected device is sent.
    pub fn notice(&self) -> ShutdownNotice {
        self.notice.get().cloned().unwrap_or_else(ShutdownNotice::stopping)
    }
}
