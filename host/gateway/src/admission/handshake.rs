//! The handshake of a device: one HTTP request, answered with 101 or a rejection. Rule: a rejected client gets an HTTP
//! status and a reason before the upgrade, and no handshake holds a slot for longer than its timeout.

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

use super::device_limit::DevicePermit;
use super::sign_in;
use crate::accept::Endpoints;
use crate::accept::slots::ConnectionSlot;
use crate::connection_metrics::count_rejected;
use crate::identity::{BadIdentity, Identity};
use crate::proxy::{Caller, has_single_host};
use crate::settings::GatewaySettings;

/// An admitted connection. Its 101 has been written.
pub(crate) struct Admitted<S> {
    pub stream: S,
    /// Bytes that the device sent behind its request.
    pub early: Bytes,
    pub identity: Identity,
    /// The client address, as far as trusted proxies report it.
    pub caller: Caller,
    /// Its share of the device limit.
    pub permit: DevicePermit,
}

/// Why a device gets no permit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotTaken {
    /// None is left.
    Full,
    /// This node hands its devices over to others.
    Evacuating,
}

/// Acquires a device permit.
pub(crate) type AcquirePermit<'a> = &'a (dyn Fn(&DeviceId) -> Result<DevicePermit, NotTaken> + Sync);

/// An upgrade request that is accepted.
struct AcceptedUpgrade {
    identity: Identity,
    caller: Caller,
    permit: DevicePermit,
    /// Value of `Sec-WebSocket-Accept`.
    accept: String,
}

/// The client is not admitted.
struct Rejection {
    status: StatusCode,
    /// Label of the metric.
    label: &'static str,
    /// Human-readable reason.
    text: String,
    /// Value of `Retry-After`, in s.
    retry_after: Option<u64>,
}

impl Rejection {
    fn new(status: StatusCode, label: &'static str, text: impl Into<String>) -> Self {
        Self { status, label, text: text.into(), retry_after: None }
    }
}

/// Reads one request and responds to it. `None`: the request was answered without an upgrade, or the connection ended.
/// Takes at most `settings.handshake_timeout`; cancelling drops the connection. Until the request head has been read,
/// `slot` can be evicted.
pub(crate) async fn perform<S>(
    stream: S,
    endpoints: Endpoints,
    settings: Arc<GatewaySettings>,
    slot: &ConnectionSlot,
    acquire_permit: AcquirePermit<'_>,
) -> Option<Admitted<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limit = settings.handshake_timeout;
    let accepted = Mutex::new(None);
    let respond = |request: Request<Incoming>| async {
        slot.set_busy();
        let (parts, _) = request.into_parts();
        let response = match admit(&parts, &settings, endpoints, acquire_permit).await {
            Ok(Some(upgrade)) => {
                let response = switching_protocols(&upgrade.accept, sub_protocol(&parts.headers));
                *accepted.lock() = Some(upgrade);
                response
            }
            Ok(None) => Ok(plain_response()),
            Err(rejection) => Ok(reject(rejection)),
        };
        Ok::<_, Infallible>(response.unwrap_or_else(reject))
    };
    let exchange = builder(limit)
        .serve_connection(TokioIo::new(stream), service_fn(respond))
        // hyper treats the 101 as an ordinary response; the bytes behind it belong to the WebSocket.
        .without_shutdown();
    let (stream, early) = match timeout(limit, exchange).await {
        Ok(Ok(parts)) => (parts.io.into_inner(), parts.read_buf),
        // hyper has already answered what is not HTTP, or the client has gone.
        Ok(Err(error)) => {
            count_rejected(if error.is_timeout() { "timeout" } else { "not_http" });
            return None;
        }
        Err(_) => {
            count_rejected("timeout");
            return None;
        }
    };
    let AcceptedUpgrade { identity, caller, permit, .. } = accepted.into_inner()?;
    Some(Admitted { stream, early, identity, caller, permit })
}

/// HTTP/1 settings shared by all ports.
pub(crate) fn builder(header_time: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_time).max_buf_size(limits::REQUEST_HEAD_BYTES);
    builder
}

