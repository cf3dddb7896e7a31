//! Composition and life cycle: bind the ports, then open storage, plugins, sessions and gateway; serve; drain.
//!
//! Rule: nothing starts before both ports are bound, and nothing is torn down before all sessions are saved. Whatever
//! can change at run time is changed by [`reload`], as a whole.

mod announce;
pub mod answers;
mod backends;
pub mod capabilities;
pub mod default_mode;
pub mod diagnostics;
pub mod evacuation;
mod files;
pub mod forget;
mod health;
pub mod history;
mod node_sessions;
pub mod plugin_sync;
mod reload;
mod restart;
mod samples;
pub mod sections;
mod service;
pub mod signals;
mod upkeep;

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_cluster::Cluster;
use modehost_config::{Diagnostics, FetchedConfig, Live, Loaded, Source, Watcher};
use modehost_gateway::{BindError, BoundListeners, Gateway, GatewaySettings, InheritedListeners, ShutdownNotice, bind};
use modehost_plugin::RuntimeError;
use modehost_session::Registry;
use modehost_storage::traits::OfflineQueue;
use modehost_task::{IoTask, WorkThreads, run_blocking, spawn_io};
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::announce::{Announcement, announce};
use self::backends::Backends;
pub use self::backends::{COMPILE_PLUGIN, cache_directory, releases_directory};
use self::evacuation::Evacuation;
use self::health::Health;
use self::node_sessions::NodeSessions;
use self::reload::{Distributor, Subscriptions, Targets};
use self::restart::ControlCommands;
pub use self::restart::Program;
use self::signals::Signals;
use self::upkeep::MetricSources;
use crate::admin;
use crate::log::Log;
use crate::metrics::Process;
use crate::settings::{COLD, Settings, remote_config};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is invalid.
    #[error("{0}")]
    Settings(#[from] Diagnostics),
    /// A port cannot be bound.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// The database cannot be opened.
    #[error("{0}")]
    Storage(#[from] modehost_storage::OpenError),
    /// The cluster cannot be joined.
    #[error("{0}")]
    Cluster(#[from] modehost_cluster::ClusterError),
    /// The data is of a node of a cluster, and the server is to run alone.
    #[error(
        "the data folder {dir} is that of a node of a cluster (log {log}), and cluster.nats is not set: what it wrote alone, the other nodes would never have; set cluster.nats, or storage.dir to another folder, or make it that of a server of its own with `modehost node detach`"
    )]
    LeftCluster {
        /// `storage.dir`.
        dir: String,
        /// Identity of its log.
        log: String,
    },
    /// WebAssembly cannot run on this machine.
    #[error("{0}")]
    Plugins(#[from] RuntimeError),
    /// The plugin directory cannot be read or watched.
    #[error("{0}")]
    PluginDirectory(#[from] modehost_plugin::CatalogError),
    /// [`Start::prepare`] failed; its own sentence.
    #[error("{0}")]
    Prepare(String),
    /// The system denies a thread, a signal or a timer.
    #[error("the system refuses a thread, a signal or a timer: {0}; check the limits of this process")]
    System(#[from] std::io::Error),
    /// A thread of the start has panicked.
    #[error("a part of the start panicked; see the log")]
    BrokeOff,
}

/// Everything that a server is started with.
pub struct Start {
    /// Where the settings come from, for reloads.
    pub source: Source,
    /// The initial settings.
    pub settings: Loaded<Settings>,
    /// The configuration fetched from `config.remote`.
    pub fetched: Option<FetchedConfig>,
    /// The program that a restart executes.
    pub program: Program,
    /// The caller keeps a clone, so that the last lines are written.
    pub log: Arc<Log>,
    /// The metrics recorder, already installed.
    pub metrics: PrometheusHandle,
    /// Runs after the ports are bound and before plugins are loaded; may block. Its result is dropped when the server
    /// stops.
    #[expect(clippy::type_complexity, reason = "one use")]
    pub prepare: Box<dyn FnOnce(&Settings) -> Result<Box<dyn Send>, String> + Send>,
    /// One line with a hint for newcomers.
    pub hint: &'static str,
}

/// How a server run ended.
#[derive(Debug)]
pub enum Ended {
    /// A signal stopped it.
    Stopped,
    /// It cannot go on; why.
    Failed(String),
    /// The program on disk takes over these sockets.
    Restart(Option<InheritedListeners>),
}

/// Runs the server until a signal or a restart order. Must run within the IO runtime.
///
/// # Errors
/// See [`StartError`]; once the server is ready, only a signal or an order ends it.
pub async fn run(start: Start) -> Result<Ended, StartError> {
    let started = Instant::now();
    files::raise_limit();
    let bound = bind(&start.settings.document.server, InheritedListeners::from_environment())?;
    let signals = Signals::listen()?;
    let opened = tokio::select! {
        opened = Box::pin(open(start)) => opened?,
        reason = signals.stop() => {
            tracing::info!("{reason} during the start");
            return Ok(Ended::Stopped);
        }
    };
    Ok(Box::pin(opened.serve(bound, signals, started)).await)
}

/// A server with everything open but the gateway.
struct Opened {
    backends: Backends,
    live: Arc<Live<Settings>>,
    commands: Arc<ControlCommands>,
    registry: Arc<Registry>,
    threads: Arc<WorkThreads>,
    gateway_settings: watch::Receiver<Arc<GatewaySettings>>,
    metrics: PrometheusHandle,
    process: Arc<Process>,
    log: Arc<Log>,
    hint: &'static str,
    /// Result of [`Start::prepare`], dropped at the stop.
    _prepared: Box<dyn Send>,
}

async fn open(start: Start) -> Result<Opened, StartError> {
    let Start { source, settings, fetched, program, log, metrics, prepare, hint } = start;
    let document = settings.document.clone();
    let prepared = run_blocking(move || prepare(&document)).await.ok_or(StartError::BrokeOff)?;
    let prepared = prepared.map_err(StartError::Prepare)?;

    let mode_threads = settings.document.workers.mode_threads();
    let backends = Backends::open(&settings).await?;
    let diagnostics = diagnostics::at_start(&settings, &backends.catalog);
    if !diagnostics.is_empty() {
        let diagnostics = Diagnostics::sorted(diagnostics);
        if settings.document.plugins.strict_start {
            return Err(diagnostics.into());
        }
        tracing::error!(
            "the configuration does not fit its plugins; the server begins all the same, since plugins.strict_start is false:\n{diagnostics}"
        );
    }
    backends.queue.set_limit_per_device(sections::queue_limit(&settings));
    forget::resume_pending(&backends.storage, &backends.queue).await;
    let (distributor, subscriptions) = Distributor::new(&settings.document, Targets::of(&backends, log.clone()));
    let Subscriptions { sessions: session_settings, gateway: gateway_settings } = subscriptions;
    let catalog = backends.catalog.clone();
    let apply = Box::new(move |loaded: &Loaded<Settings>| reload::apply(loaded, &catalog, &distributor));
    let live = Live::with_remote_config(source, (settings, fetched), remote_config(), COLD, apply);
    let commands = Arc::new(ControlCommands::new(live.clone(), program));

    let threads = Arc::new(WorkThreads::start("mode", mode_threads, &Handle::current())?);
    let registry = Registry::new(backends.services(threads.clone(), session_settings));
    backends.samples.attach(&registry);
    let process = Arc::new(Process::new(log.clone()));
    let _prepared = prepared;
    Ok(Opened { backends, live, commands, registry, threads, gateway_settings, metrics, process, log, hint, _prepared })
}

/// Background tasks beside the gateway; dropping this cancels them.
struct Background {
    _tasks: Vec<IoTask<()>>,
    /// Watcher of the configuration file; none if there is no file.
    _watcher: Option<Watcher>,
}

impl Opened {
    /// Serves until a signal or a restart order; then everything is saved and closed.
    async fn serve(self, bound: BoundListeners, signals: Signals, started: Instant) -> Ended {
        let Self {
            backends,
            live,
            commands,
            registry,
            threads,
            gateway_settings,
            metrics,
            process,
            log,
            hint,
            _prepared,
        } = self;
        let (catalog, storage) = (backends.catalog.clone(), backends.storage.clone());
        let health = Arc::new(Health::default());
        let unanswered = answers::why_unanswered(&live.current(), &catalog);
        health.update(unanswered.clone(), &diagnostics::of(&live.current(), &catalog));
        let sessions = registry.clone();
        let migrate = move || migrate(sessions.clone());
        let figures = admin::Figures { metrics: metrics.clone(), history: Arc::default(), recent: log.recent() };
        let history = history::record(figures.history.clone(), registry.clone(), figures.recent.clone());
        let measure = MetricSources { registry: registry.clone(), storage: storage.clone(), process };
        let background = Background {
            _tasks: vec![
                spawn_io(answers::watch(health.clone(), catalog.clone(), live.clone())),
                spawn_io(upkeep::run_metrics_upkeep(metrics.clone(), Arc::new(measure))),
                spawn_io(health::watch_storage(health.clone(), storage.clone(), backends.cluster.clone())),
                spawn_io(service::run_watchdog(Arc::downgrade(&threads))),
                spawn_io(catalog.table_changes().for_each(migrate)),
                spawn_io(resume(registry.clone(), backends.cluster.clone())),
                spawn_io(history),
            ],
            _watcher: watch_file(&live),
        };
        let admin = admin::AdminState {
            registry: registry.clone(),
            catalog: catalog.clone(),
            live: live.clone(),
            storage,
            queue: backends.queue.clone(),
            operator: commands.clone(),
            models: backends.models.clone(),
            speech: backends.speech.clone(),
            figures,
            process: admin::ProcessState {
                readiness: health.subscribe(),
                stop: health.subscribe_stop(),
                started,
                ports: admin::Ports { devices: bound.device_address().port(), http: bound.http_address().port() },
            },
            limiters: Default::default(),
            nodes: backends.cluster.clone().map(|cluster| admin::nodes::Nodes {
                evacuation: Evacuation::new(cluster.clone(), registry.clone(), health.clone()),
                cluster,
            }),
        };
        let (routes, forwarded) = admin::routes(Arc::new(admin));
        let cluster = backends.cluster.clone();
        // Owned here and dropped at the stop: it holds what answers.
        let answering = cluster.map(|cluster| spawn_io(cluster.answer_calls(Arc::new(forwarded))));
        let current = live.current();
        capabilities::log(&current.document, &backends.speech.providers());
        announce(
            &Announcement { settings: &current.document, unanswered, took: started.elapsed(), hint },
            &bound,
            &catalog,
        );
        let syncing = backends.cluster.as_ref().map(|cluster| {
            let dirs = (current.document.plugins.dir.as_path(), current.document.storage.dir.as_path());
            spawn_io(plugin_sync::Sync::new(cluster, &backends.storage, dirs, catalog.clone(), health.clone()).run())
        });
        drop((catalog, current));

        service::ready(&health.subscribe().borrow());

        let readiness = health.subscribe();
        let mut restarts = false;
        let mut failed = None;
        let cluster = backends.cluster.clone();
        let stop = async {
            tokio::select! {
                reason = signals.until_stop(&live, &health, &log) => {
                    health.stopping();
                    service::stopping();
                    tracing::info!("{reason}: draining, no new connections; a second signal exits at once");
                    ShutdownNotice::stopping()
                }
                why = cluster_failed(cluster) => {
                    health.stopping();
                    service::stopping();
                    tracing::error!("this node of the cluster cannot go on, and stops: {why}");
                    failed = Some(why);
                    ShutdownNotice::stopping()
                }
                () = commands.restart_requested() => {
                    restarts = true;
                    health.stopping();
                    service::reloading("beginning again");
                    tracing::info!("restart: saving sessions; new connections wait");
                    ShutdownNotice::restarting()
                }
            }
        };
        let operator = commands.clone();
        let files = files::open_files();
        let gateway = Gateway {
            registry: registry.clone(),
            settings: gateway_settings,
            readiness,
            files,
            routes,
            command_executor: operator,
        };
        let ports = gateway.serve(bound, stop).await;
        let closing = async {
            drop((background, answering, syncing, live, commands, registry, threads));
            backends.close().await;
        };
        let mut closing = pin!(closing);
        tokio::select! {
            () = &mut closing => {
                tracing::info!("stopped");
                // A stop request that arrived in these last moments would be lost with this program.
                let stops = signals.stop().now_or_never().is_some();
                return match failed {
                    Some(why) => Ended::Failed(why),
                    None if restarts && !stops => Ended::Restart(ports),
                    None => Ended::Stopped,
                };
            }
            reason = signals.stop() => {
                if !restarts {
                    tracing::warn!("second {reason}: exiting before everything was closed");
                    return Ended::Stopped;
                }
                tracing::info!("{reason}: no restart; once more ends at once");
            }
        }
        service::stopping();
        tokio::select! {
            () = closing => tracing::info!("stopped"),
            reason = signals.stop() => tracing::warn!("second {reason}: exiting before everything was closed"),
        }
        Ended::Stopped
    }
}

async fn migrate(registry: Arc<Registry>) {
    registry.migrate().await;
}

/// Takes up unfinished sessions: all of them, or those that fall to this node.
async fn resume(registry: Arc<Registry>, cluster: Option<Arc<Cluster>>) {
    match cluster {
        Some(cluster) => {
            cluster.serve(Arc::new(NodeSessions::new(&registry)));
            registry.expire_finished().await;
        }
        None => registry.resume_unfinished().await,
    }
}

/// Returns when this node cannot go on.
async fn cluster_failed(cluster: Option<Arc<Cluster>>) -> String {
    match cluster {
        Some(cluster) => cluster.failed().await.to_string(),
        None => std::future::pending().await,
    }
}

fn watch_file(live: &Arc<Live<Settings>>) -> Option<Watcher> {
    Watcher::start(live).unwrap_or_else(|error| {
        tracing::warn!("{error}");
        None
    })
}
