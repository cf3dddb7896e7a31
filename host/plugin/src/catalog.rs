//! The plugin catalog: loads, publishes, watches and rolls back the plugins of this server. Rule: sessions see whole
//! tables only; slow work is done off the message path, one change at a time.
//!
//! Components, each with its own state:
//! - `settings`: what plugins are loaded with
//! - `loader`: turns components into releases
//! - `release`, `slot`, `releases`: one release; the releases of one plugin; those of all plugins. Pure state. `trial`:
//!   the evidence for and against a release on trial
//! - `serving`: the active releases and the table published to sessions
//! - `kept`, `store`: releases persisted for the next start and for rollbacks
//! - `rejected`: files that were rejected
//! - [`status`]: the operator's view
//!
//! Operations; each file adds the methods of [`PluginCatalog`] for one of them:
//! - `follow`: applies changes of the plugin directory; `start`: the initial load
//! - `reconfigure`: applies new settings; `pins`: enforces pinned content
//! - [`files`]: what has become of each plugin's file
//! - `reload`, `rollback`: operator commands; `fallbacks`: refills missing fallbacks

mod fallbacks;
pub mod files;
mod follow;
mod kept;
mod loader;
mod pins;
mod reconfigure;
mod rejected;
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
use modehost_contract::{Catalog, CatalogTable, GenerationReport, StateSamples};
use modehost_ids::{DeviceId, GenerationId, PluginId};
use modehost_task::{IoTask, run_on_own_thread, spawn_io};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::watch;

use self::follow::WakeSources;
use self::kept::{KeptReleases, ReleasesSnapshot};
use self::loader::Loader;
pub use self::reconfigure::SettingsRejected;
use self::rejected::{RejectedFile, RejectedFiles};
use self::release::RollbackCause;
use self::serving::Serving;
pub use self::serving::TableChanges;
use self::settings::Settings;
use self::status::{Misconfigured, PluginState, PluginStatus};
use crate::config::Config;
use crate::directory::PluginDirectory;
use crate::load::LoadError;
use crate::runtime::Runtime;

/// Why an operation on the catalog failed.
#[expect(missing_docs, reason = "the messages say what each is, and name its members")]
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the plugin folder {} cannot be used: {error}; correct plugins.dir or its permissions", dir.display())]
    Directory { dir: PathBuf, error: std::io::Error },
    #[error("there is no plugin `{id}`; there are: {known}")]
    Unknown { id: String, known: String },
    #[error("`{0}` has no older version to go back to: none has been kept that served before this one")]
    NoPreviousVersion(String),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("the plugins were not loaded; the log says more")]
    Interrupted,
}

impl CatalogError {
    /// Whether the cause is a missing permission.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Directory { error, .. } if error.kind() == std::io::ErrorKind::PermissionDenied)
    }
}

/// What a catalog uses besides its runtime.
#[derive(Default)]
pub struct CatalogBackends {
    /// Directory in which good releases persist over restarts; `None`: nothing persists.
    pub releases: Option<PathBuf>,
    /// Source of session snapshots that a new version is checked against; `None`: the check is skipped.
    pub samples: Option<Arc<dyn StateSamples>>,
}

/// All plugins of this server. Dropping the last reference stops the watch task.
pub struct PluginCatalog {
    loader: Arc<Loader>,
    serving: Serving,
    kept: KeptReleases,
    rejected: RejectedFiles,
    /// The settings in effect.
    settings: Mutex<Arc<Settings>>,
    /// Locked while files are loaded or settings are changed; never on the message path.
    directory: Mutex<PluginDirectory>,
    /// Follows directory events and the clock.
    watch_task: Mutex<Option<IoTask<()>>>,
}

impl PluginCatalog {
    /// Loads the plugin directory and watches it from then on. A rejected plugin does not fail the call; it is logged
    /// and in [`Self::list`]. `sections` are the configuration sections by plugin id. A file that an earlier process
    /// rolled back stays rolled back, and the release before it is active.
    ///
    /// # Errors
    /// If the directory cannot be created or read.
    pub async fn open(
        runtime: Arc<Runtime>,
        config: &Config,
        sections: Map<String, Value>,
        ground: CatalogBackends,
    ) -> Result<Arc<Self>, CatalogError> {
        let dir = config.dir.clone();
        let (directory, events) =
            PluginDirectory::open(&dir).map_err(|error| CatalogError::Directory { dir: dir.clone(), error })?;
        let start_timeout = Duration::from_secs(config.start_wait_s);
        let settings = Settings::new(config, &sections);
        let catalog = Arc::new(Self {
            loader: Loader::new(runtime, ground.samples),
            serving: Serving::new(settings.policy()),
            kept: KeptReleases::open(ground.releases.as_deref()),
            rejected: RejectedFiles::default(),
            settings: Mutex::new(Arc::new(settings)),
            directory: Mutex::new(directory),
            watch_task: Mutex::default(),
        });
        let loading = catalog.clone();
        run_on_own_thread("plugins", move || loading.initial_load(start_timeout))
            .await
            .ok_or(CatalogError::Interrupted)?;
        let wakes = WakeSources { unsaved: catalog.kept.unsaved(), compiled: catalog.loader.compiled(), events };
        let task = spawn_io(follow::run(Arc::downgrade(&catalog), wakes));
        *catalog.watch_task.lock() = Some(task);
        Ok(catalog)
    }

