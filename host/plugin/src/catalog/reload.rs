//! The operator's order to load a plugin's file again. Rule: it is taken also if it was rolled back or refused; if it is
//! refused again, what serves goes on.

use std::path::PathBuf;

use modehost_ids::PluginId;

use super::follow::{State, read};
use super::{CatalogError, PluginCatalog};

impl PluginCatalog {
    /// Loads a plugin's file again, also if it was rolled back or refused. With `discard_state` its
    /// sessions begin afresh, stored ones too: for a version that does not take their state over. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, or it is refused; then what serves goes on.
    pub fn reload(&self, id: &str, discard_state: bool) -> Result<(), CatalogError> {
        let plugin = PluginId::from(id);
        let path = self.file_of(&plugin).ok_or_else(|| self.unknown(id))?;
        let file = path.display().to_string();
        // Nobody else waits for the compiler.
        if let Ok(component) = read(&path, &file).and_then(|bytes| self.loader.examine(bytes, &file)) {
            self.loader.make_ready(&component);
        }
        let _one_at_a_time = self.folder.lock();
        let path = self.file_of(&plugin).ok_or_else(|| self.unknown(id))?;
        let rolled_back = self.serving.releases().rolled_back.remove(&plugin);
        let state = if discard_state { State::Discarded } else { State::Kept };
        let loaded = self.load(&path, &[], state);
        let outcome = self.take_over(&path, loaded, state);
        if outcome.is_err()
            && let Some(rolled_back) = rolled_back
        {
            self.serving.releases().rolled_back.entry(plugin).or_insert(rolled_back);
        }
        self.keep_releases();
        Ok(outcome?)
    }

    /// The file that an order about a plugin means: the one that was refused or rolled back, before the one that serves.
    fn file_of(&self, plugin: &PluginId) -> Option<PathBuf> {
        let refused = self.refused.of(plugin).into_iter().next();
        let waiting = || {
            let waiting = self.loader.waiting().into_iter().find(|file| file.id == plugin.as_str());
            waiting.map(|file| file.path)
        };
        let in_releases = || {
            let releases = self.serving.releases();
            let rolled_back = releases.rolled_back.get(plugin).map(|one| one.file.clone());
            rolled_back.or_else(|| releases.slots.get(plugin).map(|slot| slot.active.file.clone()))
        };
        refused.or_else(waiting).or_else(in_releases)
    }
}
