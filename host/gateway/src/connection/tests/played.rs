//! A session's end of a connection, as a test sees it. Rule: it takes what comes and says nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use modehost_ids::DeviceId;
use modehost_protocol::DeviceMessage;
use modehost_session::Gone;
use tokio::sync::mpsc;

use crate::connection::SessionEnd;

pub(super) struct Played {
    pub(super) messages: mpsc::Sender<DeviceMessage>,
    pub(super) audio: Arc<AtomicUsize>,
    pub(super) touched: Arc<AtomicUsize>,
}

impl SessionEnd for Played {
    fn overhear(&self, _: &DeviceMessage) {}
    fn try_message(&self, message: DeviceMessage) -> Result<Option<DeviceMessage>, Gone> {
        match self.messages.try_send(message) {
            Ok(()) => Ok(None),
            Err(mpsc::error::TrySendError::Full(message)) => Ok(Some(message)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Gone),
        }
    }

    async fn message(&self, message: DeviceMessage) -> Result<(), Gone> {
        self.messages.send(message).await.map_err(|_| Gone)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        self.audio.fetch_add(packet.len(), Ordering::Relaxed);
        Ok(())
    }

    fn touch(&self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    fn device(&self) -> &DeviceId {
        static DEVICE: LazyLock<DeviceId> = LazyLock::new(|| "dev".into());
        &DEVICE
    }
}
