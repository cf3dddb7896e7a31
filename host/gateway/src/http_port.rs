//! The HTTP port: health, OTA, and what the application adds. Rule: a request that never ends
//! holds one of a bounded number of places and no more.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::get;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use modehost_limits as limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::handshake::builder;
use crate::ota::{self, Local};
use crate::settings::GatewaySettings;

/// All routes of the port: `/healthz`, `/readyz`, OTA, and `added`. A route of `added` must not
/// repeat one of ours.
pub(crate) fn routes(
    settings: watch::Receiver<Arc<GatewaySettings>>,
    ready: watch::Receiver<bool>,
    devices: SocketAddr,
    added: Router,
) -> Router {
    let health =
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(is_ready)).with_state(ready);
    health.merge(ota::routes(settings, devices)).merge(added)
}

async fn is_ready(State(ready): State<watch::Receiver<bool>>) -> (StatusCode, &'static str) {
    match *ready.borrow() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting or stopping\n"),
    }
}

/// Serves one connection of the HTTP port to its end.
pub(crate) async fn converse<S>(stream: S, local: SocketAddr, peer: SocketAddr, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Local(local.ip()));
        // Routes of the application may serve this machine only.
        request.extensions_mut().insert(ConnectInfo(peer));
        let answered = router.clone().oneshot(request);
        async { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
    };
    // The time for headers also ends a connection that is kept open without a request.
    let serve = builder(limits::HANDSHAKE).serve_connection(TokioIo::new(stream), service_fn(answer));
    if let Ok(Err(error)) = timeout(limits::HTTP_CONNECTION, serve).await {
        tracing::debug!(%error, "a connection of the HTTP port ended early");
    }
}
