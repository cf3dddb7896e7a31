//! Session states on which new generations are probed: those of sessions in memory, then stored ones. Rule: called only
//! by threads that load plugins, never by one that serves devices.

use std::sync::{Arc, OnceLock, Weak};

use crate::limits;
use modehost_contract::{Snapshot, StateSamples};
use modehost_ids::PluginId;
use modehost_session::Registry;
use modehost_storage::SqliteStorage;
use modehost_storage::traits::Sessions;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Source of session states.
pub struct Samples {
    storage: Arc<SqliteStorage>,
    /// None until the session registry exists.
    registry: OnceLock<Weak<Registry>>,
    io: Handle,
}

impl Samples {
    /// Samples of stored sessions only. Must be called within the IO runtime.
    pub fn new(storage: Arc<SqliteStorage>) -> Self {
        Self { storage, registry: OnceLock::new(), io: Handle::current() }
    }

    /// From now on states in memory come first.
    pub fn attach(&self, registry: &Arc<Registry>) {
        let _ = self.registry.set(Arc::downgrade(registry));
    }
}

impl StateSamples for Samples {
    fn samples(&self, plugin: &PluginId, max_samples: usize) -> Vec<Snapshot> {
        self.io.block_on(async {
            let mut samples = match self.registry.get().and_then(Weak::upgrade) {
                Some(registry) => registry.state_samples(plugin, max_samples).await,
                None => Vec::new(),
            };
            let stored = timeout(limits::STORAGE_TIMEOUT, self.storage.recent(limits::STATE_SAMPLE_SESSIONS)).await;
            let stored = stored.ok().and_then(Result::ok).unwrap_or_default().into_iter();
            let handlers = stored.flat_map(|session| session.handlers).filter(|one| one.plugin == plugin.as_str());
            let snapshots = handlers.map(|one| Snapshot { schema: one.schema, state: one.state });
            samples.extend(snapshots.take(max_samples.saturating_sub(samples.len())));
            samples
        })
    }
}
