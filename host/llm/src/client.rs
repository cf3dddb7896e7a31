//! Clients and the endpoints behind them. Rule: one client per fingerprint, which is an alias with the overrides of a
//! purpose; one endpoint per alias and address, with its connection pool and its concurrency limit; both survive a
//! configuration change that does not concern them.

use std::fmt;
use std::sync::Arc;

use crate::limits;
use reqwest::redirect::Policy;

use crate::client_settings::{ClientSettings, Fingerprint};
use crate::limiter::Limiter;
use crate::model::Model;

/// Answers questions under certain settings; shared by all callers with the same settings.
pub(crate) struct Client {
    pub settings: ClientSettings,
    pub fingerprint: Fingerprint,
    pub endpoint: Arc<Endpoint>,
    pub model: Arc<Model>,
}

/// The connection pool of a provider, and its concurrency limit.
pub(crate) struct Endpoint {
    pub alias: Arc<str>,
    pub address: String,
    /// None if TLS cannot be set up.
    pub http: Option<reqwest::Client>,
    pub limiter: Limiter,
}

impl Endpoint {
    pub(crate) fn new(settings: &ClientSettings) -> Self {
        let http = connect(&settings.address, settings.max_concurrent);
        if http.is_none() {
            tracing::error!(alias = %settings.alias, "TLS cannot be set up; are the system's root certificates installed?");
        }
        Self {
            alias: settings.alias.clone(),
            address: settings.address.clone(),
            http,
            limiter: Limiter::new(&settings.alias, settings.max_concurrent),
        }
    }

    /// Whether it can be reused under these settings. Connections to another address are of no use, and its waiting
    /// questions must not delay those of another address.
    pub(crate) fn can_serve(&self, settings: &ClientSettings) -> bool {
        self.alias == settings.alias
            && self.address == settings.address
            && self.limiter.count() == settings.max_concurrent
            && self.http.is_some()
    }
}

fn connect(address: &str, idle: usize) -> Option<reqwest::Client> {
    let url = reqwest::Url::parse(address).ok()?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // A key must not follow a redirect to another address.
        .redirect(Policy::none())
        .connect_timeout(limits::MODEL_CONNECT)
        .pool_idle_timeout(limits::MODEL_IDLE)
        .pool_max_idle_per_host(idle)
        .tcp_keepalive(limits::MODEL_KEEPALIVE)
        // HTTP/2 multiplexes questions over one connection, so a dead one would block all of them.
        .http2_keep_alive_interval(limits::MODEL_KEEPALIVE)
        .http2_keep_alive_timeout(limits::MODEL_CONNECT)
        .tcp_nodelay(true);
    if url.scheme() == "http" {
        // Plain HTTP needs no root certificates, which some machines lack.
        builder = builder.tls_certs_only([]);
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        builder = builder.no_proxy();
    }
    builder.build().ok()
}

/// Shows the alias only, no settings.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("alias", &self.settings.alias).finish_non_exhaustive()
    }
}
