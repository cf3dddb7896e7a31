//! The operator's order to go back to the version before. Rule: it is refused where sessions would have to go on with
//! state that the version before does not take.

use modehost_ids::PluginId;

use super::release::Cause;
use super::{CatalogError, PluginCatalog, unix_ms};

impl PluginCatalog {
    /// Rolls the newest version back, for every session, on trial or at any time later. With
    /// `discard_state` sessions whose way back is not known exactly begin afresh. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, nothing before it is kept, or the version before does not take the state
    /// of sessions that it would have to go on with.
    pub fn rollback(&self, id: &str, discard_state: bool) -> Result<(), CatalogError> {
        // Nobody else waits for the compiler.
        for good in self.kept.of(id).unwrap_or_default().good {
            if let Some(component) = self.kept.component(&good.sha256) {
                self.loader.make_ready(&component);
            }
        }
        let _one_at_a_time = self.folder.lock();
        let plugin = PluginId::from(id);
        if !self.serving.serves(id) {
            return Err(self.unknown(id));
        }
        self.refill_fallbacks();
        let nothing_before = || CatalogError::NothingBefore(id.to_owned());
        let (newest, before, on_trial) = {
            let releases = self.serving.releases();
            let slot = releases.slots.get(&plugin);
            let found = slot.map(|slot| (slot.newest().clone(), slot.before_newest().cloned(), slot.is_on_trial()));
            drop(releases);
            let (newest, before, on_trial) = found.ok_or_else(|| self.unknown(id))?;
            (newest, before.ok_or_else(nothing_before)?, on_trial)
        };
        // On trial each session knows its way back; later it may have to go on with the state it has.
        if !on_trial && !discard_state {
            self.loader.try_state(&before, std::iter::once(&newest))?;
        }
        let rolled_back = {
            let mut releases = self.serving.releases();
            let rolled_back = releases.roll_back(&plugin, Cause::now("by the operator"));
            if rolled_back.is_some() && discard_state {
                releases.discard_state(&plugin, unix_ms());
            }
            self.serving.publish(&releases);
            rolled_back.ok_or_else(nothing_before)?
        };
        rolled_back.log();
        self.keep_releases();
        // What has just been written down as bad is no way back.
        self.refill_fallbacks();
        Ok(())
    }
}
