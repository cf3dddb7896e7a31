//! Where a device learns the address to call. Rule: whatever a device sends, it is answered 200
//! with a `websocket` section, since firmware without one falls back to MQTT for good; there is
//! never an `mqtt` key (firmware would prefer it) nor an `activation` (it would wait for it).

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

use crate::accept::Ends;
use crate::identity::client_id;
use crate::log_rate::LogRate;
use crate::proxy::Called;
use crate::settings::GatewaySettings;
use crate::software::{KnownSoftware, Software};

/// Paths that firmware in the field has been given; both are served with and without a last slash.
const PATHS: [&str; 2] = ["/xiaozhi/ota", "/supie/ota"];

static LINES: LogRate = LogRate::new(limits::VISIT_LOG_LINES);

/// Whether devices ask here; everything else on the port is for operators.
pub(crate) fn serves(path: &str) -> bool {
    PATHS.iter().any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[derive(Clone)]
struct Ota {
    settings: watch::Receiver<Arc<GatewaySettings>>,
    /// Where devices are listened on.
    devices: SocketAddr,
    known: Arc<KnownSoftware>,
}

/// The routes. `devices` is where the WebSocket is served.
pub(crate) fn routes(
    settings: watch::Receiver<Arc<GatewaySettings>>,
    devices: SocketAddr,
    known: Arc<KnownSoftware>,
) -> Router {
    let ota = Ota { settings, devices, known };
    let mut router = Router::new();
    for path in PATHS {
        let main = || -> MethodRouter<Ota> { get(describe).post(answer).options(preflight) };
        let activate = || -> MethodRouter<Ota> { post(answer).options(preflight) };
        router = router
            .route(path, main())
            .route(&format!("{path}/"), main())
            .route(&format!("{path}/activate"), activate())
            .route(&format!("{path}/activate/"), activate());
    }
    router.layer(map_response(allow_pages)).with_state(ota)
}

/// What is read of a request's body; everything else in it, and every oddity, is ignored.
#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    application: serde_json::Value,
}

impl Asked {
    /// The device's own version: with no address beside it, that means there is nothing newer.
    fn version(&self) -> String {
        let version = self.application.get("version").and_then(serde_json::Value::as_str).map(str::trim);
        let version = version.filter(|version| !version.is_empty() && version.len() <= 64);
        version.unwrap_or("0.0.0").to_owned()
    }
}

