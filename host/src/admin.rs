//! The interface for operators: `/api/v1` and `/metrics` on the HTTP port.
//!
//! Rule: with a token configured, `/api/v1` wants the token; without one it serves this machine
//! only, and never a browser page. Answers are JSON; an error is `{"error": "one sentence"}`.

mod access;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_config::{Live, Problems};
use modehost_plugin::PluginCatalog;
use modehost_session::Registry;
use modehost_task::run_blocking;
use serde_json::json;

use crate::app::reload;
use crate::settings::Settings;

/// What operators see and move.
pub struct Desk {
    pub registry: Arc<Registry>,
    pub catalog: Arc<PluginCatalog>,
    pub live: Arc<Live<Settings>>,
    pub metrics: PrometheusHandle,
}

/// The routes, for the HTTP port.
pub fn routes(desk: Arc<Desk>) -> Router {
    let guarded = Router::new()
        .route("/api/v1/sessions", get(sessions))
        .route("/api/v1/plugins", get(plugins))
        .route("/api/v1/plugins/{id}/reload", post(reload_plugin))
        .route("/api/v1/plugins/{id}/rollback", post(roll_back))
        .route("/api/v1/config/check", post(check_config))
        .route("/api/v1/config/reload", post(reload_config))
        .route_layer(middleware::from_fn_with_state(desk.clone(), access::guard));
    Router::new().route("/metrics", get(metrics)).merge(guarded).with_state(desk)
}

type Shared = State<Arc<Desk>>;

/// Prometheus text. Open to whoever reaches the port, as `/healthz` is: it names no device.
async fn metrics(State(desk): Shared) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], desk.metrics.render())
}

async fn sessions(State(desk): Shared) -> impl IntoResponse {
    Json(desk.registry.sessions())
}

async fn plugins(State(desk): Shared) -> impl IntoResponse {
    Json(desk.catalog.list())
}

/// Reads the plugin's file anew.
async fn reload_plugin(State(desk): Shared, Path(id): Path<String>) -> Response {
    let outcome = run_blocking(move || desk.catalog.reload(&id)).await;
    answer(outcome.map(|outcome| outcome.map_err(|error| error.to_string())))
}

/// Goes back to the generation before.
async fn roll_back(State(desk): Shared, Path(id): Path<String>) -> Response {
    let outcome = run_blocking(move || desk.catalog.rollback(&id)).await;
    answer(outcome.map(|outcome| outcome.map_err(|error| error.to_string())))
}

/// Checks the YAML of the body as if it were the file; changes nothing.
async fn check_config(State(desk): Shared, text: String) -> Response {
    let outcome = run_blocking(move || {
        let loaded = desk.live.source().load_text::<Settings>("configuration", &text)?;
        let problems = reload::owners(&loaded, &desk.catalog).check(&loaded);
        if problems.is_empty() { Ok(()) } else { Err(Problems::sorted(problems)) }
    });
    match outcome.await {
        Some(Ok(())) => Json(json!({ "ok": true })).into_response(),
        Some(Err(problems)) => refuse(&problems),
        None => answer(None),
    }
}

/// Reads the configuration file anew.
async fn reload_config(State(desk): Shared) -> Response {
    match run_blocking(move || desk.live.reload()).await {
        Some(Ok(reloaded)) => Json(reloaded).into_response(),
        Some(Err(problems)) => refuse(&problems),
        None => answer(None),
    }
}

fn refuse(problems: &Problems) -> Response {
    let each: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    let body = json!({ "ok": false, "error": "the configuration is not valid; nothing has changed", "problems": each });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

fn answer(outcome: Option<Result<(), String>>) -> Response {
    match outcome {
        Some(Ok(())) => Json(json!({ "ok": true })).into_response(),
        Some(Err(error)) => (StatusCode::CONFLICT, Json(json!({ "error": error }))).into_response(),
        None => {
            let body = json!({ "error": "the server is stopping, or the work broke off; see the log" });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}
