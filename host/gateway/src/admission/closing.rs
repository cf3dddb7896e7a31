//! How the server ends for devices. Rule: from the moment at which nobody gets in any more, not even from the middle
//! of a handshake, everybody who is turned away is told the same.

use std::sync::OnceLock;

use modehost_outbox::close;
use tokio::sync::watch;

/// What devices are told when the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// A close code of `modehost_outbox::close`.
    pub code: u16,
    /// One sentence; cut at 123 bytes.
    pub reason: String,
    /// The ports stay open for whoever takes over: nobody is refused.
    pub hands_over: bool,
}

impl Farewell {
    /// The server stops.
    pub fn stopping() -> Self {
        Self { code: close::GOING_AWAY, reason: "the server is stopping".to_owned(), hands_over: false }
    }

    /// The server begins anew at once.
    pub fn restarting() -> Self {
        let reason = "the server restarts; please connect again".to_owned();
        Self { code: close::RESTART, reason, hands_over: true }
    }
}

/// Whether devices are still let in, and what they are told where they are not.
#[derive(Default)]
pub(crate) struct Closing {
    /// Set once, when the server ends.
    farewell: OnceLock<Farewell>,
    /// True once nobody gets in any more.
    closed: watch::Sender<bool>,
}

impl Closing {
    /// The server ends; those who are in the middle of a handshake may still get in.
    pub fn begin(&self, farewell: Farewell) {
        let _ = self.farewell.set(farewell);
    }

    /// Nobody gets in any more.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until nobody gets in any more.
    pub async fn closed(&self) {
        // An error would mean that nobody is left who could say it; `self` can.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// What a device is told that is turned away.
    pub fn farewell(&self) -> Farewell {
        self.farewell.get().cloned().unwrap_or_else(Farewell::stopping)
    }
}
