//! What changes the catalog: files of the folder, and settings. Rule: everything new is probed
//! before anything old is touched; what fails is logged once, here, and leaves all as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use modehost_contract::Generation;
use modehost_ids::PluginId;
use modehost_limits as limits;
use serde_json::{Map, Value};

use super::shelf::Served;
use super::status::Refused;
use super::{CatalogError, PluginCatalog, policy};
use crate::config::Config;
use crate::folder::Changes;
use crate::generation::WasmGeneration;
use crate::load::LoadError;
use crate::package;

/// The settings that plugins are loaded with.
pub(crate) struct Settings {
    config: Config,
    /// Plugin id to its section as JSON.
    sections: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn new(config: &Config, sections: &Map<String, Value>) -> Self {
        let sections = sections.iter().map(|(id, section)| (id.clone(), section.to_string())).collect();
        Self { config: config.clone(), sections }
    }

    fn section(&self, id: &str) -> Option<&str> {
        self.sections.get(id).map(String::as_str)
    }

    fn check_pin(&self, id: &str, sha256: &str, file: &str) -> Result<(), LoadError> {
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

/// What became of a file.
enum Loaded {
    New(Served),
    /// It serves already, with these settings.
    Unchanged,
}

impl PluginCatalog {
    /// Looks at the folder and takes over what has changed. Blocks while plugins are compiled.
    pub(super) fn look(&self) {
        let mut folder = self.folder.lock();
        loop {
            let changes = folder.look();
            let some_are_gone = !changes.gone.is_empty();
            self.follow(changes);
            if !some_are_gone {
                return;
            }
            // What stood in the way of a refused file may have gone with them.
            folder.forget(self.refused.lock().keys().cloned());
        }
    }

    /// Loads what is new and removes the plugins whose file is gone, in this order: a plugin whose
    /// file has another name now is replaced, and its sessions keep their state.
    fn follow(&self, Changes { mut changed, gone }: Changes) {
        self.refused.lock().retain(|path, _| !gone.contains(path));
        let orphans = self.shelf.lock().homed_in(&gone);
        {
            // The new file may have been seen, and refused, while the old one was still there.
            let refused = self.refused.lock();
            let theirs = refused.iter().filter(|(_, refused)| orphans.iter().any(|id| id.as_str() == refused.id));
            changed.extend(theirs.map(|(path, _)| path.clone()));
        }
        changed.sort();
        changed.dedup();
        for (path, result) in self.load_all(&changed, &gone) {
            let _ = self.take_over(&path, result);
        }
        let homeless = self.shelf.lock().homed_in(&gone);
        for id in homeless {
            let _ = self.remove(id.as_str());
        }
    }

    /// Loads a plugin's file again, also if it was rolled back or refused. Blocks.
    ///
    /// # Errors
    /// If there is no such plugin, or it is refused; then what serves goes on.
    pub fn reload(&self, id: &str) -> Result<(), CatalogError> {
        let _one_at_a_time = self.folder.lock();
        let plugin = PluginId::from(id);
        let refused = self.refused.lock().iter().find(|(_, refused)| refused.id == id).map(|(path, _)| path.clone());
        let path = {
            let mut shelf = self.shelf.lock();
            let taken = shelf.taken_back.remove(&plugin).map(|taken| taken.served.file);
            refused.or(taken).or_else(|| shelf.slots.get(&plugin).map(|slot| slot.active.file.clone()))
        };
        let path = path.ok_or_else(|| self.unknown(id))?;
        let result = self.load(&path, &[]);
        Ok(self.take_over(&path, result)?)
    }

    /// Puts other settings in force: each plugin whose section or grants have changed gets a new
    /// generation, which is probed first. Blocks while that happens.
    ///
    /// # Errors
    /// Plugin id and what is wrong, for each that refuses; then nothing has changed.
    pub fn reconfigure(&self, config: &Config, sections: Map<String, Value>) -> Result<(), Vec<(String, String)>> {
        let mut folder = self.folder.lock();
        let settings = Settings::new(config, &sections);
        let serving: Vec<(Served, Option<Served>)> = {
            let shelf = self.shelf.lock();
            let pair = |slot: &super::shelf::Slot| {
                (slot.active.clone(), slot.candidate.as_ref().map(|(served, _)| served.clone()))
            };
            shelf.slots.values().map(pair).collect()
        };
        let mut renewed = Vec::new();
        let mut wrong = Vec::new();
        for (active, candidate) in serving {
            let id = active.generation.manifest().id.to_string();
            let new_active = self.renew(&active, &settings);
            let new_candidate = candidate.as_ref().map(|served| self.renew(served, &settings)).transpose();
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
            let mut shelf = self.shelf.lock();
            shelf.policy = policy(config);
            *self.settings.lock() = Arc::new(settings);
            let now = Instant::now();
            let changed = !renewed.is_empty();
            for (active, candidate) in renewed {
                shelf.resettle(active, candidate, now);
            }
            if changed {
                self.show(&shelf);
            }
        }
        // A file that was refused may be welcome under the new settings.
        folder.forget(self.refused.lock().keys().cloned());
        drop(folder);
        self.look();
        Ok(())
    }

    /// The same code with other settings; none if they are the same.
    fn renew(&self, served: &Served, settings: &Settings) -> Result<Option<Served>, LoadError> {
        let generation = &served.generation;
        let id = generation.manifest().id.to_string();
        let file = served.file.display().to_string();
        settings.check_pin(&id, generation.code(), &file)?;
        let section = settings.section(&id);
        let granted = settings.config.granted(&id);
        let same_section = *generation.config() == *section.unwrap_or("{}");
        if same_section && granted == self.settings.lock().config.granted(&id) {
            return Ok(None);
        }
        let renewed = self.runtime.reload(generation, &file, section, granted)?;
        Ok(Some(Served { generation: renewed, file: served.file.clone(), loaded_at: unix_ms() }))
    }

    /// Loads files side by side, as many at a time as there may be blocking threads. Results come
    /// in the order of the files.
    fn load_all(&self, paths: &[PathBuf], gone: &[PathBuf]) -> Vec<(PathBuf, Result<Loaded, LoadError>)> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((path.clone(), self.load(path, gone)));
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

    /// Reads, prepares and probes one file.
    fn load(&self, path: &Path, gone: &[PathBuf]) -> Result<Loaded, LoadError> {
        let file = path.display().to_string();
        let bytes = read(path, &file)?;
        let settings = self.settings.lock().clone();
        let package = package::read(&bytes).map_err(|error| LoadError::Package { file: file.clone(), error })?;
        let id = PluginId::from(package.id.as_str());
        settings.check_pin(&package.id, &package.sha256, &file)?;
        {
            let shelf = self.shelf.lock();
            if let Some(why) = shelf.is_bad(&id, &package.sha256) {
                return Err(LoadError::RolledBack { file, why: why.to_owned() });
            }
            if let Some(slot) = shelf.slots.get(&id) {
                let other = &slot.active.file;
                if other != path && !gone.contains(other) && other.exists() {
                    let other = other.display().to_string();
                    return Err(LoadError::Twice { file, plugin: package.id, other });
                }
                let newest = slot.candidate.as_ref().map_or(&slot.active, |(served, _)| served);
                if newest.generation.code() == package.sha256 && other == path {
                    return Ok(Loaded::Unchanged);
                }
            }
        }
        let (section, granted) = (settings.section(&package.id), settings.config.granted(&package.id));
        let generation = self.runtime.load(&bytes, &file, section, granted)?;
        Ok(Loaded::New(Served { generation, file: path.to_owned(), loaded_at: unix_ms() }))
    }

    /// Puts a loaded file in force, or remembers why not.
    fn take_over(&self, path: &Path, result: Result<Loaded, LoadError>) -> Result<(), LoadError> {
        let published = result.and_then(|loaded| match loaded {
            Loaded::Unchanged => Ok(None),
            Loaded::New(served) => {
                let generation = served.generation.clone();
                let mut shelf = self.shelf.lock();
                // Two files of one folder can hold the same plugin; the first one has it.
                let other = shelf.slots.get(&generation.manifest().id).map(|slot| slot.active.file.clone());
                if let Some(other) = other.filter(|other| other != path && other.exists()) {
                    let (file, plugin) = (path.display().to_string(), generation.manifest().id.to_string());
                    return Err(LoadError::Twice { file, plugin, other: other.display().to_string() });
                }
                shelf.publish(served, Instant::now())?;
                shelf.taken_back.remove(&generation.manifest().id);
                self.show(&shelf);
                Ok(Some(generation))
            }
        });
        let outcome = if published.is_ok() { "taken" } else { "refused" };
        metrics::counter!("modehost_plugin_loads_total", "outcome" => outcome).increment(1);
        match published {
            Ok(generation) => {
                self.refused.lock().remove(path);
                if let Some(generation) = generation {
                    tell_published(&generation, path);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a plugin is not taken; what serves goes on");
                self.refused.lock().insert(path.to_owned(), refusal(path, &error));
                Err(error)
            }
        }
    }
}

/// Reads a file, but not one that is far too large.
fn read(path: &Path, file: &str) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error: std::io::Error| LoadError::Unreadable { file: file.to_owned(), why: error.to_string() };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > limits::PLUGIN_FILE_BYTES {
        return Err(LoadError::TooLarge { file: file.to_owned(), size, limit: limits::PLUGIN_FILE_BYTES });
    }
    std::fs::read(path).map_err(unreadable)
}

/// What is known of a refused file.
fn refusal(path: &Path, error: &LoadError) -> Refused {
    let package = std::fs::read(path).ok().and_then(|bytes| package::read(&bytes).ok());
    let (id, version, sha256) = package.map_or_else(Default::default, |p| (p.id, p.version, p.sha256));
    Refused { id, version, sha8: sha256.chars().take(8).collect(), reason: error.to_string(), at: unix_ms() }
}

fn tell_published(generation: &WasmGeneration, path: &Path) {
    let manifest = generation.manifest();
    tracing::info!(
        plugin = %manifest.id,
        version = %manifest.version,
        generation = %generation.id(),
        file = %path.display(),
        "in force"
    );
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
