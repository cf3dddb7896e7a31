//! The MCP client for one `hello` of a device. Rule: the handshake and the tool list are requested once, and the result
//! is shared by all callers; a device that does not respond is not asked again within `TOOL_SILENCE`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared, ready};
use modehost_ids::{Address, Secret, SecretKind};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::McpError;
use crate::result::{cut, text_of};
use crate::rpc::{Received, Rpc, Transport};
use crate::tool_list::ToolList;

/// The MCP version sent in `initialize`.
const PROTOCOL_VERSION: &str = "2024-11-05";

/// The MCP client of one device, for one `hello`.
pub struct Client<T> {
    rpc: Rpc<T>,
    list: Mutex<ListState>,
    /// Bounds the calls in flight.
    calls: Arc<Semaphore>,
    vision: Option<Vision>,
}

/// The vision service, to which cameras are told to send pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vision {
    /// The address to which cameras send their pictures.
    pub url: Address,
    /// Sent to devices only; may be empty.
    pub token: VisionToken,
}

/// Marks the token that a device presents to the vision service.
#[derive(Debug)]
pub enum VisionService {}

impl SecretKind for VisionService {
    const NAME: &'static str = "VisionToken";
    const DESCRIPTION: &'static str = "What devices show whoever explains their pictures.";
}

/// The token of the vision service.
pub type VisionToken = Secret<VisionService>;

/// The result of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// Text, at most `TOOL_TEXT_BYTES` bytes.
    pub text: String,
    /// The device reports that the tool has failed.
    pub failed: bool,
}

/// A request for the tool list, shared by concurrent callers.
type ToolRequest = BoxFuture<'static, Result<Arc<ToolList>, McpError>>;

/// The state of the tool list.
enum ListState {
    Unknown,
    /// Being requested; concurrent callers share the request.
    Requested(WeakShared<ToolRequest>),
    Known(Arc<ToolList>),
    /// The device did not respond: it is not asked again before `until`.
    Silent {
        error: McpError,
        until: Instant,
    },
}

impl<T: Transport> Client<T> {
    /// A client that has sent nothing yet. `ids`: the request counter over all clients of a device, so that a late
    /// response to an earlier client matches no request. `vision`: none where no vision service is configured.
    pub fn new(transport: T, ids: Arc<AtomicU64>, vision: Option<Vision>) -> Arc<Self> {
        let calls = Arc::new(Semaphore::new(limits::TOOL_CALLS));
        Arc::new(Self { rpc: Rpc::new(transport, ids), list: Mutex::new(ListState::Unknown), calls, vision })
    }

    /// The tools of the device: cached, being requested, or requested now.
    pub fn tools(self: &Arc<Self>) -> Shared<ToolRequest> {
        let mut list = self.list.lock();
        let running = match &*list {
            ListState::Known(tools) => return ready(Ok(tools.clone())).boxed().shared(),
            ListState::Requested(running) => running.upgrade(),
            ListState::Silent { error, until } if *until > Instant::now() => {
                return ready(Err(error.clone())).boxed().shared();
            }
            ListState::Unknown | ListState::Silent { .. } => None,
        };
        running.unwrap_or_else(|| {
            let request = self.clone().fetch_tools().boxed().shared();
            *list = request.downgrade().map_or(ListState::Unknown, ListState::Requested);
            request
        })
    }

    /// A permit for one call; none if `TOOL_CALLS` are in flight.
    pub fn try_call(&self) -> Option<OwnedSemaphorePermit> {
        self.calls.clone().try_acquire_owned().ok()
    }

    /// Calls a tool by its name, with arguments in JSON.
    ///
    /// # Errors
    /// See [`McpError`]. An error response to the call itself is a result with `failed` set.
    pub async fn call(self: Arc<Self>, name: String, arguments: String) -> Result<ToolResult, McpError> {
        let tools = self.tools().await?;
        let real = tools.resolve_name(&name).ok_or(McpError::UnknownTool)?;
        let arguments: Value = serde_json::from_str(&arguments).unwrap_or_else(|_| json!({}));
        let params = json!({ "name": real, "arguments": arguments });
        Ok(match self.rpc.request("tools/call", Some(params), limits::TOOL_CALL_TIMEOUT).await? {
            Ok(result) => ToolResult { text: text_of(&result), failed: result["isError"] == Value::Bool(true) },
            Err(why) => ToolResult { text: cut(why), failed: true },
        })
    }

    /// Handles a message of the device. Wakes only the request that it answers.
    pub fn receive(&self, payload: &str) {
        if self.rpc.receive(payload) == Received::ToolsChanged {
            *self.list.lock() = ListState::Unknown;
        }
    }

    /// No response will come any more: interrupts all pending requests.
    pub fn close(&self) {
        self.rpc.close();
    }

    /// Of failures, only a timeout is cached.
    async fn fetch_tools(self: Arc<Self>) -> Result<Arc<ToolList>, McpError> {
        let request = self.initialize_and_list().await;
        if let Err(error @ McpError::TimedOut(_)) = &request {
            let until = Instant::now() + limits::TOOL_LIST_BACKOFF;
            *self.list.lock() = ListState::Silent { error: error.clone(), until };
        }
        request
    }

