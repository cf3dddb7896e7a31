//! From the first byte of a connection to its 101, or a refusal in plain words. Rule: whoever is
//! not let in is told with an HTTP status before the upgrade, and nobody holds a place for longer
//! than the time for the handshake.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use modehost_auth::Claim;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::seats::Seat;
use super::sign_in;
use crate::accept::Ends;
use crate::accept::places::Place;
use crate::connection_metrics::refused;
use crate::identity::{BadIdentity, Identity};
use crate::proxy::{Caller, names_one_host};
use crate::settings::GatewaySettings;

/// A connection that has been let in. Its 101 has been written.
pub(crate) struct Admitted<S> {
    pub stream: S,
    /// What the device sent behind its request.
    pub early: Bytes,
    pub identity: Identity,
    /// Where the request came from, as far as proxies are believed.
    pub caller: Caller,
    /// Among the devices that may be connected.
    pub seat: Seat,
}

/// Gives a device a seat, if there is one left.
pub(crate) type Seating<'a> = &'a (dyn Fn(&DeviceId) -> Option<Seat> + Sync);

/// A request that may become a connection.
struct Welcome {
    identity: Identity,
    caller: Caller,
    seat: Seat,
    /// The key that accepts the upgrade.
    accept: String,
}

/// Nobody is let in.
struct Refusal {
    status: StatusCode,
    /// For the metrics.
    word: &'static str,
    /// For people.
    text: String,
    /// When another attempt makes sense, in s.
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, word: &'static str, text: impl Into<String>) -> Self {
        Self { status, word, text: text.into(), retry_after: None }
    }
}

/// Reads one request and answers it. `None`: the caller got an answer, or nothing was to be said
/// to it. Takes `settings.handshake` at the most; cancelling drops the connection.
/// Before the head of the request is there, `place` can be lost.
pub(crate) async fn receive<S>(
    stream: S,
    ends: Ends,
    settings: Arc<GatewaySettings>,
    place: &Place,
    seating: Seating<'_>,
) -> Option<Admitted<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limit = settings.handshake;
    let welcome = Mutex::new(None);
    let answer = |request: Request<Incoming>| async {
        place.is_served();
        let (parts, _) = request.into_parts();
        let response = match admit(&parts, &settings, ends, seating).await {
            Ok(Some(admitted)) => {
                let answer = switching(&admitted.accept, sub_protocol(&parts.headers));
                *welcome.lock() = Some(admitted);
                answer
            }
            Ok(None) => Ok(greeting()),
            Err(refusal) => Ok(refuse(refusal)),
        };
        Ok::<_, Infallible>(response.unwrap_or_else(refuse))
    };
    let exchange = builder(limit)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        // The 101 is an answer like any other to hyper; what comes behind it is ours.
        .without_shutdown();
    let (stream, early) = match timeout(limit, exchange).await {
        Ok(Ok(parts)) => (parts.io.into_inner(), parts.read_buf),
        // hyper has answered what is not HTTP, or nobody was there.
        Ok(Err(error)) => {
            refused(if error.is_timeout() { "timeout" } else { "not_http" });
            return None;
        }
        Err(_) => {
            refused("timeout");
            return None;
        }
    };
    let Welcome { identity, caller, seat, .. } = welcome.into_inner()?;
    Some(Admitted { stream, early, identity, caller, seat })
}

/// HTTP/1 as both ports speak it.
pub(crate) fn builder(header_time: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_time).max_buf_size(limits::REQUEST_HEAD_BYTES);
    builder
}

