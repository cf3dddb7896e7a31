//! What sessions use. Rule: each service is known by its trait only, so that tests can script it.

use std::sync::Arc;

use modehost_contract::{Catalog, Hooks, Models};
use modehost_speech::Speech;
use modehost_storage::traits::{Archives, Devices, Directory, Documents, Journals, OfflineQueue, Sessions};
use modehost_task::WorkThreads;
use tokio::sync::watch;

use crate::config::Config;

/// Everything that sessions use, each behind the trait that they know it by.
#[derive(Clone)]
pub struct Services {
    pub threads: Arc<WorkThreads>,
    pub catalog: Arc<dyn Catalog>,
    pub documents: Arc<dyn Documents>,
    pub journals: Arc<dyn Journals>,
    pub archives: Arc<dyn Archives>,
    pub queue: Arc<dyn OfflineQueue>,
    pub sessions: Arc<dyn Sessions>,
    pub devices: Arc<dyn Devices>,
    pub directory: Arc<dyn Directory>,
    /// None where no language model is configured.
    pub models: Option<Arc<dyn Models>>,
    /// None where no webhook is configured.
    pub hooks: Option<Arc<dyn Hooks>>,
    pub speech: Arc<Speech>,
    pub config: watch::Receiver<Arc<Config>>,
}
