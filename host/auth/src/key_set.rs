//! Cached keys that are refreshed. Rule: however many callers need a missing key, one refresh runs at a time, with a
//! minimum interval between two; valid keys stay in use until others have been loaded.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use arc_swap::ArcSwapOption;
use modehost_task::{IoTask, run_blocking, spawn_io};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::keys::{Key, parse_jwks, parse_pem};
use crate::provider::{Provider, Unavailable};

/// The source of keys.
#[derive(Debug)]
pub(crate) enum KeySource {
    JwksUrl(Provider),
    JwksFile(PathBuf),
    PemFile(PathBuf),
}

/// How often keys are refreshed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshPolicy {
    /// Keys older than this are refreshed.
    pub max_age: Duration,
    /// Minimum interval between two refreshes, for unknown keys and mismatching signatures.
    pub min_interval: Duration,
}

/// The keys of one source. Dropping it aborts a running refresh.
#[derive(Debug)]
pub(crate) struct KeySet {
    shared: Arc<Shared>,
    policy: RefreshPolicy,
    /// The running or last refresh. A task of its own, so that a cancelled caller does not abort a refresh that others
    /// wait for.
    task: Mutex<Option<IoTask<()>>>,
}

#[derive(Debug)]
struct Shared {
    source: KeySource,
    keys: ArcSwapOption<LoadedKeys>,
    refresh: Mutex<RefreshState>,
    /// Counts finished refreshes.
    finished: watch::Sender<u64>,
}

/// Loaded keys with their load time.
#[derive(Debug)]
pub(crate) struct LoadedKeys {
    pub keys: Vec<Key>,
    loaded_at: Instant,
}

#[derive(Debug, Default)]
struct RefreshState {
    running: bool,
    started: Option<Instant>,
    failed: bool,
}

impl KeySet {
    pub fn new(source: KeySource, policy: RefreshPolicy) -> Self {
        let (finished, _) = watch::channel(0);
        let shared = Shared { source, keys: ArcSwapOption::empty(), refresh: Mutex::default(), finished };
        Self { shared: Arc::new(shared), policy, task: Mutex::new(None) }
    }

    /// Returns the keys, after a refresh if they are too old or none is `wanted`. Takes no longer than one refresh.
    /// Cancelling does not abort the refresh.
    ///
    /// # Errors
    /// If no loaded key is `wanted`, and the last refresh failed.
    pub async fn find(&self, wanted: impl Fn(&Key) -> bool) -> Result<Arc<LoadedKeys>, Unavailable> {
        let has = |loaded: &LoadedKeys| loaded.keys.iter().any(&wanted);
        if let Some(loaded) = self.shared.keys.load_full().filter(|loaded| has(loaded)) {
            let is_fresh = loaded.loaded_at.elapsed() < self.policy.max_age;
            // While the source is unavailable, callers whose key is loaded do not wait for it.
            if is_fresh || self.shared.refresh.lock().failed {
                if !is_fresh {
                    self.refresh();
                }
                return Ok(loaded);
            }
        }
        if let Some(mut finished) = self.refresh() {
            // `self` owns the sender, so this cannot fail.
            let _ = finished.changed().await;
        }
        let failed = self.shared.refresh.lock().failed;
        match self.shared.keys.load_full() {
            Some(loaded) if has(&loaded) || !failed => Ok(loaded),
            _ => Err(Unavailable),
        }
    }

    /// Returns keys loaded after `loaded`, none of which matched a signature: the source may have rotated them, under
    /// the same id or without one. `None` if there are none, or if the last refresh is too recent. Takes no longer than
    /// one refresh.
    pub async fn newer_than(&self, loaded: &Arc<LoadedKeys>) -> Option<Arc<LoadedKeys>> {
        let newer = || self.shared.keys.load_full().filter(|current| !Arc::ptr_eq(current, loaded));
        if let Some(current) = newer() {
            return Some(current);
        }
        let mut finished = self.refresh()?;
        // `self` owns the sender, so this cannot fail.
        let _ = finished.changed().await;
        newer()
    }

    /// Joins the running refresh or starts one; `None` if the last one is too recent.
    fn refresh(&self) -> Option<watch::Receiver<u64>> {
        let mut refresh = self.shared.refresh.lock();
        let finished = self.shared.finished.subscribe();
        if refresh.running {
            return Some(finished);
        }
        if refresh.started.is_some_and(|started| started.elapsed() < self.policy.min_interval) {
            return None;
        }
        refresh.running = true;
        refresh.started = Some(Instant::now());
        let task = RefreshTask { shared: self.shared.clone(), failed: true };
        *self.task.lock() = Some(spawn_io(task.run()));
        Some(finished)
    }
}

/// A running refresh. On drop, it is recorded as finished.
struct RefreshTask {
    shared: Arc<Shared>,
    failed: bool,
}

impl RefreshTask {
    async fn run(mut self) {
        if let Some(keys) = self.shared.source.read().await {
            self.shared.keys.store(Some(Arc::new(LoadedKeys { keys, loaded_at: Instant::now() })));
            self.failed = false;
        }
    }
}

impl Drop for RefreshTask {
    fn drop(&mut self) {
        {
            let mut refresh = self.shared.refresh.lock();
            refresh.running = false;
            refresh.failed = self.failed;
        }
        self.shared.finished.send_modify(|count| *count += 1);
    }
}

impl KeySource {
    /// `None` if the keys cannot be loaded, which has been logged.
    async fn read(&self) -> Option<Vec<Key>> {
        let read = match self {
            Self::JwksUrl(provider) => {
                let document = provider.get(limits::KEY_SET_BYTES).await.ok()?;
                let read = parse_jwks(&document);
                match &read {
                    Ok(_) => provider.report_success(),
                    Err(why) => provider.report_failure(why),
                }
                return read.ok();
            }
            Self::JwksFile(path) => read_file(path, parse_jwks).await,
            Self::PemFile(path) => read_file(path, parse_pem).await,
        };
        read.map_err(|why| tracing::error!("keys of auth.jwt cannot be read: {why}")).ok()
    }
}

async fn read_file(path: &Path, parse: fn(&[u8]) -> Result<Vec<Key>, String>) -> Result<Vec<Key>, String> {
    let owned = path.to_owned();
    let read = run_blocking(move || -> Result<Vec<Key>, String> {
        let mut bytes = Vec::new();
        let file = File::open(&owned).map_err(|error| error.to_string())?;
        let limit = limits::KEY_SET_BYTES as u64;
        // Check the size before reading. It may be wrong, so the read is bounded as well.
        if file.metadata().is_ok_and(|metadata| metadata.len() > limit) {
            return Err(format!("it has more than {limit} bytes"));
        }
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > limit {
            return Err(format!("it has more than {limit} bytes"));
        }
        parse(&bytes)
    });
    let read = read.await.unwrap_or_else(|| Err("the server is stopping".to_owned()));
    read.map_err(|why| format!("{}: {why}", path.display()))
}
