//! The HTTP port: health, OTA, and what the application adds. Rule: a request that never ends holds one of a
//! bounded number of places, and loses it when others need one; health and operators always get through.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

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
use modehost_limits as limits;
use modehost_task::IoTasks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::accept::Acceptor;
use crate::body::{Arriving, Leaving};
use crate::handshake::{Ends, builder};
use crate::ota;
use crate::places::{Bounds, Place, Places};
use crate::settings::GatewaySettings;
use crate::tls::Certificates;

/// `/healthz` and `/readyz`.
pub(crate) fn health(not_ready: watch::Receiver<Vec<String>>) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(is_ready)).with_state(not_ready)
}

async fn is_ready(State(not_ready): State<watch::Receiver<Vec<String>>>) -> (StatusCode, String) {
    let parts = not_ready.borrow();
    match parts.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{}\n", parts.join("\n"))),
    }
}

/// One port that speaks HTTP.
#[derive(Clone)]
pub(crate) struct HttpPort {
    pub router: Router,
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// None where the port is plain.
    pub certificates: Option<Arc<Certificates>>,
    /// True once the port ends.
    pub ends: watch::Receiver<bool>,
}

impl HttpPort {
    /// Serves until the port ends and what was asked before has been answered; gives the listener back. `name` is
    /// for the log and the figures.
    pub async fn serve(self, listener: TcpListener, name: &'static str) -> TcpListener {
        let bounds = Bounds {
            all: limits::HTTP_CONNECTIONS,
            reserve: limits::HTTP_RESERVE,
            grace: limits::HTTP_GRACE,
            strict: true,
        };
        let places = Places::new(name, bounds);
        let mut acceptor = Acceptor::new(listener, places, self.settings.clone(), |settings| settings.http_share);
        let mut connections = IoTasks::default();
        let mut ends = self.ends.clone();
        loop {
            tokio::select! {
                // An error means that nobody is left who could say it.
                _ = ends.wait_for(|ends| *ends) => break,
                (stream, peer, place) = acceptor.next() => connections.spawn(self.clone().answer(stream, peer, place)),
                Some(()) = connections.next_end() => {}
            }
        }
        let answered = async { while connections.next_end().await.is_some() {} };
        let _ = timeout(limits::HTTP_DRAIN, answered).await;
        acceptor.listener
    }

    /// One connection to its end, or until somebody else needs its place.
    async fn answer(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let Ok(local) = stream.local_addr() else { return };
        let ends = (local, peer);
        let place = Arc::new(place);
        let exchange = async {
            match self.certificates.clone() {
                None => self.converse(stream, ends, &place).await,
                Some(certificates) => {
                    if let Some(stream) = certificates.accept(stream, limits::HANDSHAKE).await {
                        self.converse(stream, ends, &place).await;
                    }
                }
            }
        };
        tokio::select! {
            () = exchange => {}
            () = place.displaced() => {}
        }
    }

    /// Serves one connection to its end; once the port ends, up to the next answer: whoever got in is answered once.
    async fn converse<S>(&self, stream: S, ends: (SocketAddr, SocketAddr), place: &Arc<Place>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let asked = Notify::new();
        let answer = |request: Request<Incoming>| {
            asked.notify_one();
            let (port, place) = (self.clone(), place.clone());
            async move { Ok::<_, Infallible>(port.reply(request, ends, place).await) }
        };
        // The time for headers also ends a connection that is kept open without a request.
        let mut served = pin!(builder(limits::HANDSHAKE).serve_connection(TokioIo::new(stream), service_fn(answer)));
        let mut port_ends = self.ends.clone();
        let serve = async {
            tokio::select! {
                outcome = &mut served => return outcome,
                () = async {
                    let _ = port_ends.wait_for(|ends| *ends).await;
                    asked.notified().await;
                } => {}
            }
            served.as_mut().graceful_shutdown();
            served.await
        };
        if let Ok(Err(error)) = timeout(limits::HTTP_CONNECTION, serve).await {
            tracing::debug!(%error, "a connection of the HTTP port ended early");
        }
    }

    /// The answer to one request, if there is a place for it.
    async fn reply(
        self,
        mut request: Request<Incoming>,
        (local, peer): (SocketAddr, SocketAddr),
        place: Arc<Place>,
    ) -> Response<Leaving> {
        let settings = self.settings.borrow().clone();
        let operator = settings.is_operator(request.headers());
        if operator {
            place.is_operators();
        }
        let (share, on_trial) = (settings.http_share, place.on_trial());
        let mut counted = None;
        if !operator && ota::serves(request.uri().path()) {
            let mut is_welcome = !on_trial || place.admitted(share, limits::HTTP_PATIENCE).await;
            if is_welcome && settings.proxies.trusts(peer.ip().to_canonical()) {
                let caller = settings.proxies.caller(peer.ip(), request.headers()).address;
                counted = place.share_of(caller, share);
                is_welcome = counted.is_some();
            }
            if !is_welcome {
                return busy().map(|body| Leaving::new(body, place, None));
            }
        }
        request.extensions_mut().insert(Ends { local: local.ip(), peer: peer.ip() });
        // Routes of the application may serve this machine only.
        request.extensions_mut().insert(ConnectInfo(peer));
        let request = request.map(|body| Arriving::new(body, limits::HTTP_BODY, place.clone()));
        let mut response = self.router.oneshot(request).await.unwrap_or_else(|never| match never {});
        if place.on_trial() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Leaving::new(body, place, counted))
    }
}

/// There is no place for this request now.
fn busy() -> Response<Body> {
    let text = "too many requests from this address at once; ask again in a second\n";
    let headers = [(RETRY_AFTER, HeaderValue::from_static("1")), (CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
}
