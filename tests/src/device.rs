//! A device on a real WebSocket. Rule: a device records everything it received, so that a failed wait can show what
//! came instead.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::Server;
use crate::wait::TIMEOUT;

/// What a device can receive.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Json(Value),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame: code and reason.
    Closed(u16, String),
    /// The connection ended without a close frame; holds the reason.
    Lost(String),
}

/// One connection of a device.
pub struct Device {
    id: String,
    socket: WebSocketStream<TcpStream>,
    seen: Vec<Seen>,
    /// From the answer to hello.
    session_id: String,
    /// Calls of [`Device::settle`].
    barriers: u32,
}

fn hello(features: Value) -> Value {
    json!({
        "type": "hello", "version": 1, "transport": "websocket", "features": features,
        "audio_params": { "format": "opus", "sample_rate": 16000, "channels": 1, "frame_duration": 60 },
    })
}

impl Device {
    /// Connects as `id` on the first configured path.
    ///
    /// # Panics
    /// If the server rejects the connection.
    pub async fn connect(server: &Server, id: &str) -> Self {
        let outcome = Self::try_connect(server, "/supie/v1/", &[("Device-Id", id), ("Client-Id", "test")]).await;
        let mut device = outcome.unwrap_or_else(|refusal| panic!("{id} was refused: {refusal:?}"));
        device.id = id.to_owned();
        device
    }

    /// Connects to a server of which only the address is known, and says hello.
    ///
    /// # Panics
    /// If the server rejects the connection.
    pub async fn join_at(address: SocketAddr, id: &str) -> Self {
        let headers = [("Device-Id", id), ("Client-Id", "test")];
        let outcome = Self::try_connect_at(address, "/supie/v1/", &headers).await;
        let mut device = outcome.unwrap_or_else(|refusal| panic!("{id} was refused: {refusal:?}"));
        device.id = id.to_owned();
        device.hello().await;
        device
    }

