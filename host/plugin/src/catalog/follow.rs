//! Follows the plugin directory and applies its changes. Rule: a new release is probed before the old one is touched; a
//! rejected file changes nothing.
//!
//! A file passes through [`PluginCatalog::scan`] (is it new, and compiled), `load` (is it a valid release) and
//! `apply_loaded` (it is rolled out, or rejected).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::limits;
use modehost_contract::Generation;
use modehost_follow::Stamp;
use modehost_ids::PluginId;
use modehost_task::run_on_own_thread;
use tokio::sync::{Notify, mpsc};

use super::PluginCatalog;
use super::kept::{KeptComponent, RestoredRelease};
use super::loader::Component;
use super::release::Release;
use crate::directory::{Changes, ScanTrigger};
use crate::generation::WasmGeneration;
use crate::load::LoadError;
use crate::package::{self, Package};

/// Event sources of the catalog's own task, besides the clock.
pub(super) struct WakeSources {
    /// The kept state is older than the active releases.
    pub unsaved: Arc<Notify>,
    /// A compilation has ended.
    pub compiled: Arc<Notify>,
    /// Something happened in the directory. Without file watching the sender is dropped from the start.
    pub events: mpsc::Receiver<()>,
}

/// The work that a wake-up asks for.
#[derive(Default)]
struct DueWork {
    scan: Option<ScanTrigger>,
    save: bool,
}

/// Follows the directory and the clock for as long as the catalog exists.
pub(super) async fn run(catalog: Weak<PluginCatalog>, wakes: WakeSources) {
    let WakeSources { unsaved, compiled, mut events } = wakes;
    let mut tick = tokio::time::interval(limits::CATALOG_TICK);
    let mut poll = tokio::time::interval(limits::PATH_POLL);
    let mut watching = true;
    loop {
        let due = tokio::select! {
            event = events.recv(), if watching => {
                watching = event.is_some();
                DueWork { scan: event.map(|()| ScanTrigger::Notified), save: false }
            }
            _ = tick.tick() => DueWork::default(),
            _ = poll.tick() => DueWork { scan: Some(ScanTrigger::Polled), save: false },
            () = unsaved.notified() => DueWork { scan: None, save: true },
            () = compiled.notified() => DueWork { scan: Some(ScanTrigger::Notified), save: true },
        };
        let Some(catalog) = catalog.upgrade() else { return };
        catalog.end_due_trials(Instant::now());
        if due.scan.is_some() || due.save {
            let work = move || {
                let changed = due.scan.is_some_and(|trigger| catalog.scan(trigger));
                if changed || due.save {
                    catalog.persist_releases();
                }
                if due.save {
                    catalog.refill_fallbacks();
                }
            };
            let _ = run_on_own_thread("plugins", work).await;
        }
    }
}

/// The outcome of loading a file.
pub(super) struct Loaded {
    /// The release that an earlier process kept of its plugin, if none is active yet; published before the file's own.
    kept: Option<RestoredRelease>,
    /// `None`: this content is active already, with these settings.
    release: Result<Option<Release>, LoadError>,
}

impl From<Result<Option<Release>, LoadError>> for Loaded {
    fn from(release: Result<Option<Release>, LoadError>) -> Self {
        Self { kept: None, release }
    }
}

/// A file and the outcome of loading it.
struct LoadedFile {
    path: PathBuf,
    loaded: Loaded,
}

/// Whether the sessions of a plugin keep their state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StatePolicy {
    Keep,
    Discard,
}

/// The releases of a plugin at the time its file is loaded.
struct CurrentReleases {
    newest: Release,
    older: Option<Release>,
}

impl PluginCatalog {
    /// Scans the directory and applies its changes; false if there were none. Files that have to be compiled first are
    /// left for a later scan. Blocks while plugins are probed.
    pub(super) fn scan(&self, trigger: ScanTrigger) -> bool {
        let mut directory = self.directory.lock();
        // The host may have the resources for them now.
        directory.invalidate(self.rejected.paths(|rejected| rejected.is_transient));
        self.loader.forget_missing();
        let (mut any_change, mut deferred) = (false, Vec::new());
        loop {
            let mut changes = directory.scan(trigger, |path, stamp| self.needs_compiling(path, stamp));
            deferred.extend(self.defer_removals(&mut changes));
            let any_removed = !changes.removed.is_empty();
            any_change |= any_removed || !changes.changed.is_empty();
            self.apply(changes);
            if !any_removed {
                directory.defer_removals(deferred);
                return any_change;
            }
            // The removed files may have been what a rejected file conflicted with.
            directory.invalidate(self.rejected.paths(|_| true));
        }
    }