    async fn initialize_and_list(&self) -> Result<Arc<ToolList>, McpError> {
        // Some clients answer only if both members of `vision` are present.
        let vision = self.vision.as_ref().map(|vision| (vision.url.as_str(), vision.token.expose()));
        let (url, token) = vision.unwrap_or_default();
        let params = json!({
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": { "vision": { "url": url, "token": token } },
            "clientInfo": { "name": "modehost", "version": env!("CARGO_PKG_VERSION") },
        });
        self.require("initialize", Some(params)).await?;
        let pages = tokio::time::timeout(limits::TOOL_LIST_TIMEOUT, self.list_pages());
        let tools = pages.await.map_err(|_| McpError::TimedOut("tools/list"))??;
        let tools = Arc::new(tools);
        let mut list = self.list.lock();
        // Otherwise the device has reported a change of its tools meanwhile.
        if matches!(*list, ListState::Requested(_)) {
            *list = ListState::Known(tools.clone());
        }
        Ok(tools)
    }

    async fn list_pages(&self) -> Result<ToolList, McpError> {
        let mut tools = ToolList::default();
        let mut cursor: Option<String> = None;
        for _ in 0..limits::TOOL_PAGES {
            let page = self.require("tools/list", cursor.as_ref().map(|cursor| json!({ "cursor": cursor }))).await?;
            tools.add(&page["tools"], self.vision.is_some());
            let next = page["nextCursor"].as_str().filter(|next| !next.is_empty());
            // A device that repeats the same page has sent all that it has.
            match next {
                Some(next) if cursor.as_deref() != Some(next) && !tools.is_full() => cursor = Some(next.to_owned()),
                _ => break,
            }
        }
        Ok(tools)
    }

    /// A request that every MCP server must support.
    async fn require(&self, method: &'static str, params: Option<Value>) -> Result<Value, McpError> {
        let response = self.rpc.request(method, params, limits::TOOL_LIST_TIMEOUT).await?;
        response.map_err(|why| McpError::Rejected(method, why))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::task::yield_now;

    use super::*;
    use crate::rpc::TransportClosed;

    /// Messages sent to the device and not yet inspected.
    type Sent = Arc<Mutex<VecDeque<Value>>>;

    struct Recorded(Sent);

    impl Transport for Recorded {
        fn send(&self, message: &Value) -> Result<(), TransportClosed> {
            self.0.lock().push_back(message.clone());
            Ok(())
        }
    }

    fn client() -> (Arc<Client<Recorded>>, Sent) {
        let sent = Sent::default();
        (Client::new(Recorded(sent.clone()), Arc::default(), None), sent)
    }

    /// Answers one request with each result.
    async fn answer(client: &Client<Recorded>, sent: &Sent, results: &[Value]) {
        for result in results {
            let request = loop {
                let next = sent.lock().pop_front();
                match next {
                    Some(request) => break request,
                    None => yield_now().await,
                }
            };
            client.receive(&json!({ "id": request["id"], "result": result }).to_string());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_asked_for_once_and_shared_until_it_changes() {
        let (client, sent) = client();
        let pages = [
            json!({}),
            json!({ "tools": [{ "name": "one" }], "nextCursor": "2" }),
            json!({ "tools": [{ "name": "two" }] }),
        ];
        let (first, second, ()) = tokio::join!(client.tools(), client.tools(), answer(&client, &sent, &pages));
        let (first, second) = (first.expect("a list"), second.expect("a list"));
        let names = |list: &ToolList| list.tools().iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&first), ["one", "two"]);
        assert!(Arc::ptr_eq(&first, &second) && sent.lock().is_empty());
        assert!(client.tools().await.is_ok_and(|known| Arc::ptr_eq(&known, &first)), "nothing is sent for it");
        client.receive(r#"{"method":"notifications/tools/list_changed"}"#);
        let pages = [json!({}), json!({ "tools": [{ "name": "three" }] })];
        let (changed, ()) = tokio::join!(client.tools(), answer(&client, &sent, &pages));
        assert_eq!(changed.map(|list| names(&list)), Ok(vec!["three".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_device_is_left_alone_for_a_while() {
        let (client, sent) = client();
        let silent = || McpError::TimedOut("initialize");
        assert_eq!(client.tools().await.err(), Some(silent()));
        assert_eq!((client.tools().await.err(), sent.lock().len()), (Some(silent()), 1), "it is not asked again");
        tokio::time::advance(limits::TOOL_LIST_BACKOFF).await;
        assert_eq!((client.tools().await.err(), sent.lock().len()), (Some(silent()), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_a_call_is_its_result_and_an_unknown_tool_is_not_called() {
        let (client, sent) = client();
        let list = [json!({}), json!({ "tools": [{ "name": "one" }] })];
        let (listed, ()) = tokio::join!(client.tools(), answer(&client, &sent, &list));
        assert!(listed.is_ok());
        let unknown = client.clone().call("two".to_owned(), "{}".to_owned()).await;
        assert_eq!((unknown, sent.lock().len()), (Err(McpError::UnknownTool), 0));
        let refuse = async {
            yield_now().await;
            let request = sent.lock().pop_front().expect("a call");
            client.receive(&json!({ "id": request["id"], "error": { "message": "no" } }).to_string());
        };
        let (result, ()) = tokio::join!(client.clone().call("one".to_owned(), "{}".to_owned()), refuse);
        assert_eq!(result, Ok(ToolResult { text: "no".to_owned(), failed: true }));
    }
}
