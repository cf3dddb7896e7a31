//! What `plugins.pins` does to plugins that serve. Rule: a pin says which content is taken. Pin and file are judged
//! together, whichever of them changes first, and what served goes on until both fit.

use std::path::{Path, PathBuf};

use modehost_ids::PluginId;

use super::PluginCatalog;
use super::follow::read;
use super::loader::Component;
use super::reconfigure::SettingsRefused;
use super::release::Release;
use super::settings::Settings;
use super::slot::PluginSlot;
use crate::load::LoadError;
use crate::package;

/// A plugin whose newest release is not the content that its pin allows.
struct Misfit {
    id: PluginId,
    pin: String,
    active: Release,
    newest: Release,
}

impl Misfit {
    /// The release that serves meanwhile is the one that the pin allows; only its successor is not.
    fn has_way_back(&self) -> bool {
        self.active.code() == self.pin
    }
}

/// Content that a pin allows, and where it was found.
struct Found {
    component: Component,
    /// None: among the releases that are kept.
    file: Option<PathBuf>,
}

impl PluginCatalog {
    /// Compiles what the pins ask for; nobody else waits for that.
    pub(super) fn make_pinned_ready(&self, settings: &Settings) {
        for misfit in self.misfits(settings) {
            if let Some(found) = self.find_pinned(&misfit) {
                self.loader.make_ready(&found.component);
            }
        }
    }

    /// Tries what the pins ask for, as it would be taken; gives each plugin that cannot follow.
    pub(super) fn refused_pins(&self, settings: &Settings) -> Vec<SettingsRefused> {
        let refused = |misfit: Misfit| {
            let error = self.try_pinned(&misfit, settings).err()?;
            Some(SettingsRefused { plugin: misfit.id.to_string(), why: error.to_string() })
        };
        self.misfits(settings).into_iter().filter_map(refused).collect()
    }

    fn try_pinned(&self, misfit: &Misfit, settings: &Settings) -> Result<(), LoadError> {
        if misfit.has_way_back() {
            return Ok(());
        }
        let Some(Found { component, file }) = self.find_pinned(misfit) else { return Ok(()) };
        let release = self.loader.load(&component, file.as_ref().unwrap_or(&misfit.newest.file), settings)?;
        self.loader.try_state(&release, std::iter::once(&misfit.newest))
    }

    /// Once new settings hold and the folder has been looked at: what the pins take from releases that are kept, and a
    /// word on those that nothing fits yet.
    pub(super) fn follow_pins(&self) {
        let settings = self.settings();
        for misfit in self.misfits(&settings) {
            let Misfit { id, pin, newest, .. } = &misfit;
            if misfit.has_way_back() {
                self.end_trial(id);
                continue;
            }
            let kept = self.find_pinned(&misfit).is_some_and(|found| found.file.is_none());
            let load = || self.kept.load(id.as_str(), pin, &newest.file, &self.loader, &settings);
            match kept.then(load).flatten() {
                Some(release) => {
                    let version = release.version().to_owned();
                    match self.serving.roll_out(release) {
                        Ok(()) => {
                            tracing::info!(plugin = %id, %version, "in force: a kept release that the pin allows");
                        }
                        Err(error) => tracing::error!(plugin = %id, %error, "a kept release is not taken"),
                    }
                }
                None => {
                    tracing::warn!(plugin = %id, version = %newest.version(), "{}", waits(id.as_str(), pin));
                }
            }
        }
    }

    /// Why a release serves although a pin allows another content only; none if it is that content, or not pinned.
    pub(super) fn why_unpinned(&self, id: &str, sha8: &str) -> Option<String> {
        let settings = self.settings();
        let pin = settings.pin(id)?;
        (!pin.starts_with(sha8)).then(|| waits(id, pin))
    }

    fn misfits(&self, settings: &Settings) -> Vec<Misfit> {
        let misfit = |(id, slot): (&PluginId, &PluginSlot)| {
            let pin = settings.pin(id.as_str())?;
            let newest = slot.newest();
            (newest.code() != pin).then(|| Misfit {
                id: id.clone(),
                pin: pin.clone(),
                active: slot.active.clone(),
                newest: newest.clone(),
            })
        };
        self.serving.releases().slots.iter().filter_map(misfit).collect()
    }

    /// The content that a pin allows: in the plugin's file, in one that was refused, or kept.
    fn find_pinned(&self, misfit: &Misfit) -> Option<Found> {
        let Misfit { id, pin, newest, .. } = misfit;
        let fits = |path: &Path| {
            let bytes = read(path, "").ok()?;
            let package = package::read(&bytes).ok()?;
            (package.id == id.as_str() && package.sha256 == *pin).then_some(Component { package, bytes })
        };
        let mut files = std::iter::once(newest.file.clone()).chain(self.refused.of(id));
        let in_folder = files.find_map(|path| Some(Found { component: fits(&path)?, file: Some(path) }));
        in_folder.or_else(|| {
            let is_good = self.kept.of(id.as_str())?.good.iter().any(|good| good.sha256 == *pin);
            let component = is_good.then(|| self.kept.component(pin)).flatten()?;
            Some(Found { component, file: None })
        })
    }

    /// Takes a candidate back that the pin does not allow.
    fn end_trial(&self, id: &PluginId) {
        if self.serving.roll_back(id, format!("plugins.pins.{id} allows the version before only")) {
            self.kept.is_unsaved();
        }
    }
}

fn waits(id: &str, pin: &str) -> String {
    format!(
        "plugins.pins.{id} allows {}… only, which no file has yet; this version serves until one has it, and is not \
         taken by a start",
        &pin[..pin.len().min(8)]
    )
}
