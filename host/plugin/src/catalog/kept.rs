//! The releases that are kept for the next start and for rollbacks. Rule: a rollback outlives the process: a release
//! that was rolled back is not activated by a start, and the one that replaced it is active again. The catalog's own
//! task writes, so that the message path never waits for the disk.

use std::path::Path;
use std::sync::Arc;

use modehost_ids::PluginId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::loader::{Component, Loader};
use super::release::Release;
use super::releases::Releases;
use super::settings::Settings;
use super::slot::PluginSlot;
use super::store::{KeptPlugin, KeptRelease, KeptRollback, ReleaseStore};
use crate::package;

/// The kept releases of all plugins.
pub(super) struct KeptReleases {
    /// `None` if nothing is kept. Lock order: after the releases.
    store: Mutex<Option<ReleaseStore>>,
    /// Notified when the persisted state is out of date.
    unsaved: Arc<Notify>,
}

/// The newest good release of a plugin that an earlier process kept, loaded.
#[derive(Clone)]
pub(super) struct RestoredRelease {
    pub release: Release,
    /// The release that it replaces.
    pub rolled_back: Option<KeptRollback>,
    /// See [`modehost_contract::Entry::discarded_before`].
    pub discarded_before: u64,
}

impl RestoredRelease {
    /// True if the file in the directory holds the rolled-back release, or this one.
    pub(super) fn covers(&self, sha256: &str) -> bool {
        self.release.code() == sha256 || self.rolled_back.as_ref().is_some_and(|bad| bad.sha256 == sha256)
    }
}

/// The kept component that a plugin starts with while none of its releases is active.
pub(super) struct KeptComponent {
    pub component: Component,
    /// SHA-256 of the release that was rolled back.
    pub rolled_back: Option<String>,
}

impl KeptReleases {
    /// Opens the directory; with `None`, or if it cannot be used, nothing is kept.
    pub(super) fn open(directory: Option<&Path>) -> Self {
        let store = directory.and_then(|directory| {
            let opened = ReleaseStore::open(directory);
            opened
                .inspect_err(|error| tracing::error!(folder = %directory.display(), %error, "releases of plugins cannot be kept: a rollback does not outlive this process"))
                .ok()
        });
        Self { store: Mutex::new(store), unsaved: Arc::default() }
    }

    /// Notified when the persisted state is out of date.
    pub(super) fn unsaved(&self) -> Arc<Notify> {
        self.unsaved.clone()
    }

    /// Marks the persisted state as out of date. Never blocks.
    pub(super) fn mark_unsaved(&self) {
        self.unsaved.notify_one();
    }

    /// Stores the bytes of a component that is about to be tried: its file may be replaced before the trial ends.
    pub(super) fn store_component(&self, component: &Component) {
        if let Some(store) = &*self.store.lock()
            && let Err(error) = store.store_component(&component.package.sha256, &component.bytes)
        {
            tracing::error!(%error, "a plugin cannot be stored: no rollback to it may be possible after a restart");
        }
    }

    /// The record of a plugin; `None` if nothing is kept at all.
    pub(super) fn record(&self, id: &str) -> Option<KeptPlugin> {
        Some(self.store.lock().as_ref()?.record(id))
    }

    /// The plugin that had this file, for a file that does not say itself.
    pub(super) fn id_of_file(&self, path: &Path) -> Option<String> {
        self.store.lock().as_ref()?.id_of_file(&file_name(path))
    }

    /// A kept component.
    pub(super) fn component(&self, sha256: &str) -> Option<Component> {
        let bytes = self.store.lock().as_ref()?.read_component(sha256).ok()?;
        Some(Component { package: package::read(&bytes).ok()?, bytes })
    }

    /// The release that a plugin starts with while none of its releases is active; `path` is its file. `None` if none
    /// is kept, or if it does not load. Blocks.
    pub(super) fn newest_allowed(
        &self,
        id: &str,
        path: &Path,
        loader: &Loader,
        settings: &Settings,
    ) -> Option<RestoredRelease> {
        let KeptPlugin { good, rolled_back, discarded_before, .. } = self.record(id)?;
        let release = self.load(id, &find_allowed(id, &good, settings)?.sha256, path, loader, settings)?;
        Some(RestoredRelease { release, rolled_back, discarded_before })
    }

