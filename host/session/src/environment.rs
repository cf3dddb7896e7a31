//! Identity, settings and services of a session. Rule: every part of a session reads it; it changes only when the
//! session is loaded and when the configuration renames the device.

use std::sync::Arc;

use modehost_contract::event::{Device, Start};
use modehost_ids::SessionId;

use crate::config::{Config, Language};
use crate::handle::SessionHandle;
use crate::services::Services;
use crate::shared::Shared;
use crate::turns::Labels;

/// Passed by reference to the parts of a session.
pub(crate) struct Environment {
    /// The handle through which others reach this session.
    pub(crate) handle: Arc<SessionHandle>,
    pub(crate) shared: Arc<Shared>,
    /// As the device sees it; kept over a restart of the server.
    pub(crate) id: SessionId,
    /// The device as modes see it.
    pub(crate) device: Device,
}

impl Environment {
    /// The current settings.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// For what the session stores: see [`Batch::epoch`](modehost_storage::traits::Batch::epoch).
    pub(crate) fn owner_epoch(&self) -> Option<u64> {
        Some(self.handle.life.owner_epoch)
    }

    pub(crate) fn services(&self) -> &Services {
        &self.shared.services
    }

    /// The fields of a turn's log lines.
    pub(crate) fn labels(&self) -> Labels<'_> {
        Labels { device: &self.handle.device, session: &self.id }
    }

    /// The payload of `started`.
    pub(crate) fn start(&self, mode: Option<Arc<str>>, language: Language) -> Start {
        let (device, session_id) = (self.device.clone(), self.id.as_str().into());
        Start { mode, device, session_id, language: language.tag().into() }
    }
}
