//! The configuration sections `server` and `gateway`. Rule: what passes validation is used without further checks; each
//! field documents its unit, its default and whether it changes without a restart.

pub mod tls;

use crate::limits;
use garde::Validate;
use modehost_ids::{Address, Secret, SecretKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::tls::TlsConfig;
use crate::proxy::parse_network;

/// Section `server`: where the server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on: an IP address or `localhost`. Default `0.0.0.0`. Needs a restart.
    #[garde(length(min = 1))]
    pub ip: String,
    /// Address that HTTP listens on, where it is another one than `ip`: an IP address or `localhost`. Default: `ip`.
    /// Needs a restart.
    #[garde(inner(length(min = 1)))]
    pub http_ip: Option<String>,
    /// Port for devices (WebSocket); 0 takes a free one. Default 8004. Needs a restart.
    #[garde(skip)]
    pub port: u16,
    /// Port for HTTP (OTA, health, operators); 0 takes a free one. Default 8003. Needs a restart.
    #[garde(skip)]
    pub http_port: u16,
    /// Address and port of the operators' own: `/metrics` and `/api/v1` are served there and no longer on
    /// `http_port`, health on both. Such as `127.0.0.1:8005` or `10.0.0.5:8005`; port 0 takes a free one. Default
    /// none. Needs a restart.
    #[garde(inner(custom(is_address)))]
    pub operator_address: Option<String>,
    /// Certificate and key for both ports: `wss` and `https` instead of `ws` and `http`. Default none.
    /// Changed files are read again by themselves; other paths need a restart.
    #[garde(dive)]
    pub tls: Option<TlsConfig>,
    /// Proxies before this server, as addresses or networks: where a request comes from and what was
    /// called is read from their `X-Forwarded-For` (-`Proto`, -`Host`, -`Port`) or `Forwarded`, and
    /// from nobody else's. Default none. Hot.
    #[garde(inner(custom(is_network)))]
    pub trusted_proxies: Vec<String>,
    /// Address that devices are told to call, such as `wss://voice.example.org/supie/v1/`. Without
    /// a path, the first of `paths` is appended. Default: the host that the OTA request named,
    /// with `port`. Hot.
    #[garde(inner(custom(is_public_url)))]
    pub public_url: Option<Address>,
    /// Paths on which devices are taken, with or without the last slash; the first is the one that
    /// OTA hands out. Default `/supie/v1/` and `/xiaozhi/v1/`. Hot.
    #[garde(length(min = 1), inner(custom(is_path)))]
    pub paths: Vec<String>,
    /// Secret of `server` messages. Default none: they are refused. Hot.
    #[garde(inner(custom(is_given)))]
    pub secret: Option<OperatorSecret>,
    /// Token of the operators' interface `/api/v1`, as `Authorization: Bearer`. Default none: only
    /// this machine may use it. Hot.
    #[garde(inner(custom(is_given)))]
    pub admin_token: Option<OperatorSecret>,
    /// Offset of the devices' clocks from UTC, in minutes, as OTA tells them. Default 480. Hot.
    #[garde(range(min = -1440, max = 1440))]
    pub timezone_offset_min: i32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            ip: "0.0.0.0".to_owned(),
            http_ip: None,
            port: limits::DEVICE_PORT,
            http_port: limits::HTTP_PORT,
            operator_address: None,
            tls: None,
            trusted_proxies: Vec::new(),
            public_url: None,
            paths: vec!["/supie/v1/".to_owned(), "/xiaozhi/v1/".to_owned()],
            secret: None,
            admin_token: None,
            timezone_offset_min: limits::TIMEZONE_OFFSET_MIN,
        }
    }
}

