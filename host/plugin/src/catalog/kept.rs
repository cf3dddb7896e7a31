//! The releases that are kept for the next start and for a rollback. Rule: what a process before this one found out
//! stays true: a release that was rolled back does not come again by a start, and the one that served instead serves
//! again. Nobody on the message path waits for the disk: the catalog's own task writes.

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

/// What is kept of all plugins.
pub(super) struct KeptReleases {
    /// None where nothing is kept. Taken behind the lock of the releases, if both are.
    store: Mutex<Option<ReleaseStore>>,
    /// What is kept is older than what is in force.
    unsaved: Arc<Notify>,
}

/// The newest good release of a plugin that an earlier process has kept.
#[derive(Clone)]
pub(super) struct FromKept {
    pub release: Release,
    /// What it serves in place of.
    pub rolled_back: Option<KeptRollback>,
    /// See [`modehost_contract::Entry::discarded_before`].
    pub discarded_before: u64,
}

impl FromKept {
    /// True if the file in the folder holds what was rolled back, or this very release.
    pub(super) fn excludes(&self, sha256: &str) -> bool {
        self.release.code() == sha256 || self.rolled_back.as_ref().is_some_and(|bad| bad.sha256 == sha256)
    }
}

/// The component that a plugin begins with where none of it serves yet.
pub(super) struct KeptGood {
    pub component: Component,
    /// SHA-256 of what was rolled back.
    pub rolled_back: Option<String>,
}

impl KeptReleases {
    /// Opens the folder; without one, or where it cannot be used, nothing is kept.
    pub(super) fn open(folder: Option<&Path>) -> Self {
        let store = folder.and_then(|folder| {
            let opened = ReleaseStore::open(folder);
            opened
                .inspect_err(|error| tracing::error!(folder = %folder.display(), %error, "releases of plugins cannot be kept: a rollback does not outlive this process"))
                .ok()
        });
        Self { store: Mutex::new(store), unsaved: Arc::default() }
    }

    /// Wakes whenever what is kept is older than what is in force.
    pub(super) fn unsaved(&self) -> Arc<Notify> {
        self.unsaved.clone()
    }

    /// What is kept is older than what is in force from now on. Never waits.
    pub(super) fn is_unsaved(&self) {
        self.unsaved.notify_one();
    }

    /// Keeps the bytes of a component that is about to be tried: its file may be replaced before it has
    /// proven itself.
    pub(super) fn keep(&self, component: &Component) {
        if let Some(store) = &*self.store.lock()
            && let Err(error) = store.keep(&component.package.sha256, &component.bytes)
        {
            tracing::error!(%error, "a plugin cannot be kept: there may be no way back to it after a restart");
        }
    }

    /// What is known of a plugin; none where nothing is kept at all.
    pub(super) fn of(&self, id: &str) -> Option<KeptPlugin> {
        Some(self.store.lock().as_ref()?.of(id))
    }

    /// The plugin whose file is this one, where the file does not say.
    pub(super) fn id_of_file(&self, path: &Path) -> Option<String> {
        self.store.lock().as_ref()?.of_file(&file_name(path))
    }

    /// A kept component.
    pub(super) fn component(&self, sha256: &str) -> Option<Component> {
        let bytes = self.store.lock().as_ref()?.read(sha256).ok()?;
        Some(Component { package: package::read(&bytes).ok()?, bytes })
    }

    /// What a plugin begins with where none of it serves yet; `path` is its file. None where nothing is kept, or
    /// where it does not load. Blocks.
    pub(super) fn first(&self, id: &str, path: &Path, loader: &Loader, settings: &Settings) -> Option<FromKept> {
        let KeptPlugin { good, rolled_back, discarded_before, .. } = self.of(id)?;
        let release = self.load(id, &allowed(id, &good, settings)?.sha256, path, loader, settings)?;
        Some(FromKept { release, rolled_back, discarded_before })
    }

