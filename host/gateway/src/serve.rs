//! Accepts connections on both ports, and ends what it accepted. Rule: an accept loop outlives
//! every fault of the system and of a caller; when the server stops, sessions say goodbye through
//! their outboxes before anything is cut.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use modehost_limits as limits;
use modehost_outbox::{close, outbox};
use modehost_session::{Refusal, Registry};
use modehost_task::{IoTasks, spawn_io};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::bind::Bound;
use crate::connection;
use crate::handshake::{self, Admitted};
use crate::http_port;
use crate::link::{Ending, Link};
use crate::meters::{Meters, refused};
use crate::pace::Pace;
use crate::settings::GatewaySettings;
use crate::tls::Certificates;

/// What devices are told when the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// A close code of `modehost_outbox::close`.
    pub code: u16,
    /// One sentence; cut at 123 bytes.
    pub reason: String,
}

impl Farewell {
    /// The server stops.
    pub fn stopping() -> Self {
        Self { code: close::GOING_AWAY, reason: "the server is stopping".to_owned() }
    }
}

/// What the gateway works with.
pub struct Gateway {
    pub registry: Arc<Registry>,
    /// Each new handshake sees the value of the moment.
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// What `/readyz` answers; nothing else depends on it.
    pub ready: watch::Receiver<bool>,
    /// Further routes of the HTTP port. They must not repeat `/healthz`, `/readyz` or OTA's.
    pub routes: Router,
}

impl Gateway {
    /// Serves both ports until `shutdown` gives its farewell; then takes nobody in, lets the
    /// sessions close their connections, and returns when all have ended, or `limits::DRAIN` after.
    /// The HTTP port answers to the end. Cancelling cuts every connection at once.
    pub async fn serve(self, bound: Bound, shutdown: impl Future<Output = Farewell> + Send) {
        let Self { registry, settings, ready, routes } = self;
        let router = http_port::routes(settings.clone(), ready, bound.device_address(), routes);
        let (certificates, _renewal) = Certificates::keep(settings.clone());
        // Plain or not is settled at the start; which certificate is not.
        let certificates = settings.borrow().tls.is_some().then_some(certificates);
        let _http = spawn_io(serve_http(bound.http, router, certificates.clone()));
        let door = Arc::new(Door { registry, settings, certificates, meters: Meters::new() });
        let mut connections = IoTasks::default();
        let farewell = door.accept_until(bound.devices, &mut connections, shutdown).await;
        tracing::info!(connections = connections.len(), code = farewell.code, "closing all connections");
        let ended = async {
            door.registry.drain(farewell.code, &farewell.reason).await;
            while connections.next_end().await.is_some() {}
        };
        if timeout(limits::DRAIN, ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "connections did not end in time and are cut");
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
}

impl Door {
    /// Takes devices in until `shutdown`; the listener is closed then.
    async fn accept_until(
        self: &Arc<Self>,
        listener: TcpListener,
        connections: &mut IoTasks,
        shutdown: impl Future<Output = Farewell>,
    ) -> Farewell {
        let mut shutdown = pin!(shutdown);
        let mut acceptor = Acceptor::new(listener, limits::HALF_OPEN);
        loop {
            tokio::select! {
                farewell = &mut shutdown => return farewell,
                (stream, place) = acceptor.next() => connections.spawn(self.clone().serve(stream, place)),
                // Ended tasks are forgotten at once: each still holds its memory.
                Some(()) = connections.next_end() => {}
            }
        }
    }

    /// One connection from its first byte to its last.
    async fn serve(self: Arc<Self>, stream: TcpStream, place: OwnedSemaphorePermit) {
        let Ok(local) = stream.local_addr() else { return };
        let settings = self.settings.borrow().clone();
        match self.certificates.clone() {
            None => self.take(stream, local.ip(), place, settings).await,
            // Boxed, so that plain connections do not keep room for what they do not have.
            Some(certificates) => {
                let encrypted = async {
                    if let Some(stream) = certificates.accept(stream, settings.handshake).await {
                        self.take(stream, local.ip(), place, settings).await;
                    }
                };
                Box::pin(encrypted).await;
            }
        }
    }

