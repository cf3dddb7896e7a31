//! The HTTP port: health, OTA, and what the application adds. Rule: a request that never ends holds one of a
//! bounded number of places, and loses it when others need one; health and operators always get through.
//!
//! - `body`: what requests bring and answers take along

mod body;

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

use self::body::{Arriving, Leaving};
use crate::accept::places::{Bounds, Place, Places};
use crate::accept::{Accepted, Acceptor, Ends};
use crate::admission::certificates::Certificates;
use crate::admission::handshake::builder;
use crate::admission::seats::Budget;
use crate::ota;
use crate::proxy::names_one_host;
use crate::settings::GatewaySettings;

/// What `/readyz` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// One sentence for each part that wants no newcomers; none: the server is ready.
    pub not_ready: Vec<String>,
    /// What an operator should know of a server that may well be ready.
    pub notes: Vec<String>,
}

/// `/healthz` and `/readyz`.
pub(crate) fn health(readiness: watch::Receiver<Readiness>) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(is_ready)).with_state(readiness)
}

async fn is_ready(State(readiness): State<watch::Receiver<Readiness>>) -> (StatusCode, String) {
    let Readiness { not_ready, notes } = &*readiness.borrow();
    let (status, first) = match not_ready.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let lines = std::iter::once(first).chain(not_ready.iter().chain(notes).map(String::as_str));
    (status, lines.flat_map(|line| [line, "\n"]).collect())
}

/// One port that speaks HTTP.
#[derive(Clone)]
pub(crate) struct HttpPort {
    pub router: Router,
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    pub budget: Budget,
    /// None where the port is plain.
    pub certificates: Option<Arc<Certificates>>,
    /// True once the port ends.
    pub ends: watch::Receiver<bool>,
}

/// Who is on one connection.
#[derive(Clone)]
struct Caller {
    peer: SocketAddr,
    ends: Ends,
    place: Arc<Place>,
}

impl HttpPort {
    /// Serves until the port ends and what was asked before has been answered; gives the listener back. `name` is
    /// for the log and the metrics.
    pub async fn serve(self, listener: TcpListener, name: &'static str) -> TcpListener {
        let bounds = Bounds {
            all: self.budget.http,
            reserve: self.budget.http_reserve,
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
                accepted = acceptor.next() => connections.spawn(self.clone().answer(accepted)),
                Some(()) = connections.next_end() => {}
            }
        }
        let answered = async { while connections.next_end().await.is_some() {} };
        let _ = timeout(limits::HTTP_DRAIN, answered).await;
        acceptor.listener
    }

    /// One connection to its end, or until somebody else needs its place.
    async fn answer(self, accepted: Accepted) {
        let Accepted { stream, peer, place } = accepted;
        let Some(ends) = Ends::of(&stream, peer) else { return };
        let caller = Caller { peer, ends, place: Arc::new(place) };
        let place = caller.place.clone();
        let exchange = async {
            match self.certificates.clone() {
                None => self.exchange(stream, caller).await,
                Some(certificates) => {
                    if let Some(stream) = certificates.accept(stream, limits::HANDSHAKE).await {
                        self.exchange(stream, caller).await;
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
    async fn exchange<S>(&self, stream: S, caller: Caller)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let asked = Notify::new();
        let answer = |request: Request<Incoming>| {
            asked.notify_one();
            let (port, caller) = (self.clone(), caller.clone());
            async move { Ok::<_, Infallible>(port.reply(request, caller).await) }
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
    async fn reply(self, mut request: Request<Incoming>, caller: Caller) -> Response<Leaving> {
        let Caller { peer, ends, place } = caller;
        if !names_one_host(request.uri(), request.headers()) {
            let refused = (StatusCode::BAD_REQUEST, "a request names one host\n").into_response();
            return refused.map(|body| Leaving::new(body, place, None));
        }
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
        request.extensions_mut().insert(ends);
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
