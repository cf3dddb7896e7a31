//! Accepts connections on all ports, and ends what it accepted. Rule: an accept loop outlives
//! every fault of the system and of a caller; when the server stops, sessions say goodbye through
//! their outboxes before anything is cut.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use crate::limits;
use axum::Router;
use metrics::gauge;
use modehost_session::Registry;
use modehost_task::{IoTasks, spawn_io};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::accept::Acceptor;
use crate::accept::bind::Bound;
use crate::accept::handover::Ports;
use crate::accept::places::{Bounds, Places};
use crate::admission::Admission;
use crate::admission::certificates::Certificates;
use crate::admission::closing::Closing;
pub use crate::admission::closing::Farewell;
pub use crate::admission::seats::OpenFiles;
use crate::admission::seats::{Budget, Seats};
use crate::admission::signed_in::SignedIn;
use crate::connection::Shared;
use crate::connection::unfinished::Unfinished;
use crate::connection_metrics::ConnectionMetrics;
use crate::console::{Console, Operator};
use crate::http_port::{self, HttpPort, Readiness};
use crate::ota;
use crate::settings::GatewaySettings;
use crate::software::KnownSoftware;

/// What the gateway works with.
pub struct Gateway {
    /// All sessions.
    pub registry: Arc<Registry>,
    /// Each new handshake sees the value of the moment.
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// What `/readyz` answers. Nothing else depends on it.
    pub readiness: watch::Receiver<Readiness>,
    /// Files and sockets of the process; none where they are not known.
    pub files: Option<OpenFiles>,
    /// Further routes of the HTTP port. They must not repeat `/healthz`, `/readyz` or OTA's.
    pub routes: Router,
    /// Carries out what the operator's console orders.
    pub operator: Arc<dyn Operator>,
}

impl Gateway {
    /// Serves all ports until `shutdown` gives its farewell; then takes nobody in, lets the
    /// sessions close their connections, and returns when all have ended, or `limits::DRAIN` after.
    /// HTTP is answered to the end. Gives the listening sockets back where the farewell hands
    /// them over; else they are closed. Cancelling cuts every connection at once.
    pub async fn serve(self, bound: Bound, shutdown: impl Future<Output = Farewell> + Send) -> Option<Ports> {
        let Self { registry, settings, readiness, files, routes, operator } = self;
        let (certificates, _renewal) = Certificates::keep(settings.clone());
        // Plain or not is settled at the start; which certificate is not.
        let certificates = settings.borrow().tls.is_some().then_some(certificates);
        let (end_http, ends) = watch::channel(false);
        let software = Arc::new(KnownSoftware::default());
        let ota = ota::routes(settings.clone(), bound.device_address(), software.clone());
        let health = http_port::health(readiness);
        let (public, operators) = match bound.operators {
            None => (health.merge(ota).merge(routes), None),
            Some(listener) => (health.clone().merge(ota), Some((listener, health.merge(routes)))),
        };
        let http_ports = 1 + usize::from(operators.is_some());
        let budget = Budget::of_files(files, http_ports);
        let http =
            HttpPort { router: public, settings: settings.clone(), certificates: certificates.clone(), budget, ends };
        let operators = operators
            .map(|(listener, router)| spawn_io(HttpPort { router, ..http.clone() }.serve(listener, "operators")));
        let http = spawn_io(http.serve(bound.http, "http"));
        let console = Console::new(operator, settings.clone());
        let (signed_in, _withdrawals) = SignedIn::watch(registry.clone(), settings.clone());
        let seats = Seats::new(budget);
        gauge!("modehost_connections_limit").set(seats.count(settings.borrow().max_connections) as f64);
        let unfinished = Unfinished::new(limits::UNFINISHED_BYTES);
        let admission = Arc::new(Admission {
            registry,
            settings,
            certificates,
            seats,
            signed_in,
            software,
            connections: Shared { meters: ConnectionMetrics::new(), unfinished, console },
            closing: Closing::default(),
        });
        let mut connections = IoTasks::default();
        let mut acceptor = device_port(bound.devices, budget, &admission);
        let farewell = admit_until(&mut acceptor, &admission, &mut connections, shutdown).await;
        let Admission { registry, closing, .. } = &*admission;
        closing.begin(farewell.clone());
        let Acceptor { listener, places, .. } = acceptor;
        let devices = farewell.hands_over.then_some(listener);
        if devices.is_some() {
            // Whoever is in the middle of the handshake gets in first, and is sent back with the others.
            let all = connections_end_beside(&mut connections, places.empty());
            let _ = timeout(limits::HANDOVER_HANDSHAKES, all).await;
        }
        // Who has said nothing until now must not hold up those who have.
        closing.close();
        tracing::info!(connections = connections.len(), code = farewell.code, "closing all connections");
        let ended = async {
            registry.drain(farewell.code, &farewell.reason).await;
            while connections.next_end().await.is_some() {}
        };
        if timeout(limits::DRAIN, ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "connections did not end in time and are cut");
        }
        end_http.send_replace(true);
        let mut listeners = vec![devices?, http.join().await?];
        if let Some(operators) = operators {
            listeners.push(operators.join().await?);
        }
        let listeners: Result<Vec<_>, _> = listeners.into_iter().map(TcpListener::into_std).collect();
        listeners.ok().map(Ports::new)
    }
}

/// Waits for something while ended connections are forgotten.
async fn connections_end_beside<T>(connections: &mut IoTasks, wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(wait);
    loop {
        tokio::select! {
            outcome = &mut wait => return outcome,
            Some(()) = connections.next_end() => {}
        }
    }
}

/// The port of devices, which holds nobody to a share where there is room.
fn device_port(listener: TcpListener, budget: Budget, admission: &Admission) -> Acceptor {
    let bounds = Bounds { all: budget.half_open, reserve: 0, grace: limits::HANDSHAKE_GRACE, strict: false };
    let share = |_: &GatewaySettings| limits::HALF_OPEN_SHARE;
    Acceptor::new(listener, Places::new("devices", bounds), admission.settings.clone(), share)
}

/// Takes devices in until `shutdown`.
async fn admit_until(
    acceptor: &mut Acceptor,
    admission: &Arc<Admission>,
    connections: &mut IoTasks,
    shutdown: impl Future<Output = Farewell>,
) -> Farewell {
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            farewell = &mut shutdown => return farewell,
            accepted = acceptor.next() => connections.spawn(admission.clone().admit(accepted)),
            // Ended tasks are forgotten at once: each still holds its memory.
            Some(()) = connections.next_end() => {}
        }
    }
}
