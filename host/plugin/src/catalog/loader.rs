//! What a component goes through until it is a release: compiled, loaded, tried on state of sessions. Rule: nobody
//! waits for a compiler: a file is looked at once its code is there, those behind it are looked at meanwhile, and what
//! served goes on.

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

/// Makes releases of components.
pub(super) struct Loader {
    runtime: Arc<Runtime>,
    /// Where the state comes from that a new release is tried on; none: it is not.
    samples: Option<Arc<dyn StateSamples>>,
    compiling: Mutex<Compiling>,
    /// Something has been compiled.
    ended: Condvar,
    /// The same for the catalog's own task.
    compiled: Arc<Notify>,
}

/// A component as its file has it.
pub(super) struct Component {
    pub package: Package,
    pub bytes: Vec<u8>,
}

/// What is being compiled, and what waits for that.
#[derive(Default)]
struct Compiling {
    /// What is being made and waits to be, by hash.
    jobs: BTreeMap<String, Job>,
    /// Files that wait for one or two of these.
    files: BTreeMap<PathBuf, Waiting>,
    /// By size, so that a large one leaves the others first.
    queue: BTreeSet<Queued>,
    threads: usize,
}

/// The component of a job until somebody begins with it.
struct Job(Option<Vec<u8>>);

/// A job that nobody has begun with. Ordered by size first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    bytes: usize,
    sha256: String,
}

/// A file that waits for its compiler.
struct Waiting {
    since: Instant,
    /// Of the file as it was then.
    stamp: Stamp,
    package: Package,
    /// Hashes of what has to be compiled.
    needs: Vec<String>,
}

/// A file that waits for its compiler, as others see it.
pub(super) struct WaitingFile {
    pub path: PathBuf,
    /// Of its plugin.
    pub id: String,
}

