//! Follows the plugin folder: takes over what has changed in it. Rule: everything new is probed before anything old is
//! touched; a file that is not taken leaves all as it was.
//!
//! A file goes through [`PluginCatalog::look`] (is it new, and compiled), `load` (is it a release) and `take_over` (it
//! is rolled out, or refused).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::limits;
use modehost_contract::Generation;
use modehost_follow::Stamp;
use modehost_ids::PluginId;
use modehost_task::run_apart;
use tokio::sync::{Notify, mpsc};

use super::PluginCatalog;
use super::kept::{FromKept, KeptGood};
use super::loader::Component;
use super::release::Release;
use crate::folder::{Changes, Look};
use crate::generation::WasmGeneration;
use crate::load::LoadError;
use crate::package::{self, Package};

/// What wakes the catalog's own task, beside the clock.
pub(super) struct Wakes {
    /// What is kept is older than what is in force.
    pub unsaved: Arc<Notify>,
    /// Something has been compiled.
    pub compiled: Arc<Notify>,
    /// Something has happened in the folder. Where the system watches nothing for us, the other end is gone from the
    /// start.
    pub events: mpsc::Receiver<()>,
}

/// What a wake asks for.
#[derive(Default)]
struct Due {
    look: Option<Look>,
    save: bool,
}

/// Follows the folder and the clock, as long as somebody holds the catalog.
pub(super) async fn run(catalog: Weak<PluginCatalog>, wakes: Wakes) {
    let Wakes { unsaved, compiled, mut events } = wakes;
    let mut tick = tokio::time::interval(limits::CATALOG_TICK);
    let mut unasked = tokio::time::interval(limits::PATH_LOOK);
    let mut told = true;
    loop {
        let due = tokio::select! {
            event = events.recv(), if told => {
                told = event.is_some();
                Due { look: event.map(|()| Look::Told), save: false }
            }
            _ = tick.tick() => Due::default(),
            _ = unasked.tick() => Due { look: Some(Look::Unasked), save: false },
            () = unsaved.notified() => Due { look: None, save: true },
            () = compiled.notified() => Due { look: Some(Look::Told), save: true },
        };
        let Some(catalog) = catalog.upgrade() else { return };
        catalog.settle(Instant::now());
        if due.look.is_some() || due.save {
            let work = move || {
                let changed = due.look.is_some_and(|look| catalog.look(look));
                if changed || due.save {
                    catalog.keep_releases();
                }
                if due.save {
                    catalog.refill_fallbacks();
                }
            };
            let _ = run_apart("plugins", work).await;
        }
    }
}

/// What a file gives.
pub(super) struct Loaded {
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

/// A file and what it gives.
struct FromFile {
    path: PathBuf,
    loaded: Loaded,
}

/// Whether the sessions of a plugin go on with their state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Kept,
    Discarded,
}

/// What serves of a plugin when its file is loaded.
struct Served {
    newest: Release,
    older: Option<Release>,
}

impl PluginCatalog {
    /// Looks at the folder and takes over what has changed; false if nothing has. What has to be compiled first is
    /// left for the look after that. Blocks while plugins are tried.
    pub(super) fn look(&self, look: Look) -> bool {
        let mut folder = self.folder.lock();
        // The host may have room for them now.
        folder.forget(self.refused.paths(|refused| refused.passes));
        self.loader.forget_missing();
        let (mut anything, mut held_back) = (false, Vec::new());
        loop {
            let mut changes = folder.look(look, |path, stamp| self.has_to_wait(path, stamp));
            held_back.extend(self.hold_back(&mut changes));
            let some_are_gone = !changes.gone.is_empty();
            anything |= some_are_gone || !changes.changed.is_empty();
            self.apply(changes);
            if !some_are_gone {
                folder.hold_back(held_back);
                return anything;
            }
            // What stood in the way of a refused file may have gone with them.
            folder.forget(self.refused.paths(|_| true));
        }
    }

    /// Takes out the files that are gone while another one with the same plugin is being compiled: that one may be
    /// in their place a moment later.
    fn hold_back(&self, changes: &mut Changes) -> Vec<PathBuf> {
        let waiting = self.loader.waiting();
        let gone = std::mem::take(&mut changes.gone);
        let releases = self.serving.releases();
        let (held_back, gone) = gone.into_iter().partition(|path| {
            let orphans = releases.plugins_of_files(std::slice::from_ref(path));
            orphans.iter().any(|id| waiting.iter().any(|file| file.id == id.as_str()))
        });
        changes.gone = gone;
        held_back
    }

