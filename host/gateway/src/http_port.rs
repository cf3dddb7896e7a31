//! The HTTP port: health, OTA, and what the application adds. Rule: a request that never ends
//! holds one of a bounded number of places and no more.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
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
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::handshake::{Ends, builder};
use crate::ota;
use crate::settings::GatewaySettings;

/// All routes of the port: `/healthz`, `/readyz`, OTA, and `added`. A route of `added` must not
/// repeat one of ours.
pub(crate) fn routes(
    settings: watch::Receiver<Arc<GatewaySettings>>,
    not_ready: watch::Receiver<Vec<String>>,
    devices: SocketAddr,
    added: Router,
) -> Router {
    let health =
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(is_ready)).with_state(not_ready);
    health.merge(ota::routes(settings, devices)).merge(added)
}

async fn is_ready(State(not_ready): State<watch::Receiver<Vec<String>>>) -> (StatusCode, String) {
    let parts = not_ready.borrow();
    match parts.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{}\n", parts.join("\n"))),
    }
}

/// Serves one connection of the HTTP port to its end; once `ends` is true, up to the next answer:
/// whoever got in is answered once.
pub(crate) async fn converse<S>(
    stream: S,
    (local, peer): (SocketAddr, SocketAddr),
    router: Router,
    mut ends: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = Notify::new();
    let answer = |mut request: Request<Incoming>| {
        asked.notify_one();
        request.extensions_mut().insert(Ends { local: local.ip(), peer: peer.ip() });
        // Routes of the application may serve this machine only.
        request.extensions_mut().insert(ConnectInfo(peer));
        let answered = router.clone().oneshot(request);
        async { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
    };
    // The time for headers also ends a connection that is kept open without a request.
    let mut served = pin!(builder(limits::HANDSHAKE).serve_connection(TokioIo::new(stream), service_fn(answer)));
    let serve = async {
        tokio::select! {
            outcome = &mut served => return outcome,
            () = async {
                let _ = ends.wait_for(|ends| *ends).await;
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
