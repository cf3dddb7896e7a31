//! Calls of the operators' API on other nodes. Rule: whoever forwards a call has decided that it may be made; the node
//! that answers trusts that, as it trusts everything that comes from the log.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use modehost_storage::traits::NodeId;
use modehost_task::IoTasks;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::bodies::{self, Begun, Body, Rest};
use crate::engine::{Engine, explain};
use crate::limits;
use crate::members::Living;

/// A call of the operators' API.
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What the caller may do, as the node that was asked has decided.
    pub role: String,
    /// Headers that the call needs.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// The response to a [`Call`].
pub struct CallResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers of the response.
    pub headers: Vec<(String, String)>,
    /// Its body; an error where the other node is gone.
    pub body: Body,
}

/// What answers the calls that other nodes forward.
pub trait CallHost: Send + Sync {
    /// Answers a call. Dropping the future abandons it.
    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = CallResponse> + Send>>;
}

/// Why a call was not answered.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The node is dead, or stops.
    #[error("node {} is not heard of any more", .0.name())]
    Gone(NodeId),
    /// No answer came.
    #[error("node {} does not answer: {reason}", node.name())]
    NoAnswer {
        /// The node that was asked.
        node: NodeId,
        /// What the client says.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct CallHead {
    method: String,
    target: String,
    role: String,
    headers: Vec<(String, String)>,
    body: Begun,
}

#[derive(Serialize, Deserialize)]
struct ResponseHead {
    status: u16,
    headers: Vec<(String, String)>,
    body: Begun,
}

/// Makes calls.
#[derive(Clone)]
pub(crate) struct Calling {
    pub(crate) engine: Engine,
    pub(crate) living: Living,
}

impl Calling {
    pub(crate) async fn call(&self, node: &NodeId, call: Call) -> Result<CallResponse, CallError> {
        let no_answer = |reason: String| CallError::NoAnswer { node: node.clone(), reason };
        let Call { method, target, role, headers, body } = call;
        let (body, rest) = bodies::begin(&self.engine, body).await.map_err(|error| no_answer(error.to_string()))?;
        let head = CallHead { method, target, role, headers, body };
        let payload = postcard::to_stdvec(&head).map_err(|error| no_answer(error.to_string()))?;
        let request = async_nats::Request::new().timeout(Some(limits::CALL)).payload(payload.into());
        let asking = self.engine.client.send_request(subject(&self.engine, node), request);
        let mut living = self.living.clone();
        let response = tokio::select! {
            response = asking => response.map_err(|error| no_answer(explain(&error)))?,
            () = send(rest) => return Err(no_answer("its body was not taken".to_owned())),
            _ = living.wait_for(|members| !members.lives(node)) => return Err(CallError::Gone(node.clone())),
        };
        let head = postcard::from_bytes(&response.payload);
        let ResponseHead { status, headers, body } =
            head.map_err(|_| no_answer("it answers in the way of another version".to_owned()))?;
        Ok(CallResponse { status, headers, body: bodies::read(&self.engine, body) })
    }
}

/// Sends the rest of a body; what follows then is the response, so this never returns.
async fn send(rest: Option<Rest>) {
    if let Some(rest) = rest {
        rest.send().await;
    }
    std::future::pending().await
}

fn subject(engine: &Engine, node: &NodeId) -> String {
    engine.subject(&format!("call.{node}"))
}

/// Answers the calls of other nodes, until it is dropped.
pub(crate) async fn answer(engine: Engine, own: NodeId, host: Arc<dyn CallHost>) {
    let mut running = IoTasks::default();
    while let Ok(mut calls) = engine.client.subscribe(subject(&engine, &own)).await {
        loop {
            tokio::select! {
                Some(()) = running.next_end(), if !running.is_empty() => {}
                message = calls.next(), if running.len() < limits::CALLS => {
                    let Some(message) = message else { break };
                    let (Some(reply), Ok(head)) = (message.reply, postcard::from_bytes::<CallHead>(&message.payload)) else {
                        continue;
                    };
                    let (engine, host) = (engine.clone(), host.clone());
                    running.spawn(async move { respond(&engine, &*host, head, reply).await });
                }
            }
        }
    }
}

async fn respond(engine: &Engine, host: &dyn CallHost, head: CallHead, reply: async_nats::Subject) {
    let CallHead { method, target, role, headers, body } = head;
    let call = Call { method, target, role, headers, body: bodies::read(engine, body) };
    let Ok(CallResponse { status, headers, body }) = timeout(limits::CALL, host.call(call)).await else { return };
    let (body, rest) = match bodies::begin(engine, body).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "the response to a call of another node broke off");
            return;
        }
    };
    let Ok(payload) = postcard::to_stdvec(&ResponseHead { status, headers, body }) else { return };
    if engine.client.publish(reply, Bytes::from(payload)).await.is_ok()
        && let Some(rest) = rest
    {
        rest.send().await;
    }
}
