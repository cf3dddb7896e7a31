//! Turns components into releases: compile, load, check against session state. Rule: nothing waits for the compiler: a
//! file is loaded once its code is compiled, other files are loaded meanwhile, and active releases keep serving.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use modehost_contract::{Generation, StateSamples};
use modehost_follow::Stamp;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::release::Release;
use super::settings::Settings;
use super::status::{PluginState, PluginStatus};
use crate::load::LoadError;
use crate::package::Package;
use crate::runtime::Runtime;

/// Turns components into releases.
pub(super) struct Loader {
    runtime: Arc<Runtime>,
    /// Source of session snapshots that a new release is checked against; `None`: the check is skipped.
    samples: Option<Arc<dyn StateSamples>>,
    compiling: Mutex<Compiling>,
    /// Signalled when a compile job ends, for blocking waiters.
    job_done: Condvar,
    /// The same for the catalog's own task.
    compiled: Arc<Notify>,
}

/// The content of a plugin file.
pub(super) struct Component {
    pub package: Package,
    pub bytes: Vec<u8>,
}

/// Compile jobs and the files that wait for them.
#[derive(Default)]
struct Compiling {
    /// Jobs that run or are queued, by hash.
    jobs: BTreeMap<String, Job>,
    /// Files that wait for one or two of these jobs.
    files: BTreeMap<PathBuf, PendingFile>,
    /// By size, so that a large component does not delay the others.
    queue: BTreeSet<Queued>,
    threads: usize,
}

/// The component, until a worker takes it.
struct Job(Option<Vec<u8>>);

/// A job that no worker has taken. Ordered by size first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    bytes: usize,
    sha256: String,
}

/// A file that waits to be compiled.
struct PendingFile {
    since: Instant,
    /// Stamp of the file when it was queued.
    stamp: Stamp,
    package: Package,
    /// Hashes of the components to be compiled.
    needs: Vec<String>,
}

/// A file that waits to be compiled, as seen by other modules.
pub(super) struct PendingFileInfo {
    pub path: PathBuf,
    /// Id of its plugin.
    pub id: String,
}

