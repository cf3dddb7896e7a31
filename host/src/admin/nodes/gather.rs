//! Questions to all other nodes. Rule: those that do not answer in time are named, and nobody waits longer for them.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use modehost_cluster::{Call, Cluster};
use modehost_storage::traits::NodeId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::super::AdminState;
use super::super::access::Role;
use super::forward::ThisNode;
use crate::limits;

/// What a node has answered.
pub(in crate::admin) struct Answer {
    pub node: NodeId,
    /// `None` if it has not, or says that it cannot.
    pub value: Option<Value>,
}

/// Makes the call on all other nodes that this one has just carried out.
///
/// # Errors
/// The nodes that have not, with their reasons.
pub(in crate::admin) async fn carry_out(admin: &AdminState, role: Role, target: &str) -> Result<(), String> {
    let Some(nodes) = &admin.nodes else { return Ok(()) };
    let cluster = &nodes.cluster;
    let others = cluster.members().living.into_iter().filter(|node| node != cluster.node());
    let failed = join_all(others.map(async |node| match cluster.call(&node, call(role, "POST", target)).await {
        Ok(response) if response.status == 200 => None,
        Ok(response) => Some(format!("node {} refuses ({})", node.name(), response.status)),
        Err(error) => Some(error.to_string()),
    }));
    let failed: Vec<String> = failed.await.into_iter().flatten().collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join(", ")) }
}

/// Names the nodes that have not answered.
pub const UNANSWERED: HeaderName = HeaderName::from_static("modehost-unanswered");

/// Makes the same call to all other nodes; answers in the order of their names.
pub(in crate::admin) async fn all(cluster: &Cluster, patience: Duration, call: impl Fn() -> Call) -> Vec<Answer> {
    let others = cluster.members().living.into_iter().filter(|node| node != cluster.node());
    join_all(others.map(async |node| {
        let value = timeout(patience, ask(cluster, &node, call())).await.ok().flatten();
        Answer { node, value }
    }))
    .await
}

/// The call with which a node is asked for something of its own.
pub(in crate::admin) fn call(role: Role, method: &str, target: &str) -> Call {
    Call {
        method: method.to_owned(),
        target: target.to_owned(),
        role: role.name().to_owned(),
        headers: Vec::new(),
        body: stream::empty().boxed(),
    }
}

async fn ask(cluster: &Cluster, node: &NodeId, call: Call) -> Option<Value> {
    let response = cluster.call(node, call).await.ok().filter(|response| response.status == 200)?;
    let most = usize::try_from(limits::ADMIN_RESPONSE_BYTES).unwrap_or(usize::MAX);
    let mut body = response.body;
    let mut whole = Vec::new();
    while let Some(piece) = body.next().await {
        let piece: Bytes = piece.ok()?;
        if whole.len() + piece.len() > most {
            return None;
        }
        whole.extend_from_slice(&piece);
    }
    serde_json::from_slice(&whole).ok()
}

/// The rows of this node and of all others, put in order, unless the call is about this node alone.
pub(in crate::admin) async fn rows<R: Serialize + DeserializeOwned>(
    admin: &AdminState,
    (Extension(role), this): (Extension<Role>, Option<Extension<ThisNode>>),
    target: &str,
    mut rows: Vec<R>,
    order: impl FnOnce(Vec<R>) -> Vec<R>,
) -> Response {
    let (None, Some(nodes)) = (this, &admin.nodes) else { return Json(rows).into_response() };
    let mut unanswered = Vec::new();
    for answer in all(&nodes.cluster, limits::NODE_ANSWER, || call(role, "GET", target)).await {
        match answer.value.and_then(|value| serde_json::from_value::<Vec<R>>(value).ok()) {
            Some(more) => rows.extend(more),
            None => unanswered.push(answer.node.name().to_owned()),
        }
    }
    let mut response = Json(order(rows)).into_response();
    if let Some(names) = HeaderValue::try_from(unanswered.join(", ")).ok().filter(|_| !unanswered.is_empty()) {
        response.headers_mut().insert(UNANSWERED, names);
    }
    response
}
