//! The interface for operators: `/api/v1` and `/metrics` on the HTTP port.
//!
//! Rule: with a token configured, `/api/v1` wants the token; without one it serves this machine
//! only, and never a browser page. Answers are JSON; an error is `{"error": "one sentence"}`. The
//! document at `/api/v1/openapi.json` is made from the handlers themselves, so that no route can be
//! missing from it.

mod access;
pub mod audit;
mod config;
mod devices;
mod session_view;
mod sessions;
mod status;
mod storage;
mod view;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_config::Live;
use modehost_gateway::{Operator, Order, Readiness};
use modehost_plugin::PluginCatalog;
use modehost_session::Registry;
use modehost_storage::{FallbackQueue, SqliteStorage};
use modehost_task::run_apart;
use tokio::sync::{Semaphore, watch};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::view::{Done, PluginView, Refusal};
use crate::metric_names;
use crate::settings::Settings;

/// What operators see and move.
pub struct AdminState {
    /// All sessions.
    pub registry: Arc<Registry>,
    /// All plugins.
    pub catalog: Arc<PluginCatalog>,
    /// The configuration that holds.
    pub live: Arc<Live<Settings>>,
    /// The database.
    pub storage: Arc<SqliteStorage>,
    /// Messages for devices that are away, with the file that stands in for the database.
    pub queue: Arc<FallbackQueue>,
    /// Whoever carries out orders.
    pub operator: Arc<dyn Operator>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// What `/readyz` says.
    pub readiness: watch::Receiver<Readiness>,
    /// When the server began.
    pub began: Instant,
    /// Places for orders that take a while; the next waits.
    pub places: Semaphore,
}

impl AdminState {
    /// Carries an order out that may take a while; none if it broke off.
    async fn work<T: Send + 'static>(self: Arc<Self>, order: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _place = self.places.acquire().await.ok()?;
        run_apart("operator", order).await
    }
}

/// The document without its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "modehost, for operators",
        description = "Sessions, plugins and configuration of a running server. With `server.admin_token` set, calls \
                       carry it as `Authorization: Bearer`; without it only this machine may call."
    ),
    components(schemas(Refusal))
)]
struct Described;

/// The routes, for the HTTP port.
pub fn routes(admin: Arc<AdminState>) -> Router {
    let (open, guarded) = described();
    let (open, mut document) = open.split_for_parts();
    let (guarded, paths) = guarded.split_for_parts();
    document.merge(paths);
    let text = serve_document(document);
    let guarded = guarded
        .route("/api/v1/openapi.json", get(async move || ([("content-type", "application/json")], text)))
        .route("/api/v1/{*rest}", any(async || refuse(StatusCode::NOT_FOUND, "there is no such thing here")))
        .method_not_allowed_fallback(async || refuse(StatusCode::METHOD_NOT_ALLOWED, "this takes another method"))
        .route_layer(middleware::from_fn_with_state(admin.clone(), access::guard))
        .route_layer(middleware::from_fn_with_state(admin.clone(), audit::record));
    open.merge(guarded).with_state(admin)
}

/// Every route with its description: those open to all, and those that are guarded.
fn described() -> (OpenApiRouter<Arc<AdminState>>, OpenApiRouter<Arc<AdminState>>) {
    let open = OpenApiRouter::with_openapi(Described::openapi()).routes(routes!(metrics));
    let guarded = OpenApiRouter::new()
        .merge(status::routes())
        .merge(sessions::routes())
        .routes(routes!(plugins))
        .routes(routes!(reload_plugin))
        .routes(routes!(roll_back))
        .merge(config::routes())
        .merge(devices::routes())
        .merge(storage::routes())
        .routes(routes!(restart));
    (open, guarded)
}

/// The text of the document. It does not change while the server runs.
fn serve_document(mut document: utoipa::openapi::OpenApi) -> String {
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme("admin_token", bearer);
    // It is made of our own types, none of which can fail.
    document.to_json().unwrap_or_default()
}

