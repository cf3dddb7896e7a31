//! What serves the sessions: storage, plugins, models, hooks, speech. Rule: opened in the order in which one needs the
//! other, and closed so that everything submitted is on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_config::Loaded;
use modehost_hooks::WebHooks;
use modehost_llm::LanguageModels;
use modehost_plugin::{Ground, PluginCatalog, Runtime};
use modehost_session::Services;
use modehost_speech::Speech;
use modehost_storage::{ArchiveExporter, FallbackQueue, JournalGc, LocalDirectory, SqliteStorage};
use modehost_task::{WorkThreads, run_apart, run_blocking};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::StartError;
use super::samples::Samples;
use super::sections;
use crate::settings::{Settings, speech_parts};

/// What is open as long as the server runs.
pub struct Backends {
    pub storage: Arc<SqliteStorage>,
    pub runtime: Arc<Runtime>,
    pub catalog: Arc<PluginCatalog>,
    /// What new versions of plugins are tried on.
    pub samples: Arc<Samples>,
    pub models: Arc<LanguageModels>,
    pub hooks: Arc<WebHooks>,
    pub speech: Arc<Speech>,
    /// What waits for devices that are away; a file stands in where the database cannot.
    pub queue: Arc<FallbackQueue>,
    /// Finished work goes on to files for people.
    _exporter: ArchiveExporter,
    /// What nobody needs any more goes.
    _sweeper: JournalGc,
}

impl Backends {
    /// Opens the storage, then the runtime, then loads the plugins that are there.
    pub async fn open(settings: &Loaded<Settings>) -> Result<Self, StartError> {
        let document = settings.document.clone();
        let sections = sections::values(settings);
        let opened = run_blocking(move || -> Result<_, StartError> {
            let storage = SqliteStorage::open(&document.storage)?;
            let queue = FallbackQueue::open(storage.clone(), &document.storage.dir)?;
            let plugins = &document.plugins;
            let runtime = Runtime::new(plugins.runtime(Some(cache_folder(&document.storage.dir)), Some(compiler())))?;
            Ok((storage, queue, runtime))
        });
        let (storage, queue, runtime) = opened.await.ok_or(StartError::BrokeOff)??;
        let samples = Arc::new(Samples::new(storage.clone()));
        let ground =
            Ground { releases: Some(releases_folder(&settings.document.storage.dir)), samples: Some(samples.clone()) };
        let catalog = PluginCatalog::open(runtime.clone(), &settings.document.plugins, sections, ground).await?;
        let models = LanguageModels::new(&settings.document.llm);
        let hooks = WebHooks::new(&settings.document.hooks);
        let speech = open_speech(settings).await?;
        let kept = &settings.document.storage;
        let _exporter = ArchiveExporter::start(storage.clone(), kept.dir.clone());
        let _sweeper = JournalGc::start(storage.clone(), kept.orphan_days);
        Ok(Self { storage, runtime, catalog, samples, models, hooks, speech, queue, _exporter, _sweeper })
    }

    /// What sessions use.
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
            directory: Arc::new(LocalDirectory::new()),
            models: Some(self.models.clone()),
            hooks: Some(self.hooks.clone()),
            speech: self.speech.clone(),
            config,
        }
    }

    /// Everything submitted is on disk when this returns.
    pub async fn close(self) {
        let Self { storage, _exporter, _sweeper, .. } = self;
        drop((_exporter, _sweeper));
        // Whatever keeps the blocking pool busy, this goes first.
        if run_apart("closing", move || storage.shutdown()).await.is_none() {
            tracing::error!("the storage was not closed in order; acknowledged writes are on disk");
        }
    }
}

/// Sound is decoded on threads of its own, one for each core.
async fn open_speech(settings: &Loaded<Settings>) -> Result<Arc<Speech>, StartError> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = Arc::new(WorkThreads::start("sound", count, &Handle::current())?);
    let settings = settings.clone();
    let parts = run_blocking(move || speech_parts(&settings, None)).await.ok_or(StartError::BrokeOff)?;
    Ok(Speech::new(threads, parts))
}

/// This very program, as it runs: the file on disk may be another one by now.
fn compiler() -> (PathBuf, Vec<String>) {
    (PathBuf::from("/proc/self/exe"), vec![COMPILE_PLUGIN.to_owned()])
}

/// The command by which this program compiles for another process of its kind.
pub const COMPILE_PLUGIN: &str = "compile-plugin";

/// Compiled plugins lie beside the data that they work on.
pub fn cache_folder(data: &Path) -> PathBuf {
    data.join("plugins-cache")
}

/// Good releases of plugins lie there, too: what the operator puts into the plugin folder is his own.
pub fn releases_folder(data: &Path) -> PathBuf {
    data.join("plugin-releases")
}
