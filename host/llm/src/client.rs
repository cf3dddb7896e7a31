//! Clients and the endpoints behind them. Rule: one client per fingerprint, which is an alias with the overrides of a
//! purpose; one endpoint per alias and address, with its connection pool and its concurrency limit; both survive a
//! configuration change that does not concern them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::{Alias, Overrides};
use crate::limiter::Limiter;
use crate::model::Model;

/// Settings of an alias with the overrides of a purpose.
#[derive(Clone)]
pub(crate) struct ClientSettings {
    pub alias: Arc<str>,
    /// URL of the chat completions endpoint.
    pub address: String,
    /// With `Bearer`; marked sensitive.
    pub authorization: Option<HeaderValue>,
    pub model: Option<String>,
    pub timeout: Duration,
    pub first_token_timeout: Duration,
    pub max_concurrent: usize,
    pub retries: u32,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_tokens: Option<u32>,
    pub extra: BTreeMap<String, Value>,
}

/// Identifies the settings of a client. A hash, since a key is part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

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

impl ClientSettings {
    pub(crate) fn new(name: &str, alias: &Alias, overrides: &Overrides) -> Self {
        let authorization = alias.api_key.as_ref().and_then(|key| {
            // Validation guarantees that the key is a valid header value.
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let mut extra = alias.extra.clone();
        extra.extend(overrides.extra.clone());
        Self {
            alias: name.into(),
            address: format!("{}/chat/completions", alias.address()),
            authorization,
            model: overrides.model.clone().or_else(|| alias.model.clone()),
            timeout: Duration::from_secs(overrides.timeout_s.unwrap_or(alias.timeout_s)),
            first_token_timeout: Duration::from_secs(
                overrides.first_token_timeout_s.unwrap_or(alias.first_token_timeout_s),
            ),
            max_concurrent: alias.max_concurrent,
            retries: overrides.retries.unwrap_or(alias.retries),
            temperature: overrides.temperature.or(alias.temperature),
            top_p: overrides.top_p.or(alias.top_p),
            max_tokens: overrides.max_tokens.or(alias.max_tokens),
            extra,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let key = self.authorization.as_ref().map(|value| hex::encode(value.as_bytes()));
        let canonical = json!([
            &*self.alias,
            self.address,
            key,
            self.model,
            self.timeout.as_secs(),
            self.first_token_timeout.as_secs(),
            self.max_concurrent,
            self.retries,
            self.temperature,
            self.top_p,
            self.max_tokens,
            self.extra,
        ]);
        Fingerprint(Sha256::digest(canonical.to_string()).into())
    }
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
