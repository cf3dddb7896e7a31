//! The nodes of a cluster, as operators see them. Rule: any node may be asked; what concerns a device is answered by the
//! node that has it, what concerns all by all, and `node` names one for everything else.

pub(super) mod forward;
pub mod gather;
pub(super) mod streams;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use modehost_cluster::Cluster;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, OpenApi, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::forward::ThisNode;
use super::access::Role;
use super::view::{Done, Refusal};
use super::{AdminState, Shared, error_response};
use crate::app::evacuation::{Evacuation, Stage};
use crate::limits;

/// This server as a node.
pub struct Nodes {
    /// Its cluster.
    pub cluster: Arc<Cluster>,
    /// Its sessions on their way to others.
    pub evacuation: Evacuation,
}

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(nodes)).routes(routes!(drain, take_again))
}

/// A node of the cluster.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeView {
    /// Its configured name (`cluster.node`); null for a server that is alone.
    node: Option<String>,
    /// Name of its present run: another one after each start.
    id: Option<String>,
    /// `serving`; `draining`: it hands its sessions over; `drained`: it has; `silent`: it lives and does not answer;
    /// `gone`: it is not heard of any more.
    stage: &'static str,
    /// Whether this is the node that was asked.
    asked: bool,
    /// Unix ms since when it is not heard of; null while it is.
    gone_since: Option<u64>,
    /// What it says of itself; null if it says nothing.
    own: Option<OwnView>,
}

/// What a node says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnView {
    version: &'static str,
    uptime_s: u64,
    /// Whether it takes new devices, as `/readyz` says.
    ready: bool,
    /// One sentence for each component that is not ready.
    not_ready: Vec<String>,
    connected: usize,
    /// Sessions in memory.
    sessions: usize,
    /// Entries of the cluster's log that it has applied; null for a server that is alone.
    applied: Option<u64>,
}

impl NodeView {
    /// The node that answers.
    fn own(admin: &AdminState) -> Self {
        let readiness = admin.process.readiness.borrow().clone();
        let counts = admin.registry.counts();
        let stage = admin.nodes.as_ref().map_or(Stage::Serving, |nodes| nodes.evacuation.stage());
        let cluster = admin.nodes.as_ref().map(|nodes| &nodes.cluster);
        Self {
            node: cluster.map(|cluster| cluster.node().name().to_owned()),
            id: cluster.map(|cluster| cluster.node().to_string()),
            stage: match stage {
                Stage::Serving => "serving",
                Stage::Draining => "draining",
                Stage::Drained => "drained",
            },
            asked: true,
            gone_since: None,
            own: Some(OwnView {
                version: env!("CARGO_PKG_VERSION"),
                uptime_s: admin.process.started.elapsed().as_secs(),
                ready: readiness.not_ready.is_empty(),
                not_ready: readiness.not_ready,
                connected: counts.connected,
                sessions: counts.sessions,
                applied: cluster.map(|cluster| cluster.applied()),
            }),
        }
    }

    fn without_answer(node: &modehost_storage::traits::NodeId, gone_since: Option<SystemTime>) -> Self {
        let ms = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Self {
            node: Some(node.name().to_owned()),
            id: Some(node.to_string()),
            stage: if gone_since.is_some() { "gone" } else { "silent" },
            asked: false,
            gone_since: gone_since.map(ms),
            own: None,
        }
    }
}

/// The nodes of the cluster, with what each says of itself, and those that are gone since the asked one started. A
/// server that is alone is one node without a name.
#[utoipa::path(
    get, path = "/api/v1/nodes", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Nodes, in the order of their names", body = Vec<NodeView>),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn nodes(
    State(admin): Shared,
    Extension(role): Extension<Role>,
    this: Option<Extension<ThisNode>>,
) -> impl IntoResponse {
    let mut rows = vec![json(&NodeView::own(&admin))];
    if let (None, Some(nodes)) = (this, &admin.nodes) {
        let call = || gather::call(role, "GET", "/api/v1/nodes");
        for answer in gather::all(&nodes.cluster, limits::NODE_ANSWER, call).await {
            rows.push(match answer.value.as_ref().and_then(|value| value.get(0)) {
                Some(row) => {
                    let mut row = row.clone();
                    row["asked"] = false.into();
                    row
                }
                None => json(&NodeView::without_answer(&answer.node, None)),
            });
        }
        let gone = nodes.cluster.members().gone;
        rows.extend(gone.iter().map(|(node, since)| json(&NodeView::without_answer(node, Some(*since)))));
        rows.sort_by_key(|row| row["node"].to_string());
    }
    Json(rows)
}

