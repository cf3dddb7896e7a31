//! OTA: tells a device the address of its WebSocket. Rule: every request is answered 200 with a `websocket` section,
//! since firmware without one falls back to MQTT permanently; there is never an `mqtt` key (firmware would prefer it)
//! nor an `activation` (firmware would wait for it).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CONTENT_TYPE, HOST, USER_AGENT,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use modehost_ids::DeviceId;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::field::display;

use crate::accept::Endpoints;
use crate::identity::client_id;
use crate::log_rate::LogRateLimiter;
use crate::proxy::ForwardedTarget;
use crate::settings::GatewaySettings;
use crate::software::{Software, SoftwareTable};

/// Paths that deployed firmware uses; both are served with and without a trailing slash.
const PATHS: [&str; 2] = ["/xiaozhi/ota", "/supie/ota"];

static LOG_LIMIT: LogRateLimiter = LogRateLimiter::new(limits::CONNECTION_LOG_LINES);

/// Whether the path belongs to OTA; all other paths of the port are for operators.
pub(crate) fn is_ota_path(path: &str) -> bool {
    PATHS.iter().any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[derive(Clone)]
struct Ota {
    settings: watch::Receiver<Arc<GatewaySettings>>,
    /// The listening address of the device port.
    devices: SocketAddr,
    software_table: Arc<SoftwareTable>,
}

/// The OTA routes. `devices` is the listening address of the device port.
pub(crate) fn routes(
    settings: watch::Receiver<Arc<GatewaySettings>>,
    devices: SocketAddr,
    software_table: Arc<SoftwareTable>,
) -> Router {
    let ota = Ota { settings, devices, software_table };
    let mut router = Router::new();
    for path in PATHS {
        let main = || -> MethodRouter<Ota> { get(handle_get).post(handle).options(preflight) };
        let activate = || -> MethodRouter<Ota> { post(handle).options(preflight) };
        router = router
            .route(path, main())
            .route(&format!("{path}/"), main())
            .route(&format!("{path}/activate"), activate())
            .route(&format!("{path}/activate/"), activate());
    }
    router.layer(map_response(add_cors_headers)).with_state(ota)
}

/// The parsed part of a request body; everything else, and any malformed body, is ignored.
#[derive(Default, Deserialize)]
struct OtaRequest {
    #[serde(default)]
    application: serde_json::Value,
}

impl OtaRequest {
    /// The device's own version: together with an empty URL it means that there is no update.
    fn version(&self) -> String {
        let version = self.application.get("version").and_then(serde_json::Value::as_str).map(str::trim);
        let version = version.filter(|version| !version.is_empty() && version.len() <= 64);
        version.unwrap_or("0.0.0").to_owned()
    }
}

#[derive(Serialize)]
struct OtaResponse {
    server_time: ServerTime,
    firmware: Firmware,
    websocket: WebSocketAddress,
}

#[derive(Serialize)]
struct ServerTime {
    /// Unix ms.
    timestamp: u64,
    /// Minutes.
    timezone_offset: i32,
}

#[derive(Serialize)]
struct Firmware {
    version: String,
    url: &'static str,
}

#[derive(Serialize)]
struct WebSocketAddress {
    url: String,
    /// Always present: some clients fail without it.
    token: String,
}

async fn handle(
    State(ota): State<Ota>,
    endpoints: Option<Extension<Endpoints>>,
    headers: HeaderMap,
    body: Body,
) -> Json<OtaResponse> {
    let body = timeout(limits::HANDSHAKE_TIMEOUT, to_bytes(body, limits::OTA_BODY_BYTES)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let request: OtaRequest = serde_json::from_slice(&body).unwrap_or_default();
    Json(ota.respond(&request, endpoints.map(|Extension(endpoints)| endpoints), &headers))
}

impl Ota {
    /// Builds the response to a device.
    fn respond(&self, request: &OtaRequest, endpoints: Option<Endpoints>, headers: &HeaderMap) -> OtaResponse {
        let settings = self.settings.borrow().clone();
        let token = if settings.ota_tokens { token(&settings, headers) } else { None };
        let url = websocket_url(&settings, headers, endpoints, self.devices);
        let caller = endpoints.map(|endpoints| settings.proxies.caller(endpoints.peer, headers).address);
        let agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let software =
            Software::new(agent.as_deref(), request.application.get("version").and_then(serde_json::Value::as_str));
        self.log_request(device(headers).as_ref(), caller, &url, &software);
        OtaResponse {
            server_time: ServerTime { timestamp: now(), timezone_offset: settings.timezone_offset_min },
            firmware: Firmware { version: request.version(), url: "" },
            websocket: WebSocketAddress { url, token: token.unwrap_or_default() },
        }
    }

    /// Logs one line for the operator (C.19); `device` is the claimed id, if any.
    fn log_request(&self, device: Option<&DeviceId>, caller: Option<IpAddr>, url: &str, software: &Software) {
        if let Some(device) = device.filter(|_| *software != Software::default()) {
            self.software_table.record(device, software);
        }
        if LOG_LIMIT.allows("OTA requests") {
            let device = device.map_or("-", DeviceId::as_str);
            // Without its path, which may be kept secret from everyone but devices.
            let url = modehost_ids::origin(url).unwrap_or("-");
            let (agent, firmware) = (software.agent.as_deref(), software.version.as_deref());
            let address = caller.map(display);
            tracing::info!(device, address, url, agent, firmware, "a device has asked for the address (OTA)");
        }
    }
}

/// A GET with a device id is answered like a POST without a body. Other GETs come from people who check their set-up in
/// a browser; scripts match this exact sentence.
async fn handle_get(State(ota): State<Ota>, endpoints: Option<Extension<Endpoints>>, headers: HeaderMap) -> Response {
    if headers.contains_key("device-id") {
        let endpoints = endpoints.map(|Extension(endpoints)| endpoints);
        return Json(ota.respond(&OtaRequest::default(), endpoints, &headers)).into_response();
    }
    let settings = ota.settings.borrow().clone();
    let url = websocket_url(&settings, &headers, endpoints.map(|Extension(endpoints)| endpoints), ota.devices);
    let text = format!("OTA接口运行正常，向设备发送的websocket地址是：{url}");
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// CORS: pages of any origin may read the response; the gateway's origin check decides what they may connect to.
async fn add_cors_headers(mut response: Response) -> Response {
    let entries = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, Authorization, Accept-Language, Device-Id, Client-Id, Activation-Version, Serial-Number",
        ),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        // Required by Chromium for servers in the local network.
        (HeaderName::from_static("access-control-allow-private-network"), "true"),
    ];
    for (name, value) in entries {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// The claimed device id.
fn device(headers: &HeaderMap) -> Option<DeviceId> {
    text(headers, "device-id").and_then(DeviceId::parse)
}

/// The token with which the requesting device can sign in, if there is one.
fn token(settings: &GatewaySettings, headers: &HeaderMap) -> Option<String> {
    let device = device(headers)?;
    // The token must match the client id that will connect.
    let client = client_id(text(headers, "client-id").unwrap_or_default())?;
    settings.sign_in.token_for(&device, &client)
}

/// The WebSocket address, in the form that firmware parses: `ws://host:port/path/`.
fn websocket_url(
    settings: &GatewaySettings,
    headers: &HeaderMap,
    endpoints: Option<Endpoints>,
    devices: SocketAddr,
) -> String {
    if let Some(url) = &settings.public_url {
        return url.clone();
    }
    let path = &settings.paths[0];
    // Behind a proxy, devices use the host and port of the forwarded request.
    if let Some(ForwardedTarget { secure, host, port }) =
        endpoints.and_then(|endpoints| settings.proxies.forwarded_target(endpoints.peer, headers))
    {
        let scheme = if secure { "wss" } else { "ws" };
        return format!("{scheme}://{host}:{port}{path}/");
    }
    let host_header = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host_header = host_header.and_then(|host| host.parse::<axum::http::uri::Authority>().ok());
    // If HTTP listens on an address of its own, that host does not serve devices.
    let separate_address = endpoints
        .is_some_and(|endpoints| !devices.ip().is_unspecified() && endpoints.local.to_canonical() != devices.ip());
    let host_header = host_header.filter(|_| !separate_address);
    let local = if separate_address { Some(devices.ip()) } else { endpoints.map(|endpoints| endpoints.local) };
    let host = match (host_header, local) {
        // The host of an IPv6 authority includes its brackets.
        (Some(authority), _) if !authority.host().is_empty() => authority.host().to_owned(),
        (_, Some(IpAddr::V6(ip))) => match ip.to_ipv4_mapped() {
            Some(ip) => ip.to_string(),
            None => format!("[{ip}]"),
        },
        (_, Some(IpAddr::V4(ip))) => ip.to_string(),
        (_, None) => "localhost".to_owned(),
    };
    let scheme = if settings.tls.is_some() { "wss" } else { "ws" };
    format!("{scheme}://{host}:{}{path}/", devices.port())
}

#[cfg(test)]
mod tests {
    use modehost_auth::AuthConfig;

    use super::*;
    use crate::config::{GatewayConfig, ServerConfig};

    fn url(host: Option<&'static str>, local: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, HeaderValue::from_static(host));
        }
        let endpoints = Endpoints { local: local.parse().expect("ip"), peer: "203.0.113.1".parse().expect("ip") };
        websocket_url(&GatewaySettings::default(), &headers, Some(endpoints), unspecified())
    }

    fn unspecified() -> SocketAddr {
        "0.0.0.0:8004".parse().expect("an address")
    }

    #[test]
    fn c13_http_elsewhere_hands_out_the_address_of_devices() {
        let (mut headers, devices) = (HeaderMap::new(), "10.0.0.5:8004".parse().expect("an address"));
        headers.insert(HOST, HeaderValue::from_static("192.168.1.9:8003"));
        let response = |local: &str| {
            let endpoints = Endpoints { local: local.parse().expect("ip"), peer: "203.0.113.1".parse().expect("ip") };
            websocket_url(&GatewaySettings::default(), &headers, Some(endpoints), devices)
        };
        assert_eq!(response("192.168.1.9"), "ws://10.0.0.5:8004/supie/v1/");
        // On the same address, the Host header of the request is best.
        assert_eq!(response("10.0.0.5"), "ws://192.168.1.9:8004/supie/v1/");
    }

    #[test]
    fn c13_the_address_is_the_one_that_is_served() {
        assert_eq!(url(Some("10.0.0.7:8003"), "127.0.0.1"), "ws://10.0.0.7:8004/supie/v1/");
        assert_eq!(url(Some("voice.example"), "127.0.0.1"), "ws://voice.example:8004/supie/v1/");
        assert_eq!(url(Some("[fd00::7]:8003"), "127.0.0.1"), "ws://[fd00::7]:8004/supie/v1/");
        assert_eq!(url(None, "::ffff:10.0.0.7"), "ws://10.0.0.7:8004/supie/v1/");
        assert_eq!(url(None, "fd00::7"), "ws://[fd00::7]:8004/supie/v1/");
    }

    #[test]
    fn c13_behind_a_trusted_proxy_it_is_the_one_that_was_called() {
        let server = ServerConfig { trusted_proxies: vec!["10.0.0.1".to_owned()], ..ServerConfig::default() };
        let settings = GatewaySettings::new(&server, &GatewayConfig::default(), &AuthConfig::default());
        let url = |peer: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("internal:8003"));
            headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
            headers.insert("x-forwarded-host", HeaderValue::from_static("voice.example"));
            let endpoints = Endpoints { local: "10.0.0.9".parse().expect("ip"), peer: peer.parse().expect("ip") };
            websocket_url(&settings, &headers, Some(endpoints), unspecified())
        };
        assert_eq!(url("10.0.0.1"), "wss://voice.example:443/supie/v1/");
        assert_eq!(url("10.0.0.2"), "ws://internal:8004/supie/v1/");
    }

    /// Corpus bodies and mutations of them: every response obeys the rule and contains nothing of the body but the
    /// device's own version.
    #[test]
    fn c13_any_body_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (_settings, receiver) = watch::channel(Arc::new(GatewaySettings::default()));
        let ota = Ota { settings: receiver, devices: unspecified(), software_table: Arc::default() };
        modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "ota").keeps(|bytes| {
            let body = Body::from(bytes.to_vec());
            let Json(response) = runtime.block_on(handle(State(ota.clone()), None, HeaderMap::new(), body));
            let version = &response.firmware.version;
            assert!((1..=64).contains(&version.len()) && version.trim() == version, "{version:?}");
            let response = serde_json::to_value(response).expect("JSON");
            let keys: Vec<_> = response.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(keys, ["firmware", "server_time", "websocket"]);
            assert_eq!(response["websocket"]["url"], "ws://localhost:8004/supie/v1/");
            assert_eq!(response["firmware"]["url"], "");
        });
    }
}
