//! The plugins of this server: loaded, put in force, watched and taken back. Rule: sessions see
//! whole tables only; whatever is slow happens beside them, one change at a time.
//!
//! - `shelf`: generations and their trials
//! - [`status`]: what operators see
//! - `change`: loading files and changing settings

mod change;
mod shelf;
pub mod status;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use modehost_contract::{Catalog, Fault, Generation, Report, Table};
use modehost_ids::{GenerationId, PluginId};
use modehost_limits as limits;
use modehost_task::{IoTask, run_blocking, spawn_io};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};

use self::change::Settings;
use self::shelf::{Policy, Shelf, TakenBack};
use self::status::{PluginStatus, Refused};
use crate::config::Config;
use crate::folder::{Folder, FolderWatch};
use crate::load::LoadError;
use crate::runtime::Runtime;

/// Why an operation on the catalog did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the plugin folder {} cannot be used: {error}; correct plugins.dir or its permissions", dir.display())]
    Folder { dir: PathBuf, error: std::io::Error },
    #[error("there is no plugin `{id}`; there are: {known}")]
    Unknown { id: String, known: String },
    #[error("`{0}` has no older version to go back to; that is kept only while a new one is on trial")]
    NothingBefore(String),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("the plugins were not loaded; the log says more")]
    BrokeOff,
}

/// All plugins of this server. Dropping the last holder ends the watching.
pub struct PluginCatalog {
    runtime: Arc<Runtime>,
    table: ArcSwap<Table>,
    shelf: Mutex<Shelf>,
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
    /// configuration by plugin id.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub async fn open(
        runtime: Arc<Runtime>,
        config: &Config,
        sections: Map<String, Value>,
    ) -> Result<Arc<Self>, CatalogError> {
        let dir = config.dir.clone();
        let folder = Folder::open(&dir).map_err(|error| CatalogError::Folder { dir: dir.clone(), error })?;
        let catalog = Arc::new(Self {
            runtime,
            table: ArcSwap::default(),
            shelf: Mutex::new(Shelf::new(policy(config))),
            settings: Mutex::new(Arc::new(Settings::new(config, &sections))),
            refused: Mutex::default(),
            folder: Mutex::new(folder),
            changes: watch::Sender::new(0),
            watching: Mutex::default(),
        });
        // The watch begins before the first look, so that nothing falls between the two.
        let watch = FolderWatch::start(&dir);
        let first = catalog.clone();
        run_blocking(move || first.look()).await.ok_or(CatalogError::BrokeOff)?;
        let (watch, woken) = match watch {
            Ok((watch, woken)) => (Some(watch), woken),
            Err(error) => {
                tracing::warn!(%error, "the plugin folder cannot be watched; it is looked at now and then instead");
                (None, mpsc::channel(1).1)
            }
        };
        let task = spawn_io(keep_up(Arc::downgrade(&catalog), watch, woken));
        *catalog.watching.lock() = Some(task);
        Ok(catalog)
    }

    /// Counts up with every change of the table.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Ids of all plugins that serve, or whose file is there but refused.
    pub fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.shelf.lock().slots.keys().map(ToString::to_string).collect();
        known.extend(self.refused.lock().values().map(|refused| refused.id.clone()).filter(|id| !id.is_empty()));
        known.sort();
        known.dedup();
        known
    }

    /// One row for each generation and each refused file.
    pub fn list(&self) -> Vec<PluginStatus> {
        let mut rows = status::rows(&self.shelf.lock());
        rows.extend(self.refused.lock().iter().map(|(file, refused)| status::refused_row(file, refused)));
        rows
    }

    /// Takes the version on trial back, for every session.
    ///
    /// # Errors
    /// If there is no such plugin, or nothing on trial.
    pub fn rollback(&self, id: &str) -> Result<(), CatalogError> {
        let mut shelf = self.shelf.lock();
        let plugin = PluginId::from(id);
        if !shelf.slots.contains_key(&plugin) {
            drop(shelf);
            return Err(self.unknown(id));
        }
        match shelf.take_back(&plugin, "by the operator".to_owned()) {
            Some(taken) => {
                self.show(&shelf);
                drop(shelf);
                tell_taken_back(&plugin, &taken);
                Ok(())
            }
            None => Err(CatalogError::NothingBefore(id.to_owned())),
        }
    }

    /// Takes a plugin out of service; its sessions are told. It comes back when its file changes
    /// or is reloaded.
    ///
    /// # Errors
    /// If there is no such plugin.
    pub fn remove(&self, id: &str) -> Result<(), CatalogError> {
        let mut shelf = self.shelf.lock();
        let plugin = PluginId::from(id);
        if shelf.slots.remove(&plugin).is_none() {
            drop(shelf);
            return Err(self.unknown(id));
        }
        shelf.taken_back.remove(&plugin);
        self.show(&shelf);
        metrics::gauge!("modehost_plugin_generations", "plugin" => plugin.to_string()).set(0.0);
        tracing::info!(plugin = id, "removed");
        Ok(())
    }

    /// Ends the trials whose time is over. Called by the catalog's own task; tests may call it
    /// with a time of their choice.
    pub fn settle(&self, now: Instant) {
        let mut shelf = self.shelf.lock();
        if shelf.settle(now) {
            self.show(&shelf);
        }
    }

    /// Puts the state of the shelf in force for all sessions.
    fn show(&self, shelf: &Shelf) {
        let version = self.table.load().version + 1;
        self.table.store(Arc::new(shelf.table(version)));
        for (id, slot) in &shelf.slots {
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

    fn report(&self, plugin: &PluginId, generation: GenerationId, report: Report<'_>) {
        let fault = match report {
            Report::Settled | Report::Faulted(Fault::Rejected(_)) => return,
            Report::Faulted(fault) | Report::RolledBack(fault) => fault,
        };
        let mut shelf = self.shelf.lock();
        if let Some(taken) = shelf.fault(plugin, generation, &fault.to_string()) {
            self.show(&shelf);
            drop(shelf);
            tell_taken_back(plugin, &taken);
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

fn tell_taken_back(plugin: &PluginId, taken: &TakenBack) {
    let generation = &taken.served.generation;
    metrics::counter!("modehost_plugin_rollbacks_total", "plugin" => plugin.to_string()).increment(1);
    tracing::error!(
        plugin = %plugin,
        version = %generation.manifest().version,
        generation = %generation.id(),
        why = %taken.why,
        "rolled back; the version before it serves all devices again"
    );
}

/// Follows the folder and the clock, as long as somebody holds the catalog.
async fn keep_up(catalog: Weak<PluginCatalog>, watch: Option<FolderWatch>, mut woken: mpsc::Receiver<()>) {
    let mut tick = tokio::time::interval(limits::CATALOG_TICK);
    loop {
        let look = tokio::select! {
            word = woken.recv(), if watch.is_some() => word.is_some(),
            _ = tick.tick() => watch.is_none(),
        };
        let Some(catalog) = catalog.upgrade() else { return };
        catalog.settle(Instant::now());
        if look {
            let _ = run_blocking(move || catalog.look()).await;
        }
    }
}
