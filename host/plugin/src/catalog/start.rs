//! The first look of a process at its plugins. Rule: it waits for compilers, but not beyond its patience; what is not
//! compiled by then serves as it did before, where that can be had at once.

use std::path::Path;
use std::time::{Duration, Instant};

use super::PluginCatalog;
use crate::folder::Look;

impl PluginCatalog {
    /// Loads what is there. Afterwards every plugin that serves has its way back, where one is kept. Blocks.
    pub(super) fn look_first(&self, patience: Duration) {
        self.look(Look::Told);
        let all = self.loader.wait(Instant::now() + patience);
        self.look(Look::Told);
        // Those whose file has gone while no server ran.
        self.kept.retain(&self.known());
        if !all {
            for file in self.loader.waiting() {
                tracing::warn!(file = %file.path.display(), plugin = file.id, "is still being compiled: the server begins without it, and it serves once that is done");
                self.begin_without(&file.path, &file.id);
            }
        }
        self.refill_fallbacks();
        self.keep_releases();
    }

    /// Until its file is compiled, a plugin serves as it did before, if that can be had at once.
    fn begin_without(&self, path: &Path, id: &str) {
        if self.serving.serves(id) {
            return;
        }
        let settings = self.settings();
        let kept = self.kept.first_component(id, &settings);
        if kept.is_some_and(|kept| self.loader.is_ready(&kept.component.package.sha256))
            && let Some(kept) = self.kept.first(id, path, &self.loader, &settings)
        {
            self.serving.begin_with(kept);
        }
    }
}