impl Loader {
    pub(super) fn new(runtime: Arc<Runtime>, samples: Option<Arc<dyn StateSamples>>) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            samples,
            compiling: Mutex::default(),
            job_done: Condvar::new(),
            compiled: Arc::default(),
        })
    }

    /// Notified whenever a compile job ends.
    pub(super) fn compiled(&self) -> Arc<Notify> {
        self.compiled.clone()
    }

    /// Checks a component without compiling it; `file` names it in errors.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn examine(&self, bytes: Vec<u8>, file: &str) -> Result<Component, LoadError> {
        Ok(Component { package: self.runtime.examine(&bytes, file)?, bytes })
    }

    /// Whether a component can be loaded without compiling it first.
    pub(super) fn is_compiled(&self, sha256: &str) -> bool {
        self.runtime.is_compiled(sha256)
    }

    /// Compiles a component unless that is done already; a failure is reported by the load. Blocks without holding a
    /// lock.
    pub(super) fn ensure_compiled(&self, component: &Component) {
        self.runtime.ensure_compiled(&component.bytes, &component.package.sha256);
    }

    /// Compiles, links and probes a component; `path` is the file of its plugin. Blocks.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn load(&self, component: &Component, path: &Path, settings: &Settings) -> Result<Release, LoadError> {
        let (id, file) = (&component.package.id, path.display().to_string());
        let generation =
            self.runtime.load(&component.bytes, &file, settings.section(id), &settings.granted(&component.package))?;
        let granted = generation.grants().to_texts();
        if settings.grants_requests() && !granted.is_empty() {
            let granted = granted.join(", ");
            tracing::info!("{file}: granted what it requests: {granted}; a server wants that in plugins.grants.{id}");
        }
        Ok(Release::new(generation, path))
    }

    /// The same code with the settings `after`; `None` if they equal those it has. Pins are not checked, since they do
    /// not concern active releases. Blocks.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn reconfigure(
        &self,
        release: &Release,
        before: &Settings,
        after: &Settings,
    ) -> Result<Option<Release>, LoadError> {
        let (generation, id) = (&release.generation, release.id().as_str());
        let (section, granted) = (after.section(id), after.granted(generation.package()));
        if *generation.config() == *section.unwrap_or("{}") && granted == before.granted(generation.package()) {
            return Ok(None);
        }
        let file = release.file.display().to_string();
        let reconfigured = self.runtime.reload(generation, &file, section, &granted)?;
        Ok(Some(Release::new(reconfigured, &release.file)))
    }

    /// Checks a release against session state: it has to restore every snapshot that one of the releases before it
    /// restores.
    ///
    /// # Errors
    /// If it does not.
    pub(super) fn check_state<'a>(
        &self,
        release: &Release,
        before: impl Iterator<Item = &'a Release>,
    ) -> Result<(), LoadError> {
        let Some(samples) = &self.samples else { return Ok(()) };
        let before: Vec<&Release> = before.filter(|older| older.code() != release.code()).collect();
        if before.is_empty() {
            return Ok(());
        }
        for sample in samples.samples(release.id(), limits::STATE_SAMPLES) {
            let Err(fault) = release.generation.try_restore(&sample) else { continue };
            // A snapshot that no older release restores is damaged and says nothing about the new one.
            if let Some(older) = before.iter().find(|older| older.generation.try_restore(&sample).is_ok()) {
                return Err(LoadError::State {
                    file: release.file.display().to_string(),
                    plugin: release.id().to_string(),
                    older: older.version().to_owned(),
                    why: fault.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Whether this file, with this stamp, waits to be compiled.
    pub(super) fn is_pending(&self, path: &Path, stamp: Stamp) -> bool {
        let mut compiling = self.compiling.lock();
        let Some(file) = compiling.files.get(path) else { return false };
        let is_pending = file.stamp == stamp && file.needs.iter().any(|needed| compiling.jobs.contains_key(needed));
        if !is_pending {
            compiling.files.remove(path);
        }
        is_pending
    }

    /// Queues those of `wanted` that are not compiled; true if the file, which holds `own`, has to wait for them.
    pub(super) fn enqueue_file(
        self: &Arc<Self>,
        path: &Path,
        stamp: Stamp,
        package: Package,
        components: Vec<Component>,
    ) -> bool {
        let needs = self.enqueue(components);
        if needs.is_empty() {
            return false;
        }
        tracing::info!(file = %path.display(), plugin = %package.id, "is being compiled");
        let pending = PendingFile { since: Instant::now(), stamp, package, needs };
        self.compiling.lock().files.insert(path.to_owned(), pending);
        true
    }

    /// Queues those that are not compiled and returns their hashes.
    pub(super) fn enqueue(self: &Arc<Self>, components: impl IntoIterator<Item = Component>) -> Vec<String> {
        let mut needs = Vec::new();
        for Component { package, bytes } in components {
            if self.is_compiled(&package.sha256) {
                continue;
            }
            needs.push(package.sha256.clone());
            let mut compiling = self.compiling.lock();
            if compiling.jobs.contains_key(&package.sha256) {
                continue;
            }
            compiling.queue.insert(Queued { bytes: bytes.len(), sha256: package.sha256.clone() });
            compiling.jobs.insert(package.sha256, Job(Some(bytes)));
            if compiling.threads < limits::MAX_COMPILERS {
                let worker = self.clone();
                let started =
                    std::thread::Builder::new().name("compiler".to_owned()).spawn(move || worker.run_worker());
                match started {
                    Ok(_) => compiling.threads += 1,
                    Err(error) => {
                        // No worker would take the queued jobs; the next scan queues them again.
                        tracing::error!(%error, "the system refuses a thread for compiling a plugin");
                        compiling.queue.clear();
                        compiling.jobs.retain(|_, job| job.0.is_none());
                    }
                }
            }
        }
        needs
    }

    /// Worker thread: runs queued jobs until there is none.
    fn run_worker(&self) {
        loop {
            let (sha256, bytes) = {
                let mut compiling = self.compiling.lock();
                let Some(Queued { sha256, .. }) = compiling.queue.pop_first() else {
                    compiling.threads -= 1;
                    return;
                };
                let bytes = compiling.jobs.get_mut(&sha256).and_then(|job| job.0.take());
                (sha256, bytes.unwrap_or_default())
            };
            self.runtime.ensure_compiled(&bytes, &sha256);
            self.compiling.lock().jobs.remove(&sha256);
            self.job_done.notify_all();
            self.compiled.notify_one();
        }
    }

    /// Waits until no job is left; false on timeout. Blocks.
    pub(super) fn wait_until_idle(&self, until: Instant) -> bool {
        let mut compiling = self.compiling.lock();
        while !compiling.jobs.is_empty() {
            if self.job_done.wait_until(&mut compiling, until).timed_out() {
                return compiling.jobs.is_empty();
            }
        }
        true
    }

    /// Drops files that no longer exist.
    pub(super) fn forget_missing(&self) {
        self.compiling.lock().files.retain(|path, _| path.exists());
    }

    /// The files that wait to be compiled.
    pub(super) fn pending_files(&self) -> Vec<PendingFileInfo> {
        let info = |(path, file): (&PathBuf, &PendingFile)| PendingFileInfo {
            path: path.clone(),
            id: file.package.id.clone(),
        };
        self.compiling.lock().files.iter().map(info).collect()
    }

    /// Status rows of the files that have waited for at least this long.
    pub(super) fn status_rows(&self, min_wait: Duration) -> Vec<PluginStatus> {
        let row = |(path, file): (&PathBuf, &PendingFile)| PluginStatus {
            id: file.package.id.clone(),
            version: file.package.version.clone(),
            sha8: file.package.sha256.chars().take(8).collect(),
            file: path.display().to_string(),
            ..PluginStatus::empty(PluginState::Compiling)
        };
        let compiling = self.compiling.lock();
        compiling.files.iter().filter(|(_, file)| file.since.elapsed() >= min_wait).map(row).collect()
    }
}
