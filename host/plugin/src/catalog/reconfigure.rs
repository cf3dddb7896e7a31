//! Applies new settings to the plugins. Rule: all plugins or none; each plugin whose section or grants have changed
//! gets a new generation, which is probed before anything active is touched.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::PluginCatalog;
use super::release::Release;
use super::settings::Settings;
use super::slot::PluginSlot;
use crate::config::Config;
use crate::directory::ScanTrigger;

/// A plugin that rejects its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsRejected {
    /// Id of the plugin.
    pub plugin: String,
    /// What is wrong, in a sentence.
    pub why: String,
}

/// The releases of a plugin that settings apply to.
struct SlotReleases {
    active: Release,
    candidate: Option<Release>,
}

impl SlotReleases {
    fn of(slot: &PluginSlot) -> Self {
        let candidate = slot.candidate.as_ref().map(|candidate| candidate.release.clone());
        Self { active: slot.active.clone(), candidate }
    }
}

impl PluginCatalog {
    /// Applies new settings: each plugin whose section or grants have changed gets a new generation, which is probed
    /// first. Blocks meanwhile.
    ///
    /// # Errors
    /// Each plugin that rejects its settings; then nothing has changed.
    pub fn reconfigure(&self, config: &Config, sections: Map<String, Value>) -> Result<(), Vec<SettingsRejected>> {
        let settings = Settings::new(config, &sections);
        self.compile_pinned(&settings);
        let mut directory = self.directory.lock();
        let slots: Vec<SlotReleases> = self.serving.releases().slots.values().map(SlotReleases::of).collect();
        let before = self.settings();
        let mut reconfigured = Vec::new();
        let mut errors = Vec::new();
        for SlotReleases { active, candidate } in slots {
            let reconfigure_release = |release: &Release| self.loader.reconfigure(release, &before, &settings);
            let new_active = reconfigure_release(&active);
            let new_candidate = candidate.as_ref().map(reconfigure_release).transpose();
            match (new_active, new_candidate) {
                (Ok(None), Ok(None | Some(None))) => {}
                (Ok(new_active), Ok(new_candidate)) => {
                    let candidate = new_candidate.flatten().or(candidate);
                    reconfigured.push(SlotReleases { active: new_active.unwrap_or(active), candidate });
                }
                (Err(error), _) | (_, Err(error)) => {
                    errors.push(SettingsRejected { plugin: active.id().to_string(), why: error.to_string() });
                }
            }
        }
        errors.extend(self.check_pins(&settings));
        if !errors.is_empty() {
            return Err(errors);
        }
        {
            let mut releases = self.serving.releases();
            releases.policy = settings.policy();
            *self.settings.lock() = Arc::new(settings);
            let now = Instant::now();
            let changed = !reconfigured.is_empty();
            for SlotReleases { active, candidate } in reconfigured {
                releases.replace_config(active, candidate, now);
            }
            if changed {
                self.serving.publish(&releases);
            }
        }
        // A file that was rejected may be accepted with the new settings.
        directory.invalidate(self.rejected.paths(|_| true));
        drop(directory);
        self.scan(ScanTrigger::Notified);
        self.apply_pins();
        Ok(())
    }
}
