//! One connection of a device. Rule: it costs as little CPU as possible, because the server and the load generator
//! share the machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Read buffer of a connection, on both sides.
pub const READ_BUFFER_BYTES: usize = 4096;

/// Timeout of a connect with its handshake and the answer to the hello.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Local ports used per source address; Linux has 28,000 by default.
const PORTS_PER_SOURCE: usize = 20_000;

const HELLO: &str = r#"{"type":"hello","version":1,"features":{"modehost":true},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}"#;

/// How devices connect to a server.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    pub server: SocketAddr,
    /// Path of the WebSocket.
    pub path: String,
    pub token: Option<String>,
    /// Part of every device id, so that a later run does not resume sessions of an earlier one.
    pub run: u16,
    /// Messages sent after the hello, one at a time; each must be answered with `"status":"ok"`.
    pub setup: Vec<String>,
}

/// What a device can receive.
pub enum Received {
    Text(Utf8Bytes),
    Sound,
}

/// A connected device that has said hello.
pub struct Device {
    socket: WebSocketStream<TcpStream>,
    /// Its number in this run.
    pub number: usize,
}

impl Device {
    /// Connects, says hello, waits for the answer, and sends the set-up messages.
    ///
    /// # Errors
    /// Says which step failed.
    pub async fn connect(connect_options: &ConnectOptions, number: usize) -> anyhow::Result<Self> {
        timeout(TIMEOUT, Self::connect_with_hello(connect_options, number))
            .await
            .context("no connection within 30 s")?
    }

    async fn connect_with_hello(connect_options: &ConnectOptions, number: usize) -> anyhow::Result<Self> {
        let stream = dial(connect_options.server, number).await.context("connect")?;
        let mut request = format!("ws://{}{}", connect_options.server, connect_options.path).into_client_request()?;
        let headers = request.headers_mut();
        let [high, low] = connect_options.run.to_be_bytes();
        let [.., a, b, c] = (number as u64).to_be_bytes();
        let id = format!("02:{high:02x}:{low:02x}:{a:02x}:{b:02x}:{c:02x}");
        headers.insert("Device-Id", HeaderValue::try_from(&id)?);
        headers.insert("Client-Id", HeaderValue::try_from(format!("load-{id}"))?);
        headers.insert("Protocol-Version", HeaderValue::from_static("1"));
        if let Some(token) = &connect_options.token {
            headers.insert("Authorization", HeaderValue::try_from(format!("Bearer {token}"))?);
        }
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.context("handshake")?;
        let mut device = Self { socket, number };
        device.send(HELLO.into()).await?;
        device.await_text(|text| text.contains(r#""type":"hello""#)).await.context("hello")?;
        for message in &connect_options.setup {
            device.send(message.as_str().into()).await?;
            device.await_text(|text| text.contains(r#""status":"ok""#)).await.with_context(|| message.clone())?;
        }
        Ok(device)
    }

    /// Sends a text frame and flushes it.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn send(&mut self, text: Utf8Bytes) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::Text(text)).await?)
    }

    /// Sends an audio packet.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn send_sound(&mut self, packet: Vec<u8>) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::binary(packet)).await?)
    }

    /// The next text message or audio packet. Cancel safe.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn receive_any(&mut self) -> anyhow::Result<Received> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Received::Text(text)),
                Some(Ok(Message::Binary(_))) => return Ok(Received::Sound),
                Some(Ok(Message::Close(frame))) => bail!("closed by the server: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the connection has ended"),
            }
        }
    }

    /// The next text message. Cancel safe.
    ///
    /// # Errors
    /// If the connection has ended; says how.
    pub async fn receive(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => bail!("closed by the server: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the connection has ended"),
            }
        }
    }

    /// The next text message that satisfies `wanted`; an error message of the server is an error.
    ///
    /// # Errors
    /// If the connection has ended or the server reports an error.
    pub async fn await_text(&mut self, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Utf8Bytes> {
        loop {
            let text = self.receive().await?;
            if wanted(&text) {
                return Ok(text);
            }
            if is_error(&text) {
                bail!("the server answered {text}");
            }
        }
    }

    /// Resets the TCP connection without a close frame.
    pub fn vanish(self) {
        let _ = self.socket.get_ref().set_zero_linger();
    }
}

/// Whether this is an error message of the server.
pub fn is_error(text: &str) -> bool {
    text.contains(r#""type":"error""#) || text.contains(r#""status":"error""#)
}

/// Connects; on loopback from as many source addresses as the number of connections requires.
async fn dial(server: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let block = number / PORTS_PER_SOURCE;
    if server.is_ipv4() && server.ip().is_loopback() && block > 0 {
        let last = u8::try_from(1 + block).unwrap_or(u8::MAX);
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    }
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
