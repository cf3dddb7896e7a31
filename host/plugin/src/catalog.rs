//! The plugins of this server: loaded, put in force, watched and rolled back. Rule: sessions see
//! whole tables only; whatever is slow happens beside them, one change at a time.
//!
//! What it is made of, each with its own data:
//! - `settings`: what plugins are loaded with
//! - `loader`: components until they are releases
//! - `release`, `slot`, `releases`: a release; those of a plugin; those of all, pure state. `trial`: the evidence for and
//!   against one
//! - `serving`: the releases in force, and the table that sessions see
//! - `kept`, `store`: releases that are kept for the next start
//! - `refused`: files that are not taken
//! - [`status`]: what operators see
//!
//! What it does; each file has the methods of [`PluginCatalog`] for one thing:
//! - `follow`: takes over what has changed in the folder; `start`: the first look of a process
//! - `reconfigure`: other settings; `pins`: which content is taken
//! - `reload`, `rollback`: orders of the operator; `fallbacks`: the way back

mod fallbacks;
mod follow;
mod kept;
mod loader;
mod pins;
mod reconfigure;
mod refused;
mod release;
mod releases;
mod reload;
mod rollback;
mod serving;
mod settings;
mod slot;
mod start;
pub mod status;
mod store;
mod trial;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::limits;
use arc_swap::Guard;
use modehost_contract::{Catalog, Report, StateSamples, Table};
use modehost_ids::{DeviceId, GenerationId, PluginId};
use modehost_task::{IoTask, run_apart, spawn_io};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::watch;

use self::follow::Wakes;
use self::kept::{KeptReleases, Snapshot};
use self::loader::Loader;
pub use self::reconfigure::SettingsRefused;
use self::refused::{Refused, RefusedFiles};
use self::release::Cause;
use self::serving::Serving;
pub use self::serving::TableChanges;
use self::settings::Settings;
use self::status::{Misconfigured, PluginState, PluginStatus};
use crate::config::Config;
use crate::folder::Folder;
use crate::load::LoadError;
use crate::runtime::Runtime;

/// Why an operation on the catalog did not happen.
#[expect(missing_docs, reason = "the messages say what each is, and name its members")]
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

