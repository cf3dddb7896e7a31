//! The WebSocket to the server. Rule: a lost link reconnects by itself and says hello again, since the server keeps the
//! session of a device that returns.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderName};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Initial and maximum backoff between two attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// Timeout of an attempt, the same as the firmware's.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Server address and identity of the device.
#[derive(Clone, Debug)]
pub struct Address {
    /// Such as `ws://127.0.0.1:8004/supie/v1/`.
    pub url: String,
    pub device: String,
    /// Sent as a bearer token.
    pub token: Option<String>,
}

/// Events of a link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// Connected, and hello has been sent.
    Connected,
    Message(Value),
    /// An audio packet.
    Sound(Vec<u8>),
    /// Disconnected; the reason, and the delay until the next attempt.
    Disconnected(String, Duration),
}

/// Nothing can be sent while disconnected.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not connected")]
pub struct NotConnected;

/// A connection that is re-established whenever it is lost.
pub struct Link {
    address: Address,
    socket: Option<WebSocketStream<TcpStream>>,
    pause: Duration,
    next_attempt: Instant,
}

impl Link {
    /// Connects at the first [`Link::next_event`].
    pub fn new(address: Address) -> Self {
        Self { address, socket: None, pause: BACKOFF.0, next_attempt: Instant::now() }
    }

    /// Waits for the next event. Cancelling loses at most an attempt to connect.
    pub async fn next_event(&mut self) -> LinkEvent {
        let Some(socket) = &mut self.socket else {
            tokio::time::sleep_until(self.next_attempt).await;
            return match tokio::time::timeout(CONNECT_TIMEOUT, connect(&self.address)).await {
                Ok(Ok(socket)) => {
                    self.socket = Some(socket);
                    self.pause = BACKOFF.0;
                    LinkEvent::Connected
                }
                Ok(Err(reason)) => self.disconnected(reason),
                Err(_) => self.disconnected(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
            };
        };
        loop {
            let reason = match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return LinkEvent::Message(serde_json::from_str(&text).unwrap_or_else(|_| json!(text.as_str())));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    let _ = socket.flush().await;
                    format!("the server closed: {} (code {})", frame.reason, u16::from(frame.code))
                }
                Some(Ok(Message::Close(None))) => "the server closed".to_owned(),
                Some(Ok(Message::Binary(packet))) => return LinkEvent::Sound(packet.to_vec()),
                // The library answers pings.
                Some(Ok(_)) => continue,
                Some(Err(error)) => error.to_string(),
                None => "the connection ended".to_owned(),
            };
            return self.disconnected(reason);
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If there is no connection now; [`Link::next_event`] re-establishes it.
    pub async fn send(&mut self, message: &Value) -> Result<(), NotConnected> {
        let socket = self.socket.as_mut().ok_or(NotConnected)?;
        socket.send(Message::text(message.to_string())).await.map_err(|_| NotConnected)
    }

    /// Sends an audio packet.
    ///
    /// # Errors
    /// If there is no connection now.
    pub async fn send_sound(&mut self, packet: Vec<u8>) -> Result<(), NotConnected> {
        let socket = self.socket.as_mut().ok_or(NotConnected)?;
        socket.send(Message::binary(packet)).await.map_err(|_| NotConnected)
    }

    /// Closes with the closing handshake.
    pub async fn close(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            let _ = socket.close(None).await;
            let _ =
                tokio::time::timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = socket.next().await {} })
                    .await;
        }
    }

    fn disconnected(&mut self, reason: String) -> LinkEvent {
        self.socket = None;
        let pause = self.pause;
        self.next_attempt = Instant::now() + pause;
        self.pause = (pause * 2).min(BACKOFF.1);
        LinkEvent::Disconnected(reason, pause)
    }
}

async fn connect(address: &Address) -> Result<WebSocketStream<TcpStream>, String> {
    let bad = |what: &str| format!("{} {what}", address.url);
    let mut request = address.url.as_str().into_client_request().map_err(|error| bad(&error.to_string()))?;
    let uri = request.uri();
    if uri.scheme_str() != Some("ws") {
        return Err(bad("must begin with ws:// (this client speaks no TLS)"));
    }
    let host = uri.host().ok_or_else(|| bad("names no host"))?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(80);
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| format!("{text:?} cannot stand in a header"));
    request.headers_mut().insert(HeaderName::from_static("device-id"), value(&address.device)?);
    request.headers_mut().insert(HeaderName::from_static("client-id"), value("modehost-example")?);
    request.headers_mut().insert(HeaderName::from_static("protocol-version"), value("1")?);
    if let Some(token) = &address.token {
        request.headers_mut().insert(AUTHORIZATION, value(&format!("Bearer {token}"))?);
    }
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    let _ = stream.set_nodelay(true);
    let (mut socket, _) = client_async(request, stream).await.map_err(|error| refusal(&error))?;
    let hello = json!({
        "type": "hello", "version": 1, "transport": "websocket", "features": { "mcp": false, "modehost": true },
        "audio_params": { "format": "opus", "sample_rate": 16000, "channels": 1, "frame_duration": 60 },
    });
    socket.send(Message::text(hello.to_string())).await.map_err(|error| error.to_string())?;
    Ok(socket)
}

/// The server's message, if it rejected the handshake with one.
fn refusal(error: &Error) -> String {
    match error {
        Error::Http(answer) => {
            let text = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            format!("refused with {}: {}", answer.status(), text.trim())
        }
        other => other.to_string(),
    }
}
