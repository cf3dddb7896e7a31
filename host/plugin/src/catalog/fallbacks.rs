//! The way back of plugins that have none in this process. Rule: the newest kept release that is neither what runs nor
//! what was rolled back.

use std::path::PathBuf;

use modehost_ids::PluginId;

use super::PluginCatalog;

/// A plugin whose releases have no way back.
struct Wanting {
    id: PluginId,
    /// SHA-256 of what runs.
    active: String,
    file: PathBuf,
}

impl PluginCatalog {
    /// Gives each plugin whose releases have no way back the newest kept one that it does not run. What has to be
    /// compiled first is left for the next time. Blocks.
    pub(super) fn refill_fallbacks(&self) {
        let wanting: Vec<Wanting> = {
            let releases = self.serving.releases();
            let wanting = releases.slots.iter().filter(|(_, slot)| slot.before_newest().is_none());
            wanting
                .map(|(id, slot)| Wanting {
                    id: id.clone(),
                    active: slot.active.code().to_owned(),
                    file: slot.active.file.clone(),
                })
                .collect()
        };
        let settings = self.settings();
        for Wanting { id, active, file } in wanting {
            let Some(kept) = self.kept.of(id.as_str()) else { return };
            let bad = kept.rolled_back.map(|bad| bad.sha256);
            let older = kept.good.iter().find(|older| older.sha256 != active && Some(&older.sha256) != bad.as_ref());
            let Some(older) = older else { continue };
            if !self.loader.is_ready(&older.sha256) {
                // This is called again once it has been compiled.
                self.loader.want(self.kept.component(&older.sha256));
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
