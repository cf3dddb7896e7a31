//! Accepts connections on all ports, and ends what it accepted. Rule: an accept loop outlives
//! every fault of the system and of a caller; when the server stops, sessions say goodbye through
//! their outboxes before anything is cut.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use axum::Router;
use modehost_limits as limits;
use modehost_outbox::{close, outbox};
use modehost_session::{Refusal, Registry};
use modehost_task::{IoTasks, spawn_io};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::accept::Acceptor;
use crate::bind::Bound;
use crate::connection;
use crate::console::{Console, Counter, Operator};
use crate::handover::Ports;
use crate::handshake::{self, Admitted, Ends};
use crate::http_port::{self, HttpPort};
use crate::link::{Ending, Link};
use crate::meters::{Meters, refused};
use crate::ota;
use crate::pace::Pace;
use crate::places::{Bounds, Place, Places};
use crate::receipt::Carrier;
use crate::settings::GatewaySettings;
use crate::tls::Certificates;
use crate::unfinished::Unfinished;
use crate::visits::Visit;

/// What devices are told when the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// A close code of `modehost_outbox::close`.
    pub code: u16,
    /// One sentence; cut at 123 bytes.
    pub reason: String,
    /// The ports stay open for whoever takes over: nobody is refused.
    pub hands_over: bool,
}

impl Farewell {
    /// The server stops.
    pub fn stopping() -> Self {
        Self { code: close::GOING_AWAY, reason: "the server is stopping".to_owned(), hands_over: false }
    }

    /// The server begins anew at once.
    pub fn restarting() -> Self {
        let reason = "the server restarts; please connect again".to_owned();
        Self { code: close::RESTART, reason, hands_over: true }
    }
}

/// What the gateway works with.
pub struct Gateway {
    pub registry: Arc<Registry>,
    /// Each new handshake sees the value of the moment.
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// What `/readyz` answers: one sentence for each part that is not ready. Nothing else depends
    /// on it.
    pub not_ready: watch::Receiver<Vec<String>>,
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
        let Self { registry, settings, not_ready, routes, operator } = self;
        let (certificates, _renewal) = Certificates::keep(settings.clone());
        // Plain or not is settled at the start; which certificate is not.
        let certificates = settings.borrow().tls.is_some().then_some(certificates);
        let (end_http, ends) = watch::channel(false);
        let (ota, health) = (ota::routes(settings.clone(), bound.device_address()), http_port::health(not_ready));
        let (public, operators) = match bound.operators {
            None => (health.merge(ota).merge(routes), None),
            Some(listener) => (health.clone().merge(ota), Some((listener, health.merge(routes)))),
        };
        let http = HttpPort { router: public, settings: settings.clone(), certificates: certificates.clone(), ends };
        let operators = operators
            .map(|(listener, router)| spawn_io(HttpPort { router, ..http.clone() }.serve(listener, "operators")));
        let http = spawn_io(http.serve(bound.http, "http"));
        let console = Console::new(operator, settings.clone());
        let (meters, farewell, closed) = (Meters::new(), OnceLock::new(), watch::Sender::new(false));
        let unfinished = Unfinished::new(limits::UNFINISHED_BYTES);
        let door = Arc::new(Door { registry, settings, certificates, meters, unfinished, console, farewell, closed });
        let mut connections = IoTasks::default();
        let (acceptor, farewell) = door.accept_until(bound.devices, &mut connections, shutdown).await;
        let _ = door.farewell.set(farewell.clone());
        let devices = farewell.hands_over.then_some(acceptor.listener);
        if devices.is_some() {
            // Whoever is in the middle of the handshake gets in first, and is sent back with the others.
            let places = acceptor.places.clone();
            let all = connections_end_beside(&mut connections, places.empty());
            let _ = timeout(limits::HANDOVER_HANDSHAKES, all).await;
        }
        // Who has said nothing until now must not hold up those who have.
        door.closed.send_replace(true);
        tracing::info!(connections = connections.len(), code = farewell.code, "closing all connections");
        let ended = async {
            door.registry.drain(farewell.code, &farewell.reason).await;
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

/// What every connection of the device port shares.
struct Door {
    registry: Arc<Registry>,
    settings: watch::Receiver<Arc<GatewaySettings>>,
    /// None where the port is plain.
    certificates: Option<Arc<Certificates>>,
    meters: Meters,
    unfinished: Arc<Unfinished>,
    console: Console,
    /// What devices are told, once the server ends.
    farewell: OnceLock<Farewell>,
    /// True once nobody gets in any more, not even from the middle of a handshake.
    closed: watch::Sender<bool>,
}

impl Door {
    /// Takes devices in until `shutdown`.
    async fn accept_until(
        self: &Arc<Self>,
        listener: TcpListener,
        connections: &mut IoTasks,
        shutdown: impl Future<Output = Farewell>,
    ) -> (Acceptor, Farewell) {
        let mut shutdown = pin!(shutdown);
        let bounds = Bounds { all: limits::HALF_OPEN, reserve: 0, grace: limits::HANDSHAKE_GRACE, strict: false };
        let share = |_: &GatewaySettings| limits::HALF_OPEN_SHARE;
        let mut acceptor = Acceptor::new(listener, Places::new("devices", bounds), self.settings.clone(), share);
        loop {
            tokio::select! {
                farewell = &mut shutdown => return (acceptor, farewell),
                (stream, peer, place) = acceptor.next() => connections.spawn(self.clone().serve(stream, peer, place)),
                // Ended tasks are forgotten at once: each still holds its memory.
                Some(()) = connections.next_end() => {}
            }
        }
    }

    /// One connection from its first byte to its last.
    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place) {
        let Ok(local) = stream.local_addr() else { return };
        let ends = Ends { local: local.ip(), peer: peer.ip() };
        let settings = self.settings.borrow().clone();
        match self.certificates.clone() {
            None => self.take(stream, ends, place, settings).await,
            // Boxed, so that plain connections do not keep room for what they do not have.
            Some(certificates) => {
                let encrypted = async {
                    if let Some(Some(stream)) =
                        self.while_welcome(&place, certificates.accept(stream, settings.handshake)).await
                    {
                        self.take(stream, ends, place, settings).await;
                    }
                };
                Box::pin(encrypted).await;
            }
        }
    }

    /// A stream whose next byte is that of a request.
    async fn take<S>(&self, stream: S, ends: Ends, place: Place, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Carrier + Unpin + Send,
    {
        // Boxed, so that an established connection does not keep the room of its handshake.
        let handshake = handshake::receive(stream, ends, settings.clone(), &place);
        let admitted = Box::pin(self.while_welcome(&place, handshake)).await;
        if let Some(Some(admitted)) = admitted {
            self.converse(admitted, place, settings).await;
        }
    }

    /// A part of a handshake; `None` if the server ends meanwhile, or others need the place.
    async fn while_welcome<T>(&self, place: &Place, part: impl Future<Output = T>) -> Option<T> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            done = part => Some(done),
            // An error means that nobody is left who could say it.
            _ = closed.wait_for(|closed| *closed) => None,
            () = place.displaced() => {
                refused("displaced");
                None
            }
        }
    }

