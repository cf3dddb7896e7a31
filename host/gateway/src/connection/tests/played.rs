//! A session's end of a connection, as a test sees it. Rule: it takes what comes and says nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use modehost_ids::DeviceId;
use modehost_protocol::DeviceMessage;
use modehost_session::{Gone, Incoming};
use tokio::sync::mpsc;

use crate::connection::SessionEnd;

pub(super) struct Played {
    pub(super) messages: mpsc::Sender<Incoming>,
    pub(super) audio: Arc<AtomicUsize>,
    pub(super) signs: Arc<Signs>,
}

/// What the connection told the session.
#[derive(Default)]
pub(in crate::connection) struct Signs {
    /// Signs of life of the person, apart from messages.
    pub(in crate::connection) person: AtomicUsize,
    /// Whatever came.
    pub(in crate::connection) transport: AtomicUsize,
    /// The device has ended the connection.
    pub(in crate::connection) hung_up: AtomicUsize,
    /// Messages of our own types.
    pub(in crate::connection) extensions: AtomicUsize,
}

impl SessionEnd for Played {
    fn overhear(&self, message: DeviceMessage) -> Incoming {
        message.into()
    }

    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, Gone> {
        match self.messages.try_send(message) {
            Ok(()) => Ok(None),
            Err(mpsc::error::TrySendError::Full(message)) => Ok(Some(message)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Gone),
        }
    }

    async fn message(&self, message: Incoming) -> Result<(), Gone> {
        self.messages.send(message).await.map_err(|_| Gone)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        self.audio.fetch_add(packet.len(), Ordering::Relaxed);
        Ok(())
    }

    fn touch(&self) {
        self.signs.person.fetch_add(1, Ordering::Relaxed);
    }

    fn touch_transport(&self) {
        self.signs.transport.fetch_add(1, Ordering::Relaxed);
    }

    fn used_extension(&self) {
        self.signs.extensions.fetch_add(1, Ordering::Relaxed);
    }

    fn knows_extensions(&self) -> bool {
        self.signs.extensions.load(Ordering::Relaxed) > 0
    }

    fn hang_up(&self) {
        self.signs.hung_up.fetch_add(1, Ordering::Relaxed);
    }

    fn device(&self) -> &DeviceId {
        static DEVICE: LazyLock<DeviceId> = LazyLock::new(|| "dev".into());
        &DEVICE
    }
}
