//! The initial load of the plugins. Rule: it waits for compilation up to a timeout; a plugin that is not compiled by
//! then is served by its kept release, if that is compiled.

use std::path::Path;
use std::time::{Duration, Instant};

use super::PluginCatalog;
use crate::directory::ScanTrigger;

impl PluginCatalog {
    /// Loads the plugin directory. Afterwards every active plugin has its fallback, where one is kept. Blocks.
    pub(super) fn initial_load(&self, timeout: Duration) {
        self.scan(ScanTrigger::Notified);
        let all_compiled = self.loader.wait_until_idle(Instant::now() + timeout);
        self.scan(ScanTrigger::Notified);
        // Drops plugins whose file was removed while no server ran.
        self.kept.retain(&self.known());
        if !all_compiled {
            for file in self.loader.pending_files() {
                tracing::warn!(file = %file.path.display(), plugin = file.id, "is still being compiled: the server begins without it, and it serves once that is done");
                self.activate_kept_for(&file.path, &file.id);
            }
        }
        self.refill_fallbacks();
        self.persist_releases();
    }

    /// Activates the kept release of a plugin whose file is still being compiled, if that release is compiled.
    fn activate_kept_for(&self, path: &Path, id: &str) {
        if self.serving.serves(id) {
            return;
        }
        let settings = self.settings();
        let kept = self.kept.newest_allowed_component(id, &settings);
        if kept.is_some_and(|kept| self.loader.is_compiled(&kept.component.package.sha256))
            && let Some(kept) = self.kept.newest_allowed(id, path, &self.loader, &settings)
        {
            self.serving.activate_kept(kept);
        }
    }
}