    /// Whether a file has to be compiled before it can be looked at; then that goes on beside.
    fn has_to_wait(&self, path: &Path, stamp: Stamp) -> bool {
        self.loader.is_waiting(path, stamp)
            || self
                .wanted(path)
                .is_some_and(|Wanted { own, components }| self.loader.wait_for(path, stamp, own, components))
    }

    /// What has to be compiled for a file to be looked at. None if it is refused or served without that.
    fn wanted(&self, path: &Path) -> Option<Wanted> {
        let file = path.display().to_string();
        let settings = self.settings();
        let own = read(path, &file).and_then(|bytes| self.loader.examine(bytes, &file));
        let own = own.ok().filter(|own| settings.check_pin(&own.package.id, &own.package.sha256, &file).is_ok());
        let Some(own) = own else {
            let id = self.kept.id_of_file(path).filter(|id| !self.serving.serves(id))?;
            let kept = self.kept.first_component(&id, &settings)?.component;
            return Some(Wanted { own: kept.package.clone(), components: vec![kept] });
        };
        let (id, package) = (PluginId::from(own.package.id.as_str()), own.package.clone());
        {
            let releases = self.serving.releases();
            let newest = releases.slots.get(&id).map(|slot| slot.newest().code());
            if newest == Some(&package.sha256) || releases.why_rolled_back(&id, &package.sha256).is_some() {
                return None;
            }
            if newest.is_some() {
                return Some(Wanted { own: package, components: vec![own] });
            }
        }
        let components = match self.kept.first_component(&package.id, &settings) {
            Some(KeptGood { component, rolled_back }) if rolled_back.as_ref() == Some(&package.sha256) => {
                vec![component]
            }
            Some(KeptGood { component, .. }) => vec![own, component],
            None => vec![own],
        };
        Some(Wanted { own: package, components })
    }

    /// Loads what is new and removes the plugins whose file is gone, in this order: a plugin whose
    /// file has another name now is replaced, and its sessions keep their state.
    fn apply(&self, Changes { mut changed, gone }: Changes) {
        self.refused.forget(&gone);
        let orphans = self.serving.releases().plugins_of_files(&gone);
        // The new file may have been seen, and refused, while the old one was still there.
        changed.extend(orphans.iter().flat_map(|id| self.refused.of(id)));
        changed.sort();
        changed.dedup();
        for FromFile { path, loaded } in self.load_all(&changed, &gone) {
            let _ = self.take_over(&path, loaded, State::Kept);
        }
        let homeless = self.serving.releases().plugins_of_files(&gone);
        for id in homeless {
            let _ = self.remove(id.as_str());
        }
    }

