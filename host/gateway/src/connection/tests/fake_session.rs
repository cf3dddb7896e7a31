//! A fake session. Rule: it records what it receives and sends nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use modehost_ids::DeviceId;
use modehost_protocol::DeviceMessage;
use modehost_session::{Incoming, SessionEnded};
use tokio::sync::mpsc;

use crate::connection::SessionHandle;

pub(super) struct FakeSession {
    pub(super) messages: mpsc::Sender<Incoming>,
    pub(super) audio: Arc<AtomicUsize>,
    pub(super) activity: Arc<Activity>,
}

/// Counters of the reported activity.
#[derive(Default)]
pub(in crate::connection) struct Activity {
    /// User activity, apart from messages.
    pub(in crate::connection) user: AtomicUsize,
    /// Any received frame.
    pub(in crate::connection) transport: AtomicUsize,
    /// The device closed the connection.
    pub(in crate::connection) hung_up: AtomicUsize,
    /// Extension messages.
    pub(in crate::connection) extensions: AtomicUsize,
}

impl SessionHandle for FakeSession {
    fn observe(&self, message: DeviceMessage) -> Incoming {
        message.into()
    }

    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, SessionEnded> {
        match self.messages.try_send(message) {
            Ok(()) => Ok(None),
            Err(mpsc::error::TrySendError::Full(message)) => Ok(Some(message)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(SessionEnded),
        }
    }

    async fn message(&self, message: Incoming) -> Result<(), SessionEnded> {
        self.messages.send(message).await.map_err(|_| SessionEnded)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), SessionEnded> {
        self.audio.fetch_add(packet.len(), Ordering::Relaxed);
        Ok(())
    }

    fn touch(&self) {
        self.activity.user.fetch_add(1, Ordering::Relaxed);
    }

    fn touch_transport(&self) {
        self.activity.transport.fetch_add(1, Ordering::Relaxed);
    }

    fn used_extension(&self) {
        self.activity.extensions.fetch_add(1, Ordering::Relaxed);
    }

    fn knows_extensions(&self) -> bool {
        self.activity.extensions.load(Ordering::Relaxed) > 0
    }

    fn hang_up(&self) {
        self.activity.hung_up.fetch_add(1, Ordering::Relaxed);
    }

    fn device(&self) -> &DeviceId {
        static DEVICE: LazyLock<DeviceId> = LazyLock::new(|| "dev".into());
        &DEVICE
    }
}
