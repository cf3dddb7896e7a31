//! What changes the catalog: files of the folder, and settings. Rule: everything new is probed
//! before anything old is touched; what fails is logged once, here, and leaves all as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use modehost_contract::Generation;
use modehost_follow::Stamp;
use modehost_ids::PluginId;
use modehost_limits as limits;
use serde_json::{Map, Value};

use super::compiling::Wanted;
use super::kept::FromKept;
use super::releases::{PluginSlot, Release};
use super::status::Refused;
use super::{CatalogError, PluginCatalog, policy, unix_ms};
use crate::config::Config;
use crate::folder::{Changes, Look};
use crate::generation::WasmGeneration;
use crate::load::LoadError;
use crate::package::{self, Package};

/// The settings that plugins are loaded with.
pub(crate) struct Settings {
    pub(super) config: Config,
    /// Plugin id to its section as JSON.
    sections: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn new(config: &Config, sections: &Map<String, Value>) -> Self {
        let sections = sections.iter().map(|(id, section)| (id.clone(), section.to_string())).collect();
        Self { config: config.clone(), sections }
    }

    pub(super) fn section(&self, id: &str) -> Option<&str> {
        self.sections.get(id).map(String::as_str)
    }

    pub(super) fn check_pin(&self, id: &str, sha256: &str, file: &str) -> Result<(), LoadError> {
        match self.config.pins.get(id) {
            Some(pin) if pin != sha256 => Err(LoadError::Pinned {
                file: file.to_owned(),
                plugin: id.to_owned(),
                sha256: sha256.to_owned(),
                pin: pin.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// What a file gives.
struct Loaded {
    /// What an earlier process left of its plugin, where none serves yet: goes before the file itself.
    kept: Option<FromKept>,
    /// None: it serves already, with these settings.
    release: Result<Option<Release>, LoadError>,
}

impl From<Result<Option<Release>, LoadError>> for Loaded {
    fn from(release: Result<Option<Release>, LoadError>) -> Self {
        Self { kept: None, release }
    }
}

/// Whether the sessions of a plugin go on with their state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Kept,
    Discarded,
}

impl PluginCatalog {
    /// Looks at the folder and takes over what has changed; false if nothing has. What has to be compiled first is
    /// left for the look after that. Blocks while plugins are tried.
    pub(super) fn look(&self, look: Look) -> bool {
        let mut folder = self.folder.lock();
        // The host may have room for them now.
        let refused = self.refused.lock();
        folder.forget(refused.iter().filter(|(_, refused)| refused.passes).map(|(path, _)| path.clone()));
        drop(refused);
        self.compiling.forget_missing();
        let (mut anything, mut held_back) = (false, Vec::new());
        loop {
            let mut changes = folder.look(look, |path, stamp| self.has_to_wait(path, stamp));
            held_back.extend(self.hold_back(&mut changes));
            let some_are_gone = !changes.gone.is_empty();
            anything |= some_are_gone || !changes.changed.is_empty();
            self.follow(changes);
            if !some_are_gone {
                folder.hold_back(held_back);
                return anything;
            }
            // What stood in the way of a refused file may have gone with them.
            folder.forget(self.refused.lock().keys().cloned());
        }
    }

    /// Takes out the files that are gone while another one with the same plugin is being compiled: that one may be
    /// in their place a moment later.
    fn hold_back(&self, changes: &mut Changes) -> Vec<PathBuf> {
        let waiting = self.compiling.files();
        let gone = std::mem::take(&mut changes.gone);
        let releases = self.releases.lock();
        let (held_back, gone) = gone.into_iter().partition(|path| {
            let orphans = releases.plugins_of_files(std::slice::from_ref(path));
            orphans.iter().any(|id| waiting.iter().any(|(_, waits)| waits == id.as_str()))
        });
        changes.gone = gone;
        held_back
    }

    /// Whether a file has to be compiled before it can be looked at; then that goes on beside.
    fn has_to_wait(&self, path: &Path, stamp: Stamp) -> bool {
        self.compiling.is_waiting(path, stamp)
            || self.wanted(path).is_some_and(|(own, wanted)| self.compiling.wait_for(path, stamp, &own, wanted))
    }

    /// What has to be compiled for a file to be looked at. None if it is refused or served without that.
    fn wanted(&self, path: &Path) -> Option<(Package, Vec<Wanted>)> {
        let file = path.display().to_string();
        let settings = self.settings.lock().clone();
        let own =
            read(path, &file).and_then(|bytes| Ok(Wanted { package: self.runtime.examine(&bytes, &file)?, bytes }));
        let own = own.ok().filter(|own| settings.check_pin(&own.package.id, &own.package.sha256, &file).is_ok());
        let Some(own) = own else {
            let kept = self.kept_of_file(path)?;
            return Some((kept.package.clone(), vec![kept]));
        };
        let (id, package) = (PluginId::from(own.package.id.as_str()), own.package.clone());
        {
            let releases = self.releases.lock();
            let newest = releases.slots.get(&id).map(|slot| slot.newest().generation.code().to_owned());
            if newest.as_ref() == Some(&package.sha256) || releases.why_rolled_back(&id, &package.sha256).is_some() {
                return None;
            }
            if newest.is_some() {
                return Some((package, vec![own]));
            }
        }
        let wanted = match self.kept_good(&package.id) {
            Some((kept, bad)) if bad.as_ref() == Some(&package.sha256) => vec![kept],
            Some((kept, _)) => vec![own, kept],
            None => vec![own],
        };
        Some((package, wanted))
    }

    /// Loads what is new and removes the plugins whose file is gone, in this order: a plugin whose
    /// file has another name now is replaced, and its sessions keep their state.
    fn follow(&self, Changes { mut changed, gone }: Changes) {
        self.refused.lock().retain(|path, _| !gone.contains(path));
        let orphans = self.releases.lock().plugins_of_files(&gone);
        {
            // The new file may have been seen, and refused, while the old one was still there.
            let refused = self.refused.lock();
            let theirs = refused.iter().filter(|(_, refused)| orphans.iter().any(|id| id.as_str() == refused.id));
            changed.extend(theirs.map(|(path, _)| path.clone()));
        }
        changed.sort();
        changed.dedup();
        for (path, loaded) in self.load_all(&changed, &gone) {
            let _ = self.take_over(&path, loaded, State::Kept);
        }
        let homeless = self.releases.lock().plugins_of_files(&gone);
        for id in homeless {
            let _ = self.remove(id.as_str());
        }
    }

    /// Loads a plugin's file again, also if it was rolled back or refused. With `discard_state` its
    /// sessions begin afresh, stored ones too: for a version that does not take their state over. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, or it is refused; then what serves goes on.
    pub fn reload(&self, id: &str, discard_state: bool) -> Result<(), CatalogError> {
        let plugin = PluginId::from(id);
        // Nobody else waits for the compiler.
        let path = self.file_of(&plugin).ok_or_else(|| self.unknown(id))?;
        let file = path.display().to_string();
        if let Ok(bytes) = read(&path, &file)
            && let Ok(package) = self.runtime.examine(&bytes, &file)
        {
            self.runtime.make_ready(&bytes, &package.sha256);
        }
        let _one_at_a_time = self.folder.lock();
        let path = self.file_of(&plugin).ok_or_else(|| self.unknown(id))?;
        let rolled_back = self.releases.lock().rolled_back.remove(&plugin);
        let state = if discard_state { State::Discarded } else { State::Kept };
        let loaded = self.load(&path, &[], state);
        let outcome = self.take_over(&path, loaded, state);
        if outcome.is_err()
            && let Some(rolled_back) = rolled_back
        {
            self.releases.lock().rolled_back.entry(plugin).or_insert(rolled_back);
        }
        self.keep_releases();
        Ok(outcome?)
    }

    /// The file that an order about a plugin means: the one that was refused or rolled back, before the one that serves.
    fn file_of(&self, plugin: &PluginId) -> Option<PathBuf> {
        let of_plugin = |(path, id): (PathBuf, String)| (id == plugin.as_str()).then_some(path);
        let waiting = || self.compiling.files().into_iter().find_map(of_plugin);
        let refused =
            self.refused.lock().iter().find(|(_, refused)| refused.id == plugin.as_str()).map(|(path, _)| path.clone());
        let releases = self.releases.lock();
        let rolled_back = || releases.rolled_back.get(plugin).map(|one| one.file.clone());
        let serving = || releases.slots.get(plugin).map(|slot| slot.active.file.clone());
        refused.or_else(waiting).or_else(rolled_back).or_else(serving)
    }

    /// Puts other settings in force: each plugin whose section or grants have changed gets a new
    /// generation, which is probed first. Blocks while that happens.
    ///
    /// # Errors
    /// Plugin id and what is wrong, for each that refuses; then nothing has changed.
    pub fn reconfigure(&self, config: &Config, sections: Map<String, Value>) -> Result<(), Vec<(String, String)>> {
        let mut folder = self.folder.lock();
        let settings = Settings::new(config, &sections);
        let serving: Vec<(Release, Option<Release>)> = {
            let releases = self.releases.lock();
            let pair =
                |slot: &PluginSlot| (slot.active.clone(), slot.candidate.as_ref().map(|(release, _)| release.clone()));
            releases.slots.values().map(pair).collect()
        };
        let mut renewed = Vec::new();
        let mut wrong = Vec::new();
        for (active, candidate) in serving {
            let id = active.generation.manifest().id.to_string();
            let new_active = self.renew(&active, &settings);
            let new_candidate = candidate.as_ref().map(|release| self.renew(release, &settings)).transpose();
            match (new_active, new_candidate) {
                (Ok(None), Ok(None | Some(None))) => {}
                (Ok(new_active), Ok(new_candidate)) => {
                    let candidate = new_candidate.flatten().or(candidate);
                    renewed.push((new_active.unwrap_or(active), candidate));
                }
                (Err(error), _) | (_, Err(error)) => wrong.push((id, error.to_string())),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        {
            let mut releases = self.releases.lock();
            releases.policy = policy(config);
            *self.settings.lock() = Arc::new(settings);
            let now = Instant::now();
            let changed = !renewed.is_empty();
            for (active, candidate) in renewed {
                releases.replace_config(active, candidate, now);
            }
            if changed {
                self.show(&releases);
            }
        }
        // A file that was refused may be welcome under the new settings.
        folder.forget(self.refused.lock().keys().cloned());
        drop(folder);
        self.look(Look::Told);
        Ok(())
    }

    /// The same code with other settings; none if they are the same.
    fn renew(&self, release: &Release, settings: &Settings) -> Result<Option<Release>, LoadError> {
        let generation = &release.generation;
        let id = generation.manifest().id.to_string();
        let file = release.file.display().to_string();
        settings.check_pin(&id, generation.code(), &file)?;
        let section = settings.section(&id);
        let granted = settings.config.granted(&id);
        let same_section = *generation.config() == *section.unwrap_or("{}");
        if same_section && granted == self.settings.lock().config.granted(&id) {
            return Ok(None);
        }
        let renewed = self.runtime.reload(generation, &file, section, granted)?;
        Ok(Some(Release { generation: renewed, file: release.file.clone(), loaded_at: unix_ms() }))
    }

    /// Loads files side by side, as many at a time as there may be blocking threads. Results come
    /// in the order of the files.
    fn load_all(&self, paths: &[PathBuf], gone: &[PathBuf]) -> Vec<(PathBuf, Loaded)> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((path.clone(), self.load(path, gone, State::Kept)));
            }
            done
        };
        let mut loaded = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..limits::MAX_BLOCKING.min(paths.len())).map(|_| scope.spawn(work)).collect();
            let mut loaded = work();
            loaded.extend(helpers.into_iter().filter_map(|helper| helper.join().ok()).flatten());
            loaded
        });
        loaded.sort_by(|(one, _), (other, _)| one.cmp(other));
        loaded
    }

