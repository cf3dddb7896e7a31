//! The floor: a bare tokio-tungstenite echo server, the baseline of comparisons.
//!
//! Rule: it does only what any server of this kind must do.

use std::sync::Arc;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::device::READ_BUFFER_BYTES;

const HELLO: &str = r#"{"type":"hello","transport":"websocket","session_id":"floor","version":1,"audio_params":{"format":"opus","sample_rate":24000,"channels":1,"frame_duration":60}}"#;

/// Options of `floor`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Port on 127.0.0.1.
    #[arg(long)]
    pub port: u16,
    /// Answer a hello as a server does, instead of echoing it.
    #[arg(long)]
    pub hello: bool,
}

/// Serves until the process ends.
///
/// # Errors
/// If the port cannot be bound.
pub async fn serve(options: &Options) -> anyhow::Result<()> {
    let address = ("127.0.0.1", options.port);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address:?}"))?;
    let hello: Option<Arc<str>> = options.hello.then(|| HELLO.into());
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.context("cannot accept")?;
        connections.spawn(echo(stream, hello.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves a connection until it fails.
async fn echo(stream: TcpStream, hello: Option<Arc<str>>) {
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let answer = match (&message, &hello) {
            (Message::Text(text), Some(hello)) if text.contains(r#""type":"hello""#) => Message::text(&**hello),
            (Message::Text(_) | Message::Binary(_), _) => message,
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}
