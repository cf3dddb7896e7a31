//! The plugins of this node are those of its cluster: one that is put on a node, taken back or removed there, is on all.
//!
//! Rule: only what has been loaded here is told to the others, so that a file which is refused goes nowhere; what the
//! others have is put into the plugin directory, and is loaded from there like any other file.

pub mod agreed;
pub mod decide;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_cluster::{Cluster, ComponentError};
use modehost_follow::Stamp;
use modehost_install::digest;
use modehost_plugin::PluginCatalog;
use modehost_plugin::catalog::files::PluginFile;
use modehost_plugin::catalog::status::PluginState;
use modehost_storage::traits::{ComponentRecord, Components};
use modehost_storage::{SqliteStorage, StorageError};
use modehost_task::{run_blocking, run_on_own_thread};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::agreed::Agreements;
use self::decide::{Agreed, Local, Step, Version, decide};
use super::health::Health;
use crate::limits;

/// Why this node has not what the cluster has.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error("{0}")]
    Component(#[from] ComponentError),
    #[error("{0}")]
    Storage(#[from] StorageError),
    #[error("{} cannot be written: {error}; a node of a cluster has to be able to change plugins.dir", file.display())]
    Unwritable { file: PathBuf, error: std::io::Error },
    #[error("{0}")]
    Catalog(#[from] modehost_plugin::CatalogError),
    #[error("the plugin {plugin} of the cluster is refused here: {reason}")]
    Refused { plugin: String, reason: String },
    #[error("the plugin {0} of the cluster is not loaded here yet; `modehost plugin list --node` says more")]
    NotLoaded(String),
    #[error("this was broken off")]
    BrokeOff,
}

/// The directory of plugins, and what was agreed on.
struct Ground {
    cluster: Arc<Cluster>,
    storage: Arc<SqliteStorage>,
    dir: PathBuf,
    agreements: Agreements,
    /// Digests of files that have not changed since.
    digests: HashMap<PathBuf, (Stamp, String)>,
}

/// Puts the plugins of the cluster into the directory, before it is loaded. What fails is tried again by [`Sync::run`].
pub async fn prepare(cluster: &Arc<Cluster>, storage: &Arc<SqliteStorage>, dir: &Path, data: &Path) {
    let mut ground = Ground::new(cluster, storage, dir, data);
    let records = match storage.components().await {
        Ok(records) => records,
        Err(error) => {
            tracing::error!(%error, "the plugins of the cluster cannot be read");
            return;
        }
    };
    for record in &records {
        let path = ground.path_of(record);
        let local = match ground.digest(&path).await {
            Some(digest) => Local::Unsettled(Some(digest)),
            // Nobody has removed it while this node ran.
            None => Local::Unsettled(None),
        };
        let agreed = ground.agreements.of(&record.plugin).cloned();
        // With an empty place there is nothing that could have changed here.
        let agreed = agreed.filter(|_| local != Local::Unsettled(None));
        let outcome = match decide(&local, agreed.as_ref(), Some(record)) {
            Step::Fetch(digest) => ground.fetch(&path, &digest).await,
            Step::Remove => remove(path).await,
            _ => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::error!(plugin = record.plugin, "a plugin of the cluster: {error}");
        }
    }
}

/// Keeps the plugins of this node and of its cluster the same.
pub struct Sync {
    ground: Ground,
    catalog: Arc<PluginCatalog>,
    health: Arc<Health>,
    /// Plugins whose file is being loaded, and since when.
    waiting: HashMap<String, Instant>,
}

impl Sync {
    /// For the plugins in `dir`, with the data directory `data`.
    pub fn new(
        cluster: &Arc<Cluster>,
        storage: &Arc<SqliteStorage>,
        (dir, data): (&Path, &Path),
        catalog: Arc<PluginCatalog>,
        health: Arc<Health>,
    ) -> Self {
        Self { ground: Ground::new(cluster, storage, dir, data), catalog, health, waiting: HashMap::new() }
    }

    /// Follows changes on both sides until it is dropped.
    pub async fn run(mut self) {
        let (mut here, mut there) = (self.catalog.changes(), self.ground.cluster.plugin_changes());
        let mut tick = interval(limits::PLUGIN_SYNC_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            here.borrow_and_update();
            let changes = *there.borrow_and_update();
            let trouble = match self.round().await {
                Ok(true) => {
                    self.ground.cluster.follow_plugins(changes);
                    None
                }
                Ok(false) => None,
                Err(error) => Some(error.to_string()),
            };
            if trouble != told {
                match &trouble {
                    Some(why) => tracing::error!("this node has not the plugins of its cluster: {why}"),
                    None => tracing::info!("this node has the plugins of its cluster again"),
                }
                self.health.cluster_plugins(trouble.clone());
                told = trouble;
            }
            tokio::select! {
                _ = here.changed() => {}
                _ = there.changed() => {}
                _ = tick.tick() => {}
            }
        }
    }

    /// One look at everything. True if this node and the cluster have the same.
    async fn round(&mut self) -> Result<bool, SyncError> {
        let records = self.ground.storage.components().await?;
        let records: BTreeMap<&str, &ComponentRecord> =
            records.iter().map(|record| (record.plugin.as_str(), record)).collect();
        let files: BTreeMap<String, PluginFile> =
            self.catalog.files().into_iter().map(|file| (file.plugin.clone(), file)).collect();
        let plugins: BTreeSet<&str> = records.keys().copied().chain(files.keys().map(String::as_str)).collect();
        let (mut all_agree, mut trouble) = (true, None);
        for plugin in plugins {
            let (file, record) = (files.get(plugin), records.get(plugin).copied());
            match self.plugin(plugin, file, record).await {
                Ok(agrees) => all_agree &= agrees,
                // The others are followed all the same.
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(all_agree), Err)
    }

    /// One step for one plugin. True if both have the same.
    async fn plugin(
        &mut self,
        plugin: &str,
        file: Option<&PluginFile>,
        record: Option<&ComponentRecord>,
    ) -> Result<bool, SyncError> {
        let path = match (file, record) {
            (Some(file), _) => file.path.clone(),
            (None, Some(record)) => self.ground.path_of(record),
            (None, None) => return Ok(true),
        };
        let local = self.ground.local(&path, file).await;
        let step = decide(&local, self.ground.agreements.of(plugin), record);
        if step != Step::Wait {
            self.waiting.remove(plugin);
        }
        match step {
            Step::Agree => {
                if let Some(ComponentRecord { sha256, instead, revision, .. }) = record {
                    let version = sha256.clone().map(|sha256| Version { sha256, instead: instead.clone() });
                    self.ground.agreements.note(plugin, Agreed { version, revision: *revision }).await;
                }
                return Ok(true);
            }
            Step::Wait => {
                // A file that was refused here does not keep what the cluster has from serving.
                let serves = file.map(|file| &file.newest);
                let wanted = record.and_then(|record| record.instead.as_ref().or(record.sha256.as_ref()));
                if serves.is_some() && serves == wanted {
                    return Ok(true);
                }
                self.refusal(plugin, &path)?;
            }
            Step::Fetch(digest) => self.ground.fetch(&path, &digest).await?,
            Step::Remove => remove(path).await?,
            Step::TakeBack(instead) => {
                tracing::warn!(plugin, "another node has taken this version back; it is taken back here, too");
                let (catalog, id) = (self.catalog.clone(), plugin.to_owned());
                let back = run_on_own_thread("plugins", move || catalog.rollback(&id, false)).await;
                if back.ok_or(SyncError::BrokeOff)?.is_err() {
                    self.ground.fetch(&path, &instead).await?;
                }
            }
            Step::Reload => {
                let (catalog, id) = (self.catalog.clone(), plugin.to_owned());
                let loaded = run_on_own_thread("plugins", move || catalog.reload(&id, false)).await;
                loaded.ok_or(SyncError::BrokeOff)??;
            }
            Step::Publish(version) => {
                let before = record.map_or(0, |record| record.revision);
                self.ground.publish(plugin, &path, version, before).await?;
            }
        }
        Ok(false)
    }

    /// Why a file that the cluster has does not serve here: it was refused, or its loading takes very long.
    fn refusal(&mut self, plugin: &str, path: &Path) -> Result<(), SyncError> {
        let path = path.display().to_string();
        let refused = self.catalog.list().into_iter().find(|row| row.state == PluginState::Refused && row.file == path);
        if let Some(reason) = refused.and_then(|row| row.reason) {
            return Err(SyncError::Refused { plugin: plugin.to_owned(), reason });
        }
        let since = *self.waiting.entry(plugin.to_owned()).or_insert_with(Instant::now);
        match since.elapsed() > limits::PLUGIN_SYNC_PATIENCE {
            true => Err(SyncError::NotLoaded(plugin.to_owned())),
            false => Ok(()),
        }
    }
}

impl Ground {
    fn new(cluster: &Arc<Cluster>, storage: &Arc<SqliteStorage>, dir: &Path, data: &Path) -> Self {
        Self {
            cluster: cluster.clone(),
            storage: storage.clone(),
            dir: dir.to_owned(),
            agreements: Agreements::read(data),
            digests: HashMap::new(),
        }
    }

    /// Where the file of a plugin is that this node does not have.
    fn path_of(&self, record: &ComponentRecord) -> PathBuf {
        let name = Path::new(&record.file).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.filter(|name| name.ends_with(".wasm") && !name.starts_with('.'));
        self.dir.join(name.unwrap_or_else(|| format!("{}.wasm", record.plugin)))
    }

    async fn local(&mut self, path: &Path, file: Option<&PluginFile>) -> Local {
        let digest = self.digest(path).await;
        match (digest, file) {
            (None, None) => Local::Absent,
            (Some(digest), Some(file)) if file.newest == digest => {
                Local::Settled(Version { sha256: digest, instead: None })
            }
            (Some(digest), Some(file)) if file.rolled_back.as_ref() == Some(&digest) => {
                Local::Settled(Version { sha256: digest, instead: Some(file.newest.clone()) })
            }
            (digest, _) => Local::Unsettled(digest),
        }
    }

    /// SHA-256 of a file; `None` if there is none. Read only where it has changed.
    async fn digest(&mut self, path: &Path) -> Option<String> {
        let known = self.digests.get(path).cloned();
        let file = path.to_owned();
        let read = run_blocking(move || {
            let stamp = Stamp::from(&fs::metadata(&file).ok()?);
            match known {
                Some(known) if known.0 == stamp => Some(known),
                _ => Some((stamp, digest::of(&fs::read(&file).ok()?))),
            }
        });
        let (stamp, digest) = read.await.flatten()?;
        self.digests.insert(path.to_owned(), (stamp, digest.clone()));
        Some(digest)
    }

    async fn fetch(&self, path: &Path, digest: &str) -> Result<(), SyncError> {
        let bytes = self.cluster.fetch_component(digest).await?;
        let file = path.to_owned();
        let written = run_blocking(move || {
            modehost_install::write(&file, &bytes).map_err(|error| SyncError::Unwritable { file, error })
        });
        written.await.ok_or(SyncError::BrokeOff)??;
        tracing::info!(file = %path.display(), sha256 = digest, "a plugin file of the cluster is put in place");
        Ok(())
    }

    async fn publish(&self, plugin: &str, path: &Path, version: Option<Version>, before: u64) -> Result<(), SyncError> {
        if let Some(Version { sha256, instead: None }) = &version {
            let (file, loaded) = (path.to_owned(), sha256.clone());
            // It may have been replaced since it was loaded.
            let read = run_blocking(move || fs::read(file).ok().filter(|bytes| digest::of(bytes) == loaded));
            let Some(bytes) = read.await.flatten() else { return Ok(()) };
            self.cluster.store_component(sha256, &bytes).await?;
        }
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (sha256, instead) = version.map_or((None, None), |version| (Some(version.sha256), version.instead));
        let told = match (&sha256, &instead) {
            (None, _) => "is removed",
            (_, None) => "goes to all nodes",
            (_, Some(_)) => "is taken back on all nodes",
        };
        let record = ComponentRecord { plugin: plugin.to_owned(), file, sha256, instead, revision: before };
        match self.storage.set_component(record).await? {
            Some(revision) => tracing::info!(plugin, revision, "this version {told}"),
            None => tracing::warn!(plugin, "another node was faster; its version of the plugin holds"),
        }
        Ok(())
    }
}

async fn remove(path: PathBuf) -> Result<(), SyncError> {
    let removed = run_blocking(move || match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SyncError::Unwritable { file: path, error }),
        _ => Ok(path),
    });
    let path = removed.await.ok_or(SyncError::BrokeOff)??;
    tracing::info!(file = %path.display(), "a plugin is removed here, as in its cluster");
    Ok(())
}
