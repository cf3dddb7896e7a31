//! The admin API: `/api/v1` and `/metrics` on the HTTP port, with the console at `/`.
//!
//! Rule: with a configured token, `/api/v1` requires it; without one only loopback clients are served, and of browser pages
//! only the console's own. Responses are JSON; an error is `{"error": "one sentence"}`. The document at `/api/v1/openapi.json` is
//! generated from the handlers, so no route can be missing from it.

mod access;
mod addresses;
mod archive;
pub mod audit;
mod config;
mod config_file;
mod console;
mod device_tools;
mod devices;
mod documents;
mod feed;
mod history;
mod limiters;
mod logs;
pub mod nodes;
mod plugin_upload;
mod providers;
mod say;
mod session_view;
mod sessions;
mod status;
mod storage;
mod stream;
mod view;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_config::Live;
use modehost_gateway::{CommandExecutor, OperatorCommand, Readiness};
use modehost_llm::LanguageModels;
use modehost_plugin::PluginCatalog;
use modehost_session::Registry;
use modehost_speech::Speech;
use modehost_storage::{FallbackQueue, SqliteStorage};
use modehost_task::run_on_own_thread;
use tokio::sync::watch::Receiver;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::access::Role;
use self::limiters::Limiters;
use self::nodes::Nodes;
use self::nodes::forward::{self, ForwardedCalls, ThisNode};
use self::nodes::gather;
use self::view::{Done, PluginView, Refusal};
use crate::app::history::History;
use crate::log::recent::Recent;
use crate::metric_names;
use crate::segment::segment;
use crate::settings::Settings;

/// Shared state of the admin handlers.
pub struct AdminState {
    /// All sessions.
    pub registry: Arc<Registry>,
    /// All plugins.
    pub catalog: Arc<PluginCatalog>,
    /// The configuration in force.
    pub live: Arc<Live<Settings>>,
    /// The database.
    pub storage: Arc<SqliteStorage>,
    /// Messages queued for absent devices, with the file that replaces the database when it cannot be written.
    pub queue: Arc<FallbackQueue>,
    /// Executes control commands such as a restart.
    pub operator: Arc<dyn CommandExecutor>,
    /// Language models.
    pub models: Arc<LanguageModels>,
    /// Speech recognition and synthesis.
    pub speech: Arc<Speech>,
    /// Figures and lines of the log.
    pub figures: Figures,
    /// The life of this process.
    pub process: ProcessState,
    /// How often what may be done.
    pub limiters: Limiters,
    /// This server as a node of a cluster; `None` where it is alone.
    pub nodes: Option<Nodes>,
}

/// Figures and lines of the log.
pub struct Figures {
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// The last hour of a few figures.
    pub history: Arc<History>,
    /// The last lines of the log and of the audit.
    pub recent: Arc<Recent>,
}

/// The life of this process.
pub struct ProcessState {
    /// What `/readyz` says.
    pub readiness: Receiver<Readiness>,
    /// True once the server stops: streams end then.
    pub stop: Receiver<bool>,
    /// When the server started.
    pub started: Instant,
    /// The ports that are bound, which the settings may have left to the system.
    pub ports: Ports,
}

/// Ports that are bound.
#[derive(Clone, Copy)]
pub struct Ports {
    /// For devices.
    pub devices: u16,
    /// For OTA.
    pub http: u16,
}

impl AdminState {
    /// Runs a blocking order on its own thread; `None` if no thread could be started or the order panicked.
    async fn run_order<T: Send + 'static>(self: Arc<Self>, order: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _permit = self.limiters.orders.acquire().await.ok()?;
        run_on_own_thread("operator", order).await
    }
}

/// The OpenAPI document before its paths are added.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "modehost, for operators",
        description = "Sessions, plugins and configuration of a running server. With `server.admin_token` set, calls \
                       carry it as `Authorization: Bearer`; without it only this machine may call."
    ),
    components(schemas(Refusal))
)]
struct ApiDoc;

/// The routes, for the HTTP port, and those for calls that other nodes forward.
pub fn routes(admin: Arc<AdminState>) -> (Router, ForwardedCalls) {
    let (open, guarded) = documented_routes();
    let (open, mut document) = open.split_for_parts();
    let (guarded, paths) = guarded.split_for_parts();
    document.merge(paths);
    let text = serialize_document(document);
    let guarded = guarded
        .route("/api/v1/openapi.json", get(async move || ([("content-type", "application/json")], text)))
        .route("/api/v1/{*rest}", any(async || error_response(StatusCode::NOT_FOUND, "no such route")));
    let refuse = async || error_response(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    let forwarded = ForwardedCalls(guarded.clone().method_not_allowed_fallback(refuse).with_state(admin.clone()));
    let guarded = guarded
        .route_layer(middleware::from_fn_with_state(admin.clone(), forward::forward))
        // After that layer: what nobody may call has no node that answers.
        .method_not_allowed_fallback(refuse)
        .route_layer(middleware::from_fn_with_state(admin.clone(), access::guard))
        .route_layer(middleware::from_fn_with_state(admin.clone(), audit::record));
    (open.merge(guarded).merge(console::routes()).with_state(admin), forwarded)
}

/// Every documented route: those without access control, and those behind the guard.
fn documented_routes() -> (OpenApiRouter<Arc<AdminState>>, OpenApiRouter<Arc<AdminState>>) {
    let open = OpenApiRouter::with_openapi(ApiDoc::openapi()).routes(routes!(metrics));
    let guarded = OpenApiRouter::new()
        .merge(status::routes())
        .merge(nodes::routes())
        .merge(sessions::routes())
        .routes(routes!(plugins))
        .routes(routes!(reload_plugin))
        .routes(routes!(roll_back))
        .merge(plugin_upload::routes())
        .merge(config::routes())
        .merge(config_file::routes())
        .merge(devices::routes())
        .merge(device_tools::routes())
        .merge(providers::routes())
        .merge(say::routes())
        .merge(watch::routes())
        .merge(feed::routes())
        .merge(history::routes())
        .merge(logs::routes())
        .merge(archive::routes())
        .merge(documents::routes())
        .merge(storage::routes())
        .routes(routes!(restart));
    (open, guarded)
}

/// Serialises the document once; it does not change while the server runs.
fn serialize_document(mut document: utoipa::openapi::OpenApi) -> String {
    nodes::document_parameter(&mut document);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme("admin_token", bearer);
    // Serialising our own types cannot fail.
    document.to_json().unwrap_or_default()
}

type Shared = State<Arc<AdminState>>;

/// Metrics of the server in the Prometheus text format; host/METRICS.md lists them. Open to anyone who reaches the
/// port, like `/healthz`: no device is named.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Figures", content_type = "text/plain", body = String)))]
async fn metrics(State(admin): Shared) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], metric_names::with_older_names(&admin.figures.metrics.render()))
}

