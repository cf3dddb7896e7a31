//! Enforces `plugins.pins` on active plugins. Rule: a pin names the only content that is accepted. Pin and file may
//! change in any order, and the active release stays until both fit.

use std::path::{Path, PathBuf};

use modehost_ids::PluginId;

use super::PluginCatalog;
use super::follow::read;
use super::loader::Component;
use super::reconfigure::SettingsRejected;
use super::release::Release;
use super::settings::Settings;
use super::slot::PluginSlot;
use crate::load::LoadError;
use crate::package;

/// A plugin whose newest release is not the content that its pin allows.
struct PinMismatch {
    id: PluginId,
    pin: String,
    active: Release,
    newest: Release,
}

impl PinMismatch {
    /// The active release is the pinned one; only the candidate is not.
    fn is_active_pinned(&self) -> bool {
        self.active.code() == self.pin
    }
}

/// Pinned content, and where it was found.
struct PinnedContent {
    component: Component,
    /// `None`: among the kept releases.
    file: Option<PathBuf>,
}

impl PluginCatalog {
    /// Compiles what the pins ask for, outside of any lock.
    pub(super) fn compile_pinned(&self, settings: &Settings) {
        for mismatch in self.pin_mismatches(settings) {
            if let Some(found) = self.find_pinned(&mismatch) {
                self.loader.ensure_compiled(&found.component);
            }
        }
    }

    /// Checks that pinned content could be activated; returns an error for each plugin where it could not.
    pub(super) fn check_pins(&self, settings: &Settings) -> Vec<SettingsRejected> {
        let rejected = |mismatch: PinMismatch| {
            let error = self.check_pinned(&mismatch, settings).err()?;
            Some(SettingsRejected { plugin: mismatch.id.to_string(), why: error.to_string() })
        };
        self.pin_mismatches(settings).into_iter().filter_map(rejected).collect()
    }

    fn check_pinned(&self, mismatch: &PinMismatch, settings: &Settings) -> Result<(), LoadError> {
        if mismatch.is_active_pinned() {
            return Ok(());
        }
        let Some(PinnedContent { component, file }) = self.find_pinned(mismatch) else { return Ok(()) };
        let release = self.loader.load(&component, file.as_ref().unwrap_or(&mismatch.newest.file), settings)?;
        self.loader.check_state(&release, std::iter::once(&mismatch.newest))
    }

    /// Runs after new settings are in effect and the directory was scanned: activates pinned content from kept
    /// releases, and warns of pins that nothing fits yet.
    pub(super) fn apply_pins(&self) {
        let settings = self.settings();
        for mismatch in self.pin_mismatches(&settings) {
            let PinMismatch { id, pin, newest, .. } = &mismatch;
            if mismatch.is_active_pinned() {
                self.roll_back_candidate(id);
                continue;
            }
            let kept = self.find_pinned(&mismatch).is_some_and(|found| found.file.is_none());
            let load = || self.kept.load(id.as_str(), pin, &newest.file, &self.loader, &settings);
            match kept.then(load).flatten() {
                Some(release) => {
                    let version = release.version().to_owned();
                    match self.serving.roll_out(release) {
                        Ok(()) => {
                            tracing::info!(plugin = %id, %version, "in force: a kept release that the pin allows");
                        }
                        Err(error) => tracing::error!(plugin = %id, %error, "a kept release was rejected"),
                    }
                }
                None => {
                    tracing::warn!(plugin = %id, version = %newest.version(), "{}", pending_pin_message(id.as_str(), pin));
                }
            }
        }
    }

    /// Why a release is active although a pin allows another content only; `None` if it is that content, or not pinned.
    pub(super) fn pin_mismatch_reason(&self, id: &str, sha8: &str) -> Option<String> {
        let settings = self.settings();
        let pin = settings.pin(id)?;
        (!pin.starts_with(sha8)).then(|| pending_pin_message(id, pin))
    }

    fn pin_mismatches(&self, settings: &Settings) -> Vec<PinMismatch> {
        let mismatch = |(id, slot): (&PluginId, &PluginSlot)| {
            let pin = settings.pin(id.as_str())?;
            let newest = slot.newest();
            (newest.code() != pin).then(|| PinMismatch {
                id: id.clone(),
                pin: pin.clone(),
                active: slot.active.clone(),
                newest: newest.clone(),
            })
        };
        self.serving.releases().slots.iter().filter_map(mismatch).collect()
    }

    /// Looks up the pinned content: in the plugin's file, in a rejected file, or among the kept releases.
    fn find_pinned(&self, mismatch: &PinMismatch) -> Option<PinnedContent> {
        let PinMismatch { id, pin, newest, .. } = mismatch;
        let fits = |path: &Path| {
            let bytes = read(path, "").ok()?;
            let package = package::read(&bytes).ok()?;
            (package.id == id.as_str() && package.sha256 == *pin).then_some(Component { package, bytes })
        };
        let mut files = std::iter::once(newest.file.clone()).chain(self.rejected.of_plugin(id));
        let in_folder = files.find_map(|path| Some(PinnedContent { component: fits(&path)?, file: Some(path) }));
        in_folder.or_else(|| {
            let is_good = self.kept.record(id.as_str())?.good.iter().any(|good| good.sha256 == *pin);
            let component = is_good.then(|| self.kept.component(pin)).flatten()?;
            Some(PinnedContent { component, file: None })
        })
    }

    /// Rolls back a candidate that the pin does not allow.
    fn roll_back_candidate(&self, id: &PluginId) {
        if self.serving.roll_back(id, format!("plugins.pins.{id} allows the version before only")) {
            self.kept.mark_unsaved();
        }
    }
}

fn pending_pin_message(id: &str, pin: &str) -> String {
    format!(
        "plugins.pins.{id} allows {}… only, which no file has yet; this version serves until one has it, and is not \
         taken by a start",
        &pin[..pin.len().min(8)]
    )
}
