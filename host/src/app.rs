//! Joins the rooms: ports first, then storage, plugins, sessions, gateway; then ready; then drained.
//!
//! Rule: nothing starts before both ports are held, and nothing is torn down before the sessions
//! have been saved. Whatever can change while the server runs changes in [`reload`] and as a whole.

mod abilities;
mod files;
mod health;
pub mod reload;
mod restart;
mod samples;
pub mod sections;
mod service;
pub mod signals;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_config::{Held, Live, Loaded, Problems, Source, Watcher};
use modehost_contract::Catalog;
use modehost_gateway::{BindError, Bound, Farewell, Gateway, GatewaySettings, Ports, bind};
use modehost_hooks::WebHooks;
use modehost_limits as limits;
use modehost_llm::LanguageModels;
use modehost_plugin::catalog::status::{PluginState, PluginStatus};
use modehost_plugin::{Ground, PluginCatalog, Runtime, RuntimeError};
use modehost_session::{Registry, Services};
use modehost_speech::Speech;
use modehost_storage::traits::OfflineQueue;
use modehost_storage::{Exporter, LocalDirectory, SpareQueue, SqliteStorage, Sweeper};
use modehost_task::{WorkThreads, run_apart, run_blocking, spawn_io};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use self::health::Health;
use self::reload::Feeds;
use self::restart::Orders;
pub use self::restart::Program;
use self::samples::Samples;
use self::signals::Signals;
use crate::admin;
use crate::figures::Process;
use crate::log::Log;
use crate::settings::{COLD, Settings, elsewhere, speech_parts};
use crate::terminal::say;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Settings(#[from] Problems),
    #[error("{0}")]
    Bind(#[from] BindError),
    #[error("{0}")]
    Storage(#[from] modehost_storage::OpenError),
    #[error("{0}")]
    Plugins(#[from] RuntimeError),
    #[error("{0}")]
    PluginFolder(#[from] modehost_plugin::CatalogError),
    #[error("{0}")]
    Prepare(String),
    #[error("the system refuses a thread, a signal or a timer: {0}; check the limits of this process")]
    System(#[from] std::io::Error),
    #[error("a part of the start broke off; the log says more")]
    BrokeOff,
}

/// What a server is started with.
pub struct Start {
    pub source: Source,
    pub settings: Loaded<Settings>,
    /// The part of the settings that another machine keeps.
    pub held: Option<Held>,
    /// What a restart executes.
    pub program: Program,
    /// Kept by the caller, too, so that the last lines are written.
    pub log: Arc<Log>,
    pub metrics: PrometheusHandle,
    /// Runs once the ports are held and before plugins are loaded. What it gives is kept until the
    /// server stops. It may block.
    #[expect(clippy::type_complexity, reason = "one use")]
    pub prepare: Box<dyn FnOnce(&Settings) -> Result<Box<dyn Send>, String> + Send>,
    /// One line that helps a newcomer on.
    pub hint: &'static str,
}

/// How a server ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// The program on disk is to take over, with these sockets.
    Restart(Option<Ports>),
}

/// Runs the server until it is told to stop or to restart. Must run within the runtime.
///
/// # Errors
/// See [`StartError`]; once the server is ready, nothing ends it but a signal or an order.
pub async fn run(start: Start) -> Result<Ended, StartError> {
    let began = Instant::now();
    files::raise_limit();
    let bound = bind(&start.settings.document.server, Ports::inherited())?;
    let signals = Signals::listen()?;
    let opened = tokio::select! {
        opened = Box::pin(open(start)) => opened?,
        reason = signals.stop() => {
            tracing::info!("{reason} during the start");
            return Ok(Ended::Stopped);
        }
    };
    Ok(Box::pin(opened.serve(bound, signals, began)).await)
}

/// Everything but the gateway, open.
struct Opened {
    rooms: Rooms,
    live: Arc<Live<Settings>>,
    orders: Arc<Orders>,
    registry: Arc<Registry>,
    threads: Arc<WorkThreads>,
    gateway_settings: watch::Receiver<Arc<GatewaySettings>>,
    metrics: PrometheusHandle,
    process: Arc<Process>,
    log: Arc<Log>,
    hint: &'static str,
    /// What `Start::prepare` gave.
    _prepared: Box<dyn Send>,
}

async fn open(start: Start) -> Result<Opened, StartError> {
    let Start { source, settings, held, program, log, metrics, prepare, hint } = start;
    let document = settings.document.clone();
    let prepared = run_blocking(move || prepare(&document)).await.ok_or(StartError::BrokeOff)?;
    let prepared = prepared.map_err(StartError::Prepare)?;

    let mode_threads = settings.document.workers.mode_threads();
    let rooms = Rooms::open(&settings).await?;
    let problems = reload::owners(&settings, &rooms.catalog).check(&settings);
    if !problems.is_empty() {
        return Err(Problems::sorted(problems).into());
    }
    let queue: Arc<dyn OfflineQueue> = rooms.queue.clone();
    queue.limit(sections::queue_limit(&settings));
    let services = (rooms.models.clone(), rooms.hooks.clone(), rooms.speech.clone());
    let kept = (queue, rooms.storage.clone());
    let (feeds, session_settings, gateway_settings) =
        Feeds::new(&settings.document, rooms.runtime.instance_limit(), services, kept, log.clone());
    let catalog = rooms.catalog.clone();
    let apply = Box::new(move |loaded: &Loaded<Settings>| reload::apply(loaded, &catalog, &feeds));
    let live = Live::with_elsewhere(source, (settings, held), elsewhere(), COLD, apply);
    let orders = Arc::new(Orders::new(live.clone(), program));

    let threads = Arc::new(WorkThreads::start("mode", mode_threads, &Handle::current())?);
    let registry = Registry::new(rooms.services(threads.clone(), session_settings));
    rooms.samples.attach(&registry);
    let process = Arc::new(Process::new(log.clone()));
    let _prepared = prepared;
    Ok(Opened { rooms, live, orders, registry, threads, gateway_settings, metrics, process, log, hint, _prepared })
}

impl Opened {
    /// Ready, until a signal or an order; then everything is saved and closed.
    async fn serve(self, bound: Bound, signals: Signals, began: Instant) -> Ended {
        let Self { rooms, live, orders, registry, threads, gateway_settings, metrics, process, log, hint, _prepared } =
            self;
        let health = Arc::new(Health::default());
        let measure = Measure { registry: registry.clone(), storage: rooms.storage.clone(), process };
        let beside = (
            spawn_io(keep_metrics(metrics.clone(), Arc::new(measure))),
            spawn_io(health::watch_storage(health.clone(), rooms.storage.clone())),
            spawn_io(service::keep_alive(Arc::downgrade(&threads))),
            spawn_io(migrate_on_change(rooms.catalog.clone(), registry.clone())),
            spawn_io(resume(registry.clone())),
            watch_file(&live),
        );
        let desk = admin::Desk {
            registry: registry.clone(),
            catalog: rooms.catalog.clone(),
            live: live.clone(),
            operator: orders.clone(),
            metrics,
            places: Semaphore::new(limits::OPERATOR_ORDERS),
        };
        let routes = admin::routes(Arc::new(desk));
        abilities::log(&live.current().document, &rooms.speech.parts());
        announce(&live.current().document, &bound, &rooms.catalog, began.elapsed(), hint);

        service::ready();

        let not_ready = health.subscribe();
        let mut restarts = false;
        let stop = async {
            tokio::select! {
                reason = signals.until_stop(&live, &log) => {
                    health.stopping();
                    service::stopping();
                    tracing::info!("{reason}: no new connections, saving sessions; once more ends at once");
                    Farewell::stopping()
                }
                () = orders.restart() => {
                    restarts = true;
                    health.stopping();
                    service::reloading("beginning again");
                    tracing::info!("restart: saving sessions; who connects now waits");
                    Farewell::restarting()
                }
            }
        };
        let operator = orders.clone();
        let gateway = Gateway { registry: registry.clone(), settings: gateway_settings, not_ready, routes, operator };
        let ports = gateway.serve(bound, stop).await;
        let closing = async {
            drop((beside, live, orders, registry, threads));
            rooms.close().await;
        };
        let mut closing = pin!(closing);
        tokio::select! {
            () = &mut closing => {
                tracing::info!("stopped");
                // A request to stop that came in these last moments would be lost with this program.
                let stops = signals.stop().now_or_never().is_some();
                return if restarts && !stops { Ended::Restart(ports) } else { Ended::Stopped };
            }
            reason = signals.stop() => {
                if !restarts {
                    tracing::warn!("{reason} again: ended before all was closed");
                    return Ended::Stopped;
                }
                tracing::info!("{reason}: no restart; once more ends at once");
            }
        }
        service::stopping();
        tokio::select! {
            () = closing => tracing::info!("stopped"),
            reason = signals.stop() => tracing::warn!("{reason} again: ended before all was closed"),
        }
        Ended::Stopped
    }
}

async fn resume(registry: Arc<Registry>) {
    registry.resume_unfinished().await;
}

/// What is open as long as the server runs.
struct Rooms {
    storage: Arc<SqliteStorage>,
    runtime: Arc<Runtime>,
    catalog: Arc<PluginCatalog>,
    /// What new versions of plugins are tried on.
    samples: Arc<Samples>,
    models: Arc<LanguageModels>,
    hooks: Arc<WebHooks>,
    speech: Arc<Speech>,
    /// What waits for devices that are away; a file stands in where the database cannot.
    queue: Arc<SpareQueue>,
    /// Finished work goes on to files for people; what nobody needs any more goes.
    _housekeeping: (Exporter, Sweeper),
}

impl Rooms {
    /// Opens the storage, then the runtime, then loads the plugins that are there.
    async fn open(settings: &Loaded<Settings>) -> Result<Self, StartError> {
        let document = settings.document.clone();
        let sections = sections::values(settings);
        let opened = run_blocking(move || -> Result<_, StartError> {
            let storage = SqliteStorage::open(&document.storage)?;
            let queue = SpareQueue::open(storage.clone(), &document.storage.dir)?;
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
        let exporter = Exporter::start(storage.clone(), kept.dir.clone());
        let sweeper = Sweeper::start(storage.clone(), kept.orphan_days);
        let _housekeeping = (exporter, sweeper);
        Ok(Self { storage, runtime, catalog, samples, models, hooks, speech, queue, _housekeeping })
    }

    fn services(&self, threads: Arc<WorkThreads>, config: watch::Receiver<Arc<modehost_session::Config>>) -> Services {
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
    async fn close(self) {
        let Self { storage, _housekeeping, .. } = self;
        drop(_housekeeping);
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
fn cache_folder(data: &Path) -> PathBuf {
    data.join("plugins-cache")
}

/// Good releases of plugins lie there, too: what the operator puts into the plugin folder is his own.
fn releases_folder(data: &Path) -> PathBuf {
    data.join("plugin-releases")
}

fn watch_file(live: &Arc<Live<Settings>>) -> Option<Watcher> {
    Watcher::start(live).unwrap_or_else(|error| {
        tracing::warn!("{error}");
        None
    })
}

/// Moves the sessions after each change of the catalog.
async fn migrate_on_change(catalog: Arc<PluginCatalog>, registry: Arc<Registry>) {
    let mut changes = catalog.changes();
    drop(catalog);
    while changes.changed().await.is_ok() {
        registry.migrate().await;
    }
}

/// What nobody counts as it happens.
struct Measure {
    registry: Arc<Registry>,
    storage: Arc<SqliteStorage>,
    process: Arc<Process>,
}

/// Histograms keep every sample until somebody looks, and some figures are taken now and then.
async fn keep_metrics(metrics: PrometheusHandle, measure: Arc<Measure>) {
    let mut tick = tokio::time::interval(limits::METRICS_UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
        let measure = measure.clone();
        // The system's files take a while where thousands are open.
        let _ = run_blocking(move || {
            measure.registry.measure();
            measure.storage.measure();
            measure.process.measure();
        })
        .await;
    }
}

/// The first lines that whoever started the server reads.
fn announce(settings: &Settings, bound: &Bound, catalog: &PluginCatalog, took: Duration, hint: &str) {
    let path = settings.server.paths.first().map_or("/", String::as_str);
    let (devices, http) = (reachable(bound.device_address()), reachable(bound.http_address()));
    let table = catalog.table();
    let manifests = table.plugins.values().map(|entry| entry.active.manifest());
    let mut plugins: Vec<String> = manifests.map(|manifest| format!("{} {}", manifest.id, manifest.version)).collect();
    plugins.sort();
    let plugins = if plugins.is_empty() { "none".to_owned() } else { plugins.join(", ") };
    say(format_args!("modehost {} is ready after {:.1} s", env!("CARGO_PKG_VERSION"), took.as_secs_f32()));
    say(format_args!("  devices    ws://{devices}{path}"));
    match bound.operator_address().map(reachable) {
        None => say(format_args!("  HTTP       http://{http}/  (healthz, readyz, metrics, api/v1)")),
        Some(operators) => {
            say(format_args!("  HTTP       http://{http}/  (healthz, readyz)"));
            say(format_args!("  operators  http://{operators}/  (healthz, readyz, metrics, api/v1)"));
        }
    }
    say(format_args!("  OTA        http://{http}/xiaozhi/ota/"));
    say(format_args!("  plugins    {plugins}"));
    let listed = catalog.list().into_iter().filter(|row| row.state != PluginState::Compiling);
    for absent in listed.chain(catalog.compiling()).filter_map(|row| not_in_force(&row)) {
        say(format_args!("             {absent}"));
    }
    say(format_args!(
        "  folders    {} (plugins), {} (data)",
        settings.plugins.dir.display(),
        settings.storage.dir.display()
    ));
    say(format_args!("  {hint}"));
}

/// A row that serves nobody, in a line.
fn not_in_force(row: &PluginStatus) -> Option<String> {
    let name = if row.id.is_empty() { &row.file } else { &row.id };
    let why = match row.state {
        PluginState::Refused => "is not in force: refused",
        PluginState::Compiling => "is not in force yet: it is being compiled",
        PluginState::RolledBack => "is rolled back; the version before it serves",
        PluginState::Active | PluginState::Trial | PluginState::Candidate | PluginState::Fallback => return None,
    };
    let reason = row.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(format!("{name} {} {why}{reason}", row.version))
}

/// An address that a person on this machine can call.
fn reachable(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}