/// All generations of all plugins, and rejected files; in a cluster those of all nodes. The header
/// `Modehost-Unanswered` names nodes that have not answered.
#[utoipa::path(
    get, path = "/api/v1/plugins", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Plugins", body = Vec<PluginView>),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn plugins(State(admin): Shared, role: Extension<Role>, this: Option<Extension<ThisNode>>) -> Response {
    let node = admin.nodes.as_ref().map(|nodes| nodes.cluster.node().name());
    let rows = admin.catalog.list().into_iter().map(|row| PluginView::from(row).of_node(node)).collect();
    gather::rows(&admin, (role, this), "/api/v1/plugins", rows, PluginView::merge).await
}

/// What happens to the state of a plugin's sessions.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct StateOption {
    /// Discard it: live and stored sessions start with empty state.
    discard_state: bool,
}

/// Reloads a plugin's file, even if it was rolled back or rejected.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/reload", security(("admin_token" = [])),
    params(("id" = String, Path, description = "Id of the plugin"), StateOption),
    responses(
        (status = 200, description = "It serves", body = Done),
        (status = 409, description = "No such plugin, or it is rejected; the active version stays", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn reload_plugin(
    State(admin): Shared,
    Extension(role): Extension<Role>,
    this: Option<Extension<ThisNode>>,
    id: Result<Path<String>, PathRejection>,
    option: Result<Query<StateOption>, QueryRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return error_response(StatusCode::BAD_REQUEST, NO_ID) };
    let Ok(Query(option)) = option else { return error_response(StatusCode::BAD_REQUEST, NO_OPTION) };
    let (shared, plugin) = (admin.clone(), id.clone());
    let outcome = admin.clone().run_order(move || shared.catalog.reload(&plugin, option.discard_state)).await;
    let outcome = outcome.map(|outcome| outcome.map_err(|error| error.to_string()));
    if outcome == Some(Ok(())) && option.discard_state && this.is_none() {
        let target = format!("/api/v1/plugins/{}/reload?discard_state=true", segment(&id));
        return order_response(Some(gather::carry_out(&admin, role, &target).await));
    }
    order_response(outcome)
}

/// Rolls back to the previous version, on trial or at any later time.
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
    Extension(role): Extension<Role>,
    this: Option<Extension<ThisNode>>,
    id: Result<Path<String>, PathRejection>,
    option: Result<Query<StateOption>, QueryRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return error_response(StatusCode::BAD_REQUEST, NO_ID) };
    let Ok(Query(option)) = option else { return error_response(StatusCode::BAD_REQUEST, NO_OPTION) };
    let (shared, plugin) = (admin.clone(), id.clone());
    let outcome = admin.clone().run_order(move || shared.catalog.rollback(&plugin, option.discard_state)).await;
    let outcome = outcome.map(|outcome| outcome.map_err(|error| error.to_string()));
    if outcome == Some(Ok(())) && option.discard_state && this.is_none() {
        let target = format!("/api/v1/plugins/{}/rollback?discard_state=true", segment(&id));
        return order_response(Some(gather::carry_out(&admin, role, &target).await));
    }
    order_response(outcome)
}

/// Restarts with the program on disk: sessions are saved, connections close with 1012, and clients that connect
/// meanwhile wait in the accept queue.
#[utoipa::path(
    post, path = "/api/v1/restart", security(("admin_token" = [])),
    responses(
        (status = 200, description = "It begins", body = Done),
        (status = 409, description = "The program on disk does not run; the server goes on", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn restart(State(admin): Shared) -> Response {
    match admin.operator.execute(OperatorCommand::Restart).await {
        Ok(done) => {
            // The gateway drains before the restart, so this response is still sent.
            if let Some(then) = done.after_reply {
                then();
            }
            order_response(Some(Ok(())))
        }
        Err(why) => order_response(Some(Err(why))),
    }
}

const STOPPING: &str = "the server is stopping, or the order failed; see the log";
const NO_ID: &str = "the plugin id is not valid UTF-8";
const NO_OPTION: &str = "discard_state must be true or false";

fn error_response(status: StatusCode, why: impl ToString) -> Response {
    (status, Json(Refusal::new(why))).into_response()
}

fn order_response(outcome: Option<Result<(), String>>) -> Response {
    match outcome {
        Some(Ok(())) => Json(Done::OK).into_response(),
        Some(Err(error)) => error_response(StatusCode::CONFLICT, error),
        None => error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    }
}
