//! The plugins of this server: loaded, put in force, watched and rolled back. Rule: sessions see
//! whole tables only; whatever is slow happens beside them, one change at a time.
//!
//! - `releases`: generations and how they follow each other; `trial`: the evidence for and against one
//! - `store`: releases that are kept for the next start; `kept`: what a start and a rollback take of them
//! - [`status`]: what operators see
//! - `change`: loading files and changing settings; `compiling`: files that cannot be loaded yet

mod change;
mod compiling;
mod kept;
mod releases;
pub mod status;
mod store;
mod trial;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, Guard};
use modehost_contract::{Catalog, Generation, Report, StateSamples, Table};
use modehost_ids::{DeviceId, GenerationId, PluginId};
use modehost_limits as limits;
use modehost_task::{IoTask, run_apart, spawn_io};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc, watch};

use self::change::Settings;
use self::compiling::Compiling;
use self::releases::{Policy, Releases, RolledBack};
use self::status::{PluginStatus, Refused};
use self::store::ReleaseStore;
use crate::config::Config;
use crate::folder::{Folder, Look};
use crate::load::LoadError;
use crate::runtime::Runtime;

/// Why an operation on the catalog did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the plugin folder {} cannot be used: {error}; correct plugins.dir or its permissions", dir.display())]
    Folder { dir: PathBuf, error: std::io::Error },
    #[error("there is no plugin `{id}`; there are: {known}")]
    Unknown { id: String, known: String },
    #[error("`{0}` has no older version to go back to: none has been kept that served before this one")]
    NothingBefore(String),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("the plugins were not loaded; the log says more")]
    BrokeOff,
}

/// What a catalog stands on beside its runtime.
#[derive(Default)]
pub struct Ground {
    /// Where good releases are kept for the next start; none: a start knows nothing of the one before.
    pub releases: Option<PathBuf>,
    /// Where the state comes from that a new version is tried on; none: it is not.
    pub samples: Option<Arc<dyn StateSamples>>,
}

/// All plugins of this server. Dropping the last holder ends the watching.
pub struct PluginCatalog {
    runtime: Arc<Runtime>,
    table: ArcSwap<Table>,
    releases: Mutex<Releases>,
    /// None where nothing is kept. Taken behind `releases`, and never on the message path.
    store: Mutex<Option<ReleaseStore>>,
    /// What is kept is older than what is in force.
    unsaved: Arc<Notify>,
    samples: Option<Arc<dyn StateSamples>>,
    compiling: Arc<Compiling>,
    settings: Mutex<Arc<Settings>>,
    refused: Mutex<BTreeMap<PathBuf, Refused>>,
    /// Held while files are loaded or settings are changed; nobody on the message path takes it.
    folder: Mutex<Folder>,
    changes: watch::Sender<u64>,
    watching: Mutex<Option<IoTask<()>>>,
}

impl PluginCatalog {
    /// Loads what is in the folder and watches it from then on. A plugin that is refused stops
    /// nobody; it stands in the log and in [`Self::list`]. `sections` are the sections of the
    /// configuration by plugin id. A file that an earlier process rolled back stays so, and the release
    /// before it serves.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub async fn open(
        runtime: Arc<Runtime>,
        config: &Config,
        sections: Map<String, Value>,
        ground: Ground,
    ) -> Result<Arc<Self>, CatalogError> {
        let dir = config.dir.clone();
        let (folder, woken) = Folder::open(&dir).map_err(|error| CatalogError::Folder { dir: dir.clone(), error })?;
        let store = ground.releases.and_then(|folder| {
            let opened = ReleaseStore::open(&folder);
            opened
                .inspect_err(|error| tracing::error!(folder = %folder.display(), %error, "releases of plugins cannot be kept: a rollback does not outlive this process"))
                .ok()
        });
        let patience = Duration::from_secs(config.start_wait_s);
        let catalog = Arc::new(Self {
            compiling: Compiling::new(runtime.clone()),
            runtime,
            table: ArcSwap::default(),
            releases: Mutex::new(Releases::new(policy(config))),
            store: Mutex::new(store),
            unsaved: Arc::default(),
            samples: ground.samples,
            settings: Mutex::new(Arc::new(Settings::new(config, &sections))),
            refused: Mutex::default(),
            folder: Mutex::new(folder),
            changes: watch::Sender::new(0),
            watching: Mutex::default(),
        });
        let first = catalog.clone();
        run_apart("plugins", move || first.look_first(patience)).await.ok_or(CatalogError::BrokeOff)?;
        let news = (catalog.unsaved.clone(), catalog.compiling.told());
        let task = spawn_io(keep_up(Arc::downgrade(&catalog), news, woken));
        *catalog.watching.lock() = Some(task);
        Ok(catalog)
    }

    /// Counts up with every change of the table.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Ids of all plugins that serve, or whose file is there but refused.
    pub fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.releases.lock().slots.keys().map(ToString::to_string).collect();
        known.extend(self.compiling.files().into_iter().map(|(_, id)| id));
        known.extend(self.refused.lock().values().map(|refused| refused.id.clone()).filter(|id| !id.is_empty()));
        known.sort();
        known.dedup();
        known
    }

    /// One row for each generation and each refused file.
    pub fn list(&self) -> Vec<PluginStatus> {
        let mut rows = status::rows(&self.releases.lock());
        rows.extend(self.refused.lock().iter().map(|(file, refused)| status::refused_row(file, refused)));
        rows.extend(self.compiling.rows(limits::COMPILING_SHOWN));
        rows
    }

    /// One row for each file that is being compiled; [`Self::list`] has those that take longer than most.
    pub fn compiling(&self) -> Vec<PluginStatus> {
        self.compiling.rows(Duration::ZERO)
    }

    /// Takes a plugin out of service; its sessions are told. It comes back when its file changes
    /// or is reloaded.
    ///
    /// # Errors
    /// If there is no such plugin.
    pub fn remove(&self, id: &str) -> Result<(), CatalogError> {
        let mut releases = self.releases.lock();
        let plugin = PluginId::from(id);
        if releases.slots.remove(&plugin).is_none() {
            drop(releases);
            return Err(self.unknown(id));
        }
        releases.rolled_back.remove(&plugin);
        self.show(&releases);
        drop(releases);
        self.forget_kept(id);
        metrics::gauge!("modehost_plugin_generations", "plugin" => plugin.to_string()).set(0.0);
        tracing::info!(plugin = id, "removed");
        Ok(())
    }

    /// Ends the trials whose time is over. Called by the catalog's own task; tests may call it
    /// with a time of their choice.
    pub fn settle(&self, now: Instant) {
        let mut releases = self.releases.lock();
        let (good, changed) = releases.settle(now);
        if changed {
            self.show(&releases);
        }
        if !good.is_empty() {
            self.unsaved.notify_one();
        }
        for id in good {
            let Some(slot) = releases.slots.get(&id) else { continue };
            let version = &slot.active.generation.manifest().version;
            tracing::info!(plugin = %id, %version, "has proven itself");
        }
    }

    /// Puts the state of the releases in force for all sessions.
    fn show(&self, releases: &Releases) {
        let version = self.table.load().version + 1;
        self.table.store(Arc::new(releases.table(version)));
        for (id, slot) in &releases.slots {
            let live = 1 + u32::from(slot.candidate.is_some()) + u32::from(slot.fallback.is_some());
            metrics::gauge!("modehost_plugin_generations", "plugin" => id.to_string()).set(f64::from(live));
        }
        self.changes.send_replace(version);
    }

    fn unknown(&self, id: &str) -> CatalogError {
        let known = self.known().join(", ");
        CatalogError::Unknown { id: id.to_owned(), known: if known.is_empty() { "none".to_owned() } else { known } }
    }
}

