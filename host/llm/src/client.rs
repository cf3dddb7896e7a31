//! Clients and the endpoints behind them. Rule: one client per fingerprint, which is an alias with
//! what a purpose has different; one endpoint per alias and address, with its connections and its
//! turns; both outlive a change of the configuration that does not concern them.

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
use crate::model::Model;
use crate::turns::Turns;

/// An alias with what a purpose has different.
#[derive(Clone)]
pub(crate) struct Terms {
    pub alias: Arc<str>,
    /// Where answers are asked for.
    pub address: String,
    /// With `Bearer`, and marked so that it is not shown.
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

/// What tells two clients apart. It is made of a key among other things, but cannot be turned back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

/// What answers questions on certain terms; shared by everyone who asks on them.
pub(crate) struct Client {
    pub terms: Terms,
    pub fingerprint: Fingerprint,
    pub endpoint: Arc<Endpoint>,
    pub model: Arc<Model>,
}

/// The connections to a provider, and the turns of those who ask.
pub(crate) struct Endpoint {
    pub alias: Arc<str>,
    pub address: String,
    /// None where TLS cannot be set up.
    pub http: Option<reqwest::Client>,
    pub turns: Turns,
}

impl Terms {
    pub(crate) fn new(name: &str, alias: &Alias, overrides: &Overrides) -> Self {
        let authorization = alias.api_key.as_ref().and_then(|key| {
            // Validation has seen to it that a key can stand in a header.
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
    pub(crate) fn new(terms: &Terms) -> Self {
        let http = connect(&terms.address, terms.max_concurrent);
        if http.is_none() {
            tracing::error!(alias = %terms.alias, "TLS cannot be set up; are the system's root certificates installed?");
        }
        Self {
            alias: terms.alias.clone(),
            address: terms.address.clone(),
            http,
            turns: Turns::new(&terms.alias, terms.max_concurrent),
        }
    }

    /// Whether it can go on under these terms. Connections to another address are of no use, and
    /// those who ask there should not wait for those who asked here.
    pub(crate) fn serves(&self, terms: &Terms) -> bool {
        self.alias == terms.alias
            && self.address == terms.address
            && self.turns.count() == terms.max_concurrent
            && self.http.is_some()
    }
}

fn connect(address: &str, idle: usize) -> Option<reqwest::Client> {
    let url = reqwest::Url::parse(address).ok()?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // A key is for the address that was configured and for no other.
        .redirect(Policy::none())
        .connect_timeout(limits::MODEL_CONNECT)
        .pool_idle_timeout(limits::MODEL_IDLE)
        .pool_max_idle_per_host(idle)
        .tcp_keepalive(limits::MODEL_KEEPALIVE)
        // Many questions share a connection there, so one that has silently gone would hold up all.
        .http2_keep_alive_interval(limits::MODEL_KEEPALIVE)
        .http2_keep_alive_timeout(limits::MODEL_CONNECT)
        .tcp_nodelay(true);
    if url.scheme() == "http" {
        // Then no root certificates are needed, which not every machine has.
        builder = builder.tls_certs_only([]);
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        builder = builder.no_proxy();
    }
    builder.build().ok()
}

/// Shows what it is for, and nothing of how it gets there.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("alias", &self.terms.alias).finish_non_exhaustive()
    }
}