    /// The same; `None` if the server rejects the connection, or ends it before its hello.
    pub async fn try_join_at(address: SocketAddr, id: &str, patience: Duration) -> Option<Self> {
        let headers = [("Device-Id", id), ("Client-Id", "test")];
        let join = async {
            let mut device = Self::try_connect_at(address, "/supie/v1/", &headers).await.ok()?;
            device.id = id.to_owned();
            device.send(hello(json!({ "mcp": false, "modehost": true }))).await;
            loop {
                match device.next_within(patience).await? {
                    Seen::Json(message) if message["type"] == "hello" => return Some(device),
                    Seen::Closed(..) | Seen::Lost(_) => return None,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(patience, join).await.ok().flatten()
    }

    /// Connects and says hello.
    pub async fn join(server: &Server, id: &str) -> Self {
        let mut device = Self::connect(server, id).await;
        device.hello().await;
        device
    }

    /// Connects with any path and headers.
    ///
    /// # Errors
    /// Status and body of the rejection; status 0 if there was no HTTP response at all.
    pub async fn try_connect(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<Self, (u16, String)> {
        Self::try_connect_at(server.ws(), path, headers).await
    }

    async fn try_connect_at(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, (u16, String)> {
        let stream = TcpStream::connect(address).await.map_err(|error| (0, error.to_string()))?;
        let _ = stream.set_nodelay(true);
        let mut request = format!("ws://{address}{path}").into_client_request().expect("an address");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header value"));
        }
        match tokio::time::timeout(TIMEOUT, client_async(request, stream)).await {
            Ok(Ok((socket, _))) => {
                Ok(Self { id: path.to_owned(), socket, seen: Vec::new(), session_id: String::new(), barriers: 0 })
            }
            Ok(Err(Error::Http(response))) => Err(refusal(&response)),
            Ok(Err(error)) => Err((0, error.to_string())),
            Err(_) => Err((0, "no answer to the handshake".to_owned())),
        }
    }

    /// Says hello as a device that supports this server's own messages and has no MCP tools; returns the answer.
    pub async fn hello(&mut self) -> Value {
        self.hello_with(json!({ "mcp": false, "modehost": true })).await
    }

    /// Says hello with these features and returns the answer.
    pub async fn hello_with(&mut self, features: Value) -> Value {
        self.send(hello(features)).await;
        let response = self.expect_type("hello").await;
        self.session_id = response["session_id"].as_str().unwrap_or_default().to_owned();
        response
    }

    /// The session's id, from the answer to hello.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Everything received so far, in order.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// Clears the record of what was received, so that a flood does not accumulate.
    pub fn clear_seen(&mut self) {
        self.seen.clear();
    }

    /// The JSON messages of one type received so far.
    pub fn seen_of_type(&self, kind: &str) -> Vec<&Value> {
        let messages = self.seen.iter().filter_map(|seen| match seen {
            Seen::Json(message) if message["type"] == kind => Some(message),
            _ => None,
        });
        messages.collect()
    }

    /// Sends a JSON message.
    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends any WebSocket message. An ended connection shows at the next read.
    pub async fn send_message(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// Writes raw bytes to the socket, bypassing the WebSocket layer.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.socket.get_mut().write_all(bytes).await;
    }

    /// Sends a typed turn (`listen` `detect`).
    pub async fn types(&mut self, text: &str) {
        self.send(json!({ "type": "listen", "state": "detect", "text": text })).await;
    }

    /// Starts a mode and waits for its acknowledgement.
    pub async fn start_mode(&mut self, mode: &str) -> Value {
        self.send(json!({ "type": "mode", "state": "start", "mode": mode })).await;
        let what = format!("mode {mode} has started");
        self.expect(&what, |message| message["type"] == "mode" && message["status"] == "ok").await
    }

    /// The next thing received; `None` after `patience`.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Seen> {
        loop {
            let seen = match tokio::time::timeout(patience, self.socket.next()).await.ok()? {
                Some(Ok(Message::Text(text))) => {
                    let json = serde_json::from_str(&text);
                    Seen::Json(json.unwrap_or_else(|error| panic!("{}: not JSON ({error}): {text}", self.id)))
                }
                Some(Ok(Message::Binary(bytes))) => Seen::Binary(bytes.to_vec()),
                Some(Ok(Message::Pong(bytes))) => Seen::Pong(bytes.to_vec()),
                Some(Ok(Message::Close(frame))) => {
                    // The client library answers a close frame at the next flush.
                    let _ = self.socket.flush().await;
                    frame.map_or(Seen::Closed(1005, String::new()), |frame| {
                        Seen::Closed(frame.code.into(), frame.reason.to_string())
                    })
                }
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => Seen::Lost(error.to_string()),
                None => Seen::Lost("end of the stream".to_owned()),
            };
            self.seen.push(seen.clone());
            return Some(seen);
        }
    }

    /// The next JSON message.
    ///
    /// # Panics
    /// If something else comes, or nothing within the timeout.
    pub async fn next(&mut self) -> Value {
        match self.next_within(TIMEOUT).await {
            Some(Seen::Json(message)) => message,
            other => panic!("{}: a message was due, but: {other:?}; seen: {:#?}", self.id, self.seen),
        }
    }

    /// The next JSON message that satisfies `wanted`; others are skipped.
    ///
    /// # Panics
    /// If the connection ends or the timeout passes first, with everything received.
    pub async fn expect(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + TIMEOUT;
        loop {
            match self.next_within(end.saturating_duration_since(Instant::now())).await {
                Some(Seen::Json(message)) if wanted(&message) => return message,
                Some(Seen::Closed(..) | Seen::Lost(_)) | None => {
                    panic!("{}: not received: {what}; seen: {:#?}", self.id, self.seen)
                }
                Some(_) => {}
            }
        }
    }

    /// The next message of a type.
    pub async fn expect_type(&mut self, kind: &str) -> Value {
        self.expect(&format!("a message of type {kind}"), |message| message["type"] == kind).await
    }

    /// The next error message, which must have this code.
    pub async fn expect_error(&mut self, code: &str) -> Value {
        let error = self.expect_type("error").await;
        assert_eq!(error["code"], code, "{}: {error}", self.id);
        error
    }

    /// Reads until the server closes; returns code and reason of its close frame.
    ///
    /// # Panics
    /// If the connection is lost without a close frame, or the timeout passes.
    pub async fn expect_close(&mut self) -> (u16, String) {
        let end = Instant::now() + TIMEOUT;
        loop {
            match self.next_within(end.saturating_duration_since(Instant::now())).await {
                Some(Seen::Closed(code, reason)) => return (code, reason),
                Some(Seen::Lost(_)) | None => panic!("{}: no close frame; seen: {:#?}", self.id, self.seen),
                Some(_) => {}
            }
        }
    }

    /// Waits until the session has handled everything that this device has sent. A pong does not say that: the connection
    /// answers heartbeats itself, ahead of what waits for the session (C.5). An unknown type is answered by the session in
    /// its turn (C.9); that answer is not among what was seen.
    pub async fn settle(&mut self) {
        self.barriers += 1;
        let reference = json!({ "type": format!("test-barrier-{}", self.barriers) });
        self.send(reference.clone()).await;
        let is_answer = |message: &Value| message["code"] == "UNKNOWN_TYPE" && message["ref"] == reference;
        self.expect("the answer to an unknown type", is_answer).await;
        self.seen.pop();
    }

    /// Proves that the connection is alive and has read everything sent before; returns the round trip. The session may
    /// not have handled it yet: [`Self::settle`].
    pub async fn ping(&mut self) -> Duration {
        let start = Instant::now();
        self.send(json!({ "type": "ping" })).await;
        self.expect_type("pong").await;
        start.elapsed()
    }

    /// Proves that nothing is received for this long.
    ///
    /// # Panics
    /// If something is.
    pub async fn expect_silence(&mut self, duration: Duration) {
        if let Some(seen) = self.next_within(duration).await {
            panic!("{}: silence was due, but: {seen:?}", self.id);
        }
    }

    /// Sends a request to the fixture mode and returns its answer.
    pub async fn fixture(&mut self, what: &str) -> Value {
        self.send(json!({ "type": "fixture", "do": what })).await;
        self.expect_type("fixture").await
    }

    /// Makes the fixture increment its counter; returns the new count and the build that counted.
    pub async fn count(&mut self) -> (u64, String) {
        let response = self.fixture("count").await;
        let count = response["count"].as_u64().unwrap_or_else(|| panic!("{}: no count in {response}", self.id));
        (count, response["build"].as_str().unwrap_or_default().to_owned())
    }

    /// Resets the TCP connection without a close frame, as a device does that loses its network.
    pub fn vanish(self) {
        let _ = self.socket.get_ref().set_zero_linger();
    }

    /// Closes the connection with the closing handshake.
    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
        while !matches!(self.next_within(TIMEOUT).await, Some(Seen::Closed(..) | Seen::Lost(_)) | None) {}
    }
}

fn refusal(response: &Response<Option<Vec<u8>>>) -> (u16, String) {
    let text = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    (response.status().as_u16(), text)
}
