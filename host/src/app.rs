//! Joins the crates: ports first, then storage, plugins, sessions, gateway; then ready; then drained.
//!
//! Rule: nothing starts before both ports are held, and nothing is torn down before the sessions
//! have been saved. Whatever can change while the server runs changes in [`reload`] and as a whole.

mod abilities;
mod announce;
pub mod answers;
mod backends;
pub mod default_mode;
mod files;
pub mod forget;
mod health;
pub mod problems;
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

use crate::limits;
use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_config::{Held, Live, Loaded, Problems, Source, Watcher};
use modehost_gateway::{BindError, Bound, Farewell, Gateway, GatewaySettings, Ports, bind};
use modehost_plugin::RuntimeError;
use modehost_session::Registry;
use modehost_storage::traits::OfflineQueue;
use modehost_task::{IoTask, WorkThreads, run_blocking, spawn_io};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use self::announce::{Announcement, announce};
use self::backends::Backends;
pub use self::backends::{COMPILE_PLUGIN, cache_folder, releases_folder};
use self::health::Health;
use self::reload::{Fed, Feeds, Targets};
use self::restart::Orders;
pub use self::restart::Program;
use self::signals::Signals;
use self::upkeep::Measure;
use crate::admin;
use crate::log::Log;
use crate::metrics::Process;
use crate::settings::{COLD, Settings, elsewhere};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error("{0}")]
    Settings(#[from] Problems),
    /// A port cannot be listened on.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// The database cannot be opened.
    #[error("{0}")]
    Storage(#[from] modehost_storage::OpenError),
    /// WebAssembly cannot be run on this machine.
    #[error("{0}")]
    Plugins(#[from] RuntimeError),
    /// The folder of plugins cannot be read or watched.
    #[error("{0}")]
    PluginFolder(#[from] modehost_plugin::CatalogError),
    /// What runs before the plugins are loaded has failed; its own sentence.
    #[error("{0}")]
    Prepare(String),
    /// The system refuses a thread, a signal or a timer.
    #[error("the system refuses a thread, a signal or a timer: {0}; check the limits of this process")]
    System(#[from] std::io::Error),
    /// A thread of the start has panicked.
    #[error("a part of the start broke off; the log says more")]
    BrokeOff,
}

/// What a server is started with.
pub struct Start {
    /// Where the settings come from, for reloads.
    pub source: Source,
    /// The settings to begin with.
    pub settings: Loaded<Settings>,
    /// The part of the settings that another machine keeps.
    pub held: Option<Held>,
    /// What a restart executes.
    pub program: Program,
    /// Kept by the caller, too, so that the last lines are written.
    pub log: Arc<Log>,
    /// The recorder that is installed already.
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
    backends: Backends,
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
    let backends = Backends::open(&settings).await?;
    let problems = problems::at_start(&settings, &backends.catalog);
    if !problems.is_empty() {
        let problems = Problems::sorted(problems);
        if settings.document.plugins.strict_start {
            return Err(problems.into());
        }
        tracing::error!(
            "the configuration does not fit its plugins; the server begins all the same, since plugins.strict_start is false:\n{problems}"
        );
    }
    backends.queue.limit(sections::queue_limit(&settings));
    forget::go_on(&backends.storage, &backends.queue).await;
    let (feeds, fed) = Feeds::new(&settings.document, Targets::of(&backends, log.clone()));
    let Fed { sessions: session_settings, gateway: gateway_settings } = fed;
    let catalog = backends.catalog.clone();
    let apply = Box::new(move |loaded: &Loaded<Settings>| reload::apply(loaded, &catalog, &feeds));
    let live = Live::with_elsewhere(source, (settings, held), elsewhere(), COLD, apply);
    let orders = Arc::new(Orders::new(live.clone(), program));

    let threads = Arc::new(WorkThreads::start("mode", mode_threads, &Handle::current())?);
    let registry = Registry::new(backends.services(threads.clone(), session_settings));
    backends.samples.attach(&registry);
    let process = Arc::new(Process::new(log.clone()));
    let _prepared = prepared;
    Ok(Opened { backends, live, orders, registry, threads, gateway_settings, metrics, process, log, hint, _prepared })
}

/// What goes on beside the gateway until this is dropped.
struct Background {
    _tasks: Vec<IoTask<()>>,
    /// Of the configuration file; none where there is nothing to watch.
    _watcher: Option<Watcher>,
}

impl Opened {
    /// Ready, until a signal or an order; then everything is saved and closed.
    async fn serve(self, bound: Bound, signals: Signals, began: Instant) -> Ended {
        let Self {
            backends,
            live,
            orders,
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
        let mute = answers::why_mute(&live.current(), &catalog);
        health.look(mute.clone(), &problems::of(&live.current(), &catalog));
        let sessions = registry.clone();
        let migrate = move || migrate(sessions.clone());
        let measure = Measure { registry: registry.clone(), storage: storage.clone(), process };
        let background = Background {
            _tasks: vec![
                spawn_io(answers::watch(health.clone(), catalog.clone(), live.clone())),
                spawn_io(upkeep::keep_metrics(metrics.clone(), Arc::new(measure))),
                spawn_io(health::watch_storage(health.clone(), storage.clone())),
                spawn_io(service::keep_alive(Arc::downgrade(&threads))),
                spawn_io(catalog.table_changes().each(migrate)),
                spawn_io(resume(registry.clone())),
            ],
            _watcher: watch_file(&live),
        };
        let admin = admin::AdminState {
            registry: registry.clone(),
            catalog: catalog.clone(),
            live: live.clone(),
            storage,
            queue: backends.queue.clone(),
            operator: orders.clone(),
            metrics,
            readiness: health.subscribe(),
            began,
            places: Semaphore::new(limits::OPERATOR_ORDERS),
        };
        let routes = admin::routes(Arc::new(admin));
        let current = live.current();
        abilities::log(&current.document, &backends.speech.parts());
        announce(&Announcement { settings: &current.document, mute, took: began.elapsed(), hint }, &bound, &catalog);
        drop((catalog, current));

        service::ready(&health.subscribe().borrow());

        let readiness = health.subscribe();
        let mut restarts = false;
        let stop = async {
            tokio::select! {
                reason = signals.until_stop(&live, &health, &log) => {
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
        let files = files::open_files();
        let gateway =
            Gateway { registry: registry.clone(), settings: gateway_settings, readiness, files, routes, operator };
        let ports = gateway.serve(bound, stop).await;
        let closing = async {
            drop((background, live, orders, registry, threads));
            backends.close().await;
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

async fn migrate(registry: Arc<Registry>) {
    registry.migrate().await;
}

async fn resume(registry: Arc<Registry>) {
    registry.resume_unfinished().await;
}

fn watch_file(live: &Arc<Live<Settings>>) -> Option<Watcher> {
    Watcher::start(live).unwrap_or_else(|error| {
        tracing::warn!("{error}");
        None
    })
}
