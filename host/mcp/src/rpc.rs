//! JSON-RPC requests and their responses. Rule: a response goes to the one request with its id; every other message is
//! counted and dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::McpError;
use crate::metrics::count_ignored;

/// Sends messages to the device.
pub trait Transport: Send + Sync + 'static {
    /// Sends one message. Never waits.
    ///
    /// # Errors
    /// If the connection is closed.
    fn send(&self, message: &Value) -> Result<(), TransportClosed>;
}

/// The connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportClosed;

/// The result, or the message of an error response.
pub(crate) type Response = Result<Value, String>;

/// The kind of a message of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A response to a pending request.
    Response,
    /// `notifications/tools/list_changed`.
    ToolsChanged,
    Ignored,
}

/// Pending requests by id; none once the client is closed.
type PendingRequests = Option<HashMap<u64, oneshot::Sender<Response>>>;

/// Requests over one transport.
pub(crate) struct Rpc<T> {
    transport: T,
    /// The last id that was assigned.
    ids: Arc<AtomicU64>,
    pending: Mutex<PendingRequests>,
}

/// Removes a request from the pending ones when dropped.
struct PendingGuard<'a> {
    pending: &'a Mutex<PendingRequests>,
    id: u64,
}

impl Drop for PendingGuard<'_> {
    fn drop(&mut self) {
        if let Some(pending) = &mut *self.pending.lock() {
            pending.remove(&self.id);
        }
    }
}

impl<T: Transport> Rpc<T> {
    pub(crate) fn new(transport: T, ids: Arc<AtomicU64>) -> Self {
        Self { transport, ids, pending: Mutex::new(Some(HashMap::new())) }
    }

    /// Sends a request and waits for its response. Cancelling drops the request; the device may still act on it.
    ///
    /// # Errors
    /// If no response comes: see [`McpError`].
    pub(crate) async fn request(
        &self,
        method: &'static str,
        params: Option<Value>,
        limit: Duration,
    ) -> Result<Response, McpError> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, response) = oneshot::channel();
        self.pending.lock().as_mut().ok_or(McpError::Interrupted)?.insert(id, sender);
        let _pending = PendingGuard { pending: &self.pending, id };
        let mut request = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if let Some(params) = params {
            request["params"] = params;
        }
        let until = Instant::now() + limit;
        self.transport.send(&request).map_err(|TransportClosed| McpError::Closing)?;
        match tokio::time::timeout_at(until, response).await {
            Ok(response) => response.map_err(|_| McpError::Interrupted),
            Err(_) => Err(McpError::TimedOut(method)),
        }
    }

    /// Handles a message of the device.
    pub(crate) fn receive(&self, payload: &str) -> Received {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Message {
            id: Option<Value>,
            method: Option<String>,
            result: Option<Value>,
            error: Option<Value>,
        }
        let Ok(message) = serde_json::from_str::<Message>(payload) else { return ignore("malformed") };
        if let Some(method) = message.method {
            return match &*method {
                "notifications/tools/list_changed" => Received::ToolsChanged,
                _ => ignore("method"),
            };
        }
        let Some(id) = message.id.as_ref().and_then(Value::as_u64) else { return ignore("malformed") };
        let response = match (message.error, message.result) {
            (Some(error), _) => Err(message_of(&error)),
            (None, Some(result)) => Ok(result),
            (None, None) => return ignore("malformed"),
        };
        // Late, duplicate and made-up responses match no request here.
        let Some(sender) = self.pending.lock().as_mut().and_then(|pending| pending.remove(&id)) else {
            return ignore("unasked");
        };
        match sender.send(response) {
            Ok(()) => Received::Response,
            Err(_) => ignore("unasked"),
        }
    }

    /// No response will come any more: interrupts all pending requests.
    pub(crate) fn close(&self) {
        self.pending.lock().take();
    }
}

fn ignore(reason: &'static str) -> Received {
    count_ignored(reason);
    Received::Ignored
}