    /// Takes out removals of files whose plugin is being compiled from another file: that file may replace them a
    /// moment later.
    fn defer_removals(&self, changes: &mut Changes) -> Vec<PathBuf> {
        let pending = self.loader.pending_files();
        let removed = std::mem::take(&mut changes.removed);
        let releases = self.serving.releases();
        let (deferred, removed) = removed.into_iter().partition(|path| {
            let orphans = releases.plugins_of_files(std::slice::from_ref(path));
            orphans.iter().any(|id| pending.iter().any(|file| file.id == id.as_str()))
        });
        changes.removed = removed;
        deferred
    }

    /// Whether a file has to be compiled before it can be loaded; if so, compilation is started in the background.
    fn needs_compiling(&self, path: &Path, stamp: Stamp) -> bool {
        self.loader.is_pending(path, stamp)
            || self.compile_requirements(path).is_some_and(|CompileRequirements { own, components }| {
                self.loader.enqueue_file(path, stamp, own, components)
            })
    }

    /// What has to be compiled before a file is loaded. `None` if it will be rejected, or is active already.
    fn compile_requirements(&self, path: &Path) -> Option<CompileRequirements> {
        let file = path.display().to_string();
        let settings = self.settings();
        let own = read(path, &file).and_then(|bytes| self.loader.examine(bytes, &file));
        let own = own.ok().filter(|own| settings.check_pin(&own.package.id, &own.package.sha256, &file).is_ok());
        let Some(own) = own else {
            let id = self.kept.id_of_file(path).filter(|id| !self.serving.serves(id))?;
            let kept = self.kept.newest_allowed_component(&id, &settings)?.component;
            return Some(CompileRequirements { own: kept.package.clone(), components: vec![kept] });
        };
        let (id, package) = (PluginId::from(own.package.id.as_str()), own.package.clone());
        {
            let releases = self.serving.releases();
            let newest = releases.slots.get(&id).map(|slot| slot.newest().code());
            if newest == Some(&package.sha256) || releases.rollback_reason(&id, &package.sha256).is_some() {
                return None;
            }
            if newest.is_some() {
                return Some(CompileRequirements { own: package, components: vec![own] });
            }
        }
        let components = match self.kept.newest_allowed_component(&package.id, &settings) {
            Some(KeptComponent { component, rolled_back }) if rolled_back.as_ref() == Some(&package.sha256) => {
                vec![component]
            }
            Some(KeptComponent { component, .. }) => vec![own, component],
            None => vec![own],
        };
        Some(CompileRequirements { own: package, components })
    }

    /// Loads new files first and then removes the plugins whose file is gone, so that a plugin whose file was renamed
    /// is replaced and its sessions keep their state.
    fn apply(&self, Changes { mut changed, removed }: Changes) {
        self.rejected.forget(&removed);
        let orphans = self.serving.releases().plugins_of_files(&removed);
        // The new file may have been rejected because the old one was still there.
        changed.extend(orphans.iter().flat_map(|id| self.rejected.of_plugin(id)));
        changed.sort();
        changed.dedup();
        for LoadedFile { path, loaded } in self.load_all(&changed, &removed) {
            let _ = self.apply_loaded(&path, loaded, StatePolicy::Keep);
        }
        let orphans = self.serving.releases().plugins_of_files(&removed);
        for id in orphans {
            let _ = self.remove(id.as_str());
        }
    }

