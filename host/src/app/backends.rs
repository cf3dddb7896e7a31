//! The services behind the sessions: storage, plugins, models, webhooks, speech. Rule: opened in order of their
//! dependencies, and closed so that every submitted write is on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_cluster::Cluster;
use modehost_config::Loaded;
use modehost_hooks::WebHooks;
use modehost_llm::LanguageModels;
use modehost_plugin::{CatalogBackends, PluginCatalog, Runtime};
use modehost_session::Services;
use modehost_speech::Speech;
use modehost_storage::{ArchiveExporter, FallbackQueue, JournalGc, LocalDirectory, SingleNode, SqliteStorage};
use modehost_task::{WorkThreads, run_blocking, run_on_own_thread};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::StartError;
use super::plugin_sync;
use super::samples::Samples;
use super::sections;
use crate::settings::{Settings, speech_parts};

/// Services that stay open while the server runs.
pub struct Backends {
    pub storage: Arc<SqliteStorage>,
    /// `None` where this server is alone.
    pub cluster: Option<Arc<Cluster>>,
    pub runtime: Arc<Runtime>,
    pub catalog: Arc<PluginCatalog>,
    /// Session states on which new generations are probed.
    pub samples: Arc<Samples>,
    pub models: Arc<LanguageModels>,
    pub hooks: Arc<WebHooks>,
    pub speech: Arc<Speech>,
    /// Messages queued for absent devices; a file replaces the database when it cannot be written.
    pub queue: Arc<FallbackQueue>,
    /// Exports archived work to files for people.
    _exporter: ArchiveExporter,
    /// Removes orphaned journals.
    _journal_gc: JournalGc,
}

impl Backends {
    /// Opens the storage, then the wasmtime runtime, then loads the plugins in the directory.
    pub async fn open(settings: &Loaded<Settings>) -> Result<Self, StartError> {
        let document = settings.document.clone();
        let sections = sections::values(settings);
        let (storage, cluster) = open_storage(&document).await?;
        let stored = storage.clone();
        let opened = run_blocking(move || -> Result<_, StartError> {
            let storage = stored;
            let queue = FallbackQueue::open(storage.clone(), &document.storage.dir)?;
            let plugins = &document.plugins;
            let runtime =
                Runtime::new(plugins.runtime(Some(cache_directory(&document.storage.dir)), Some(compiler())))?;
            Ok((queue, runtime))
        });
        let (queue, runtime) = opened.await.ok_or(StartError::BrokeOff)??;
        let samples = Arc::new(Samples::new(storage.clone()));
        let ground = CatalogBackends {
            releases: Some(releases_directory(&settings.document.storage.dir)),
            samples: Some(samples.clone()),
        };
        if let Some(cluster) = &cluster {
            plugin_sync::prepare(cluster, &storage, &settings.document.plugins.dir, &settings.document.storage.dir)
                .await;
        }
        let catalog = PluginCatalog::open(runtime.clone(), &settings.document.plugins, sections, ground).await?;
        let models = LanguageModels::new(&settings.document.llm);
        let hooks = WebHooks::new(&settings.document.hooks);
        let speech = open_speech(settings).await?;
        let storage_config = &settings.document.storage;
        let _exporter = ArchiveExporter::start(storage.clone(), storage_config.dir.clone());
        let _journal_gc = JournalGc::start(storage.clone(), storage_config.orphan_days);
        Ok(Self { storage, cluster, runtime, catalog, samples, models, hooks, speech, queue, _exporter, _journal_gc })
    }

    /// The services that sessions use.
    pub fn services(
        &self,
        threads: Arc<WorkThreads>,
        config: watch::Receiver<Arc<modehost_session::Config>>,
    ) -> Services {
        Services {
            threads,
            catalog: self.catalog.clone(),
            documents: self.storage.clone(),
            journals: self.storage.clone(),
            archives: self.storage.clone(),
            queue: self.queue.clone(),
            sessions: self.storage.clone(),
            devices: self.storage.clone(),
            claims: self.cluster.as_ref().map_or_else(|| Arc::new(SingleNode) as _, |cluster| cluster.claims()),
            directory: match &self.cluster {
                Some(cluster) => cluster.directory(),
                None => Arc::new(LocalDirectory::new()),
            },
            models: Some(self.models.clone()),
            hooks: Some(self.hooks.clone()),
            speech: self.speech.clone(),
            config,
        }
    }

    /// Closes everything; every submitted write is on disk when this returns.
    pub async fn close(self) {
        let Self { storage, cluster, _exporter, _journal_gc, .. } = self;
        drop((_exporter, _journal_gc, cluster));
        // On a thread of its own, since the blocking pool may be busy.
        if run_on_own_thread("closing", move || storage.shutdown()).await.is_none() {
            tracing::error!("the storage was not closed cleanly; acknowledged writes are on disk");
        }
    }
}

/// The storage of this server alone, or of its cluster.
async fn open_storage(settings: &Settings) -> Result<(Arc<SqliteStorage>, Option<Arc<Cluster>>), StartError> {
    if let Some(nats) = &settings.cluster.nats {
        let (storage, cluster) = Cluster::join(&settings.cluster, nats, &settings.storage).await?;
        return Ok((storage, Some(Arc::new(cluster))));
    }
    let config = settings.storage.clone();
    let opened = run_blocking(move || SqliteStorage::open(&config)).await.ok_or(StartError::BrokeOff)?;
    let storage = opened?;
    if let Some(log) = storage.log_position().await.map_err(modehost_cluster::ClusterError::from)?.log {
        return Err(StartError::LeftCluster { dir: settings.storage.dir.display().to_string(), log });
    }
    Ok((storage, None))
}

/// Audio is decoded on threads of its own, one per core.
async fn open_speech(settings: &Loaded<Settings>) -> Result<Arc<Speech>, StartError> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = Arc::new(WorkThreads::start("sound", count, &Handle::current())?);
    let settings = settings.clone();
    let parts = run_blocking(move || speech_parts(&settings, None)).await.ok_or(StartError::BrokeOff)?;
    Ok(Speech::new(threads, parts))
}

/// The running program itself: the file on disk may have been replaced by now.
fn compiler() -> (PathBuf, Vec<String>) {
    (PathBuf::from("/proc/self/exe"), vec![COMPILE_PLUGIN.to_owned()])
}

/// The subcommand with which this program compiles plugins in a helper process.
pub const COMPILE_PLUGIN: &str = "compile-plugin";

/// Directory of compiled plugins, beside the data.
pub fn cache_directory(data: &Path) -> PathBuf {
    data.join("plugins-cache")
}

/// Directory of good releases, beside the data: the plugin directory belongs to the operator.
pub fn releases_directory(data: &Path) -> PathBuf {
    data.join("plugin-releases")
}
