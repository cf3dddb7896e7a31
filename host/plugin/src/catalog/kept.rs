//! What a start, and a rollback at any time, take of the releases that are kept. Rule: what a process
//! before this one found out stays true: a release that was rolled back does not come again by a start,
//! and the one that served instead serves again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use modehost_contract::Generation;
use modehost_ids::PluginId;

use super::compiling::Wanted;
use super::releases::{PluginSlot, Release, Releases, RolledBack};
use super::store::{KeptPlugin, KeptRollback, ReleaseStore};
use super::{CatalogError, PluginCatalog, tell_rolled_back, unix_ms};
use crate::folder::Look;
use crate::package;

/// The newest good release of a plugin that an earlier process has kept.
#[derive(Clone)]
pub(super) struct FromKept {
    pub release: Release,
    rolled_back: Option<KeptRollback>,
    discarded_before: u64,
}

impl FromKept {
    /// True if the file in the folder holds what was rolled back, or this very release.
    pub(super) fn excludes(&self, sha256: &str) -> bool {
        self.release.generation.code() == sha256 || self.rolled_back.as_ref().is_some_and(|bad| bad.sha256 == sha256)
    }
}

impl PluginCatalog {
    /// Keeps the bytes of a component that is about to be tried: its file may be replaced before it has
    /// proven itself.
    pub(super) fn keep_component(&self, sha256: &str, bytes: &[u8]) {
        if let Some(store) = &*self.store.lock()
            && let Err(error) = store.keep(sha256, bytes)
        {
            tracing::error!(%error, "a plugin cannot be kept: there may be no way back to it after a restart");
        }
    }

    /// What is kept of a plugin whose file is `path`. None where nothing is, or where it does not load.
    pub(super) fn kept_for(&self, id: &str, path: &Path) -> Option<FromKept> {
        let KeptPlugin { good, rolled_back, discarded_before, .. } = self.store.lock().as_ref()?.of(id);
        let release = self.load_kept(id, &good.first()?.sha256, path)?;
        Some(FromKept { release, rolled_back, discarded_before })
    }

    /// The same for a file that does not say whose it is, where its plugin does not serve yet.
    pub(super) fn kept_for_file(&self, path: &Path) -> Option<FromKept> {
        let id = self.store.lock().as_ref()?.of_file(&file_name(path))?;
        let serves = self.releases.lock().slots.contains_key(id.as_str());
        if serves { None } else { self.kept_for(&id, path) }
    }

    /// The component that a plugin begins with where none of it serves yet, with the hash of what was rolled back.
    pub(super) fn kept_good(&self, id: &str) -> Option<(Wanted, Option<String>)> {
        let store = self.store.lock();
        let store = store.as_ref()?;
        let KeptPlugin { good, rolled_back, .. } = store.of(id);
        let wanted = wanted(store, &good.first()?.sha256)?;
        Some((wanted, rolled_back.map(|bad| bad.sha256)))
    }

    /// The same for a file that does not say whose it is.
    pub(super) fn kept_of_file(&self, path: &Path) -> Option<Wanted> {
        let id = self.store.lock().as_ref()?.of_file(&file_name(path))?;
        let serves = self.releases.lock().slots.contains_key(id.as_str());
        if serves { None } else { self.kept_good(&id).map(|(wanted, _)| wanted) }
    }

    /// A kept release, as the settings are now; its plugin's file is `path`.
    fn load_kept(&self, id: &str, sha256: &str, path: &Path) -> Option<Release> {
        let settings = self.settings.lock().clone();
        let file = path.display().to_string();
        settings.check_pin(id, sha256, &file).ok()?;
        let read = self.store.lock().as_ref()?.read(sha256);
        let bytes = read
            .inspect_err(|error| tracing::error!(plugin = id, sha8 = &sha256[..sha256.len().min(8)], %error, "a kept release cannot be read"))
            .ok()?;
        let loaded = self.runtime.load(&bytes, &file, settings.section(id), settings.config.granted(id));
        let generation = loaded
            .inspect_err(
                |error| tracing::error!(plugin = id, %error, "a kept release is not taken under these settings"),
            )
            .ok()?;
        Some(Release { generation, file: path.to_owned(), loaded_at: unix_ms() })
    }

