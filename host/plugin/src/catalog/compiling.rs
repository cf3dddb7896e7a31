//! Plugin files that are being compiled. Rule: nobody waits for a compiler: a file is looked at once its code is
//! there, those behind it are looked at meanwhile, and what served goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_follow::Stamp;
use modehost_limits as limits;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::status::{PluginState, PluginStatus};
use crate::package::Package;
use crate::runtime::Runtime;

/// A component that has to be compiled.
pub(super) struct Wanted {
    pub package: Package,
    pub bytes: Vec<u8>,
}

/// What is being compiled, and what waits for that.
pub(super) struct Compiling {
    runtime: Arc<Runtime>,
    state: Mutex<State>,
    /// Something has been compiled.
    ended: Condvar,
    /// The same for the catalog's own task.
    told: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// What is being made and waits to be, by hash.
    jobs: BTreeMap<String, Job>,
    /// Files that wait for one or two of these.
    files: BTreeMap<PathBuf, Waiting>,
    /// By size, so that a large one leaves the others first.
    queue: BTreeSet<(usize, String)>,
    threads: usize,
}

/// The component of a job until somebody begins with it.
struct Job(Option<Vec<u8>>);

struct Waiting {
    since: Instant,
    stamp: Stamp,
    id: String,
    version: String,
    sha256: String,
    needs: Vec<String>,
}

impl Compiling {
    pub(super) fn new(runtime: Arc<Runtime>) -> Arc<Self> {
        Arc::new(Self { runtime, state: Mutex::default(), ended: Condvar::new(), told: Arc::default() })
    }

    /// Wakes whenever something has been compiled.
    pub(super) fn told(&self) -> Arc<Notify> {
        self.told.clone()
    }

    /// Whether this very file waits for its compiler.
    pub(super) fn is_waiting(&self, path: &Path, stamp: Stamp) -> bool {
        let mut state = self.state.lock();
        let Some(file) = state.files.get(path) else { return false };
        let waits = file.stamp == stamp && file.needs.iter().any(|needed| state.jobs.contains_key(needed));
        if !waits {
            state.files.remove(path);
        }
        waits
    }

    /// Has compiled what of `wanted` is not ready; true if the file, which holds `own`, has to wait for it.
    pub(super) fn wait_for(self: &Arc<Self>, path: &Path, stamp: Stamp, own: &Package, wanted: Vec<Wanted>) -> bool {
        let needs = self.want(wanted);
        if needs.is_empty() {
            return false;
        }
        tracing::info!(file = %path.display(), plugin = %own.id, "is being compiled");
        let Package { id, version, sha256, .. } = own.clone();
        let since = Instant::now();
        let waiting = Waiting { since, stamp, id, version, sha256, needs };
        self.state.lock().files.insert(path.to_owned(), waiting);
        true
    }

    /// Has these compiled where they are not ready, and says which are not.
    pub(super) fn want(self: &Arc<Self>, wanted: Vec<Wanted>) -> Vec<String> {
        let mut needs = Vec::new();
        for Wanted { package, bytes } in wanted {
            if self.runtime.is_ready(&package.sha256) {
                continue;
            }
            needs.push(package.sha256.clone());
            let mut state = self.state.lock();
            if state.jobs.contains_key(&package.sha256) {
                continue;
            }
            state.queue.insert((bytes.len(), package.sha256.clone()));
            state.jobs.insert(package.sha256, Job(Some(bytes)));
            if state.threads < limits::COMPILERS {
                let own = self.clone();
                let started = std::thread::Builder::new().name("compiler".to_owned()).spawn(move || own.work());
                match started {
                    Ok(_) => state.threads += 1,
                    Err(error) => {
                        // Nobody would begin with it; the next look tries again.
                        tracing::error!(%error, "the system refuses a thread for compiling a plugin");
                        state.queue.clear();
                        state.jobs.retain(|_, job| job.0.is_none());
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
                let mut state = self.state.lock();
                let Some((_, sha256)) = state.queue.pop_first() else {
                    state.threads -= 1;
                    return;
                };
                let bytes = state.jobs.get_mut(&sha256).and_then(|job| job.0.take());
                (sha256, bytes.unwrap_or_default())
            };
            self.runtime.make_ready(&bytes, &sha256);
            self.state.lock().jobs.remove(&sha256);
            self.ended.notify_all();
            self.told.notify_one();
        }
    }

    /// Waits until nothing is being compiled; false if that takes longer. Blocks.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let mut state = self.state.lock();
        while !state.jobs.is_empty() {
            if self.ended.wait_until(&mut state, until).timed_out() {
                return state.jobs.is_empty();
            }
        }
        true
    }

    /// Forgets files that are not there any more.
    pub(super) fn forget_missing(&self) {
        self.state.lock().files.retain(|path, _| path.exists());
    }

    /// Files that wait, with the id of each.
    pub(super) fn files(&self) -> Vec<(PathBuf, String)> {
        self.state.lock().files.iter().map(|(path, file)| (path.clone(), file.id.clone())).collect()
    }

    /// The rows of those that have waited for so long.
    pub(super) fn rows(&self, for_at_least: Duration) -> Vec<PluginStatus> {
        let row = |(path, file): (&PathBuf, &Waiting)| PluginStatus {
            id: file.id.clone(),
            version: file.version.clone(),
            sha8: file.sha256.chars().take(8).collect(),
            file: path.display().to_string(),
            ..PluginStatus::blank(PluginState::Compiling)
        };
        let state = self.state.lock();
        state.files.iter().filter(|(_, file)| file.since.elapsed() >= for_at_least).map(row).collect()
    }
}