impl Loader {
    pub(super) fn new(runtime: Arc<Runtime>, samples: Option<Arc<dyn StateSamples>>) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            samples,
            compiling: Mutex::default(),
            ended: Condvar::new(),
            compiled: Arc::default(),
        })
    }

    /// Wakes whenever something has been compiled.
    pub(super) fn compiled(&self) -> Arc<Notify> {
        self.compiled.clone()
    }

    /// Looks at a component without compiling it; `file` names it in errors.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn examine(&self, bytes: Vec<u8>, file: &str) -> Result<Component, LoadError> {
        Ok(Component { package: self.runtime.examine(&bytes, file)?, bytes })
    }

    /// Whether a component can be loaded without being compiled first.
    pub(super) fn is_ready(&self, sha256: &str) -> bool {
        self.runtime.is_ready(sha256)
    }

    /// Compiles a component if need be; what fails is told by the load. Blocks, and nobody else waits for it.
    pub(super) fn make_ready(&self, component: &Component) {
        self.runtime.make_ready(&component.bytes, &component.package.sha256);
    }

    /// Compiles, links and probes a component; `path` is the file of its plugin. Blocks.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn load(&self, component: &Component, path: &Path, settings: &Settings) -> Result<Release, LoadError> {
        let (id, file) = (&component.package.id, path.display().to_string());
        let generation = self.runtime.load(&component.bytes, &file, settings.section(id), settings.granted(id))?;
        Ok(Release::new(generation, path))
    }

    /// The same code with the settings `after`; none if they are those that it has. A pin is no matter of what serves
    /// already. Blocks.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn renew(
        &self,
        release: &Release,
        before: &Settings,
        after: &Settings,
    ) -> Result<Option<Release>, LoadError> {
        let (generation, id) = (&release.generation, release.id().as_str());
        let (section, granted) = (after.section(id), after.granted(id));
        if *generation.config() == *section.unwrap_or("{}") && granted == before.granted(id) {
            return Ok(None);
        }
        let file = release.file.display().to_string();
        let renewed = self.runtime.reload(generation, &file, section, granted)?;
        Ok(Some(Release::new(renewed, &release.file)))
    }

    /// Tries a release on state that sessions have: whatever one of the releases before it restores, it has
    /// to restore as well.
    ///
    /// # Errors
    /// If it does not.
    pub(super) fn try_state<'a>(
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
            // What nobody restores is damaged, and says nothing of the new one.
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

    /// Whether this very file waits for its compiler.
    pub(super) fn is_waiting(&self, path: &Path, stamp: Stamp) -> bool {
        let mut compiling = self.compiling.lock();
        let Some(file) = compiling.files.get(path) else { return false };
        let waits = file.stamp == stamp && file.needs.iter().any(|needed| compiling.jobs.contains_key(needed));
        if !waits {
            compiling.files.remove(path);
        }
        waits
    }

    /// Has compiled what of `wanted` is not ready; true if the file, which holds `own`, has to wait for it.
    pub(super) fn wait_for(self: &Arc<Self>, path: &Path, stamp: Stamp, own: Package, wanted: Vec<Component>) -> bool {
        let needs = self.want(wanted);
        if needs.is_empty() {
            return false;
        }
        tracing::info!(file = %path.display(), plugin = %own.id, "is being compiled");
        let waiting = Waiting { since: Instant::now(), stamp, package: own, needs };
        self.compiling.lock().files.insert(path.to_owned(), waiting);
        true
    }

    /// Has these compiled where they are not ready, and says which are not.
    pub(super) fn want(self: &Arc<Self>, wanted: impl IntoIterator<Item = Component>) -> Vec<String> {
        let mut needs = Vec::new();
        for Component { package, bytes } in wanted {
            if self.is_ready(&package.sha256) {
                continue;
            }
            needs.push(package.sha256.clone());
            let mut compiling = self.compiling.lock();
            if compiling.jobs.contains_key(&package.sha256) {
                continue;
            }
            compiling.queue.insert(Queued { bytes: bytes.len(), sha256: package.sha256.clone() });
            compiling.jobs.insert(package.sha256, Job(Some(bytes)));
            if compiling.threads < limits::COMPILERS {
                let own = self.clone();
                let started = std::thread::Builder::new().name("compiler".to_owned()).spawn(move || own.work());
                match started {
                    Ok(_) => compiling.threads += 1,
                    Err(error) => {
                        // Nobody would begin with it; the next look tries again.
                        tracing::error!(%error, "the system refuses a thread for compiling a plugin");
                        compiling.queue.clear();
                        compiling.jobs.retain(|_, job| job.0.is_none());
                    }
                }
            }
        }
        needs
    }

    /// One job after the other, until there is none.
    fn work(&self) {
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
            self.runtime.make_ready(&bytes, &sha256);
            self.compiling.lock().jobs.remove(&sha256);
            self.ended.notify_all();
            self.compiled.notify_one();
        }
    }

    /// Waits until nothing is being compiled; false if that takes longer. Blocks.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let mut compiling = self.compiling.lock();
        while !compiling.jobs.is_empty() {
            if self.ended.wait_until(&mut compiling, until).timed_out() {
                return compiling.jobs.is_empty();
            }
        }
        true
    }

    /// Forgets files that are not there any more.
    pub(super) fn forget_missing(&self) {
        self.compiling.lock().files.retain(|path, _| path.exists());
    }

    /// Files that wait.
    pub(super) fn waiting(&self) -> Vec<WaitingFile> {
        let of = |(path, file): (&PathBuf, &Waiting)| WaitingFile { path: path.clone(), id: file.package.id.clone() };
        self.compiling.lock().files.iter().map(of).collect()
    }

    /// The rows of those that have waited for so long.
    pub(super) fn rows(&self, for_at_least: Duration) -> Vec<PluginStatus> {
        let row = |(path, file): (&PathBuf, &Waiting)| PluginStatus {
            id: file.package.id.clone(),
            version: file.package.version.clone(),
            sha8: file.package.sha256.chars().take(8).collect(),
            file: path.display().to_string(),
            ..PluginStatus::blank(PluginState::Compiling)
        };
        let compiling = self.compiling.lock();
        compiling.files.iter().filter(|(_, file)| file.since.elapsed() >= for_at_least).map(row).collect()
    }
}
