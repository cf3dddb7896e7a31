//! Questions and answers of JSON-RPC over one connection of a device. Rule: an answer goes to the
//! one question with its id; whatever else comes is counted and thrown away.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use modehost_ids::SessionId;
use modehost_outbox::Outbox;
use modehost_protocol::reply;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::ToolError;

/// The result, or why the device refused.
pub(super) type Answer = Result<Value, String>;

/// What a message of the device was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An answer that somebody waited for.
    Answer,
    /// The device says that its tools are others now.
    Changed,
    Ignored,
}

/// Questions that wait for their answers; none once the line is closed.
type Waiting = Option<HashMap<u64, oneshot::Sender<Answer>>>;

/// The way to the MCP server of one device.
pub(super) struct Line {
    outbox: Outbox,
    session: SessionId,
    /// Counts over the whole session, so that a late answer to an earlier line fits no question.
    ids: Arc<AtomicU64>,
    waiting: Mutex<Waiting>,
}

/// A question's place among those that wait; the end of the question frees it.
struct Place<'a> {
    line: &'a Line,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = &mut *self.line.waiting.lock() {
            waiting.remove(&self.id);
        }
    }
}

impl Line {
    pub(super) fn new(outbox: Outbox, session: SessionId, ids: Arc<AtomicU64>) -> Self {
        Self { outbox, session, ids, waiting: Mutex::new(Some(HashMap::new())) }
    }

    /// Asks and waits. Cancelling forgets the question; the device may still act on it.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        params: Option<Value>,
        limit: Duration,
    ) -> Result<Answer, ToolError> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().as_mut().ok_or(ToolError::Interrupted)?.insert(id, sender);
        let _place = Place { line: self, id };
        let mut question = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if let Some(params) = params {
            question["params"] = params;
        }
        let until = Instant::now() + limit;
        self.outbox.text(reply::mcp(&question, self.session.as_str())).map_err(|_| ToolError::Closing)?;
        match tokio::time::timeout_at(until, answer).await {
            Ok(answer) => answer.map_err(|_| ToolError::Interrupted),
            Err(_) => Err(ToolError::TimedOut(method)),
        }
    }

    /// Takes what the device has said.
    pub(super) fn take(&self, payload: &str) -> Heard {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Said {
            id: Option<Value>,
            method: Option<String>,
            result: Option<Value>,
            error: Option<Value>,
        }
        let Ok(said) = serde_json::from_str::<Said>(payload) else { return ignore("malformed") };
        if let Some(method) = said.method {
            return if method == "notifications/tools/list_changed" { Heard::Changed } else { ignore("method") };
        }
        let Some(id) = said.id.as_ref().and_then(Value::as_u64) else { return ignore("malformed") };
        let answer = match (said.error, said.result) {
            (Some(error), _) => Err(reason(&error)),
            (None, Some(result)) => Ok(result),
            (None, None) => return ignore("malformed"),
        };
        // Late, doubled and invented answers find nobody here.
        let Some(sender) = self.waiting.lock().as_mut().and_then(|waiting| waiting.remove(&id)) else {
            return ignore("unasked");
        };
        match sender.send(answer) {
            Ok(()) => Heard::Answer,
            Err(_) => ignore("unasked"),
        }
    }

    /// No answer will come any more: those who wait are interrupted.
    pub(super) fn close(&self) {
        self.waiting.lock().take();
    }
}

/// Counts what nobody has a use for.
pub(super) fn ignore(reason: &'static str) -> Heard {
    metrics::counter!("modehost_mcp_ignored_total", "reason" => reason).increment(1);
    Heard::Ignored
}

/// What an error object says; firmware gives a message and no code.
fn reason(error: &Value) -> String {
    match error["message"].as_str().or_else(|| error.as_str()) {
        Some(message) if !message.trim().is_empty() => message.to_owned(),
        _ => "it gave no reason".to_owned(),
    }
}