/// Section `gateway`: how connections are treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// What a second connection of the same device does. Default `takeover`. Hot.
    #[garde(skip)]
    pub duplicate_device: DuplicatePolicy,
    /// Largest message from a device, in bytes, 1 KiB to 64 MiB. Default 1 MiB. Hot for new
    /// connections.
    #[garde(range(min = 1024, max = 64 * 1024 * 1024))]
    pub max_message_bytes: usize,
    /// Time from accepting a connection to its 101, in ms, 100 to 120,000. Default 10,000. Hot.
    #[garde(range(min = 100, max = 120_000))]
    pub handshake_timeout_ms: u64,
    /// Browser pages that may connect: `*` for all, `null` for pages from `file://`, else such as
    /// `https://console.example.org`. Devices send no origin and are not concerned. Default: all
    /// on this machine (unless through a proxy), elsewhere those of the server's own host, which is an address, the
    /// machine's own name or that of `server.public_url`. Hot.
    #[garde(inner(inner(custom(is_origin))))]
    pub origins: Option<Vec<String>>,
    /// Connections that one address (of IPv6: one /64) may have on `server.http_port` at a time, 1 to 256. Offices
    /// sit behind one address; requests with the operators' token and health do not count, and of trusted proxies
    /// what they forward does. Beyond it the oldest idle one is closed, else the newest waits. Default 128. Hot.
    #[garde(range(min = 1, max = limits::HTTP_CONNECTIONS))]
    pub http_connections_per_address: usize,
    /// Devices that may be connected at the same time, 1 to 10,000,000; the next is answered 503 with a time. Default
    /// and most: as many as there may be open files, less what HTTP, storage and providers need. Hot.
    #[garde(inner(range(min = 1, max = 10_000_000)))]
    pub max_connections: Option<usize>,
    /// WebSocket pings from the server, in s, 1 to 3600. Default none, since some firmware does not
    /// answer them; a missing pong never closes a connection. Hot for new connections.
    #[garde(inner(range(min = 1, max = 3600)))]
    pub ping_interval_s: Option<u64>,
    /// Who is sent this server's own messages: `known` for devices that have said that they know them
    /// (`features.modehost` of hello, or any message of such a type), `always` for all. Default `known`. Hot.
    #[garde(skip)]
    pub extensions: ExtensionPolicy,
    /// Groups whose devices are sent them, too, such as screens that only listen. Default none. Hot.
    #[garde(inner(length(min = 1)))]
    pub extension_groups: Vec<String>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            duplicate_device: DuplicatePolicy::Takeover,
            max_message_bytes: limits::MESSAGE_BYTES,
            handshake_timeout_ms: limits::HANDSHAKE_TIMEOUT.as_millis() as u64,
            origins: None,
            http_connections_per_address: limits::HTTP_ADDRESS_QUOTA,
            max_connections: None,
            ping_interval_s: None,
            extensions: ExtensionPolicy::Known,
            extension_groups: Vec::new(),
        }
    }
}

/// Who is sent messages that are not the ecosystem's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExtensionPolicy {
    /// Devices that have shown that they know them.
    #[default]
    Known,
    /// All devices.
    Always,
}

/// What a second connection of the same device does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DuplicatePolicy {
    /// It takes over; the older one is told and closed.
    #[default]
    Takeover,
    /// It is closed with a reason.
    Reject,
}

/// A secret that authenticates operators.
pub type OperatorSecret = Secret<OperatorSecretKind>;

/// See [`OperatorSecret`].
#[derive(Debug)]
pub enum OperatorSecretKind {}

impl SecretKind for OperatorSecretKind {
    const NAME: &'static str = "OperatorSecret";
    const DESCRIPTION: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

fn is_given(secret: &OperatorSecret, _: &()) -> garde::Result {
    if secret.expose().is_empty() { Err(garde::Error::new("must not be empty; leave it out for none")) } else { Ok(()) }
}

fn is_path(path: &str, _: &()) -> garde::Result {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%'));
    if path.starts_with('/') && path.len() > 1 && plain {
        return Ok(());
    }
    Err(garde::Error::new("must start with `/` and hold neither spaces nor `?`, `#`, `%`, such as `/supie/v1/`"))
}

fn is_address(text: &str, _: &()) -> garde::Result {
    match text.parse::<std::net::SocketAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(garde::Error::new("must be an IP address with a port, such as `127.0.0.1:8005`")),
    }
}

fn is_public_url(url: &str, _: &()) -> garde::Result {
    let good = url.parse::<http::Uri>().is_ok_and(|uri| {
        uri.host().is_some_and(|host| !host.is_empty())
            && matches!(uri.scheme_str(), Some("ws" | "wss" | "http" | "https"))
            && uri.query().is_none()
            // A password in it would be sent to every device.
            && !url.contains('@')
    });
    if good { Ok(()) } else { Err(garde::Error::new("must look like `ws://host:port/path/` or `wss://host/path/`")) }
}

fn is_origin(origin: &str, _: &()) -> garde::Result {
    let good = matches!(origin, "*" | "null")
        || origin
            .split_once("://")
            .is_some_and(|(scheme, host)| !scheme.is_empty() && !host.is_empty() && !host.contains('/'));
    if good { Ok(()) } else { Err(garde::Error::new("must be `*`, `null` or an origin such as `https://host:port`")) }
}

fn is_network(text: &str, _: &()) -> garde::Result {
    match parse_network(text) {
        Some(_) => Ok(()),
        None => Err(garde::Error::new("must be an address or a network, such as `10.0.0.7` or `10.0.0.0/8`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        ServerConfig::default().validate().expect("server");
        GatewayConfig::default().validate().expect("gateway");
    }

    #[test]
    fn bad_values_are_named() {
        let server = ServerConfig {
            paths: vec!["supie".into()],
            public_url: Some("voice.example.org".into()),
            ..ServerConfig::default()
        };
        let report = server.validate().expect_err("invalid").to_string();
        assert!(report.contains("paths[0]") && report.contains("public_url"), "{report}");

        let server = ServerConfig { trusted_proxies: vec!["10.0.0.0/99".into()], ..ServerConfig::default() };
        let report = server.validate().expect_err("invalid").to_string();
        assert!(report.contains("trusted_proxies[0]"), "{report}");

        let gateway = GatewayConfig { origins: Some(vec!["example.org".into()]), ..GatewayConfig::default() };
        assert!(gateway.validate().is_err());
    }
}
