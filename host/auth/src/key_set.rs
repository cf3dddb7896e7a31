//! Keys that are kept and renewed. Rule: however many callers want a key that is not there, one
//! look runs at a time and no two follow each other too soon; keys that were good stay in use until
//! better ones have been read.

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

use crate::keys::{Key, read_pem, read_set};
use crate::provider::{Away, Provider};

/// Where keys come from.
#[derive(Debug)]
pub(crate) enum Origin {
    Address(Provider),
    SetFile(PathBuf),
    KeyFile(PathBuf),
}

/// How often they are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewal {
    /// After this time in any case.
    pub after: Duration,
    /// And for an unknown key, or one that does not fit, but not sooner after the last look than this.
    pub not_before: Duration,
}

/// Keys of one origin. Dropping it stops a look that runs.
#[derive(Debug)]
pub(crate) struct KeySet {
    shared: Arc<Shared>,
    renewal: Renewal,
    /// The look that runs or ran last. A task of its own, so that a caller that hangs up does not
    /// stop what others wait for.
    task: Mutex<Option<IoTask<()>>>,
}

#[derive(Debug)]
struct Shared {
    origin: Origin,
    keys: ArcSwapOption<Held>,
    look: Mutex<Look>,
    /// Counts looks that have ended.
    ended: watch::Sender<u64>,
}

/// Keys, and when they were read.
#[derive(Debug)]
pub(crate) struct Held {
    pub keys: Vec<Key>,
    read: Instant,
}

#[derive(Debug, Default)]
struct Look {
    runs: bool,
    began: Option<Instant>,
    failed: bool,
}

impl KeySet {
    pub fn new(origin: Origin, renewal: Renewal) -> Self {
        let (ended, _) = watch::channel(0);
        let shared = Shared { origin, keys: ArcSwapOption::empty(), look: Mutex::default(), ended };
        Self { shared: Arc::new(shared), renewal, task: Mutex::new(None) }
    }

    /// The keys, read anew where they are too old or have nothing that is `wanted`. Takes no longer
    /// than one look at the origin. Cancelling stops no look.
    ///
    /// # Errors
    /// If there are none that can be `wanted`, and the last look at the origin failed.
    pub async fn find(&self, wanted: impl Fn(&Key) -> bool) -> Result<Arc<Held>, Away> {
        let has = |held: &Held| held.keys.iter().any(&wanted);
        if let Some(held) = self.shared.keys.load_full().filter(|held| has(held)) {
            let fresh = held.read.elapsed() < self.renewal.after;
            // While the origin is away nobody who has a key waits for it.
            if fresh || self.shared.look.lock().failed {
                if !fresh {
                    self.look();
                }
                return Ok(held);
            }
        }
        if let Some(mut ended) = self.look() {
            // The sender lives as long as we do.
            let _ = ended.changed().await;
        }
        let failed = self.shared.look.lock().failed;
        match self.shared.keys.load_full() {
            Some(held) if has(&held) || !failed => Ok(held),
            _ => Err(Away),
        }
    }

    /// Keys that have been read after `held`, which were not those that somebody signs with: the origin may
    /// have other ones by now, under the same id or under none. None if there are none, or if the last look
    /// was just now. Takes no longer than one look at the origin.
    pub async fn newer(&self, held: &Arc<Held>) -> Option<Arc<Held>> {
        let newer = || self.shared.keys.load_full().filter(|now| !Arc::ptr_eq(now, held));
        if let Some(now) = newer() {
            return Some(now);
        }
        let mut ended = self.look()?;
        // The sender lives as long as we do.
        let _ = ended.changed().await;
        newer()
    }

    /// The end of the look that runs, or of one that is begun; none if the last was just now.
    fn look(&self) -> Option<watch::Receiver<u64>> {
        let mut look = self.shared.look.lock();
        let ended = self.shared.ended.subscribe();
        if look.runs {
            return Some(ended);
        }
        if look.began.is_some_and(|began| began.elapsed() < self.renewal.not_before) {
            return None;
        }
        look.runs = true;
        look.began = Some(Instant::now());
        let running = Running { shared: self.shared.clone(), failed: true };
        *self.task.lock() = Some(spawn_io(running.run()));
        Some(ended)
    }
}

/// A look that runs. Dropping it says that it has ended.
struct Running {
    shared: Arc<Shared>,
    failed: bool,
}

impl Running {
    async fn run(mut self) {
        if let Some(keys) = self.shared.origin.read().await {
            self.shared.keys.store(Some(Arc::new(Held { keys, read: Instant::now() })));
            self.failed = false;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        {
            let mut look = self.shared.look.lock();
            look.runs = false;
            look.failed = self.failed;
        }
        self.shared.ended.send_modify(|count| *count += 1);
    }
}

impl Origin {
    /// None if the keys cannot be read; that has been logged.
    async fn read(&self) -> Option<Vec<Key>> {
        let read = match self {
            Self::Address(provider) => {
                let document = provider.get(limits::KEY_SET_BYTES).await.ok()?;
                let read = read_set(&document);
                match &read {
                    Ok(_) => provider.accept(),
                    Err(why) => provider.complain(why),
                }
                return read.ok();
            }
            Self::SetFile(path) => read_file(path, read_set).await,
            Self::KeyFile(path) => read_file(path, read_pem).await,
        };
        read.map_err(|why| tracing::error!("keys of auth.jwt cannot be read: {why}")).ok()
    }
}

async fn read_file(path: &Path, parse: fn(&[u8]) -> Result<Vec<Key>, String>) -> Result<Vec<Key>, String> {
    let owned = path.to_owned();
    let read = run_blocking(move || -> Result<Vec<Key>, String> {
        let mut bytes = Vec::new();
        let file = File::open(&owned).map_err(|error| error.to_string())?;
        let most = limits::KEY_SET_BYTES as u64;
        // Before anything is read: the size may be a lie, and mostly is none.
        if file.metadata().is_ok_and(|about| about.len() > most) {
            return Err(format!("it has more than {most} bytes"));
        }
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > most {
            return Err(format!("it has more than {most} bytes"));
        }
        parse(&bytes)
    });
    let read = read.await.unwrap_or_else(|| Err("the server is stopping".to_owned()));
    read.map_err(|why| format!("{}: {why}", path.display()))
}
