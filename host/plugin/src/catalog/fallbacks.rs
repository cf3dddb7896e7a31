//! Fallbacks of plugins that have none in this process. Rule: the newest kept release that is neither active nor rolled
//! back.

use std::path::PathBuf;

use modehost_ids::PluginId;

use super::PluginCatalog;

/// A plugin without a fallback.
struct MissingFallback {
    id: PluginId,
    /// SHA-256 of the active release.
    active: String,
    file: PathBuf,
}

impl PluginCatalog {
    /// Gives each plugin without a fallback its newest kept release other than the active one. A release that has to be
    /// compiled first is left for the next call. Blocks.
    pub(super) fn refill_fallbacks(&self) {
        let missing: Vec<MissingFallback> = {
            let releases = self.serving.releases();
            let missing = releases.slots.iter().filter(|(_, slot)| slot.previous().is_none());
            missing
                .map(|(id, slot)| MissingFallback {
                    id: id.clone(),
                    active: slot.active.code().to_owned(),
                    file: slot.active.file.clone(),
                })
                .collect()
        };
        let settings = self.settings();
        for MissingFallback { id, active, file } in missing {
            let Some(kept) = self.kept.record(id.as_str()) else { return };
            let bad = kept.rolled_back.map(|bad| bad.sha256);
            let older = kept.good.iter().find(|older| older.sha256 != active && Some(&older.sha256) != bad.as_ref());
            let Some(older) = older else { continue };
            if !self.loader.is_compiled(&older.sha256) {
                // This runs again once it has been compiled.
                self.loader.enqueue(self.kept.component(&older.sha256));
                continue;
            }
            let release = self.kept.load(id.as_str(), &older.sha256, &file, &self.loader, &settings);
            let Some(release) = release else { continue };
            let mut releases = self.serving.releases();
            if let Some(slot) = releases.slots.get_mut(&id)
                && slot.fallback.is_none()
                && slot.active.code() == active
            {
                slot.fallback = Some(release);
                self.serving.publish(&releases);
            }
        }
    }
}