/// Decides whether the request is admitted. `Ok(None)`: a plain HTTP request.
async fn admit(
    request: &Parts,
    settings: &GatewaySettings,
    endpoints: Endpoints,
    acquire_permit: AcquirePermit<'_>,
) -> Result<Option<AcceptedUpgrade>, Rejection> {
    if !wants_upgrade(&request.headers) {
        count_rejected("plain_http");
        return Ok(None);
    }
    let path = request.uri.path().trim_end_matches('/');
    if !settings.paths.iter().any(|served| served == path) {
        let paths = settings.paths.iter().map(|path| format!("{path}/")).collect::<Vec<_>>().join(" and ");
        let text = format!("devices cannot connect to this path; connect to {paths}");
        return Err(Rejection::new(StatusCode::NOT_FOUND, "path", text));
    }
    if !has_single_host(&request.uri, &request.headers) {
        return Err(Rejection::new(StatusCode::BAD_REQUEST, "upgrade", "the request must have exactly one host"));
    }
    let key = upgrade_key(request)?;
    if !settings.origins.allow(&request.headers, endpoints.peer, &settings.proxies) {
        let text = "pages from this origin, or calling the server by this name, may not connect; gateway.origins lists those that \
                    may, and server.public_url holds the name";
        return Err(Rejection::new(StatusCode::FORBIDDEN, "origin", text));
    }
    let bad = |error: BadIdentity| Rejection::new(StatusCode::BAD_REQUEST, "identity", error.to_string());
    let identity = Identity::read(request).map_err(bad)?;
    let caller = settings.proxies.caller(endpoints.peer, &request.headers);
    sign_in(&identity, caller.address, settings).await?;
    // After the sign-in, so that unauthenticated clients do not learn how loaded the server is.
    let permit = acquire_permit(&identity.device).map_err(|why| {
        let (label, text, after) = match why {
            NotTaken::Full => {
                let text = "the limit of connected devices is reached; retry later";
                ("full", text, limits::DEVICE_LIMIT_RETRY_AFTER)
            }
            NotTaken::Evacuating => {
                let text = "this node hands its devices over to the others; connect again";
                ("evacuating", text, limits::EVACUATING_RETRY_AFTER)
            }
        };
        let retry_after = Some(after.as_secs());
        Rejection { retry_after, ..Rejection::new(StatusCode::SERVICE_UNAVAILABLE, label, text) }
    })?;
    if identity.generated {
        tracing::warn!(device = %identity.device, "a device sent no id and was assigned one; its session cannot be resumed");
    }
    Ok(Some(AcceptedUpgrade { identity, caller, permit, accept: derive_accept_key(key.as_bytes()) }))
}

/// Authenticates the client as the device that it claims to be.
async fn sign_in(identity: &Identity, address: IpAddr, settings: &GatewaySettings) -> Result<(), Rejection> {
    let (device, client) = (&identity.device, &identity.client);
    let token = identity.token.as_deref().filter(|_| settings.query_tokens || !identity.token_in_query);
    let claim = Claim { device, client, token, address };
    settings.sign_in.check(claim).await.map_err(|denial| {
        sign_in::log(&denial, device, address);
        let text = denial.reason.to_string();
        let retry_after = sign_in::retry_after(denial.reason);
        Rejection { retry_after, ..Rejection::new(sign_in::status(denial.reason), "sign_in", text) }
    })
}

/// Whether the comma-separated list in headers of this name contains the token.
fn list_contains(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| entry.trim().eq_ignore_ascii_case(token))
}

/// Connection is a token list: Firefox sends `keep-alive, Upgrade`.
fn wants_upgrade(headers: &HeaderMap) -> bool {
    list_contains(headers, CONNECTION, "upgrade") && list_contains(headers, UPGRADE, "websocket")
}

/// The `Sec-WebSocket-Key` of a well-formed upgrade request.
fn upgrade_key(request: &Parts) -> Result<&HeaderValue, Rejection> {
    let bad = |text: &str| Rejection::new(StatusCode::BAD_REQUEST, "upgrade", text);
    if request.method != Method::GET || request.version < http::Version::HTTP_11 {
        return Err(bad("a WebSocket begins with GET and HTTP/1.1"));
    }
    if !list_contains(&request.headers, SEC_WEBSOCKET_VERSION, "13") {
        let text = "this server speaks WebSocket version 13: send Sec-WebSocket-Version: 13";
        return Err(Rejection::new(StatusCode::UPGRADE_REQUIRED, "upgrade", text));
    }
    let key = request.headers.get(SEC_WEBSOCKET_KEY).filter(|key| !key.is_empty());
    key.ok_or_else(|| bad("a WebSocket needs the header Sec-WebSocket-Key"))
}

/// The sub-protocol of the response: the first one offered, whatever its name, because browsers fail a connection whose
/// response selects none of those offered (RFC 6455, 4.1). Firmware offers none.
fn sub_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    let first = offered.flat_map(|list| list.split(',')).map(str::trim).find(|name| !name.is_empty())?;
    HeaderValue::from_str(first).ok()
}

fn switching_protocols(accept: &str, protocol: Option<HeaderValue>) -> Result<Response<Full<Bytes>>, Rejection> {
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
        .body(Full::default())
        .map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, "upgrade", error.to_string()))
}

/// C.2: a plain HTTP request gets a response instead of a hang.
fn plain_response() -> Response<Full<Bytes>> {
    plain(StatusCode::OK, "modehost: this port speaks WebSocket; HTTP is on server.http_port\n".to_owned())
}

fn reject(Rejection { status, label, text, retry_after }: Rejection) -> Response<Full<Bytes>> {
    count_rejected(label);
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
    // One request per connection. (hyper's own option for that would overwrite the Connection header of the 101.)
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
