//! Replies to the sender of a message. Rule: no decisions here, only the shapes of the protocol.

use serde::Serialize;
use serde_json::Value;

use crate::change::Refusal;

/// The reply to a message, or the `ref` of an error.
#[derive(Debug, Serialize)]
pub struct Acknowledgement<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a String>,
    /// Only if the message has several tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<&'a [String]>,
}

impl<'a> Acknowledgement<'a> {
    /// A reply with this event and these tasks; without a status it is the `ref` of an error.
    pub fn about(event: &'a str, ids: &'a [String], status: Option<&'static str>) -> Self {
        Self { r#type: "workflow", status, event, id: ids.first(), ids: (ids.len() > 1).then_some(ids) }
    }
}

/// Error for a change made on another state of the task: has the current task, so that the client can compare.
#[derive(Debug, Serialize)]
pub struct Stale<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
    r#ref: Acknowledgement<'a>,
    task: Option<&'a Value>,
    /// Only if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<&'a [Value]>,
}

impl<'a> Stale<'a> {
    /// The error for this message.
    pub fn new(refusal: &'a Refusal, about: Acknowledgement<'a>) -> Self {
        let Refusal { code, message, tasks } = refusal;
        let several = (tasks.len() > 1).then_some(tasks.as_slice());
        Self { r#type: "error", code, message, r#ref: about, task: tasks.first(), tasks: several }
    }
}

/// Too many messages wait already: this one may be sent again in `retry_after_ms`. It is sent, since the `ref` of a
/// rejection has no `ids`.
#[derive(Debug, Serialize)]
pub struct RateLimited<'a> {
    r#type: &'static str,
    code: &'static str,
    message: &'a str,
    retry_after_ms: u64,
    r#ref: Acknowledgement<'a>,
}

impl<'a> RateLimited<'a> {
    /// The error for this message.
    pub fn new(message: &'a str, retry_after_ms: u64, about: Acknowledgement<'a>) -> Self {
        Self { r#type: "error", code: "RATE_LIMITED", message, retry_after_ms, r#ref: about }
    }
}