    /// Reads, prepares, probes and tries one file.
    fn load(&self, path: &Path, gone: &[PathBuf], state: State) -> Loaded {
        let file = path.display().to_string();
        let settings = self.settings.lock().clone();
        let read = read(path, &file).and_then(|bytes| {
            let package = package::read(&bytes).map_err(|error| LoadError::Package { file: file.clone(), error })?;
            settings.check_pin(&package.id, &package.sha256, &file)?;
            Ok((bytes, package))
        });
        let (bytes, package) = match read {
            Ok(read) => read,
            // Whoever served before may go on, whatever has become of the file.
            Err(error) => return Loaded { kept: self.kept_for_file(path), release: Err(error) },
        };
        let id = PluginId::from(package.id.as_str());
        let slot = {
            let releases = self.releases.lock();
            if let Some(why) = releases.why_rolled_back(&id, &package.sha256) {
                return Err(LoadError::RolledBack { file, why: why.to_owned() }).into();
            }
            releases.slots.get(&id).map(|slot| (slot.newest().clone(), slot.fallback.clone()))
        };
        if let Some((newest, _)) = &slot {
            let other = &newest.file;
            if other != path && !gone.contains(other) && other.exists() {
                let other = other.display().to_string();
                return Err(LoadError::Twice { file, plugin: package.id, other }).into();
            }
            if newest.generation.code() == package.sha256 && other == path && state == State::Kept {
                return Ok(None).into();
            }
        }
        self.keep_component(&package.sha256, &bytes);
        let prepare = || {
            let (section, granted) = (settings.section(&package.id), settings.config.granted(&package.id));
            let generation = self.runtime.load(&bytes, &file, section, granted)?;
            Ok(Release { generation, file: path.to_owned(), loaded_at: unix_ms() })
        };
        let (kept, newest, older) = match slot {
            Some((newest, older)) => (None, Some(newest), older),
            None => match self.kept_for(&package.id, path) {
                Some(kept) if kept.excludes(&package.sha256) => return Loaded { kept: Some(kept), release: Ok(None) },
                kept => (kept.clone(), kept.map(|kept| kept.release), None),
            },
        };
        let release = prepare().and_then(|release| {
            if state == State::Kept {
                self.try_state(&release, newest.iter().chain(&older))?;
            }
            Ok(Some(release))
        });
        Loaded { kept, release }
    }

