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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use modehost_outbox::{OutboxReader, outbox};
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn line() -> (Line, OutboxReader) {
        let (sender, reader) = outbox();
        (Line::new(sender, SessionId::new("s"), Arc::default()), reader)
    }

    fn waiting(line: &Line) -> usize {
        line.waiting.lock().as_ref().map_or(0, HashMap::len)
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_nobody_waits_for_leaves_nothing() {
        let (line, mut reader) = line();
        assert_eq!(line.ask("a", None, LIMIT).await, Err(ToolError::TimedOut("a")));
        assert_eq!(waiting(&line), 0);
        let dropped = tokio::time::timeout(LIMIT / 2, line.ask("b", None, LIMIT)).await;
        assert!(dropped.is_err());
        assert_eq!(waiting(&line), 0);
        assert_eq!(line.take(r#"{"id":2,"result":{}}"#), Heard::Ignored);
        let mut sent = VecDeque::new();
        reader.take(&mut sent);
        assert_eq!(sent.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_its_question_and_a_closed_line_all() {
        let (line, _reader) = line();
        let answer = async {
            tokio::task::yield_now().await;
            line.take(r#"{"id":1,"result":{"x":1}}"#)
        };
        let (answered, heard) = tokio::join!(line.ask("a", None, LIMIT), answer);
        assert_eq!((answered, heard), (Ok(Ok(json!({ "x": 1 }))), Heard::Answer));
        let close = async {
            tokio::task::yield_now().await;
            line.close();
        };
        let (interrupted, ()) = tokio::join!(line.ask("b", None, LIMIT), close);
        assert_eq!(interrupted, Err(ToolError::Interrupted));
        assert_eq!(line.ask("c", None, LIMIT).await, Err(ToolError::Interrupted));
    }

    #[tokio::test]
    async fn a_connection_that_is_over_takes_no_question() {
        let (line, reader) = line();
        drop(reader);
        assert_eq!(line.ask("a", None, LIMIT).await, Err(ToolError::Closing));
        assert_eq!(waiting(&line), 0);
    }

    /// Any JSON value.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3_i64..4).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let keys = "name|id|text|content|message|inputSchema|description|tools|nextCursor|[a-z]";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(keys, inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a device says, it ends only the question that it names, and names itself right.
        #[test]
        fn whatever_comes_answers_nothing_but_its_question(
            members in prop::collection::btree_map("id|method|result|error|jsonrpc|x", value(), 0..6),
            noise in prop_oneof![Just(None), any::<String>().prop_map(Some)],
        ) {
            let (line, _reader) = line();
            let (sender, mut answer) = oneshot::channel();
            line.waiting.lock().as_mut().expect("open").insert(2, sender);
            let said = json!(members);
            let heard = line.take(&noise.clone().unwrap_or_else(|| said.to_string()));
            let answers = said["id"] == 2
                && !said["method"].is_string()
                && (!said["error"].is_null() || !said["result"].is_null());
            if heard == Heard::Answer {
                prop_assert!(noise.is_some() || answers, "{said}");
                prop_assert!(answer.try_recv().is_ok());
            } else {
                prop_assert_eq!(waiting(&line), 1);
            }
        }

        /// What a device offers and answers is bounded, and every tool leads back to a real one.
        #[test]
        fn whatever_is_offered_is_made_fit(page in value(), pages in prop::collection::vec(value(), 0..3)) {
            let mut offer = super::super::offer::Offer::default();
            for page in pages.iter().chain([&page]) {
                offer.add(page, true);
                offer.add(&page["tools"], true);
            }
            for tool in offer.tools().iter() {
                prop_assert!((1..=modehost_limits::TOOL_NAME_BYTES).contains(&tool.name.len()));
                prop_assert!(offer.real_name(&tool.name).is_some());
                prop_assert!(serde_json::from_str::<Value>(&tool.parameters).is_ok_and(|schema| schema.is_object()));
            }
            prop_assert!(super::super::offer::text_of(&page).len() <= modehost_limits::TOOL_TEXT_BYTES);
        }
    }
}