#[derive(Serialize)]
struct Answer {
    server_time: ServerTime,
    firmware: Firmware,
    websocket: Address,
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
struct Address {
    url: String,
    /// Always there: some clients fail without it.
    token: String,
}

async fn answer(State(ota): State<Ota>, ends: Option<Extension<Ends>>, headers: HeaderMap, body: Body) -> Json<Answer> {
    let body = timeout(limits::HANDSHAKE, to_bytes(body, limits::OTA_BODY_BYTES)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let asked: Asked = serde_json::from_slice(&body).unwrap_or_default();
    Json(ota.tell(&asked, ends.map(|Extension(ends)| ends), &headers))
}

impl Ota {
    /// What a device is told that asks.
    fn tell(&self, asked: &Asked, ends: Option<Ends>, headers: &HeaderMap) -> Answer {
        let settings = self.settings.borrow().clone();
        let token = if settings.ota_tokens { token(&settings, headers) } else { None };
        let url = address(&settings, headers, ends, self.devices);
        let caller = ends.map(|ends| settings.proxies.caller(ends.peer, headers).address);
        let agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let software =
            Software::new(agent.as_deref(), asked.application.get("version").and_then(serde_json::Value::as_str));
        self.note(device(headers).as_ref(), caller, &url, &software);
        Answer {
            server_time: ServerTime { timestamp: now(), timezone_offset: settings.timezone_offset_min },
            firmware: Firmware { version: asked.version(), url: "" },
            websocket: Address { url, token: token.unwrap_or_default() },
        }
    }

    /// One line for the operator (C.19); `device` is what it calls itself, where it does.
    fn note(&self, device: Option<&DeviceId>, caller: Option<IpAddr>, url: &str, software: &Software) {
        if let Some(device) = device.filter(|_| *software != Software::default()) {
            self.known.note(device, software);
        }
        if LINES.admits("OTA requests") {
            let device = device.map_or("-", DeviceId::as_str);
            // Its path is the operator's, and may be there to be known to devices only.
            let url = modehost_ids::place(url).unwrap_or("-");
            let (agent, firmware) = (software.agent.as_deref(), software.version.as_deref());
            let address = caller.map(display);
            tracing::info!(device, address, url, agent, firmware, "a device has asked for the address (OTA)");
        }
    }
}

/// A device that asks without a body is answered as any other. Else it is for people who check their set-up in a
/// browser; scripts look for this very sentence.
async fn describe(State(ota): State<Ota>, ends: Option<Extension<Ends>>, headers: HeaderMap) -> Response {
    if headers.contains_key("device-id") {
        let ends = ends.map(|Extension(ends)| ends);
        return Json(ota.tell(&Asked::default(), ends, &headers)).into_response();
    }
    let settings = ota.settings.borrow().clone();
    let url = address(&settings, &headers, ends.map(|Extension(ends)| ends), ota.devices);
    let text = format!("OTA接口运行正常，向设备发送的websocket地址是：{url}");
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Pages from anywhere may ask, as devices may; what they may connect to is the gateway's matter.
async fn allow_pages(mut response: Response) -> Response {
    let entries = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, Authorization, Accept-Language, Device-Id, Client-Id, Activation-Version, Serial-Number",
        ),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        // Chromium asks this of servers in the local network.
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

/// Who asks, if it says so.
fn device(headers: &HeaderMap) -> Option<DeviceId> {
    text(headers, "device-id").and_then(DeviceId::parse)
}

/// The token with which the device that asks can sign in, if there is one.
fn token(settings: &GatewaySettings, headers: &HeaderMap) -> Option<String> {
    let device = device(headers)?;
    // A token for another client than the one that will connect would be of no use.
    let client = client_id(text(headers, "client-id").unwrap_or_default())?;
    settings.sign_in.token_for(&device, &client)
}

/// The address that is served, in the form that firmware can read: `ws://host:port/path/`.
fn address(settings: &GatewaySettings, headers: &HeaderMap, ends: Option<Ends>, devices: SocketAddr) -> String {
    if let Some(url) = &settings.public_url {
        return url.clone();
    }
    let path = &settings.paths[0];
    // Behind a proxy, devices call the host and port that this request has called.
    if let Some(Called { secure, host, port }) = ends.and_then(|ends| settings.proxies.called(ends.peer, headers)) {
        let scheme = if secure { "wss" } else { "ws" };
        return format!("{scheme}://{host}:{port}{path}/");
    }
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = asked.and_then(|host| host.parse::<axum::http::uri::Authority>().ok());
    // Where HTTP has an address of its own, that one is not where devices are taken.
    let elsewhere =
        ends.is_some_and(|ends| !devices.ip().is_unspecified() && ends.local.to_canonical() != devices.ip());
    let asked = asked.filter(|_| !elsewhere);
    let local = if elsewhere { Some(devices.ip()) } else { ends.map(|ends| ends.local) };
    let host = match (asked, local) {
        // The brackets of an IPv6 host are part of it.
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
        let ends = Ends { local: local.parse().expect("ip"), peer: "203.0.113.1".parse().expect("ip") };
        address(&GatewaySettings::default(), &headers, Some(ends), anywhere())
    }

    fn anywhere() -> SocketAddr {
        "0.0.0.0:8004".parse().expect("an address")
    }

    #[test]
    fn c13_http_elsewhere_hands_out_the_address_of_devices() {
        let (mut headers, devices) = (HeaderMap::new(), "10.0.0.5:8004".parse().expect("an address"));
        headers.insert(HOST, HeaderValue::from_static("192.168.1.9:8003"));
        let told = |local: &str| {
            let ends = Ends { local: local.parse().expect("ip"), peer: "203.0.113.1".parse().expect("ip") };
            address(&GatewaySettings::default(), &headers, Some(ends), devices)
        };
        assert_eq!(told("192.168.1.9"), "ws://10.0.0.5:8004/supie/v1/");
        // On the same address the caller knows best what it is called.
        assert_eq!(told("10.0.0.5"), "ws://192.168.1.9:8004/supie/v1/");
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
            let ends = Ends { local: "10.0.0.9".parse().expect("ip"), peer: peer.parse().expect("ip") };
            address(&settings, &headers, Some(ends), anywhere())
        };
        assert_eq!(url("10.0.0.1"), "wss://voice.example:443/supie/v1/");
        assert_eq!(url("10.0.0.2"), "ws://internal:8004/supie/v1/");
    }

    /// Kept bodies and mutations of them: each is answered as the rule says, and tells no more of the body than the
    /// device's own version.
    #[test]
    fn c13_any_body_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (_settings, receiver) = watch::channel(Arc::new(GatewaySettings::default()));
        let ota = Ota { settings: receiver, devices: anywhere(), known: Arc::default() };
        modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "ota").keeps(|bytes| {
            let body = Body::from(bytes.to_vec());
            let Json(told) = runtime.block_on(answer(State(ota.clone()), None, HeaderMap::new(), body));
            let version = &told.firmware.version;
            assert!((1..=64).contains(&version.len()) && version.trim() == version, "{version:?}");
            let told = serde_json::to_value(told).expect("JSON");
            let keys: Vec<_> = told.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(keys, ["firmware", "server_time", "websocket"]);
            assert_eq!(told["websocket"]["url"], "ws://localhost:8004/supie/v1/");
            assert_eq!(told["firmware"]["url"], "");
        });
    }
}
