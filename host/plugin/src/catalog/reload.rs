//! The operator's command to reload a plugin's file. Rule: rolled-back and rejected files are loaded again too; if the
//! file is rejected again, the active release stays.

use std::path::PathBuf;

use modehost_ids::PluginId;

use super::follow::{StatePolicy, read};
use super::{CatalogError, PluginCatalog};

impl PluginCatalog {
    /// Loads a plugin's file again, even if it was rolled back or rejected. With `discard_state` its sessions start
    /// without their state, stored ones too: for a version that cannot restore it. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, or its file is rejected; then the active release stays.
    pub fn reload(&self, id: &str, discard_state: bool) -> Result<(), CatalogError> {
        let plugin = PluginId::from(id);
        let path = self.file_of(&plugin).ok_or_else(|| self.unknown(id))?;
        let file = path.display().to_string();
        // Compile outside the lock, so that no other caller waits for it.
        if let Ok(component) = read(&path, &file).and_then(|bytes| self.loader.examine(bytes, &file)) {
            self.loader.ensure_compiled(&component);
        }
        let _directory_lock = self.directory.lock();
        let path = self.file_of(&plugin).ok_or_else(|| self.unknown(id))?;
        let rolled_back = self.serving.releases().rolled_back.remove(&plugin);
        let state = if discard_state { StatePolicy::Discard } else { StatePolicy::Keep };
        let loaded = self.load(&path, &[], state);
        let outcome = self.apply_loaded(&path, loaded, state);
        if outcome.is_err()
            && let Some(rolled_back) = rolled_back
        {
            self.serving.releases().rolled_back.entry(plugin).or_insert(rolled_back);
        }
        self.persist_releases();
        Ok(outcome?)
    }

    /// The file that the command applies to: a rejected or pending one before the rolled-back and the active one.
    fn file_of(&self, plugin: &PluginId) -> Option<PathBuf> {
        let rejected = self.rejected.of_plugin(plugin).into_iter().next();
        let waiting = || {
            let waiting = self.loader.pending_files().into_iter().find(|file| file.id == plugin.as_str());
            waiting.map(|file| file.path)
        };
        let in_releases = || {
            let releases = self.serving.releases();
            let rolled_back = releases.rolled_back.get(plugin).map(|one| one.file.clone());
            rolled_back.or_else(|| releases.slots.get(plugin).map(|slot| slot.active.file.clone()))
        };
        rejected.or_else(waiting).or_else(in_releases)
    }
}
