//! Session routes: list, show, kick.

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use modehost_ids::DeviceId;
use modehost_session::KickOutcome;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Role;
use super::nodes::forward::ThisNode;
use super::nodes::gather;
use super::session_view::SessionDetailView;
use super::view::{Done, Refusal, SessionView};
use super::{STOPPING, Shared, error_response};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<std::sync::Arc<super::AdminState>> {
    OpenApiRouter::new().routes(routes!(sessions)).routes(routes!(show)).routes(routes!(kick))
}

/// All sessions in memory, by device id; in a cluster those of all nodes. The header `Modehost-Unanswered` names nodes
/// whose sessions are not in it.
#[utoipa::path(
    get, path = "/api/v1/sessions", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Sessions", body = Vec<SessionView>),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn sessions(State(admin): Shared, role: Extension<Role>, this: Option<Extension<ThisNode>>) -> Response {
    let node = admin.nodes.as_ref().map(|nodes| nodes.cluster.node().name());
    let rows = admin.registry.sessions().into_iter().map(|session| SessionView::new(session, node)).collect();
    let order = |mut rows: Vec<SessionView>| {
        rows.sort_by(|one, other| one.device().cmp(other.device()));
        rows
    };
    gather::rows(&admin, (role, this), "/api/v1/sessions", rows, order).await
}

/// The current state of a session: connection, mode, plugins, queue lengths and the last turns, without any text of
/// them.
#[utoipa::path(
    get, path = "/api/v1/sessions/{device}", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "The session", body = SessionDetailView),
        (status = 404, description = "There is no session of this device in memory", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn show(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let Some(detail) = admin.registry.detail(&device).await else {
        return error_response(StatusCode::NOT_FOUND, no_session(&device));
    };
    let queue = match admin.storage.queue_usage(&device).await {
        Ok(queue) => queue,
        Err(error) => return error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    let in_file = admin.queue.export_device(&device).await.unwrap_or_default();
    let in_file = in_file.iter().filter(|message| message["device_id"] == device.as_str()).count();
    let contracts = admin.catalog.list().into_iter().filter_map(|row| Some((row.generation?, row.track?.version())));
    let contracts = contracts.collect::<BTreeMap<_, _>>();
    Json(SessionDetailView::new(&device, detail, queue.rows + in_file as u64, &contracts)).into_response()
}

/// Closes the connection of a device with 1008. Its state is kept, and it may reconnect.
#[utoipa::path(
    post, path = "/api/v1/sessions/{device}/kick", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "It is being closed", body = Done),
        (status = 404, description = "There is no session of this device", body = Refusal),
        (status = 409, description = "It has no connection now", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn kick(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    match admin.registry.kick(&device, "an operator has closed this connection") {
        KickOutcome::Closing => Json(Done::OK).into_response(),
        KickOutcome::Away => {
            error_response(StatusCode::CONFLICT, format!("{device} is not connected now; its session is kept"))
        }
        KickOutcome::Unknown => error_response(StatusCode::NOT_FOUND, no_session(&device)),
        KickOutcome::Stopping => error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    }
}

fn no_session(device: &DeviceId) -> String {
    format!("there is no session of {device} in memory; `session list` shows all, `device export` what is kept of it")
}

/// The device id in a path, parsed as the gateway parses it.
pub(super) fn parse_device(path: Result<Path<String>, PathRejection>) -> Option<DeviceId> {
    DeviceId::parse(&path.ok()?.0)
}

pub(super) const NO_DEVICE: &str = "the device id must have 1 to 128 bytes of UTF-8 without control characters";
