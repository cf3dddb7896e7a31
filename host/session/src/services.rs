//! The services that sessions use. Rule: each service is known by its trait only, so that tests can script it.

use std::sync::Arc;

use modehost_contract::{Catalog, Hooks, Models};
use modehost_speech::Speech;
use modehost_storage::traits::{Archives, Claims, Devices, Directory, Documents, Journals, OfflineQueue, Sessions};
use modehost_task::WorkThreads;
use tokio::sync::watch;

use crate::config::Config;

/// The services that sessions use, each behind its trait.
#[derive(Clone)]
pub struct Services {
    /// Threads that sessions run on.
    pub threads: Arc<WorkThreads>,
    /// Plugins and their generations.
    pub catalog: Arc<dyn Catalog>,
    /// Documents and their watches.
    pub documents: Arc<dyn Documents>,
    /// Append-only journals.
    pub journals: Arc<dyn Journals>,
    /// Archived documents.
    pub archives: Arc<dyn Archives>,
    /// Messages for offline devices.
    pub queue: Arc<dyn OfflineQueue>,
    /// Session records.
    pub sessions: Arc<dyn Sessions>,
    /// Facts about devices.
    pub devices: Arc<dyn Devices>,
    /// Which devices this process serves.
    pub claims: Arc<dyn Claims>,
    /// Connected devices.
    pub directory: Arc<dyn Directory>,
    /// None where no language model is configured.
    pub models: Option<Arc<dyn Models>>,
    /// None where no webhook is configured.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// ASR and TTS.
    pub speech: Arc<Speech>,
    /// The current settings, and their changes.
    pub config: watch::Receiver<Arc<Config>>,
}
