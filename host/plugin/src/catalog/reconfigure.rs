//! Other settings for the plugins. Rule: they hold for all or for none; each plugin whose section or grants have
//! changed gets a new generation, which is probed before anything old is touched.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::PluginCatalog;
use super::release::Release;
use super::settings::Settings;
use super::slot::PluginSlot;
use crate::config::Config;
use crate::folder::Look;

/// A plugin that does not take settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsRefused {
    /// Id of the plugin.
    pub plugin: String,
    /// What is wrong, in a sentence.
    pub why: String,
}

/// The releases of a plugin that settings hold for.
struct Configured {
    active: Release,
    candidate: Option<Release>,
}

impl Configured {
    fn of(slot: &PluginSlot) -> Self {
        let candidate = slot.candidate.as_ref().map(|candidate| candidate.release.clone());
        Self { active: slot.active.clone(), candidate }
    }
}

impl PluginCatalog {
    /// Puts other settings in force: each plugin whose section or grants have changed gets a new
    /// generation, which is probed first. Blocks while that happens.
    ///
    /// # Errors
    /// Each plugin that refuses; then nothing has changed.
    pub fn reconfigure(&self, config: &Config, sections: Map<String, Value>) -> Result<(), Vec<SettingsRefused>> {
        let settings = Settings::new(config, &sections);
        self.make_pinned_ready(&settings);
        let mut folder = self.folder.lock();
        let serving: Vec<Configured> = self.serving.releases().slots.values().map(Configured::of).collect();
        let before = self.settings();
        let mut renewed = Vec::new();
        let mut wrong = Vec::new();
        for Configured { active, candidate } in serving {
            let renew = |release: &Release| self.loader.renew(release, &before, &settings);
            let new_active = renew(&active);
            let new_candidate = candidate.as_ref().map(renew).transpose();
            match (new_active, new_candidate) {
                (Ok(None), Ok(None | Some(None))) => {}
                (Ok(new_active), Ok(new_candidate)) => {
                    let candidate = new_candidate.flatten().or(candidate);
                    renewed.push(Configured { active: new_active.unwrap_or(active), candidate });
                }
                (Err(error), _) | (_, Err(error)) => {
                    wrong.push(SettingsRefused { plugin: active.id().to_string(), why: error.to_string() });
                }
            }
        }
        wrong.extend(self.refused_pins(&settings));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        {
            let mut releases = self.serving.releases();
            releases.policy = settings.policy();
            *self.settings.lock() = Arc::new(settings);
            let now = Instant::now();
            let changed = !renewed.is_empty();
            for Configured { active, candidate } in renewed {
                releases.replace_config(active, candidate, now);
            }
            if changed {
                self.serving.publish(&releases);
            }
        }
        // A file that was refused may be welcome under the new settings.
        folder.forget(self.refused.paths(|_| true));
        drop(folder);
        self.look(Look::Told);
        self.follow_pins();
        Ok(())
    }
}
