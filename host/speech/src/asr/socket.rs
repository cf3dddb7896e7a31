//! WebSocket connection to a provider, for one attempt. Rule: it is opened by the shared HTTP client, so that TLS, root
//! certificates and timeouts are configured in one place; each message in and out is bounded in size and time.

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

/// WebSocket endpoint of a provider.
pub(super) struct WsEndpoint {
    client: Option<Client>,
    /// With `http` for `ws`.
    url: String,
    provider: &'static str,
}

/// A message of a provider.
#[derive(Debug)]
pub(super) enum ProviderMessage {
    Text(String),
    Binary(Vec<u8>),
    /// It has closed the connection with a close frame.
    Closed,
}

impl WsEndpoint {
    pub(super) fn new(provider: &'static str, url: &str, any_certificate: bool) -> Self {
        let url = url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}"));
        let client = http::client(&url, |builder| {
            let builder = builder.http1_only();
            if any_certificate { builder.tls_danger_accept_invalid_certs(true) } else { builder }
        });
        Self { client, url, provider }
    }

    /// Connects, with additional headers and an optional subprotocol.
    pub(super) async fn connect(&self, headers: HeaderMap, protocol: Option<&'static str>) -> Result<Socket, Fault> {
        let connecting = timeout(limits::PROVIDER_CONNECT, self.upgrade(headers, protocol)).await;
        let upgraded = connecting.unwrap_or_else(|_| {
            Err(Fault::transient(
                FaultKind::TimedOut,
                format!("{} did not accept the connection in time", self.provider),
            ))
        })?;
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::PROVIDER_READ_BYTES)
            .max_message_size(Some(limits::RESPONSE_BYTES))
            .max_frame_size(Some(limits::RESPONSE_BYTES));
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
        let response = request.send().await.map_err(|error| http::fault_of_error(self.provider, &error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(match response.status() {
                status if status.is_success() => Fault::permanent(
                    FaultKind::Rejected,
                    format!("{} has no WebSocket endpoint at this address", self.provider),
                ),
                status => http::fault_of_status(self.provider, status),
            });
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(Fault::permanent(FaultKind::Malformed, format!("{} is no WebSocket service", self.provider)));
        }
        response.upgrade().await.map_err(|error| http::fault_of_error(self.provider, &error))
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
            Ok(Err(_)) => Err(self.connection_lost()),
            Err(_) => Err(Fault::transient(FaultKind::TimedOut, format!("{} does not read", self.provider))),
        }
    }

    /// The next message. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<ProviderMessage, Fault> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(ProviderMessage::Text(text.as_str().to_owned())),
                Some(Ok(Message::Binary(bytes))) => return Ok(ProviderMessage::Binary(bytes.into())),
                Some(Ok(Message::Close(_))) => return Ok(ProviderMessage::Closed),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(self.connection_lost()),
            }
        }
    }

    fn connection_lost(&self) -> Fault {
        Fault::transient(FaultKind::Connection, format!("the connection to {} was lost", self.provider))
    }
}

/// Inserts a header with a value of the configuration, marked as sensitive so that it is not logged.
pub(super) fn insert_sensitive(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // Validation has ensured that it is a valid header value.
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
}