/// Who is let in. `Ok(None)`: a plain request.
async fn admit(
    request: &Parts,
    settings: &GatewaySettings,
    ends: Ends,
    seating: Seating<'_>,
) -> Result<Option<Welcome>, Refusal> {
    if !wants_upgrade(&request.headers) {
        refused("plain_http");
        return Ok(None);
    }
    let path = request.uri.path().trim_end_matches('/');
    if !settings.paths.iter().any(|served| served == path) {
        let paths = settings.paths.iter().map(|path| format!("{path}/")).collect::<Vec<_>>().join(" and ");
        let text = format!("no devices are taken here; connect to {paths}");
        return Err(Refusal::new(StatusCode::NOT_FOUND, "path", text));
    }
    if !names_one_host(&request.uri, &request.headers) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "upgrade", "a request names one host"));
    }
    let key = upgrade_key(request)?;
    if !settings.origins.admit(&request.headers, ends.peer, &settings.proxies) {
        let text = "pages from this origin, or calling the server by this name, may not connect; gateway.origins lists those that \
                    may, and server.public_url holds the name";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "origin", text));
    }
    let bad = |error: BadIdentity| Refusal::new(StatusCode::BAD_REQUEST, "identity", error.to_string());
    let identity = Identity::read(request).map_err(bad)?;
    let caller = settings.proxies.caller(ends.peer, &request.headers);
    sign_in(&identity, caller.address, settings).await?;
    // Behind the sign-in: strangers are told nothing of how full it is.
    let seat = seating(&identity.device).ok_or_else(|| {
        let text = "as many devices are connected as may be; come again later";
        let retry_after = Some(limits::FULL_RETRY.as_secs());
        Refusal { retry_after, ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "full", text) }
    })?;
    if identity.made_up {
        tracing::warn!(device = %identity.device, "a device gave no id and was given one; its session cannot be found again");
    }
    Ok(Some(Welcome { identity, caller, seat, accept: derive_accept_key(key.as_bytes()) }))
}

/// Whether the caller may be who it says.
async fn sign_in(identity: &Identity, address: IpAddr, settings: &GatewaySettings) -> Result<(), Refusal> {
    let (device, client) = (&identity.device, &identity.client);
    let token = identity.token.as_deref().filter(|_| settings.query_tokens || !identity.token_in_query);
    let claim = Claim { device, client, token, address };
    settings.sign_in.check(claim).await.map_err(|denied| {
        sign_in::log(&denied, device, address);
        let text = denied.why.to_string();
        let retry_after = sign_in::retry_after(denied.why);
        Refusal { retry_after, ..Refusal::new(sign_in::status(denied.why), "sign_in", text) }
    })
}

/// True if a header of this name has the word in its list.
fn has_word(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| entry.trim().eq_ignore_ascii_case(word))
}

/// Firefox sends `keep-alive, Upgrade`.
fn wants_upgrade(headers: &HeaderMap) -> bool {
    has_word(headers, CONNECTION, "upgrade") && has_word(headers, UPGRADE, "websocket")
}

/// The key of a well-formed request for an upgrade.
fn upgrade_key(request: &Parts) -> Result<&HeaderValue, Refusal> {
    let bad = |text: &str| Refusal::new(StatusCode::BAD_REQUEST, "upgrade", text);
    if request.method != Method::GET || request.version < http::Version::HTTP_11 {
        return Err(bad("a WebSocket begins with GET and HTTP/1.1"));
    }
    if !has_word(&request.headers, SEC_WEBSOCKET_VERSION, "13") {
        let text = "this server speaks WebSocket version 13: send Sec-WebSocket-Version: 13";
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "upgrade", text));
    }
    let key = request.headers.get(SEC_WEBSOCKET_KEY).filter(|key| !key.is_empty());
    key.ok_or_else(|| bad("a WebSocket needs the header Sec-WebSocket-Key"))
}

/// The sub-protocol that is answered: the first that is offered, whatever it is called, as browsers end a connection
/// that names none of those that they have offered (RFC 6455, 4.1). Firmware offers none.
fn sub_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    let first = offered.flat_map(|list| list.split(',')).map(str::trim).find(|name| !name.is_empty())?;
    HeaderValue::from_str(first).ok()
}

fn switching(accept: &str, protocol: Option<HeaderValue>) -> Result<Response<Full<Bytes>>, Refusal> {
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response.body(Full::default()).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "upgrade", error.to_string()))
}

/// C.2: a bare request gets an answer, not a hang.
fn greeting() -> Response<Full<Bytes>> {
    plain(StatusCode::OK, "modehost: this port speaks WebSocket; HTTP is on server.http_port\n".to_owned())
}

fn refuse(Refusal { status, word, text, retry_after }: Refusal) -> Response<Full<Bytes>> {
    refused(word);
    let mut response = plain(status, format!("modehost: {text}\n"));
    if status == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // One request a connection. (hyper's own switch for that would overwrite the header of the 101.)
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
