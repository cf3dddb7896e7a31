//! The HTTP port: health checks, OTA, and the routes of the application. Rule: a request that never ends holds one of a
//! bounded number of slots, and is evicted when others need it; health checks and operators are always served.
//!
//! - `body`: request and response bodies that update the state of the connection slot
//! - `lifetime`: how long a connection may last, and how much longer for what it sends

mod body;
mod lifetime;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use crate::limits;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use modehost_task::IoTasks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use self::body::{RequestBody, ResponseBody};
use self::lifetime::Lifetime;
use crate::accept::slots::{ConnectionSlot, ConnectionSlots, SlotLimits};
use crate::accept::{Accepted, Acceptor, Endpoints};
use crate::admission::certificates::CertificateStore;
use crate::admission::device_limit::FileBudget;
use crate::admission::handshake::builder;
use crate::ota;
use crate::proxy::has_single_host;
use crate::settings::GatewaySettings;

/// The response of `/readyz`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// One sentence for each component that is not ready; if empty, the server is ready.
    pub not_ready: Vec<String>,
    /// Notes for the operator that do not affect readiness.
    pub warnings: Vec<String>,
}

/// `/healthz` and `/readyz`.
pub(crate) fn health(readiness: watch::Receiver<Readiness>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness_response))
        .with_state(readiness)
}

async fn readiness_response(State(readiness): State<watch::Receiver<Readiness>>) -> (StatusCode, String) {
    let Readiness { not_ready, warnings: notes } = &*readiness.borrow();
    let (status, first) = match not_ready.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let lines = std::iter::once(first).chain(not_ready.iter().chain(notes).map(String::as_str));
    (status, lines.flat_map(|line| [line, "\n"]).collect())
}

/// One HTTP port.
#[derive(Clone)]
pub(crate) struct HttpPort {
    pub router: Router,
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    pub budget: FileBudget,
    /// `None` if the port is plain TCP.
    pub certificates: Option<Arc<CertificateStore>>,
    /// True once the port shuts down.
    pub closed: watch::Receiver<bool>,
}

/// The client of one connection.
#[derive(Clone)]
struct Client {
    peer: SocketAddr,
    endpoints: Endpoints,
    slot: Arc<ConnectionSlot>,
    lifetime: Arc<Lifetime>,
}

impl HttpPort {
    /// Serves until the port shuts down and running requests have been answered; returns the listener. `name` is the
    /// label of the log and the metrics.
    pub async fn serve(self, listener: TcpListener, name: &'static str) -> TcpListener {
        let slot_limits = SlotLimits {
            all: self.budget.http,
            reserve: self.budget.http_reserve,
            grace: limits::HTTP_GRACE,
            strict: true,
        };
        let slots = ConnectionSlots::new(name, slot_limits);
        let mut acceptor =
            Acceptor::new(listener, slots, self.settings.clone(), |settings| settings.http_address_quota);
        let mut connections = IoTasks::default();
        let mut closed = self.closed.clone();
        loop {
            tokio::select! {
                // An error means that the sender was dropped, which also is a shutdown.
                _ = closed.wait_for(|closed| *closed) => break,
                accepted = acceptor.next() => connections.spawn(self.clone().serve_connection(accepted)),
                Some(()) = connections.next_end() => {}
            }
        }
        let drained = async { while connections.next_end().await.is_some() {} };
        let _ = timeout(limits::HTTP_DRAIN, drained).await;
        acceptor.listener
    }

    /// Serves one connection to its end, or until its slot is evicted.
    async fn serve_connection(self, accepted: Accepted) {
        let Accepted { stream, peer, slot } = accepted;
        let Some(endpoints) = Endpoints::of(&stream, peer) else { return };
        let client = Client { peer, endpoints, slot: Arc::new(slot), lifetime: Arc::default() };
        let slot = client.slot.clone();
        let exchange = async {
            match self.certificates.clone() {
                None => self.serve_http(stream, client).await,
                Some(certificates) => {
                    if let Some(stream) = certificates.accept(stream, limits::HANDSHAKE_TIMEOUT).await {
                        self.serve_http(stream, client).await;
                    }
                }
            }
        };
        tokio::select! {
            () = exchange => {}
            () = slot.evicted() => {}
        }
    }

    /// Serves one connection to its end. Once the port shuts down, the connection closes after its next response, or at
    /// once if it has had one, so that every accepted connection is answered.
    async fn serve_http<S>(&self, stream: S, client: Client)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (request_started, lifetime) = (Notify::new(), client.lifetime.clone());
        let service = |request: Request<Incoming>| {
            request_started.notify_one();
            let (port, client) = (self.clone(), client.clone());
            async move { Ok::<_, Infallible>(port.respond(request, client).await) }
        };
        // The header timeout also closes keep-alive connections without a request.
        let mut connection =
            pin!(builder(limits::HANDSHAKE_TIMEOUT).serve_connection(TokioIo::new(stream), service_fn(service)));
        let mut port_closed = self.closed.clone();
        let serve = async {
            tokio::select! {
                outcome = &mut connection => return outcome,
                () = async {
                    let _ = port_closed.wait_for(|closed| *closed).await;
                    request_started.notified().await;
                } => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        let outcome = tokio::select! {
            outcome = serve => outcome,
            () = lifetime.over(limits::HTTP_CONNECTION_LIFETIME) => return,
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection of the HTTP port ended early");
        }
    }

    /// Responds to one request, if a slot and the quota permit it.
    async fn respond(self, mut request: Request<Incoming>, client: Client) -> Response<ResponseBody> {
        let Client { peer, endpoints, slot, lifetime } = client;
        if !has_single_host(request.uri(), request.headers()) {
            let rejection = (StatusCode::BAD_REQUEST, "the request must have exactly one host\n").into_response();
            return rejection.map(|body| ResponseBody::new(body, slot, None));
        }
        let settings = self.settings.borrow().clone();
        let is_operator = settings.is_operator(request.headers());
        if is_operator {
            slot.set_operator();
        }
        let (quota, is_provisional) = (settings.http_address_quota, slot.is_provisional());
        let mut charge = None;
        if !is_operator && ota::is_ota_path(request.uri().path()) {
            let mut admitted = !is_provisional || slot.become_regular(quota, limits::HTTP_SLOT_TIMEOUT).await;
            if admitted && settings.proxies.trusts(peer.ip().to_canonical()) {
                let caller = settings.proxies.caller(peer.ip(), request.headers()).address;
                charge = slot.charge_quota(caller, quota);
                admitted = charge.is_some();
            }
            if !admitted {
                return no_slot_response().map(|body| ResponseBody::new(body, slot, None));
            }
        }
        request.extensions_mut().insert(endpoints);
        // Routes of the application may be restricted to local clients.
        request.extensions_mut().insert(ConnectInfo(peer));
        let request = request.map(|body| RequestBody::new(body, limits::HTTP_BODY_TIMEOUT, slot.clone(), lifetime));
        let mut response = self.router.oneshot(request).await.unwrap_or_else(|never| match never {});
        if slot.is_provisional() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| ResponseBody::new(body, slot, charge))
    }
}

/// The response if no slot is available.
fn no_slot_response() -> Response<Body> {
    let text = "too many requests from this address at once; ask again in a second\n";
    let headers = [(RETRY_AFTER, HeaderValue::from_static("1")), (CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
}