/// The message of an error object; firmware sends a message and no code.
fn message_of(error: &Value) -> String {
    match error["message"].as_str().or_else(|| error.as_str()) {
        Some(message) if !message.trim().is_empty() => message.to_owned(),
        _ => "it gave no reason".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::result::text_of;
    use crate::tool_list::ToolList;

    const LIMIT: Duration = Duration::from_secs(5);

    /// Messages sent; none once the connection is closed.
    type Sent = Arc<Mutex<Option<Vec<Value>>>>;

    struct Recorded(Sent);

    impl Transport for Recorded {
        fn send(&self, message: &Value) -> Result<(), TransportClosed> {
            self.0.lock().as_mut().ok_or(TransportClosed)?.push(message.clone());
            Ok(())
        }
    }

    fn rpc() -> (Rpc<Recorded>, Sent) {
        let sent = Sent::new(Mutex::new(Some(Vec::new())));
        (Rpc::new(Recorded(sent.clone()), Arc::default()), sent)
    }

    fn pending(rpc: &Rpc<Recorded>) -> usize {
        rpc.pending.lock().as_ref().map_or(0, HashMap::len)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_nobody_waits_for_leaves_nothing() {
        let (rpc, sent) = rpc();
        assert_eq!(rpc.request("a", None, LIMIT).await, Err(McpError::TimedOut("a")));
        assert_eq!(pending(&rpc), 0);
        let dropped = tokio::time::timeout(LIMIT / 2, rpc.request("b", None, LIMIT)).await;
        assert!(dropped.is_err());
        assert_eq!(pending(&rpc), 0);
        assert_eq!(rpc.receive(r#"{"id":2,"result":{}}"#), Received::Ignored);
        assert_eq!(sent.lock().as_ref().map(Vec::len), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_ends_its_request_and_a_closed_client_all() {
        let (rpc, _sent) = rpc();
        let answer = async {
            tokio::task::yield_now().await;
            rpc.receive(r#"{"id":1,"result":{"x":1}}"#)
        };
        let (answered, received) = tokio::join!(rpc.request("a", None, LIMIT), answer);
        assert_eq!((answered, received), (Ok(Ok(json!({ "x": 1 }))), Received::Response));
        let close = async {
            tokio::task::yield_now().await;
            rpc.close();
        };
        let (interrupted, ()) = tokio::join!(rpc.request("b", None, LIMIT), close);
        assert_eq!(interrupted, Err(McpError::Interrupted));
        assert_eq!(rpc.request("c", None, LIMIT).await, Err(McpError::Interrupted));
    }

    #[tokio::test]
    async fn a_connection_that_is_over_takes_no_request() {
        let (rpc, sent) = rpc();
        sent.lock().take();
        assert_eq!(rpc.request("a", None, LIMIT).await, Err(McpError::Closing));
        assert_eq!(pending(&rpc), 0);
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

        /// Whatever a device sends ends only the request whose id it carries, and only with a valid response.
        #[test]
        fn whatever_comes_answers_nothing_but_its_request(
            members in prop::collection::btree_map("id|method|result|error|jsonrpc|x", value(), 0..6),
            noise in prop_oneof![Just(None), any::<String>().prop_map(Some)],
        ) {
            let (rpc, _sent) = rpc();
            let (sender, mut answer) = oneshot::channel();
            rpc.pending.lock().as_mut().expect("open").insert(2, sender);
            let message = json!(members);
            let received = rpc.receive(&noise.clone().unwrap_or_else(|| message.to_string()));
            let answers = message["id"] == 2
                && !message["method"].is_string()
                && (!message["error"].is_null() || !message["result"].is_null());
            if received == Received::Response {
                prop_assert!(noise.is_some() || answers, "{message}");
                prop_assert!(answer.try_recv().is_ok());
            } else {
                prop_assert_eq!(pending(&rpc), 1);
            }
        }

        /// Tools and results of a device are bounded, and every listed name resolves to a tool.
        #[test]
        fn whatever_is_offered_is_made_fit(page in value(), pages in prop::collection::vec(value(), 0..3)) {
            let mut tools = ToolList::default();
            for page in pages.iter().chain([&page]) {
                tools.add(page, true);
                tools.add(&page["tools"], true);
            }
            for tool in tools.tools().iter() {
                prop_assert!((1..=crate::limits::TOOL_NAME_BYTES).contains(&tool.name.len()));
                prop_assert!(tools.resolve_name(&tool.name).is_some());
                prop_assert!(serde_json::from_str::<Value>(&tool.parameters).is_ok_and(|schema| schema.is_object()));
            }
            prop_assert!(text_of(&page).len() <= crate::limits::TOOL_TEXT_BYTES);
        }
    }
}