    /// The version of the table; it increases with each change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.serving.changes()
    }

    /// Notifies of each later table, for the task that migrates sessions to it.
    pub fn table_changes(&self) -> TableChanges {
        self.serving.table_changes()
    }

    /// Ids of all plugins that are active, being compiled, or whose file was rejected.
    pub fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.serving.releases().slots.keys().map(ToString::to_string).collect();
        known.extend(self.loader.pending_files().into_iter().map(|file| file.id));
        known.extend(self.rejected.all().into_iter().map(|rejected| rejected.id).filter(|id| !id.is_empty()));
        known.sort();
        known.dedup();
        known
    }

    /// One row for each generation, each rejected file, and each file whose compilation takes long.
    pub fn list(&self) -> Vec<PluginStatus> {
        let mut rows = status::rows(&self.serving.releases());
        for row in rows.iter_mut().filter(|row| matches!(row.state, PluginState::Active | PluginState::Trial)) {
            row.reason = self.pin_mismatch_reason(&row.id, &row.sha8);
        }
        rows.extend(self.rejected.all().iter().map(status::rejected_row));
        rows.extend(self.loader.status_rows(limits::COMPILING_LISTED_AFTER));
        rows
    }

    /// One row for each file that is being compiled; [`Self::list`] has only those that take longer than most.
    pub fn compiling(&self) -> Vec<PluginStatus> {
        self.loader.status_rows(Duration::ZERO)
    }

    /// The plugins that are not active at all because their sections do not fit them.
    pub fn misconfigured(&self) -> Vec<Misconfigured> {
        let rejected = self.rejected.all().into_iter();
        let releases = self.serving.releases();
        let inactive = rejected.filter(|one| one.config_error && !releases.slots.contains_key(one.id.as_str()));
        inactive.map(|RejectedFile { id, schema, reason, .. }| Misconfigured { id, schema, why: reason }).collect()
    }

    /// Number of rejected files in the directory.
    pub fn rejected_files(&self) -> usize {
        self.rejected.count()
    }

    /// Takes a plugin out of service and informs its sessions. It is loaded again when its file changes or by a reload.
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

    /// Ends the trials that are due at `now`. Called by the catalog's own task; tests pass a time of their choice.
    pub fn end_due_trials(&self, now: Instant) {
        let mut releases = self.serving.releases();
        let outcome = releases.end_due_trials(now);
        if outcome.table_changed {
            self.serving.publish(&releases);
        }
        if !outcome.passed.is_empty() {
            self.kept.mark_unsaved();
        }
        for id in outcome.passed {
            let Some(slot) = releases.slots.get(&id) else { continue };
            tracing::info!(plugin = %id, version = %slot.active.version(), "has proven itself");
        }
    }

    /// The settings in effect.
    fn settings(&self) -> Arc<Settings> {
        self.settings.lock().clone()
    }

    /// Persists which releases are good and which were rolled back. Blocks on disk IO.
    fn persist_releases(&self) {
        let snapshot = ReleasesSnapshot::of(&self.serving.releases());
        self.kept.persist(snapshot);
    }

    fn unknown(&self, id: &str) -> CatalogError {
        let known = self.known().join(", ");
        CatalogError::Unknown { id: id.to_owned(), known: if known.is_empty() { "none".to_owned() } else { known } }
    }
}

impl Catalog for PluginCatalog {
    fn table(&self) -> Guard<Arc<CatalogTable>> {
        self.serving.table()
    }

    fn report(&self, plugin: &PluginId, generation: GenerationId, device: &DeviceId, report: GenerationReport<'_>) {
        let mut releases = self.serving.releases();
        let rolled_back = match report {
            GenerationReport::Served => {
                releases.record_served(plugin, generation, device);
                None
            }
            // Faults of the host or of the input do not count against a plugin, nor do those that the previous version
            // has as well.
            GenerationReport::Faulted(_) => None,
            GenerationReport::RolledBack(fault) | GenerationReport::RestoreFailed(fault)
                if !fault.is_plugin_fault() =>
            {
                None
            }
            GenerationReport::RolledBack(fault) => {
                releases.record_rollback(plugin, generation, device, RollbackCause::now(fault.to_string()))
            }
            GenerationReport::RestoreFailed(fault) => {
                releases.record_state_rejected(plugin, generation, RollbackCause::now(fault.to_string()))
            }
        };
        if let Some(rolled_back) = rolled_back {
            self.serving.publish(&releases);
            drop(releases);
            rolled_back.log();
            // The catalog's own task persists it: mode threads must not wait for the disk.
            self.kept.mark_unsaved();
        }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