fn json(view: &NodeView) -> Value {
    // Serialising our own types cannot fail.
    serde_json::to_value(view).unwrap_or_default()
}

/// How fast sessions are handed over.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Rate {
    /// Sessions a second. Default 500.
    #[param(minimum = 1, maximum = 10_000)]
    per_second: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: limits::EVACUATED_PER_SECOND }
    }
}

/// A node hands its sessions over to the others, at a bounded rate, and takes no devices. Connections are closed with
/// 4001; devices that connect again are served elsewhere. `GET /api/v1/nodes` says how far it is.
#[utoipa::path(
    post, path = "/api/v1/nodes/{node}/drain", security(("admin_token" = [])),
    params(("node" = String, Path, description = "Name of the node (`cluster.node`)"), Rate),
    responses(
        (status = 200, description = "It begins", body = Done),
        (status = 404, description = "There is no such node, or this server is alone", body = Refusal),
        (status = 409, description = "No other node takes sessions", body = Refusal),
        (status = "4XX", description = "Not allowed, or no such rate", body = Refusal),
        (status = 503, description = "The node does not answer", body = Refusal),
    )
)]
async fn drain(State(admin): Shared, rate: Result<Query<Rate>, QueryRejection>) -> Response {
    let Some(nodes) = &admin.nodes else { return forward::alone() };
    let allowed = 1..=limits::EVACUATED_PER_SECOND_MAX;
    let Some(rate) = rate.ok().map(|rate| rate.0.per_second).filter(|rate| allowed.contains(rate)) else {
        let most = limits::EVACUATED_PER_SECOND_MAX;
        return error_response(StatusCode::BAD_REQUEST, format!("per_second must be 1 to {most}"));
    };
    match nodes.evacuation.begin(rate) {
        Ok(()) => Json(Done::OK).into_response(),
        Err(error) => error_response(StatusCode::CONFLICT, error),
    }
}

/// A node that has handed its sessions over, or does, takes devices again.
#[utoipa::path(
    delete, path = "/api/v1/nodes/{node}/drain", security(("admin_token" = [])),
    params(("node" = String, Path, description = "Name of the node (`cluster.node`)")),
    responses(
        (status = 200, description = "It takes devices", body = Done),
        (status = 404, description = "There is no such node, or this server is alone", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The node does not answer", body = Refusal),
    )
)]
async fn take_again(State(admin): Shared, _node: Result<Path<String>, PathRejection>) -> Response {
    let Some(nodes) = &admin.nodes else { return forward::alone() };
    nodes.evacuation.end();
    Json(Done::OK).into_response()
}

/// Adds to every call that it may name the node which answers.
pub(super) fn document_parameter(document: &mut OpenApi) {
    let text = Schema::Object(ObjectBuilder::new().schema_type(Type::String).build());
    let parameter = ParameterBuilder::new()
        .name("node")
        .parameter_in(ParameterIn::Query)
        .description(Some(
            "In a cluster: the node that answers, for itself alone. Without it the node that has the device answers, or \
             the one that was asked, for all where that can be.",
        ))
        .schema(Some(text))
        .build();
    for (path, item) in &mut document.paths.paths {
        if path.starts_with("/api/v1/") && !path.contains("{node}") {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete, &mut item.patch];
            for operation in operations.into_iter().flatten() {
                operation.parameters.get_or_insert_default().push(parameter.clone().into());
            }
        }
    }
}