    /// The component of [`Self::first`].
    pub(super) fn first_component(&self, id: &str, settings: &Settings) -> Option<KeptGood> {
        let KeptPlugin { good, rolled_back, .. } = self.of(id)?;
        let component = self.component(&allowed(id, &good, settings)?.sha256)?;
        Some(KeptGood { component, rolled_back: rolled_back.map(|bad| bad.sha256) })
    }

    /// A kept release under these settings; its plugin's file is `path`. Blocks.
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
        let read = self.store.lock().as_ref()?.read(sha256);
        let bytes = read
            .inspect_err(|error| tracing::error!(plugin = id, sha8 = &sha256[..sha256.len().min(8)], %error, "a kept release cannot be read"))
            .ok()?;
        let loaded = loader.examine(bytes, &file).and_then(|component| loader.load(&component, path, settings));
        loaded
            .inspect_err(
                |error| tracing::error!(plugin = id, %error, "a kept release is not taken under these settings"),
            )
            .ok()
    }

    /// Writes down which releases are good and which were rolled back. Blocks for the disk.
    pub(super) fn write_down(&self, Snapshot { standings, in_use }: Snapshot) {
        let mut store = self.store.lock();
        let Some(store) = store.as_mut() else { return };
        for Standing { id, file, good, rolled_back, discarded_before } in standings {
            store.change(id.as_str(), |plugin| {
                plugin.add_good(&good.version, &good.sha256);
                if let Some(bad) = &rolled_back {
                    plugin.good.retain(|release| release.sha256 != bad.sha256);
                }
                (plugin.file, plugin.rolled_back, plugin.discarded_before) = (file, rolled_back, discarded_before);
            });
        }
        if let Err(error) = store.save(&in_use) {
            tracing::error!(%error, "which plugin releases are good cannot be written down; the next start may begin with another");
        }
    }

    /// The operator has taken a plugin away: nothing of it is kept.
    pub(super) fn forget(&self, id: &str) {
        if let Some(store) = &mut *self.store.lock() {
            store.forget(id);
        }
        self.is_unsaved();
    }

    /// Forgets all plugins but these.
    pub(super) fn retain(&self, known: &[String]) {
        if let Some(store) = &mut *self.store.lock() {
            store.retain(|id| known.iter().any(|known| known == id));
        }
    }
}

/// The newest of these that no pin forbids.
fn allowed<'a>(id: &str, good: &'a [KeptRelease], settings: &Settings) -> Option<&'a KeptRelease> {
    good.iter().find(|release| settings.check_pin(id, &release.sha256, "").is_ok())
}

/// How all plugins stand at one moment.
pub(super) struct Snapshot {
    standings: Vec<Standing>,
    /// Hashes of the components that some release runs.
    in_use: Vec<String>,
}

/// How a plugin stands.
struct Standing {
    id: PluginId,
    /// Name of its file.
    file: String,
    /// The release that is known to be good.
    good: KeptRelease,
    rolled_back: Option<KeptRollback>,
    discarded_before: u64,
}

impl Snapshot {
    /// Of the releases as they are.
    pub(super) fn of(releases: &Releases) -> Self {
        let standing = |(id, slot): (&PluginId, &PluginSlot)| {
            let good = slot.good();
            let good = KeptRelease { version: good.version().to_owned(), sha256: good.code().to_owned() };
            let bad = releases.rolled_back.get(id).filter(|bad| bad.code != good.sha256);
            let rolled_back = bad.map(|bad| KeptRollback {
                version: bad.version.clone(),
                sha256: bad.code.clone(),
                why: bad.cause.why.clone(),
                at: bad.cause.at,
            });
            let discarded_before = slot.discarded_before;
            Standing { id: id.clone(), file: file_name(&slot.active.file), good, rolled_back, discarded_before }
        };
        let in_use = releases.slots.values().flat_map(PluginSlot::releases).map(|one| one.code().to_owned());
        Self { standings: releases.slots.iter().map(standing).collect(), in_use: in_use.collect() }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