type Shared = State<Arc<AdminState>>;

/// Figures of the server as Prometheus text; host/METRICS.md lists them. Open to whoever reaches the
/// port, as `/healthz` is: it names no device.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Figures", content_type = "text/plain", body = String)))]
async fn metrics(State(admin): Shared) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], metric_names::with_older_names(&admin.metrics.render()))
}

/// All versions of all plugins, and files that were refused.
#[utoipa::path(
    get, path = "/api/v1/plugins", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Plugins", body = Vec<PluginView>),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn plugins(State(admin): Shared) -> impl IntoResponse {
    Json(admin.catalog.list().into_iter().map(PluginView::from).collect::<Vec<_>>())
}

/// What becomes of the state of a plugin's sessions.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct StateOption {
    /// Throw it away: sessions begin afresh, stored ones too.
    discard_state: bool,
}

/// Reads a plugin's file anew, also if it was rolled back or refused.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/reload", security(("admin_token" = [])),
    params(("id" = String, Path, description = "Id of the plugin"), StateOption),
    responses(
        (status = 200, description = "It serves", body = Done),
        (status = 409, description = "There is no such plugin, or it is refused; what served goes on", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn reload_plugin(
    State(admin): Shared,
    id: Result<Path<String>, PathRejection>,
    option: Result<Query<StateOption>, QueryRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return refuse(StatusCode::BAD_REQUEST, NO_ID) };
    let Ok(Query(option)) = option else { return refuse(StatusCode::BAD_REQUEST, NO_OPTION) };
    let outcome = admin.clone().work(move || admin.catalog.reload(&id, option.discard_state)).await;
    answer(outcome.map(|outcome| outcome.map_err(|error| error.to_string())))
}

/// Goes back to the version before, on trial or at any time later.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/rollback", security(("admin_token" = [])),
    params(("id" = String, Path, description = "Id of the plugin"), StateOption),
    responses(
        (status = 200, description = "The version before serves", body = Done),
        (status = 409, description = "There is no such plugin, no version before it is kept, or it does not take the \
                                      state that sessions have", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn roll_back(
    State(admin): Shared,
    id: Result<Path<String>, PathRejection>,
    option: Result<Query<StateOption>, QueryRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return refuse(StatusCode::BAD_REQUEST, NO_ID) };
    let Ok(Query(option)) = option else { return refuse(StatusCode::BAD_REQUEST, NO_OPTION) };
    let outcome = admin.clone().work(move || admin.catalog.rollback(&id, option.discard_state)).await;
    answer(outcome.map(|outcome| outcome.map_err(|error| error.to_string())))
}

/// Begins again with the program on disk: sessions are saved, connections close with 1012, and whoever
/// connects meanwhile waits and is served.
#[utoipa::path(
    post, path = "/api/v1/restart", security(("admin_token" = [])),
    responses(
        (status = 200, description = "It begins", body = Done),
        (status = 409, description = "The program on disk does not run; the server goes on", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn restart(State(admin): Shared) -> Response {
    match admin.operator.carry_out(Order::Restart).await {
        Ok(done) => {
            // This answer is waited for before the program goes.
            if let Some(then) = done.then {
                then();
            }
            answer(Some(Ok(())))
        }
        Err(why) => answer(Some(Err(why))),
    }
}

const STOPPING: &str = "the server is stopping, or the work broke off; see the log";
const NO_ID: &str = "the id of the plugin is no text";
const NO_OPTION: &str = "discard_state is true or false";

fn refuse(status: StatusCode, why: impl ToString) -> Response {
    (status, Json(Refusal::new(why))).into_response()
}

fn answer(outcome: Option<Result<(), String>>) -> Response {
    match outcome {
        Some(Ok(())) => Json(Done::OK).into_response(),
        Some(Err(error)) => refuse(StatusCode::CONFLICT, error),
        None => refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    }
}