impl CatalogError {
    /// Whether it is for what this user may not do.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Folder { error, .. } if error.kind() == std::io::ErrorKind::PermissionDenied)
    }
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
    loader: Arc<Loader>,
    serving: Serving,
    kept: KeptReleases,
    refused: RefusedFiles,
    /// Those that hold.
    settings: Mutex<Arc<Settings>>,
    /// Held while files are loaded or settings are changed; nobody on the message path takes it.
    folder: Mutex<Folder>,
    /// Follows the folder and the clock.
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
        let (folder, events) = Folder::open(&dir).map_err(|error| CatalogError::Folder { dir: dir.clone(), error })?;
        let patience = Duration::from_secs(config.start_wait_s);
        let settings = Settings::new(config, &sections);
        let catalog = Arc::new(Self {
            loader: Loader::new(runtime, ground.samples),
            serving: Serving::new(settings.policy()),
            kept: KeptReleases::open(ground.releases.as_deref()),
            refused: RefusedFiles::default(),
            settings: Mutex::new(Arc::new(settings)),
            folder: Mutex::new(folder),
            watching: Mutex::default(),
        });
        let first = catalog.clone();
        run_apart("plugins", move || first.look_first(patience)).await.ok_or(CatalogError::BrokeOff)?;
        let wakes = Wakes { unsaved: catalog.kept.unsaved(), compiled: catalog.loader.compiled(), events };
        let task = spawn_io(follow::run(Arc::downgrade(&catalog), wakes));
        *catalog.watching.lock() = Some(task);
        Ok(catalog)
    }

    /// Counts up with every change of the table.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.serving.changes()
    }

    /// Each table from now on, for whoever moves sessions to it.
    pub fn table_changes(&self) -> TableChanges {
        self.serving.table_changes()
    }

    /// Ids of all plugins that serve, or whose file is there but refused.
    pub fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.serving.releases().slots.keys().map(ToString::to_string).collect();
        known.extend(self.loader.waiting().into_iter().map(|file| file.id));
        known.extend(self.refused.all().into_iter().map(|refused| refused.id).filter(|id| !id.is_empty()));
        known.sort();
        known.dedup();
        known
    }

    /// One row for each generation and each refused file.
    pub fn list(&self) -> Vec<PluginStatus> {
        let mut rows = status::rows(&self.serving.releases());
        for row in rows.iter_mut().filter(|row| matches!(row.state, PluginState::Active | PluginState::Trial)) {
            row.reason = self.why_unpinned(&row.id, &row.sha8);
        }
        rows.extend(self.refused.all().iter().map(status::refused_row));
        rows.extend(self.loader.rows(limits::COMPILING_SHOWN));
        rows
    }

    /// One row for each file that is being compiled; [`Self::list`] has those that take longer than most.
    pub fn compiling(&self) -> Vec<PluginStatus> {
        self.loader.rows(Duration::ZERO)
    }

    /// The plugins that do not serve at all, since their sections do not fit them.
    pub fn misconfigured(&self) -> Vec<Misconfigured> {
        let refused = self.refused.all().into_iter();
        let releases = self.serving.releases();
        let mute = refused.filter(|one| one.of_section && !releases.slots.contains_key(one.id.as_str()));
        mute.map(|Refused { id, schema, reason, .. }| Misconfigured { id, schema, why: reason }).collect()
    }

    /// How many files of the folder are refused.
    pub fn refused_files(&self) -> usize {
        self.refused.count()
    }

    /// Takes a plugin out of service; its sessions are told. It comes back when its file changes
    /// or is reloaded.
    ///
    /// # Errors
    /// If there is no such plugin.
    pub fn remove(&self, id: &str) -> Result<(), CatalogError> {
        let mut releases = self.serving.releases();
        let plugin = PluginId::from(id);
        if releases.slots.remove(&plugin).is_none() {
            drop(releases);
            return Err(self.unknown(id));
        }
        releases.rolled_back.remove(&plugin);
        self.serving.publish(&releases);
        drop(releases);
        self.kept.forget(id);
        metrics::gauge!("modehost_plugin_generations", "plugin" => plugin.to_string()).set(0.0);
        tracing::info!(plugin = id, "removed");
        Ok(())
    }

    /// Ends the trials whose time is over. Called by the catalog's own task; tests may call it
    /// with a time of their choice.
    pub fn settle(&self, now: Instant) {
        let mut releases = self.serving.releases();
        let outcome = releases.settle(now);
        if outcome.changed {
            self.serving.publish(&releases);
        }
        if !outcome.good.is_empty() {
            self.kept.is_unsaved();
        }
        for id in outcome.good {
            let Some(slot) = releases.slots.get(&id) else { continue };
            tracing::info!(plugin = %id, version = %slot.active.version(), "has proven itself");
        }
    }

    /// The settings that hold now.
    fn settings(&self) -> Arc<Settings> {
        self.settings.lock().clone()
    }

    /// Writes down which releases are good and which were rolled back. Blocks for the disk.
    fn keep_releases(&self) {
        let snapshot = Snapshot::of(&self.serving.releases());
        self.kept.write_down(snapshot);
    }

    fn unknown(&self, id: &str) -> CatalogError {
        let known = self.known().join(", ");
        CatalogError::Unknown { id: id.to_owned(), known: if known.is_empty() { "none".to_owned() } else { known } }
    }
}

impl Catalog for PluginCatalog {
    fn table(&self) -> Guard<Arc<Table>> {
        self.serving.table()
    }

    fn report(&self, plugin: &PluginId, generation: GenerationId, device: &DeviceId, report: Report<'_>) {
        let mut releases = self.serving.releases();
        let rolled_back = match report {
            Report::Served => {
                releases.served(plugin, generation, device);
                None
            }
            // The host and the input are never to blame on a plugin, and neither is what the one before cannot do.
            Report::Faulted(_) => None,
            Report::WentBack(fault) | Report::RefusedState(fault) if !fault.is_of_plugin() => None,
            Report::WentBack(fault) => releases.went_back(plugin, generation, device, Cause::now(fault.to_string())),
            Report::RefusedState(fault) => releases.refused_state(plugin, generation, Cause::now(fault.to_string())),
        };
        if let Some(rolled_back) = rolled_back {
            self.serving.publish(&releases);
            drop(releases);
            rolled_back.log();
            // Written by the catalog's own task: nobody on a mode thread waits for a disk.
            self.kept.is_unsaved();
        }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