    /// A stream whose next byte is that of a request.
    async fn take<S>(&self, stream: S, local: IpAddr, place: OwnedSemaphorePermit, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        // Boxed, so that an established connection does not keep the room of its handshake.
        let admitted = Box::pin(handshake::receive(stream, local, settings.clone())).await;
        drop(place);
        if let Some(Admitted { stream, early, identity }) = admitted {
            self.converse(stream, &early, identity.device, settings).await;
        }
    }

    /// Attaches the connection to its session and runs it.
    async fn converse<S>(&self, stream: S, early: &[u8], device: modehost_ids::DeviceId, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mut link = Link::open(stream, early, settings.max_message_bytes, &self.meters).await;
        let pace = Pace { silence: settings.silence, ping: settings.ping_interval };
        let (sender, reader) = outbox();
        match self.registry.attach(&device, sender, settings.duplicate) {
            Ok(attachment) => {
                drop(settings);
                tracing::debug!(%device, connection = attachment.connection_id().0, "a device has connected");
                connection::run(link, attachment, reader, pace, &self.meters).await;
            }
            Err(refusal) => {
                let (code, reason, word) = explain(refusal);
                refused(word);
                link.close(code, reason);
                Box::pin(link.finish(Ending::Closing(code))).await;
            }
        }
    }
}

fn explain(refusal: Refusal) -> (u16, &'static str, &'static str) {
    match refusal {
        Refusal::AlreadyConnected => {
            (close::POLICY, "this device is already connected, and gateway.duplicate_device is reject", "duplicate")
        }
        Refusal::ShuttingDown => (close::GOING_AWAY, "the server is stopping", "stopping"),
    }
}

/// Serves the HTTP port until it is dropped.
async fn serve_http(listener: TcpListener, router: Router, certificates: Option<Arc<Certificates>>) {
    let mut acceptor = Acceptor::new(listener, limits::HTTP_CONNECTIONS);
    let mut connections = IoTasks::default();
    loop {
        tokio::select! {
            (stream, place) = acceptor.next() => {
                let (router, certificates) = (router.clone(), certificates.clone());
                connections.spawn(async move {
                    answer_http(stream, router, certificates).await;
                    drop(place);
                });
            }
            Some(()) = connections.next_end() => {}
        }
    }
}

async fn answer_http(stream: TcpStream, router: Router, certificates: Option<Arc<Certificates>>) {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return };
    match certificates {
        None => http_port::converse(stream, local, peer, router).await,
        Some(certificates) => {
            if let Some(stream) = certificates.accept(stream, limits::HANDSHAKE).await {
                http_port::converse(stream, local, peer, router).await;
            }
        }
    }
}

/// A listener with a bounded number of places; connections beyond it wait in the kernel.
struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    failing: bool,
}

impl Acceptor {
    fn new(listener: TcpListener, places: usize) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(places)), failing: false }
    }

    /// The next connection with its place. Cancelling loses nothing.
    async fn next(&mut self) -> (TcpStream, OwnedSemaphorePermit) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else {
                // The semaphore is never closed.
                std::future::pending::<()>().await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    self.failing = false;
                    // Replies are small and wanted at once.
                    let _ = stream.set_nodelay(true);
                    return (stream, place);
                }
                Err(error) => self.pause(&error).await,
            }
        }
    }

    /// Mostly: no file descriptors are left. Some will be, once connections have ended.
    async fn pause(&mut self, error: &std::io::Error) {
        if is_callers_fault(error) {
            return;
        }
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "cannot accept connections; trying on (is the limit of open files too low?)");
        }
        sleep(limits::ACCEPT_BACKOFF).await;
    }
}

/// The caller gave up before it was accepted.
fn is_callers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
