//! Finds or makes the session of a device. Rule: at most one session per device id, whatever
//! connects at the same time.

use std::sync::Arc;

use modehost_contract::Catalog;
use modehost_ids::DeviceId;
use modehost_outbox::Outbox;
use modehost_storage::traits::{Archives, Directory, Documents, Journals, OfflineQueue, Sessions};
use modehost_task::ModeThreads;
use tokio::sync::watch;

use crate::attachment::Attachment;
use crate::config::{Config, DuplicateDevice};

/// Everything that sessions use, each behind the trait that they know it by.
#[derive(Clone)]
pub struct Services {
    pub threads: Arc<ModeThreads>,
    pub catalog: Arc<dyn Catalog>,
    pub documents: Arc<dyn Documents>,
    pub journals: Arc<dyn Journals>,
    pub archives: Arc<dyn Archives>,
    pub queue: Arc<dyn OfflineQueue>,
    pub sessions: Arc<dyn Sessions>,
    pub directory: Arc<dyn Directory>,
    pub config: watch::Receiver<Arc<Config>>,
}

/// Why a connection cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The device is connected, and duplicates are rejected.
    AlreadyConnected,
    /// The server drains.
    ShuttingDown,
}

/// A session as operators see it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SessionInfo {
    pub device: String,
    pub session: String,
    pub connected: bool,
    pub mode: Option<String>,
    pub live_instances: usize,
}

/// All sessions of this process.
pub struct Registry {
    _services: Services,
}

impl Registry {
    /// No sessions yet; nothing runs until one is attached or resumed.
    pub fn new(services: Services) -> Arc<Self> {
        Arc::new(Self { _services: services })
    }

    /// Attaches a connection that has signed in as `device`, making its session if there is none.
    /// With `Takeover`, an older connection is told, lingers 1.5 s and is closed.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn attach(
        self: &Arc<Self>,
        _device: &DeviceId,
        _outbox: Outbox,
        _duplicate: DuplicateDevice,
    ) -> Result<Attachment, Refusal> {
        Err(Refusal::ShuttingDown)
    }

    /// Takes up the sessions with unfinished work that an earlier process left behind.
    pub async fn resume_unfinished(self: &Arc<Self>) {}

    /// Moves every live session to what the catalog holds now, a bounded number per second.
    /// Called after each change of the catalog; returns when all have moved.
    pub async fn migrate(self: &Arc<Self>) {}

    /// Saves every session and closes every connection with `code` and `reason`.
    pub async fn drain(self: &Arc<Self>, _code: u16, _reason: &str) {}

    /// For operators.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        Vec::new()
    }
}
