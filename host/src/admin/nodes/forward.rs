//! Calls that another node answers. Rule: a call is forwarded at most once, by the node that was asked, after it has decided
//! that the caller may make it; what the caller proved itself with stays here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::{RequestExt, Router};
use futures_util::StreamExt;
use modehost_cluster::{Call, CallHost, CallResponse, Cluster};
use modehost_ids::DeviceId;
use modehost_storage::traits::NodeId;
use serde::Deserialize;
use tower::ServiceExt;

use super::super::access::Role;
use super::super::{AdminState, error_response};

/// The call is about this node alone, and is answered here.
#[derive(Clone, Copy, Debug)]
pub(in crate::admin) struct ThisNode;

/// The node that a call names.
#[derive(Debug, Deserialize)]
struct Wanted {
    node: Option<String>,
}

/// Who answers a call.
enum Answering {
    /// Whoever was asked, for all.
    Asked,
    /// This node, for itself.
    This,
    Other(NodeId),
}

/// Headers that concern the connection, or prove who calls.
const KEPT_HERE: [HeaderName; 5] = [AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, TRANSFER_ENCODING];

/// Middleware: answers a call here, or has another node answer it.
pub(in crate::admin) async fn forward(
    State(admin): State<Arc<AdminState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let answering = match answering(&admin, &mut request).await {
        Ok(answering) => answering,
        Err(refusal) => return *refusal,
    };
    match (answering, &admin.nodes) {
        (Answering::Other(node), Some(nodes)) => ask(&nodes.cluster, &node, request).await,
        (Answering::This, _) => {
            request.extensions_mut().insert(ThisNode);
            next.run(request).await
        }
        _ => next.run(request).await,
    }
}

/// What a server without a cluster answers to whoever names a node.
pub(in crate::admin) fn alone() -> Response {
    error_response(StatusCode::NOT_FOUND, "this server is alone: cluster.nats is not set")
}

async fn answering(admin: &AdminState, request: &mut Request) -> Result<Answering, Box<Response>> {
    let wanted = Query::<Wanted>::try_from_uri(request.uri()).ok().and_then(|wanted| wanted.0.node);
    let params = request.extract_parts::<RawPathParams>().await.ok();
    let param = |name: &str| {
        let found = params.iter().flatten().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.to_owned())
    };
    let wanted = param("node").or(wanted);
    let Some(nodes) = &admin.nodes else {
        return if wanted.is_some() { Err(Box::new(alone())) } else { Ok(Answering::Asked) };
    };
    let cluster = &nodes.cluster;
    if let Some(wanted) = wanted {
        if wanted == cluster.node().name() {
            return Ok(Answering::This);
        }
        let living = cluster.members().living;
        return match living.iter().find(|node| node.name() == wanted) {
            Some(node) => Ok(Answering::Other(node.clone())),
            None => {
                let known: Vec<&str> = living.iter().map(NodeId::name).collect();
                let why = format!("no node of this name lives; there are {}", known.join(", "));
                Err(Box::new(error_response(StatusCode::NOT_FOUND, why)))
            }
        };
    }
    let Some(device) = param("device").and_then(|device| DeviceId::parse(&device)) else { return Ok(Answering::Asked) };
    match cluster.elsewhere(&device).await {
        Ok(Some(node)) => Ok(Answering::Other(node)),
        Ok(None) => Ok(Answering::Asked),
        Err(error) => Err(Box::new(error_response(StatusCode::SERVICE_UNAVAILABLE, error))),
    }
}

/// The response of another node.
async fn ask(cluster: &Cluster, node: &NodeId, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let role = parts.extensions.get::<Role>().map_or("", |role| role.name());
    let call = Call {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        role: role.to_owned(),
        headers: sent(&parts.headers),
        body: body.into_data_stream().map(|piece| piece.map_err(io::Error::other)).boxed(),
    };
    match cluster.call(node, call).await {
        Ok(CallResponse { status, headers, body }) => {
            let mut response = Response::new(Body::from_stream(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            *response.headers_mut() = received(headers);
            response
        }
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn sent(headers: &HeaderMap) -> Vec<(String, String)> {
    let sent = headers.iter().filter(|(name, _)| !KEPT_HERE.contains(name));
    sent.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

fn received(headers: Vec<(String, String)>) -> HeaderMap {
    let parse =
        |(name, value): (String, String)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?));
    headers.into_iter().filter_map(parse).collect()
}

/// Answers what other nodes forward, with the same handlers.
pub struct ForwardedCalls(pub Router);

impl CallHost for ForwardedCalls {
    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = CallResponse> + Send>> {
        let router = self.0.clone();
        Box::pin(async move {
            let response = match request(call) {
                Some(request) => router.oneshot(request).await.unwrap_or_else(|never| match never {}),
                None => error_response(StatusCode::BAD_REQUEST, "the other node sends a call that cannot be read"),
            };
            let (parts, body) = response.into_parts();
            CallResponse {
                status: parts.status.as_u16(),
                headers: sent(&parts.headers),
                body: body.into_data_stream().map(|piece| piece.map_err(io::Error::other)).boxed(),
            }
        })
    }
}

fn request(call: Call) -> Option<Request> {
    let Call { method, target, role, headers, body } = call;
    let mut request = Request::builder().method(method.as_str()).uri(target).body(Body::from_stream(body)).ok()?;
    *request.headers_mut() = received(headers);
    request.extensions_mut().insert(Role::named(&role)?);
    request.extensions_mut().insert(ThisNode);
    Some(request)
}
