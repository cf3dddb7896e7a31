//! The WebSocket to the server. Rule: a link that is lost comes back by itself, and says hello
//! again, because the server keeps the session of a device that returns.

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

/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How long an attempt may take; firmware gives up after as long.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Whom to reach, as whom.
#[derive(Clone, Debug)]
pub struct Address {
    /// Such as `ws://127.0.0.1:8004/supie/v1/`.
    pub url: String,
    pub device: String,
    /// Sent as a bearer token.
    pub token: Option<String>,
}

/// What happens on a link.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Connected, and hello has been said.
    Up,
    Message(Value),
    /// A packet of sound.
    Sound(Vec<u8>),
    /// Not connected; why, and after which pause the next attempt comes.
    Down(String, Duration),
}

/// Why something could not be sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not connected")]
pub struct NotConnected;

/// A connection that is made again whenever it is lost.
pub struct Link {
    address: Address,
    socket: Option<WebSocketStream<TcpStream>>,
    pause: Duration,
    next_attempt: Instant,
}

impl Link {
    /// Connects at the first [`Link::news`].
    pub fn new(address: Address) -> Self {
        Self { address, socket: None, pause: PAUSES.0, next_attempt: Instant::now() }
    }

    /// Waits for what happens next. Cancelling loses at most an attempt to connect.
    pub async fn news(&mut self) -> News {
        let Some(socket) = &mut self.socket else {
            tokio::time::sleep_until(self.next_attempt).await;
            return match tokio::time::timeout(ATTEMPT, connect(&self.address)).await {
                Ok(Ok(socket)) => {
                    self.socket = Some(socket);
                    self.pause = PAUSES.0;
                    News::Up
                }
                Ok(Err(reason)) => self.down(reason),
                Err(_) => self.down(format!("no answer within {} s", ATTEMPT.as_secs())),
            };
        };
        loop {
            let reason = match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return News::Message(serde_json::from_str(&text).unwrap_or_else(|_| json!(text.as_str())));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    let _ = socket.flush().await;
                    format!("the server closed: {} (code {})", frame.reason, u16::from(frame.code))
                }
                Some(Ok(Message::Close(None))) => "the server closed".to_owned(),
                Some(Ok(Message::Binary(packet))) => return News::Sound(packet.to_vec()),
                // Pings are answered by the library.
                Some(Ok(_)) => continue,
                Some(Err(error)) => error.to_string(),
                None => "the connection ended".to_owned(),
            };
            return self.down(reason);
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If there is no connection now; [`Link::news`] makes one.
    pub async fn send(&mut self, message: &Value) -> Result<(), NotConnected> {
        let socket = self.socket.as_mut().ok_or(NotConnected)?;
        socket.send(Message::text(message.to_string())).await.map_err(|_| NotConnected)
    }

    /// Sends a packet of sound.
    ///
    /// # Errors
    /// If there is no connection now.
    pub async fn send_sound(&mut self, packet: Vec<u8>) -> Result<(), NotConnected> {
        let socket = self.socket.as_mut().ok_or(NotConnected)?;
        socket.send(Message::binary(packet)).await.map_err(|_| NotConnected)
    }

    /// Ends the connection in order.
    pub async fn close(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            let _ = socket.close(None).await;
            let _ =
                tokio::time::timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = socket.next().await {} })
                    .await;
        }
    }

    fn down(&mut self, reason: String) -> News {
        self.socket = None;
        let pause = self.pause;
        self.next_attempt = Instant::now() + pause;
        self.pause = (pause * 2).min(PAUSES.1);
        News::Down(reason, pause)
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

/// The server's own words where it refused with some.
fn refusal(error: &Error) -> String {
    match error {
        Error::Http(answer) => {
            let words = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            format!("refused with {}: {}", answer.status(), words.trim())
        }
        other => other.to_string(),
    }
}