    /// Puts what is kept in force, before the file itself is looked at.
    pub(super) fn begin_with(&self, kept: FromKept) {
        let FromKept { release, rolled_back, discarded_before } = kept;
        let (generation, file) = (release.generation.clone(), release.file.clone());
        let id = generation.manifest().id.clone();
        let mut releases = self.releases.lock();
        if let Err(error) = releases.publish(release, Instant::now()) {
            tracing::error!(%error, "a kept release is not taken");
            return;
        }
        if let Some(slot) = releases.slots.get_mut(&id) {
            slot.discarded_before = discarded_before;
        }
        if let Some(KeptRollback { version, sha256, why, at }) = rolled_back {
            tracing::warn!(plugin = %id, %version, serves = %generation.manifest().version, %why, "stays rolled back");
            let rolled_back = RolledBack { id: id.clone(), version, code: sha256, file, why, at, release: None };
            releases.rolled_back.insert(id, rolled_back);
        }
        self.show(&releases);
    }

    /// The first look of this process: it waits for compilers, but not beyond `patience`. Afterwards every plugin
    /// that serves has its way back, where one is kept.
    pub(super) fn look_first(&self, patience: Duration) {
        self.look(Look::Told);
        let all = self.compiling.wait(Instant::now() + patience);
        self.look(Look::Told);
        self.forget_unknown();
        if !all {
            for (path, id) in self.compiling.files() {
                tracing::warn!(file = %path.display(), plugin = id, "is still being compiled: the server begins without it, and it serves once that is done");
                self.begin_without(&path, &id);
            }
        }
        self.refill_fallbacks();
        self.keep_releases();
    }

    /// Until its file is compiled, a plugin serves as it did before, if that can be had at once.
    fn begin_without(&self, path: &Path, id: &str) {
        let serves = self.releases.lock().slots.contains_key(id);
        let ready = || self.kept_good(id).is_some_and(|(kept, _)| self.runtime.is_ready(&kept.package.sha256));
        if !serves
            && ready()
            && let Some(kept) = self.kept_for(id, path)
        {
            self.begin_with(kept);
        }
    }

    /// Gives each plugin whose releases have no way back the newest kept one that it does not run.
    pub(super) fn refill_fallbacks(&self) {
        let wanting: Vec<(PluginId, String, PathBuf)> = {
            let releases = self.releases.lock();
            let wanting = releases.slots.iter().filter(|(_, slot)| slot.fallback.is_none() && slot.candidate.is_none());
            wanting
                .map(|(id, slot)| (id.clone(), slot.active.generation.code().to_owned(), slot.active.file.clone()))
                .collect()
        };
        for (id, active, file) in wanting {
            let Some(kept) = self.store.lock().as_ref().map(|store| store.of(id.as_str())) else { return };
            let bad = kept.rolled_back.map(|bad| bad.sha256);
            let older = kept.good.iter().find(|older| older.sha256 != active && Some(&older.sha256) != bad.as_ref());
            let Some(older) = older else { continue };
            if !self.runtime.is_ready(&older.sha256) {
                // This is called again once it has been compiled.
                let wanted = self.store.lock().as_ref().and_then(|store| wanted(store, &older.sha256));
                self.compiling.want(wanted.into_iter().collect());
                continue;
            }
            let Some(release) = self.load_kept(id.as_str(), &older.sha256, &file) else { continue };
            let mut releases = self.releases.lock();
            if let Some(slot) = releases.slots.get_mut(&id)
                && slot.fallback.is_none()
                && slot.active.generation.code() == active
            {
                slot.fallback = Some(release);
                self.show(&releases);
            }
        }
    }

