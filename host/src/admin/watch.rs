//! What modes do while they do it: calls of one plugin, or of all plugins for one device. Rule: names, times and sizes
//! for every operator; texts and states only where `operators.show_dialogue` is on when the watch begins. Each watch is
//! a line of the audit.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use modehost_ids::PluginId;
use modehost_session::{Observation, Observed, Subject};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Role;
use super::nodes::forward::ThisNode;
use super::nodes::streams::{OtherLines, Told};
use super::sessions::{NO_DEVICE, parse_device};
use super::stream::{Lines, line, respond};
use super::view::Refusal;
use super::{AdminState, NO_ID, Shared, error_response};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<std::sync::Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(plugin)).routes(routes!(device))
}

/// Calls of a plugin as they happen, one JSON object a line: event, effects, outcome, time, memory, size of the state,
/// fault. With `operators.show_dialogue` also texts and state (`content`). Blank lines mean that nothing happened; the
/// last line has the type `end`: ask again.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/watch", security(("admin_token" = [])),
    params(("id" = String, Path, description = "Id of the plugin")),
    responses(
        (status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String),
        (status = 404, description = "There is no such plugin", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "Too many watch already", body = Refusal),
    )
)]
async fn plugin(
    State(admin): Shared,
    Extension(role): Extension<Role>,
    this: Option<Extension<ThisNode>>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return error_response(StatusCode::BAD_REQUEST, NO_ID) };
    if !admin.catalog.list().iter().any(|row| row.id == id) {
        let known = admin.catalog.known().join(", ");
        let why = format!("there is no plugin `{id}`; the server has {known}");
        return error_response(StatusCode::NOT_FOUND, why);
    }
    let nodes = admin.nodes.as_ref().filter(|_| this.is_none());
    let others = nodes.map(|nodes| OtherLines::new(&nodes.cluster, role, format!("/api/v1/plugins/{id}/watch")));
    watch(&admin, role, Subject::Plugin(PluginId::new(id)), others)
}

/// Calls of all plugins for a device, and its turns, as they happen: lines like those of a plugin's watch. The device
/// need not be connected.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/watch", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "Too many watch already", body = Refusal),
    )
)]
async fn device(
    State(admin): Shared,
    Extension(role): Extension<Role>,
    device: Result<Path<String>, PathRejection>,
) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    watch(&admin, role, Subject::Device(device), None)
}

fn watch(admin: &AdminState, role: Role, subject: Subject, others: Option<OtherLines>) -> Response {
    let with_content = admin.live.current().document.operators.show_dialogue && role.sees_dialogue();
    match admin.registry.observe(subject, with_content) {
        Ok(observation) => respond(
            Watched { observation, others, begins: Some(with_content), missed: 0, held: None },
            admin.process.stop.clone(),
        ),
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

struct Watched {
    observation: Observation,
    /// The same watch on other nodes.
    others: Option<OtherLines>,
    /// Before the first line: whether texts and state are shown.
    begins: Option<bool>,
    missed: u64,
    /// A record that waits until the line about missed ones is out.
    held: Option<Observed>,
}

impl Lines for Watched {
    async fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(with_content) = self.begins {
            // From this line on nothing is missed, on any node.
            if let Some(others) = &mut self.others {
                others.begun().await;
            }
            self.begins = None;
            return Some(line(&json!({"type": "begin", "dialogue": with_content})));
        }
        if self.held.is_none() {
            tokio::select! {
                next = self.observation.next() => self.held = Some(next?),
                line_elsewhere = line_elsewhere(&mut self.others) => return Some(line(&line_elsewhere)),
            }
            self.missed += self.observation.take_missed();
        }
        if self.missed > 0 {
            let records = std::mem::take(&mut self.missed);
            return Some(line(&json!({"type": "missed", "records": records})));
        }
        Some(shown(&self.held.take()?))
    }
}

/// The next line of another node. Cancel safe.
async fn line_elsewhere(others: &mut Option<OtherLines>) -> Value {
    let Some(others) = others else { return std::future::pending().await };
    loop {
        // The beginning is that of this stream.
        if let (_, Told::Line(line)) = others.next().await
            && line["type"] != "begin"
        {
            return line;
        }
    }
}

/// The line of a record.
fn shown(observed: &Observed) -> Vec<u8> {
    match observed {
        Observed::Call(record) => {
            #[derive(serde::Serialize)]
            struct Call<'a> {
                r#type: &'static str,
                #[serde(flatten)]
                record: &'a modehost_session::CallRecord,
            }
            line(&Call { r#type: "call", record })
        }
        Observed::Turn(device, record) => line(&json!({"type": "turn", "device": device.as_str(), "record": **record})),
    }
}
