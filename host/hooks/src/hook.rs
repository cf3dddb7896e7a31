//! One configured hook. Rule: no more than [`limits::HOOK_CONCURRENT`] posts to it run at a time and
//! no more than [`limits::HOOK_WAITING`] wait, so a receiver that hangs holds up nobody else's.

use std::net::IpAddr;

use crate::limits;
use hmac::{Hmac, KeyInit, Mac};
use metrics::{Gauge, gauge};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use sha2::Sha256;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::HookConfig;

/// A name and a value.
pub(crate) type Header = (HeaderName, HeaderValue);

/// A hook with its connections.
pub(crate) struct Hook {
    pub name: String,
    pub config: HookConfig,
    /// None where TLS cannot be set up.
    pub http: Option<reqwest::Client>,
    turns: Semaphore,
    /// Those that run and those that wait.
    places: Semaphore,
    open: Gauge,
}

/// A place in the line, until it is dropped.
pub(crate) struct Place<'h> {
    _permit: SemaphorePermit<'h>,
    open: Gauge,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

impl Hook {
    pub(crate) fn new(name: &str, config: &HookConfig) -> Self {
        crate::metrics::begin_metrics(name);
        Self {
            name: name.to_owned(),
            config: config.clone(),
            http: connect(&config.url),
            turns: Semaphore::new(limits::HOOK_CONCURRENT),
            places: Semaphore::new(limits::HOOK_CONCURRENT + limits::HOOK_WAITING),
            open: gauge!("modehost_hook_open_posts", "hook" => name.to_owned()),
        }
    }

    /// A place in the line; none if it is full.
    pub(crate) fn line_up(&self) -> Option<Place<'_>> {
        let permit = self.places.try_acquire().ok()?;
        self.open.increment(1.0);
        Some(Place { _permit: permit, open: self.open.clone() })
    }

    /// Waits for a turn, which ends when the permit is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so there always is one.
        self.turns.acquire().await.ok()
    }

    /// The header that signs a body; none without a secret.
    ///
    /// # Errors
    /// If the sender cannot be a part of a header's name.
    pub(crate) fn sign(&self, sender: &str, body: &[u8]) -> Result<Option<Header>, String> {
        let Some(secret) = &self.config.secret else { return Ok(None) };
        let refused = || format!("`{sender}` cannot name a signature: letters, digits and `-` can");
        let name = HeaderName::from_bytes(format!("x-{sender}-signature").as_bytes()).map_err(|_| refused())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|error| error.to_string())?;
        mac.update(body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let value = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
        Ok(Some((name, value)))
    }
}

fn connect(address: &str) -> Option<reqwest::Client> {
    let url = Url::parse(address).ok()?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // A body is for the address that was configured and for no other, and is sent as often as
        // we say.
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(limits::HOOK_IDLE)
        .pool_max_idle_per_host(limits::HOOK_CONCURRENT);
    if url.scheme() == "http" {
        // Then no root certificates are needed, which not every machine has.
        builder = builder.tls_certs_only([]);
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        builder = builder.no_proxy();
    }
    builder.build().ok()
}