    /// Attaches the connection to its session and runs it.
    async fn converse<S>(&self, admitted: Admitted<S>, place: Place, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Carrier + Unpin + Send,
    {
        let Admitted { stream, early, identity, caller } = admitted;
        let device = identity.device;
        let version = identity.protocol_version;
        let through_proxy = caller.through_proxy;
        let owned = (self.unfinished.share(), &self.meters);
        let mut link = Link::open(stream, &early, version, through_proxy, settings.max_message_bytes, owned).await;
        let pace = Pace { silence: settings.silence, ping: settings.ping_interval };
        let (sender, reader) = outbox();
        let attached = self.registry.attach(&device, sender, settings.duplicate);
        // Only now: a restart waits for whoever has a place, so that all are attached when it drains.
        drop(place);
        match attached {
            Ok(attachment) => {
                drop((settings, early));
                let _visit = Visit::begin(&device, attachment.connection_id(), caller.address);
                let counter = Counter::new(&self.console, caller.address);
                connection::run(link, attachment, reader, counter, pace, &self.meters).await;
            }
            Err(refusal) => {
                let (code, reason, word) = self.explain(refusal);
                refused(word);
                link.close(code, &reason);
                Box::pin(link.finish(Ending::Closing(code))).await;
            }
        }
    }

    /// Code and sentence for the device, and a word for the figures.
    fn explain(&self, refusal: Refusal) -> (u16, String, &'static str) {
        match refusal {
            Refusal::AlreadyConnected => {
                let reason = "this device is already connected, and gateway.duplicate_device is reject";
                (close::POLICY, reason.to_owned(), "duplicate")
            }
            Refusal::ShuttingDown => {
                let Farewell { code, reason, .. } = self.farewell.get().cloned().unwrap_or_else(Farewell::stopping);
                (code, reason, "stopping")
            }
        }
    }
}