    /// Tries a release on state that sessions have: whatever one of the releases before it restores, it has
    /// to restore as well.
    pub(super) fn try_state<'a>(
        &self,
        release: &Release,
        before: impl Iterator<Item = &'a Release> + Clone,
    ) -> Result<(), LoadError> {
        let Some(samples) = &self.samples else { return Ok(()) };
        let generation = &release.generation;
        let id = &generation.manifest().id;
        let mut before = before.filter(|older| older.generation.code() != generation.code()).peekable();
        if before.peek().is_none() {
            return Ok(());
        }
        let before: Vec<&Release> = before.collect();
        for sample in samples.samples(id, limits::STATE_SAMPLES) {
            let Err(fault) = generation.try_restore(&sample) else { continue };
            // What nobody restores is damaged, and says nothing of the new one.
            if let Some(older) = before.iter().find(|older| older.generation.try_restore(&sample).is_ok()) {
                return Err(LoadError::State {
                    file: release.file.display().to_string(),
                    plugin: id.to_string(),
                    older: older.generation.manifest().version.clone(),
                    why: fault.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Puts what a file gave in force, or remembers why not.
    fn take_over(&self, path: &Path, loaded: Loaded, state: State) -> Result<(), LoadError> {
        if let Some(kept) = loaded.kept {
            self.begin_with(kept);
        }
        let published = loaded.release.and_then(|release| {
            let Some(release) = release else { return Ok(None) };
            let generation = release.generation.clone();
            let id = &generation.manifest().id;
            let mut releases = self.releases.lock();
            // Two files of one folder can hold the same plugin; the first one has it.
            let other = releases.slots.get(id).map(|slot| slot.active.file.clone());
            if let Some(other) = other.filter(|other| other != path && other.exists()) {
                let (file, plugin) = (path.display().to_string(), id.to_string());
                return Err(LoadError::Twice { file, plugin, other: other.display().to_string() });
            }
            releases.publish(release, Instant::now())?;
            releases.rolled_back.remove(id);
            if state == State::Discarded {
                releases.discard_state(id, unix_ms());
            }
            self.show(&releases);
            Ok(Some(generation))
        });
        let outcome = if published.is_ok() { "taken" } else { "refused" };
        metrics::counter!("modehost_plugin_loads_total", "outcome" => outcome).increment(1);
        match published {
            Ok(generation) => {
                self.refused.lock().remove(path);
                if let Some(generation) = generation {
                    tell_published(&generation, path, state);
                }
                Ok(())
            }
            Err(error) => {
                let before = self.refused.lock().insert(path.to_owned(), refusal(path, &error));
                // What may pass is tried again and again, and said once.
                if !(error.passes() && before.is_some_and(|before| before.reason == error.to_string())) {
                    tracing::error!(%error, "a plugin is not taken; what serves goes on");
                }
                Err(error)
            }
        }
    }
}

/// Reads a file, but not one that is far too large.
fn read(path: &Path, file: &str) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error: std::io::Error| LoadError::Unreadable { file: file.to_owned(), why: error.to_string() };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    modehost_follow::read(path, limits::PLUGIN_FILE_BYTES as usize).map_err(|error| match error.kind() {
        // Where it has grown since, what it had is not what it has.
        std::io::ErrorKind::FileTooLarge => LoadError::TooLarge {
            file: file.to_owned(),
            size: size.max(limits::PLUGIN_FILE_BYTES + 1),
            limit: limits::PLUGIN_FILE_BYTES,
        },
        _ => unreadable(error),
    })
}

/// What is known of a refused file.
fn refusal(path: &Path, error: &LoadError) -> Refused {
    // One that was too large is not read for its name, either.
    let bytes = modehost_follow::read(path, limits::PLUGIN_FILE_BYTES as usize);
    let package = bytes.ok().and_then(|bytes| package::read(&bytes).ok());
    let (id, version, sha256) = package.map_or_else(Default::default, |p| (p.id, p.version, p.sha256));
    Refused {
        id,
        version,
        sha8: sha256.chars().take(8).collect(),
        reason: error.to_string(),
        at: unix_ms(),
        passes: error.passes(),
    }
}

fn tell_published(generation: &WasmGeneration, path: &Path, state: State) {
    let manifest = generation.manifest();
    tracing::info!(
        plugin = %manifest.id,
        version = %manifest.version,
        generation = %generation.id(),
        file = %path.display(),
        state_discarded = state == State::Discarded,
        "in force"
    );
}
