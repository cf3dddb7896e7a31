//! Serves all ports and shuts them down. Rule: neither a system error nor a client error ends an accept loop; on
//! shutdown, sessions send their close frames through their outboxes before any connection is cut.

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
use crate::accept::bind::BoundListeners;
use crate::accept::handover::InheritedListeners;
use crate::accept::slots::{ConnectionSlots, SlotLimits};
use crate::admission::Admission;
use crate::admission::certificates::CertificateStore;
pub use crate::admission::device_limit::OpenFiles;
use crate::admission::device_limit::{DeviceLimit, FileBudget};
use crate::admission::revocation::RevocationMonitor;
use crate::admission::shutdown::Shutdown;
pub use crate::admission::shutdown::ShutdownNotice;
use crate::connection::SharedState;
use crate::connection::partial_messages::PartialMessages;
use crate::connection_metrics::ConnectionMetrics;
use crate::control::{CommandDispatcher, CommandExecutor};
use crate::http_port::{self, HttpPort, Readiness};
use crate::ota;
use crate::settings::GatewaySettings;
use crate::software::SoftwareTable;

/// The dependencies of the gateway.
pub struct Gateway {
    /// All sessions.
    pub registry: Arc<Registry>,
    /// Each new handshake reads the current value.
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// The response of `/readyz`. Nothing else depends on it.
    pub readiness: watch::Receiver<Readiness>,
    /// File descriptors of the process; `None` if unknown.
    pub files: Option<OpenFiles>,
    /// Additional routes of the HTTP port. They must not overlap with `/healthz`, `/readyz` or OTA.
    pub routes: Router,
    /// Executes operator commands.
    pub command_executor: Arc<dyn CommandExecutor>,
}

impl Gateway {
    /// Serves all ports until `shutdown` resolves; then stops admitting devices, lets the sessions close their
    /// connections, and returns when all have ended, or after `limits::DRAIN`. HTTP is served to the end. Returns the
    /// listening sockets if the notice hands them over; otherwise they are closed. Cancelling cuts every connection at
    /// once.
    pub async fn serve(
        self,
        bound: BoundListeners,
        shutdown: impl Future<Output = ShutdownNotice> + Send,
    ) -> Option<InheritedListeners> {
        let Self { registry, settings, readiness, files, routes, command_executor: operator } = self;
        let (certificates, _certificate_task) = CertificateStore::watch(settings.clone());
        // Whether the ports use TLS is fixed at the start; the certificate is not.
        let certificates = settings.borrow().tls.is_some().then_some(certificates);
        let (close_http, closed) = watch::channel(false);
        let software = Arc::new(SoftwareTable::default());
        let ota = ota::routes(settings.clone(), bound.device_address(), software.clone());
        let health = http_port::health(readiness);
        let (public, operators) = match bound.operators {
            None => (health.merge(ota).merge(routes), None),
            Some(bound) => (health.clone().merge(ota), Some((bound.listener, health.merge(routes)))),
        };
        let http_ports = 1 + usize::from(operators.is_some());
        let budget = FileBudget::of_files(files, http_ports);
        let http =
            HttpPort { router: public, settings: settings.clone(), certificates: certificates.clone(), budget, closed };
        let operators = operators
            .map(|(listener, router)| spawn_io(HttpPort { router, ..http.clone() }.serve(listener, "operators")));
        let http = spawn_io(http.serve(bound.http.listener, "http"));
        let control = CommandDispatcher::new(operator, settings.clone());
        let (revocation, _revocation_task) = RevocationMonitor::watch(registry.clone(), settings.clone());
        let device_limit = DeviceLimit::new(budget);
        gauge!("modehost_connections_limit").set(device_limit.capacity(settings.borrow().max_connections) as f64);
        let partial_messages = PartialMessages::new(limits::PARTIAL_MESSAGE_BYTES);
        let admission = Arc::new(Admission {
            registry,
            settings,
            certificates,
            device_limit,
            revocation,
            software,
            connections: SharedState { metrics: ConnectionMetrics::new(), partial_messages, control },
            shutdown: Shutdown::default(),
        });
        let mut connections = IoTasks::default();
        let mut acceptor = device_port(bound.devices.listener, budget, &admission);
        let notice = accept_until(&mut acceptor, &admission, &mut connections, shutdown).await;
        let Admission { registry, shutdown, .. } = &*admission;
        shutdown.begin(notice.clone());
        let Acceptor { listener, slots, .. } = acceptor;
        let devices = notice.hand_over_sockets.then_some(listener);
        if devices.is_some() {
            // Handshakes in progress complete first; those devices are then closed with the others.
            let all = reap_while(&mut connections, slots.all_released());
            let _ = timeout(limits::HANDOVER_HANDSHAKES, all).await;
        }
        // From here on, clients that have sent nothing do not delay the shutdown.
        shutdown.close();
        tracing::info!(connections = connections.len(), code = notice.code, "closing all connections");
        let ended = async {
            registry.drain(notice.code, &notice.reason).await;
            while connections.next_end().await.is_some() {}
        };
        if timeout(limits::DRAIN, ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "connections did not end in time and are cut");
        }
        close_http.send_replace(true);
        let mut listeners = vec![devices?, http.join().await?];
        if let Some(operators) = operators {
            listeners.push(operators.join().await?);
        }
        let listeners: Result<Vec<_>, _> = listeners.into_iter().map(TcpListener::into_std).collect();
        listeners.ok().map(InheritedListeners::new)
    }
}

/// Runs a future while reaping connections that have ended.
async fn reap_while<T>(connections: &mut IoTasks, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        tokio::select! {
            outcome = &mut future => return outcome,
            Some(()) = connections.next_end() => {}
        }
    }
}

/// The device port, which enforces no quota while slots are free.
fn device_port(listener: TcpListener, budget: FileBudget, admission: &Admission) -> Acceptor {
    let slot_limits = SlotLimits { all: budget.half_open, reserve: 0, grace: limits::HANDSHAKE_GRACE, strict: false };
    let quota = |_: &GatewaySettings| limits::HALF_OPEN_ADDRESS_QUOTA;
    Acceptor::new(listener, ConnectionSlots::new("devices", slot_limits), admission.settings.clone(), quota)
}

/// Admits devices until `shutdown` resolves.
async fn accept_until(
    acceptor: &mut Acceptor,
    admission: &Arc<Admission>,
    connections: &mut IoTasks,
    shutdown: impl Future<Output = ShutdownNotice>,
) -> ShutdownNotice {
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            notice = &mut shutdown => return notice,
            accepted = acceptor.next() => connections.spawn(admission.clone().admit(accepted)),
            // Reap at once: a finished task retains its memory until then.
            Some(()) = connections.next_end() => {}
        }
    }
}