impl Catalog for PluginCatalog {
    fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    fn report(&self, plugin: &PluginId, generation: GenerationId, device: &DeviceId, report: Report<'_>) {
        let now = unix_ms();
        let mut releases = self.releases.lock();
        let rolled_back = match report {
            Report::Served => {
                releases.served(plugin, generation, device);
                None
            }
            // The host and the input are never to blame on a plugin, and neither is what the one before cannot do.
            Report::Faulted(_) => None,
            Report::WentBack(fault) | Report::RefusedState(fault) if !fault.is_of_plugin() => None,
            Report::WentBack(fault) => releases.went_back(plugin, generation, device, (&fault.to_string(), now)),
            Report::RefusedState(fault) => releases.refused_state(plugin, generation, (&fault.to_string(), now)),
        };
        if let Some(rolled_back) = rolled_back {
            self.show(&releases);
            drop(releases);
            tell_rolled_back(&rolled_back);
            // Written by the catalog's own task: nobody on a mode thread waits for a disk.
            self.unsaved.notify_one();
        }
    }
}

/// The rules of trials that the settings ask for.
fn policy(config: &Config) -> Policy {
    Policy {
        canary_percent: config.canary_percent,
        faults: config.rollback.faults,
        window: Duration::from_secs(config.rollback.window_s),
    }
}

fn tell_rolled_back(rolled_back: &RolledBack) {
    let RolledBack { id, version, code, why, release, .. } = rolled_back;
    metrics::counter!("modehost_plugin_rollbacks_total", "plugin" => id.to_string()).increment(1);
    tracing::error!(
        plugin = %id,
        %version,
        generation = release.as_ref().map(|release| release.generation.id().0),
        sha8 = &code[..code.len().min(8)],
        %why,
        "rolled back; the version before it serves all devices again"
    );
}

/// Follows the folder and the clock, as long as somebody holds the catalog.
async fn keep_up(
    catalog: Weak<PluginCatalog>,
    (unsaved, compiled): (Arc<Notify>, Arc<Notify>),
    mut woken: mpsc::Receiver<()>,
) {
    let mut tick = tokio::time::interval(limits::CATALOG_TICK);
    let mut unasked = tokio::time::interval(limits::PATH_LOOK);
    // Where the system watches nothing for us, the other end is gone from the start.
    let mut told = true;
    loop {
        let (look, save) = tokio::select! {
            word = woken.recv(), if told => {
                told = word.is_some();
                (word.map(|()| Look::Told), false)
            }
            _ = tick.tick() => (None, false),
            _ = unasked.tick() => (Some(Look::Unasked), false),
            () = unsaved.notified() => (None, true),
            () = compiled.notified() => (Some(Look::Told), true),
        };
        let Some(catalog) = catalog.upgrade() else { return };
        catalog.settle(Instant::now());
        if look.is_some() || save {
            let work = move || {
                let changed = look.is_some_and(|look| catalog.look(look));
                if changed || save {
                    catalog.keep_releases();
                }
                if save {
                    catalog.refill_fallbacks();
                }
            };
            let _ = run_apart("plugins", work).await;
        }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