    /// The component of [`Self::newest_allowed`], not loaded.
    pub(super) fn newest_allowed_component(&self, id: &str, settings: &Settings) -> Option<KeptComponent> {
        let KeptPlugin { good, rolled_back, .. } = self.record(id)?;
        let component = self.component(&find_allowed(id, &good, settings)?.sha256)?;
        Some(KeptComponent { component, rolled_back: rolled_back.map(|bad| bad.sha256) })
    }

    /// Loads a kept release with these settings; `path` is the file of its plugin. Blocks.
    pub(super) fn load(
        &self,
        id: &str,
        sha256: &str,
        path: &Path,
        loader: &Loader,
        settings: &Settings,
    ) -> Option<Release> {
        let file = path.display().to_string();
        settings.check_pin(id, sha256, &file).ok()?;
        let read = self.store.lock().as_ref()?.read_component(sha256);
        let bytes = read
            .inspect_err(|error| tracing::error!(plugin = id, sha8 = &sha256[..sha256.len().min(8)], %error, "a kept release cannot be read"))
            .ok()?;
        let loaded = loader.examine(bytes, &file).and_then(|component| loader.load(&component, path, settings));
        loaded
            .inspect_err(
                |error| tracing::error!(plugin = id, %error, "a kept release was rejected under these settings"),
            )
            .ok()
    }

    /// Persists which releases are good and which were rolled back. Blocks on disk IO.
    pub(super) fn persist(&self, ReleasesSnapshot { records, in_use }: ReleasesSnapshot) {
        let mut store = self.store.lock();
        let Some(store) = store.as_mut() else { return };
        for PluginRecord { id, file, good, rolled_back, discarded_before } in records {
            store.update(id.as_str(), |plugin| {
                plugin.add_good(&good.version, &good.sha256);
                if let Some(bad) = &rolled_back {
                    plugin.good.retain(|release| release.sha256 != bad.sha256);
                }
                (plugin.file, plugin.rolled_back, plugin.discarded_before) = (file, rolled_back, discarded_before);
            });
        }
        if let Err(error) = store.save(&in_use) {
            tracing::error!(%error, "the state of plugin releases cannot be saved; the next start may activate another release");
        }
    }

    /// The operator has removed a plugin: its record is deleted.
    pub(super) fn forget(&self, id: &str) {
        if let Some(store) = &mut *self.store.lock() {
            store.forget(id);
        }
        self.mark_unsaved();
    }

    /// Deletes the records of all plugins but these.
    pub(super) fn retain(&self, known: &[String]) {
        if let Some(store) = &mut *self.store.lock() {
            store.retain(|id| known.iter().any(|known| known == id));
        }
    }
}

/// The newest of these that the pin allows.
fn find_allowed<'a>(id: &str, good: &'a [KeptRelease], settings: &Settings) -> Option<&'a KeptRelease> {
    good.iter().find(|release| settings.check_pin(id, &release.sha256, "").is_ok())
}

/// State of all plugins at one moment, to be persisted.
pub(super) struct ReleasesSnapshot {
    records: Vec<PluginRecord>,
    /// Hashes of the components that some release runs.
    in_use: Vec<String>,
}

/// State of one plugin.
struct PluginRecord {
    id: PluginId,
    /// Name of its file.
    file: String,
    /// The release that is known to be good.
    good: KeptRelease,
    rolled_back: Option<KeptRollback>,
    discarded_before: u64,
}

impl ReleasesSnapshot {
    /// Takes a snapshot of the releases.
    pub(super) fn of(releases: &Releases) -> Self {
        let record_of = |(id, slot): (&PluginId, &PluginSlot)| {
            let good = slot.known_good();
            let good = KeptRelease { version: good.version().to_owned(), sha256: good.code().to_owned() };
            let bad = releases.rolled_back.get(id).filter(|bad| bad.code != good.sha256);
            let rolled_back = bad.map(|bad| KeptRollback {
                version: bad.version.clone(),
                sha256: bad.code.clone(),
                why: bad.cause.why.clone(),
                at: bad.cause.at,
            });
            let discarded_before = slot.discarded_before;
            PluginRecord { id: id.clone(), file: file_name(&slot.active.file), good, rolled_back, discarded_before }
        };
        let in_use = releases.slots.values().flat_map(PluginSlot::releases).map(|one| one.code().to_owned());
        Self { records: releases.slots.iter().map(record_of).collect(), in_use: in_use.collect() }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
