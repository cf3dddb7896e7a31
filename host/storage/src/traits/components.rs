//! Which plugins a cluster has. Rule: a change names what it changes, so that of two at the same time one is refused.

use serde::{Deserialize, Serialize};

use crate::reply::Reply;

/// What a cluster has of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRecord {
    /// Id of the plugin.
    pub plugin: String,
    /// Name of its file in the plugin directory.
    pub file: String,
    /// SHA-256 of the file in hex; `None`: it was removed.
    pub sha256: Option<String>,
    /// SHA-256 of the version that serves instead, where that one was taken back.
    pub instead: Option<String>,
    /// Higher than that of every change before, of any plugin.
    pub revision: u64,
}

/// The plugins of a cluster.
pub trait Components: Send + Sync {
    /// All of them, those that were removed included.
    fn components(&self) -> Reply<Vec<ComponentRecord>>;

    /// Changes what the cluster has of a plugin. `record.revision` is the one that it replaces, 0 for none. The reply is
    /// the new revision; `None` if there is a newer one already.
    fn set_component(&self, record: ComponentRecord) -> Reply<Option<u64>>;
}
