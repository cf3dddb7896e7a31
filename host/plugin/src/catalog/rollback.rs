//! The operator's command to roll back to the previous version. Rule: rejected if sessions would have to go on with
//! state that the previous version does not restore.

use modehost_ids::PluginId;

use super::release::RollbackCause;
use super::{CatalogError, PluginCatalog, unix_ms};

impl PluginCatalog {
    /// Rolls back the newest version for every session, during its trial or at any later time. With `discard_state`
    /// sessions that have no snapshot of the previous version start without their state. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, no previous version, or if the previous version does not restore the state of
    /// sessions.
    pub fn rollback(&self, id: &str, discard_state: bool) -> Result<(), CatalogError> {
        // Compile outside the lock, so that no other caller waits for it.
        for good in self.kept.record(id).unwrap_or_default().good {
            if let Some(component) = self.kept.component(&good.sha256) {
                self.loader.ensure_compiled(&component);
            }
        }
        let _directory_lock = self.directory.lock();
        let plugin = PluginId::from(id);
        if !self.serving.serves(id) {
            return Err(self.unknown(id));
        }
        self.refill_fallbacks();
        let nothing_before = || CatalogError::NoPreviousVersion(id.to_owned());
        let (newest, before, on_trial) = {
            let releases = self.serving.releases();
            let slot = releases.slots.get(&plugin);
            let found = slot.map(|slot| (slot.newest().clone(), slot.previous().cloned(), slot.is_on_trial()));
            drop(releases);
            let (newest, before, on_trial) = found.ok_or_else(|| self.unknown(id))?;
            (newest, before.ok_or_else(nothing_before)?, on_trial)
        };
        // During a trial each session still has its previous snapshot; later the previous version has to restore the
        // current state.
        if !on_trial && !discard_state {
            self.loader.check_state(&before, std::iter::once(&newest))?;
        }
        let rolled_back = {
            let mut releases = self.serving.releases();
            let rolled_back = releases.roll_back(&plugin, RollbackCause::now("by the operator"));
            if rolled_back.is_some() && discard_state {
                releases.discard_state(&plugin, unix_ms());
            }
            self.serving.publish(&releases);
            rolled_back.ok_or_else(nothing_before)?
        };
        rolled_back.log();
        self.persist_releases();
        // The release just recorded as bad must not become the fallback.
        self.refill_fallbacks();
        Ok(())
    }
}