    /// Loads files in parallel, on as many threads as the blocking pool may have. Results are in the order of the
    /// files.
    fn load_all(&self, paths: &[PathBuf], removed: &[PathBuf]) -> Vec<LoadedFile> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push(LoadedFile { path: path.clone(), loaded: self.load(path, removed, StatePolicy::Keep) });
            }
            done
        };
        let mut loaded = std::thread::scope(|scope| {
            let workers: Vec<_> = (1..limits::MAX_BLOCKING.min(paths.len())).map(|_| scope.spawn(work)).collect();
            let mut loaded = work();
            loaded.extend(workers.into_iter().filter_map(|worker| worker.join().ok()).flatten());
            loaded
        });
        loaded.sort_by(|one, other| one.path.cmp(&other.path));
        loaded
    }

    /// Reads, compiles, probes and checks one file. Files in `removed` no longer count as conflicting.
    pub(super) fn load(&self, path: &Path, removed: &[PathBuf], state: StatePolicy) -> Loaded {
        let file = path.display().to_string();
        let settings = self.settings();
        let read = read(path, &file).and_then(|bytes| {
            let package = package::read(&bytes).map_err(|error| LoadError::Package { file: file.clone(), error })?;
            settings.check_pin(&package.id, &package.sha256, &file)?;
            Ok(Component { package, bytes })
        });
        let component = match read {
            Ok(component) => component,
            // A kept release may serve, whatever became of the file.
            Err(error) => {
                let id = self.kept.id_of_file(path).filter(|id| !self.serving.serves(id));
                let kept = id.and_then(|id| self.kept.newest_allowed(&id, path, &self.loader, &settings));
                return Loaded { kept, release: Err(error) };
            }
        };
        let (plugin, sha256) = (&component.package.id, &component.package.sha256);
        let id = PluginId::from(plugin.as_str());
        let current = {
            let releases = self.serving.releases();
            if let Some(why) = releases.rollback_reason(&id, sha256) {
                return Err(LoadError::RolledBack { file, why: why.to_owned() }).into();
            }
            let current = releases.slots.get(&id);
            current.map(|slot| CurrentReleases { newest: slot.newest().clone(), older: slot.fallback.clone() })
        };
        if let Some(CurrentReleases { newest, .. }) = &current {
            let other = &newest.file;
            if other != path && !removed.contains(other) && other.exists() {
                let other = other.display().to_string();
                return Err(LoadError::DuplicatePlugin { file, plugin: plugin.clone(), other }).into();
            }
            if newest.code() == sha256 && other == path && state == StatePolicy::Keep {
                return Ok(None).into();
            }
        }
        self.kept.store_component(&component);
        let (kept, newest, older) = match current {
            Some(CurrentReleases { newest, older }) => (None, Some(newest), older),
            None => match self.kept.newest_allowed(plugin, path, &self.loader, &settings) {
                Some(kept) if kept.covers(sha256) => return Loaded { kept: Some(kept), release: Ok(None) },
                kept => (kept.clone(), kept.map(|kept| kept.release), None),
            },
        };
        let release = self.loader.load(&component, path, &settings).and_then(|release| {
            if state == StatePolicy::Keep {
                self.loader.check_state(&release, newest.iter().chain(&older))?;
            }
            Ok(Some(release))
        });
        Loaded { kept, release }
    }

    /// Publishes the outcome of loading a file, or records why it was rejected.
    ///
    /// # Errors
    /// Why the file is rejected.
    pub(super) fn apply_loaded(&self, path: &Path, loaded: Loaded, state: StatePolicy) -> Result<(), LoadError> {
        if let Some(kept) = loaded.kept {
            self.serving.activate_kept(kept);
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
                self.rejected.clear(path);
                if let Some(generation) = generation {
                    log_rolled_out(&generation, path, state);
                }
                Ok(())
            }
            Err(error) => {
                self.rejected.record(path, &error);
                Err(error)
            }
        }
    }

    fn roll_out(&self, release: Release, path: &Path, state: StatePolicy) -> Result<(), LoadError> {
        let id = release.id().clone();
        let mut releases = self.serving.releases();
        // Two files can hold the same plugin; the first one wins.
        let other = releases.slots.get(&id).map(|slot| slot.active.file.clone());
        if let Some(other) = other.filter(|other| other != path && other.exists()) {
            let (file, plugin) = (path.display().to_string(), id.to_string());
            return Err(LoadError::DuplicatePlugin { file, plugin, other: other.display().to_string() });
        }
        releases.roll_out(release, Instant::now())?;
        releases.rolled_back.remove(&id);
        if state == StatePolicy::Discard {
            releases.discard_state(&id, super::unix_ms());
        }
        self.serving.publish(&releases);
        Ok(())
    }
}

/// What has to be compiled before a file is loaded.
struct CompileRequirements {
    /// The package of the file, or of the kept release in its place.
    own: Package,
    components: Vec<Component>,
}

/// Reads a file, unless it is too large.
///
/// # Errors
/// If it cannot be read or is too large.
pub(super) fn read(path: &Path, file: &str) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error: std::io::Error| LoadError::Unreadable { file: file.to_owned(), why: error.to_string() };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    modehost_follow::read(path, limits::PLUGIN_FILE_BYTES as usize).map_err(|error| match error.kind() {
        // It may have grown since, so the size is at least one over the limit.
        std::io::ErrorKind::FileTooLarge => LoadError::TooLarge {
            file: file.to_owned(),
            size: size.max(limits::PLUGIN_FILE_BYTES + 1),
            limit: limits::PLUGIN_FILE_BYTES,
        },
        _ => unreadable(error),
    })
}

fn log_rolled_out(generation: &WasmGeneration, path: &Path, state: StatePolicy) {
    let manifest = generation.manifest();
    tracing::info!(
        plugin = %manifest.id,
        version = %manifest.version,
        generation = generation.id().0,
        file = %path.display(),
        state_discarded = state == StatePolicy::Discard,
        "in force"
    );
}
