//! Who a session is, and what it is given to work with. Rule: every part of a session reads it; it changes only where
//! the session is loaded and where the settings give the device another name.

use std::sync::Arc;

use modehost_contract::event::{Device, Start};
use modehost_ids::SessionId;

use crate::config::{Config, Language};
use crate::handle::SessionHandle;
use crate::services::Services;
use crate::shared::Shared;
use crate::turns::Labels;

/// Lent to the parts of a session.
pub(crate) struct Environment {
    /// What others hold of this session.
    pub(crate) handle: Arc<SessionHandle>,
    pub(crate) shared: Arc<Shared>,
    /// As the device is told it; kept over a restart of the server.
    pub(crate) id: SessionId,
    /// The device as modes get it.
    pub(crate) device: Device,
}

impl Environment {
    /// The settings as they are now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    pub(crate) fn services(&self) -> &Services {
        &self.shared.services
    }

    /// What log lines of a turn carry.
    pub(crate) fn labels(&self) -> Labels<'_> {
        Labels { device: &self.handle.device, session: &self.id }
    }

    /// What a handler gets as the beginning of a role.
    pub(crate) fn start(&self, mode: Option<Arc<str>>, language: Language) -> Start {
        let (device, session_id) = (self.device.clone(), self.id.as_str().into());
        Start { mode, device, session_id, language: language.tag().into() }
    }
}