    /// Loads files side by side, as many at a time as there may be blocking threads. Results come
    /// in the order of the files.
    fn load_all(&self, paths: &[PathBuf], gone: &[PathBuf]) -> Vec<FromFile> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push(FromFile { path: path.clone(), loaded: self.load(path, gone, State::Kept) });
            }
            done
        };
        let mut loaded = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..limits::MAX_BLOCKING.min(paths.len())).map(|_| scope.spawn(work)).collect();
            let mut loaded = work();
            loaded.extend(helpers.into_iter().filter_map(|helper| helper.join().ok()).flatten());
            loaded
        });
        loaded.sort_by(|one, other| one.path.cmp(&other.path));
        loaded
    }

    /// Reads, prepares, probes and tries one file. `gone` are files that stand in nobody's way any more.
    pub(super) fn load(&self, path: &Path, gone: &[PathBuf], state: State) -> Loaded {
        let file = path.display().to_string();
        let settings = self.settings();
        let read = read(path, &file).and_then(|bytes| {
            let package = package::read(&bytes).map_err(|error| LoadError::Package { file: file.clone(), error })?;
            settings.check_pin(&package.id, &package.sha256, &file)?;
            Ok(Component { package, bytes })
        });
        let component = match read {
            Ok(component) => component,
            // Whoever served before may go on, whatever has become of the file.
            Err(error) => {
                let id = self.kept.id_of_file(path).filter(|id| !self.serving.serves(id));
                let kept = id.and_then(|id| self.kept.first(&id, path, &self.loader, &settings));
                return Loaded { kept, release: Err(error) };
            }
        };
        let (plugin, sha256) = (&component.package.id, &component.package.sha256);
        let id = PluginId::from(plugin.as_str());
        let served = {
            let releases = self.serving.releases();
            if let Some(why) = releases.why_rolled_back(&id, sha256) {
                return Err(LoadError::RolledBack { file, why: why.to_owned() }).into();
            }
            let served = releases.slots.get(&id);
            served.map(|slot| Served { newest: slot.newest().clone(), older: slot.fallback.clone() })
        };
        if let Some(Served { newest, .. }) = &served {
            let other = &newest.file;
            if other != path && !gone.contains(other) && other.exists() {
                let other = other.display().to_string();
                return Err(LoadError::Twice { file, plugin: plugin.clone(), other }).into();
            }
            if newest.code() == sha256 && other == path && state == State::Kept {
                return Ok(None).into();
            }
        }
        self.kept.keep(&component);
        let (kept, newest, older) = match served {
            Some(Served { newest, older }) => (None, Some(newest), older),
            None => match self.kept.first(plugin, path, &self.loader, &settings) {
                Some(kept) if kept.excludes(sha256) => return Loaded { kept: Some(kept), release: Ok(None) },
                kept => (kept.clone(), kept.map(|kept| kept.release), None),
            },
        };
        let release = self.loader.load(&component, path, &settings).and_then(|release| {
            if state == State::Kept {
                self.loader.try_state(&release, newest.iter().chain(&older))?;
            }
            Ok(Some(release))
        });
        Loaded { kept, release }
    }

    /// Puts what a file gave in force, or remembers why not.
    ///
    /// # Errors
    /// Why the file is refused.
    pub(super) fn take_over(&self, path: &Path, loaded: Loaded, state: State) -> Result<(), LoadError> {
        if let Some(kept) = loaded.kept {
            self.serving.begin_with(kept);
        }
        let published = loaded.release.and_then(|release| {
            let Some(release) = release else { return Ok(None) };
            let generation = release.generation.clone();
            self.roll_out(release, path, state).map(|()| Some(generation))
        });
        let outcome = if published.is_ok() { "taken" } else { "refused" };
        metrics::counter!("modehost_plugin_loads_total", "outcome" => outcome).increment(1);
        match published {
            Ok(generation) => {
                self.refused.take(path);
                if let Some(generation) = generation {
                    log_rolled_out(&generation, path, state);
                }
                Ok(())
            }
            Err(error) => {
                self.refused.refuse(path, &error);
                Err(error)
            }
        }
    }

    fn roll_out(&self, release: Release, path: &Path, state: State) -> Result<(), LoadError> {
        let id = release.id().clone();
        let mut releases = self.serving.releases();
        // Two files of one folder can hold the same plugin; the first one has it.
        let other = releases.slots.get(&id).map(|slot| slot.active.file.clone());
        if let Some(other) = other.filter(|other| other != path && other.exists()) {
            let (file, plugin) = (path.display().to_string(), id.to_string());
            return Err(LoadError::Twice { file, plugin, other: other.display().to_string() });
        }
        releases.roll_out(release, Instant::now())?;
        releases.rolled_back.remove(&id);
        if state == State::Discarded {
            releases.discard_state(&id, super::unix_ms());
        }
        self.serving.publish(&releases);
        Ok(())
    }
}

/// What has to be compiled for a file to be looked at.
struct Wanted {
    /// What the file holds, or what is kept in its place.
    own: Package,
    components: Vec<Component>,
}

/// Reads a file, but not one that is far too large.
///
/// # Errors
/// If it cannot be read or is too large.
pub(super) fn read(path: &Path, file: &str) -> Result<Vec<u8>, LoadError> {
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

fn log_rolled_out(generation: &WasmGeneration, path: &Path, state: State) {
    let manifest = generation.manifest();
    tracing::info!(
        plugin = %manifest.id,
        version = %manifest.version,
        generation = generation.id().0,
        file = %path.display(),
        state_discarded = state == State::Discarded,
        "in force"
    );
}
