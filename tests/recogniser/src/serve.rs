//! Connections of a service. Rule: a connection executes its script step by step, then reads until the client
//! disconnects.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::{Kind, Received, Shared, Step, doubao, funasr};

/// Serves until `stopped` closes.
pub(crate) fn run(listener: TcpListener, shared: &Arc<Shared>, mut stopped: watch::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                _ = stopped.changed() => return,
                Ok((stream, _)) = listener.accept() => {
                    connections.spawn(connection(stream, shared.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    });
}

/// Counts a connection while it is open.
struct Open(Arc<Shared>, usize);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(received) = self.0.state().received.get_mut(self.1) {
            received.closed = true;
        }
        self.0.counts.send_modify(|counts| counts.open -= 1);
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let (number, script) = {
        let mut state = shared.state();
        let script = state.queued.pop_front().unwrap_or_else(|| state.default_script.clone());
        if !shared.discard {
            state.received.push(Received::default());
        }
        (state.received.len().wrapping_sub(1), script)
    };
    shared.counts.send_modify(|counts| {
        counts.connections += 1;
        counts.open += 1;
    });
    let _open = Open(shared.clone(), number);
    let refused = match script.first() {
        Some(Step::Refuse(status)) => Some(StatusCode::from_u16(*status).expect("a status")),
        _ => None,
    };
    let mut headers = http::HeaderMap::new();
    #[expect(clippy::result_large_err, reason = "the library's own")]
    let on_handshake = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        headers.clone_from(request.headers());
        if let Some(status) = refused {
            return Err(http::Response::builder().status(status).body(None).expect("an answer"));
        }
        if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::clone(protocol));
        }
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async(stream, on_handshake).await else { return };
    let mut connection = Connection { socket, shared, number, headers, packets: 0, ended: false, started: false };
    for step in script {
        if connection.perform(step).await.is_none() {
            return;
        }
    }
    while connection.read().await.is_some() {}
}

struct Connection {
    socket: WebSocketStream<TcpStream>,
    shared: Arc<Shared>,
    number: usize,
    headers: http::HeaderMap,
    packets: usize,
    ended: bool,
    started: bool,
}

impl Connection {
    /// Executes a step; `None` once the connection has ended.
    async fn perform(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Refuse(_) => {}
            Step::ReceivePackets(count) => {
                let until = self.packets + count;
                while self.packets < until && !self.ended {
                    self.read().await?;
                }
            }
            Step::ReceiveEnd => {
                while !self.ended {
                    self.read().await?;
                }
            }
            Step::SendBinary(bytes) => self.socket.send(Message::binary(bytes)).await.ok()?,
            Step::SendText(text) => self.socket.send(Message::text(text)).await.ok()?,
            Step::Delay(duration) => tokio::time::sleep(duration).await,
            Step::Truncate => {
                // A frame of 1,000 bytes of which only three are sent.
                let _ = self.socket.get_mut().write_all(&[0x82, 126, 0x03, 0xe8, 1, 2, 3]).await;
                return None;
            }
            Step::Close => {
                let _ = self.socket.close(None).await;
                while let Some(Ok(_)) = self.socket.next().await {}
                return None;
            }
            Step::Flood(bytes) => loop {
                self.socket.send(Message::binary(bytes.clone())).await.ok()?;
            },
        }
        Some(())
    }

    /// Reads one message; `None` once the connection has ended.
    async fn read(&mut self) -> Option<()> {
        let message = self.socket.next().await?.ok()?;
        let outcome = match (self.shared.kind, message) {
            (_, Message::Close(_)) => return None,
            (Kind::Doubao, Message::Binary(bytes)) => match doubao::read(&bytes) {
                Ok(doubao::ClientMessage::Request(request)) => self.request(request, doubao::check),
                Ok(doubao::ClientMessage::Sound(pcm, last)) => self.sound(&pcm, last),
                Err(violation) => Some(violation),
            },
            (Kind::FunAsr, Message::Binary(bytes)) => {
                let (samples, _) = bytes.as_chunks::<2>();
                let pcm: Vec<i16> = samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
                self.sound(&pcm, false)
            }
            (Kind::FunAsr, Message::Text(text)) => {
                let message: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                if message["is_speaking"] == false {
                    self.sound(&[], true)
                } else {
                    self.request(message, funasr::check)
                }
            }
            (Kind::Doubao, Message::Text(_)) => Some("text".to_owned()),
            _ => None,
        };
        if let Some(violation) = outcome {
            self.record(|received| {
                received.violation.get_or_insert(violation);
            });
        }
        Some(())
    }

    fn request(
        &mut self,
        request: serde_json::Value,
        check: fn(&http::HeaderMap, &serde_json::Value) -> Option<String>,
    ) -> Option<String> {
        let violation = if self.started { Some("a second request".to_owned()) } else { check(&self.headers, &request) };
        self.started = true;
        let headers = self.headers.clone();
        self.record(|received| {
            received.headers = headers;
            received.request = request;
        });
        violation
    }

    fn sound(&mut self, pcm: &[i16], last: bool) -> Option<String> {
        let violation = (!self.started || self.ended).then(|| "sound before the request or after the end".to_owned());
        self.packets += usize::from(!pcm.is_empty());
        self.record(|received| {
            received.pcm.extend(pcm);
            received.packets.push(pcm.len());
            if last {
                received.ended_at.get_or_insert_with(Instant::now);
            }
        });
        if last && !std::mem::replace(&mut self.ended, true) {
            self.shared.counts.send_modify(|counts| counts.ended += 1);
        }
        violation
    }

    fn record(&self, update: impl FnOnce(&mut Received)) {
        if let Some(received) = self.shared.state().received.get_mut(self.number) {
            update(received);
        }
    }
}
