//! A WebSocket to a provider, for one attempt. Rule: it is made by the same client as every other call,
//! so that TLS, roots and time limits come from one place, and each message in and out is bounded in
//! size and time.

use crate::limits;
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use reqwest::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, StatusCode, Upgraded};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::fault::{Fault, FaultKind};
use crate::http;

/// Where a provider is reached.
pub(super) struct Address {
    client: Option<Client>,
    /// With `http` for `ws`.
    url: String,
    provider: &'static str,
}

/// What a provider says.
#[derive(Debug)]
pub(super) enum Said {
    Text(String),
    Binary(Vec<u8>),
    /// It has closed the connection in order.
    Closed,
}

impl Address {
    pub(super) fn new(provider: &'static str, url: &str, any_certificate: bool) -> Self {
        let url = url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}"));
        let client = http::client(&url, |builder| {
            let builder = builder.http1_only();
            if any_certificate { builder.tls_danger_accept_invalid_certs(true) } else { builder }
        });
        Self { client, url, provider }
    }

    /// Connects, with further headers and a sub-protocol where one is wanted.
    pub(super) async fn connect(&self, headers: HeaderMap, protocol: Option<&'static str>) -> Result<Socket, Fault> {
        let connecting = timeout(limits::PROVIDER_CONNECT, self.upgrade(headers, protocol)).await;
        let upgraded = connecting.unwrap_or_else(|_| {
            Err(Fault::passing(FaultKind::TimedOut, format!("{} did not take the connection in time", self.provider)))
        })?;
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::PROVIDER_READ_BYTES)
            .max_message_size(Some(limits::ANSWER_BYTES))
            .max_frame_size(Some(limits::ANSWER_BYTES));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        Ok(Socket { stream, provider: self.provider })
    }

    async fn upgrade(&self, headers: HeaderMap, protocol: Option<&'static str>) -> Result<Upgraded, Fault> {
        let client = self.client.as_ref().ok_or_else(http::no_tls)?;
        let key = generate_key();
        let mut request = client
            .get(&self.url)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .headers(headers);
        if let Some(protocol) = protocol {
            request = request.header(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        let answer = request.send().await.map_err(|error| http::unanswered(self.provider, &error))?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(match answer.status() {
                status if status.is_success() => {
                    Fault::lasting(FaultKind::Refused, format!("{} speaks no WebSocket there", self.provider))
                }
                status => http::refused(self.provider, status),
            });
        }
        let accepted = answer.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(Fault::lasting(FaultKind::Garbled, format!("{} is no WebSocket service", self.provider)));
        }
        answer.upgrade().await.map_err(|error| http::unanswered(self.provider, &error))
    }
}

/// A connection. Dropping it closes it.
pub(super) struct Socket {
    stream: WebSocketStream<Upgraded>,
    provider: &'static str,
}

impl Socket {
    pub(super) async fn send(&mut self, message: Message) -> Result<(), Fault> {
        match timeout(limits::PROVIDER_WRITE, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.broke_off()),
            Err(_) => Err(Fault::passing(FaultKind::TimedOut, format!("{} does not read", self.provider))),
        }
    }

    /// What comes next. Waits for it; cancelling loses nothing.
    pub(super) async fn next(&mut self) -> Result<Said, Fault> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Said::Text(text.as_str().to_owned())),
                Some(Ok(Message::Binary(bytes))) => return Ok(Said::Binary(bytes.into())),
                Some(Ok(Message::Close(_))) => return Ok(Said::Closed),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(self.broke_off()),
            }
        }
    }

    fn broke_off(&self) -> Fault {
        Fault::passing(FaultKind::Connection, format!("the connection to {} broke off", self.provider))
    }
}

/// A header whose value is of the configuration, marked so that it is not shown.
pub(super) fn hidden(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // Validation has seen to it that it can stand in a header.
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
}
