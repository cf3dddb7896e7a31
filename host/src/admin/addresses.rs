//! Where devices reach this server, for people who set one up and for the simulator in the console. Rule: the host is
//! the one that the request named, since that is how whoever asks reaches this server; a configured public address goes
//! before it, as in OTA.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use modehost_gateway::ServerConfig;

use super::Ports;

/// The addresses of a server.
pub(super) struct Addresses {
    /// The WebSocket of devices: `ws://host:port/path/`.
    pub devices: String,
    /// The OTA address.
    pub ota: String,
}

impl Addresses {
    pub fn of(server: &ServerConfig, ports: Ports, headers: &HeaderMap) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let host = host.as_ref().map_or("localhost", Authority::host);
        let (ws, http) = if server.tls.is_some() { ("wss", "https") } else { ("ws", "http") };
        let path = server.paths.first().map_or("/", String::as_str);
        let devices = match &server.public_url {
            Some(url) => url.as_str().to_owned(),
            None => format!("{ws}://{host}:{}{path}", ports.devices),
        };
        Self { devices, ota: format!("{http}://{host}:{}/xiaozhi/ota/", ports.http) }
    }

    /// The origin of the WebSocket, without its path.
    pub fn devices_origin(&self) -> Option<&str> {
        modehost_ids::origin(&self.devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, server: &ServerConfig) -> (String, String) {
        let headers = [(header::HOST, host.parse().expect("a host"))].into_iter().collect();
        let Addresses { devices, ota } = Addresses::of(server, Ports { devices: 8004, http: 8003 }, &headers);
        (devices, ota)
    }

    #[test]
    fn the_host_is_the_one_that_was_called() {
        let server = ServerConfig::default();
        let (devices, ota) = of("10.0.0.5:8003", &server);
        assert_eq!(
            (devices.as_str(), ota.as_str()),
            ("ws://10.0.0.5:8004/supie/v1/", "http://10.0.0.5:8003/xiaozhi/ota/")
        );
        assert_eq!(of("[fd00::7]:8003", &server).0, "ws://[fd00::7]:8004/supie/v1/");
        assert_eq!(of("not a host", &server).0, "ws://localhost:8004/supie/v1/");
        let public = ServerConfig { public_url: Some("wss://voice.example/x/".into()), ..server };
        assert_eq!(of("10.0.0.5:8003", &public).0, "wss://voice.example/x/");
    }
}
