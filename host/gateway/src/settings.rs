//! The runtime settings of the gateway. Rule: a value is complete and validated; a reload publishes a new value, which
//! applies to new handshakes, not to open connections.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use modehost_auth::{AuthConfig, SignIn};
use modehost_session::DuplicateDevice;

use crate::config::tls::TlsConfig;
use crate::config::{DuplicatePolicy, GatewayConfig, OperatorSecret, ServerConfig};
use crate::origin::Origins;
use crate::proxy::Proxies;

/// The reloadable settings.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Which of two connections of one device is kept.
    pub duplicate: DuplicateDevice,
    /// Largest accepted message of a device, in bytes.
    pub max_message_bytes: usize,
    /// Timeout from accept to the 101.
    pub handshake_timeout: Duration,
    /// A device that was sent nothing for this long is sent a keepalive.
    pub silence: Duration,
    /// Interval of WebSocket pings, if enabled.
    pub ping_interval: Option<Duration>,
    /// Allowed origins of browser pages.
    pub origins: Origins,
    /// Authenticates devices.
    pub sign_in: Arc<SignIn>,
    /// Secret of operator commands; `None`: they are rejected.
    pub secret: Option<OperatorSecret>,
    /// The operators' token, if configured.
    pub operator_token: Option<OperatorSecret>,
    /// Quota of connections that one address may have on the HTTP port without that token.
    pub http_address_quota: usize,
    /// Limit on connected devices; `None`: as many as the file descriptors permit.
    pub max_connections: Option<usize>,
    /// The trusted proxies.
    pub proxies: Proxies,
    /// Certificate and key, if the ports use TLS.
    pub tls: Option<TlsConfig>,
    /// Paths for devices, each without a trailing slash; never empty.
    pub paths: Arc<[String]>,
    /// The address that OTA returns instead of the requested host; a complete `ws` or `wss` URL.
    pub public_url: Option<String>,
    /// UTC offset that OTA sends to devices, in minutes.
    pub timezone_offset_min: i32,
    /// Whether tokens in the query are accepted.
    pub query_tokens: bool,
    /// Whether OTA returns tokens that are bound to a device.
    pub ota_tokens: bool,
}

impl GatewaySettings {
    /// From validated configuration sections.
    pub fn new(server: &ServerConfig, gateway: &GatewayConfig, auth: &AuthConfig) -> Self {
        Self::build(server, gateway, auth, SignIn::new(auth))
    }

    /// New settings for a running server: counters of failed sign-ins are kept, and so are cached keys and provider
    /// responses whose settings have not changed.
    #[must_use]
    pub fn updated(&self, server: &ServerConfig, gateway: &GatewayConfig, auth: &AuthConfig) -> Self {
        Self::build(server, gateway, auth, self.sign_in.updated(auth))
    }

    /// Whether a request carries the operators' token.
    pub fn is_operator(&self, headers: &HeaderMap) -> bool {
        self.operator_token.as_ref().is_some_and(|token| has_bearer_token(headers, token))
    }

    fn build(server: &ServerConfig, gateway: &GatewayConfig, auth: &AuthConfig, sign_in: SignIn) -> Self {
        let paths: Arc<[String]> = server.paths.iter().map(|path| path.trim_end_matches('/').to_owned()).collect();
        let public_url = server.public_url.as_ref().map(|url| public_url(url, &paths[0]));
        Self {
            duplicate: match gateway.duplicate_device {
                DuplicatePolicy::Takeover => DuplicateDevice::Takeover,
                DuplicatePolicy::Reject => DuplicateDevice::Reject,
            },
            max_message_bytes: gateway.max_message_bytes,
            handshake_timeout: Duration::from_millis(gateway.handshake_timeout_ms),
            silence: limits::KEEPALIVE,
            ping_interval: gateway.ping_interval_s.map(Duration::from_secs),
            origins: Origins::new(gateway.origins.as_deref(), server.public_url.as_deref()),
            sign_in: Arc::new(sign_in),
            secret: server.secret.clone(),
            operator_token: server.admin_token.clone(),
            http_address_quota: gateway.http_connections_per_address,
            max_connections: gateway.max_connections,
            proxies: Proxies::new(&server.trusted_proxies),
            tls: server.tls.clone(),
            paths,
            public_url,
            timezone_offset_min: server.timezone_offset_min,
            query_tokens: auth.query_tokens,
            ota_tokens: auth.ota_tokens,
        }
    }
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self::new(&ServerConfig::default(), &GatewayConfig::default(), &AuthConfig::default())
    }
}

/// Whether a request carries this token, as `Authorization: Bearer`.
pub fn has_bearer_token(headers: &HeaderMap, token: &OperatorSecret) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    given.is_some_and(|given| token.matches(given))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The address in the form that firmware parses: `ws://host:port/path/`.
fn public_url(url: &str, first_path: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("ws", url));
    let scheme = if matches!(scheme.to_ascii_lowercase().as_str(), "wss" | "https") { "wss" } else { "ws" };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_matches('/');
    let path = if path.is_empty() { first_path.trim_start_matches('/') } else { path };
    format!("{scheme}://{host}/{path}/")
}

#[cfg(test)]
mod tests {
    use super::public_url;

    #[test]
    fn public_addresses_take_the_form_that_firmware_reads() {
        for (given, expected) in [
            ("ws://a.example:9000", "ws://a.example:9000/supie/v1/"),
            ("https://a.example/", "wss://a.example/supie/v1/"),
            ("HTTPS://a.example", "wss://a.example/supie/v1/"),
            ("wss://a.example:443/xiaozhi/v1", "wss://a.example:443/xiaozhi/v1/"),
        ] {
            assert_eq!(public_url(given, "/supie/v1"), expected);
        }
    }
}