    /// Rolls the newest version back, for every session, on trial or at any time later. With
    /// `discard_state` sessions whose way back is not known exactly begin afresh. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, nothing before it is kept, or the version before does not take the state
    /// of sessions that it would have to go on with.
    pub fn rollback(&self, id: &str, discard_state: bool) -> Result<(), CatalogError> {
        self.make_kept_ready(id);
        let _one_at_a_time = self.folder.lock();
        let plugin = PluginId::from(id);
        if !self.releases.lock().slots.contains_key(&plugin) {
            return Err(self.unknown(id));
        }
        self.refill_fallbacks();
        let (newest, before) = {
            let releases = self.releases.lock();
            let Some(slot) = releases.slots.get(&plugin) else { return Err(self.unknown(id)) };
            let before = if slot.candidate.is_some() { Some(slot.active.clone()) } else { slot.fallback.clone() };
            (slot.newest().clone(), before.ok_or_else(|| CatalogError::NothingBefore(id.to_owned()))?)
        };
        let on_trial = self.releases.lock().slots.get(&plugin).is_some_and(PluginSlot::is_on_trial);
        // On trial each session knows its way back; later it may have to go on with the state it has.
        if !on_trial && !discard_state {
            self.try_state(&before, std::iter::once(&newest))?;
        }
        let rolled_back = {
            let mut releases = self.releases.lock();
            let rolled_back = releases.roll_back(&plugin, "by the operator".to_owned(), unix_ms());
            if rolled_back.is_some() && discard_state {
                releases.discard_state(&plugin, unix_ms());
            }
            self.show(&releases);
            rolled_back.ok_or_else(|| CatalogError::NothingBefore(id.to_owned()))?
        };
        tell_rolled_back(&rolled_back);
        self.keep_releases();
        // What has just been written down as bad is no way back.
        self.refill_fallbacks();
        Ok(())
    }

    /// Compiles what a rollback may need; nobody else waits for that.
    fn make_kept_ready(&self, id: &str) {
        let kept: Vec<Wanted> = {
            let store = self.store.lock();
            let Some(store) = store.as_ref() else { return };
            store.of(id).good.iter().filter_map(|good| wanted(store, &good.sha256)).collect()
        };
        for Wanted { package, bytes } in kept {
            self.runtime.make_ready(&bytes, &package.sha256);
        }
    }

    /// Writes down which releases are good and which were rolled back. Blocks for the disk.
    pub(super) fn keep_releases(&self) {
        let (standings, in_use) = {
            let releases = self.releases.lock();
            (standings(&releases), in_use(&releases))
        };
        let mut store = self.store.lock();
        let Some(store) = store.as_mut() else { return };
        for Standing { id, file, good: (version, sha256), rolled_back, discarded_before } in standings {
            store.change(id.as_str(), |plugin| {
                plugin.add_good(&version, &sha256);
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
    pub(super) fn forget_kept(&self, id: &str) {
        if let Some(store) = &mut *self.store.lock() {
            store.forget(id);
        }
        self.unsaved.notify_one();
    }

    /// Forgets the plugins whose file has gone while no server ran.
    fn forget_unknown(&self) {
        let known = self.known();
        if let Some(store) = &mut *self.store.lock() {
            store.retain(|id| known.iter().any(|known| known == id));
        }
    }
}

/// A kept component as its compiler wants it.
fn wanted(store: &ReleaseStore, sha256: &str) -> Option<Wanted> {
    let bytes = store.read(sha256).ok()?;
    Some(Wanted { package: package::read(&bytes).ok()?, bytes })
}

/// How a plugin stands.
struct Standing {
    id: PluginId,
    file: String,
    /// Version and SHA-256 of the release that is known to be good.
    good: (String, String),
    rolled_back: Option<KeptRollback>,
    discarded_before: u64,
}

fn standings(releases: &Releases) -> Vec<Standing> {
    let of = |(id, slot): (&PluginId, &PluginSlot)| {
        let tried = slot.candidate.is_none() && slot.is_on_trial();
        let good = if tried { slot.fallback.as_ref().unwrap_or(&slot.active) } else { &slot.active };
        let good = (good.generation.manifest().version.clone(), good.generation.code().to_owned());
        let rolled_back = releases.rolled_back.get(id).filter(|bad| bad.code != good.1).map(|bad| KeptRollback {
            version: bad.version.clone(),
            sha256: bad.code.clone(),
            why: bad.why.clone(),
            at: bad.at,
        });
        let discarded_before = slot.discarded_before;
        Standing { id: id.clone(), file: file_name(&slot.active.file), good, rolled_back, discarded_before }
    };
    releases.slots.iter().map(of).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The components that some release runs.
fn in_use(releases: &Releases) -> Vec<String> {
    let all = releases.slots.values().flat_map(|slot| {
        let candidate = slot.candidate.as_ref().map(|(release, _)| release);
        std::iter::once(&slot.active).chain(candidate).chain(&slot.fallback)
    });
    all.map(|release| release.generation.code().to_owned()).collect()
}
