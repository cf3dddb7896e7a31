//! One configured hook. Rule: at most [`limits::HOOK_CONCURRENT`] posts to it run at a time and at most
//! [`limits::HOOK_QUEUE`] wait, so a receiver that hangs delays no other hook.

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

/// Name and value of a header.
pub(crate) type Header = (HeaderName, HeaderValue);

/// A hook with its connection pool.
pub(crate) struct Hook {
    pub name: String,
    pub config: HookConfig,
    /// None where TLS cannot be set up.
    pub http: Option<reqwest::Client>,
    running: Semaphore,
    /// Bounds running and waiting posts together.
    slots: Semaphore,
    open: Gauge,
}

/// A slot for a running or waiting post, released on drop.
pub(crate) struct Slot<'h> {
    _permit: SemaphorePermit<'h>,
    open: Gauge,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

impl Hook {
    pub(crate) fn new(name: &str, config: &HookConfig) -> Self {
        crate::metrics::register_hook(name);
        Self {
            name: name.to_owned(),
            config: config.clone(),
            http: build_client(&config.url),
            running: Semaphore::new(limits::HOOK_CONCURRENT),
            slots: Semaphore::new(limits::HOOK_CONCURRENT + limits::HOOK_QUEUE),
            open: gauge!("modehost_hook_open_posts", "hook" => name.to_owned()),
        }
    }

    /// Takes a slot; none if all are taken.
    pub(crate) fn try_enqueue(&self) -> Option<Slot<'_>> {
        let permit = self.slots.try_acquire().ok()?;
        self.open.increment(1.0);
        Some(Slot { _permit: permit, open: self.open.clone() })
    }

    /// Waits until the post may run. Dropping the permit lets the next one run.
    pub(crate) async fn wait_to_run(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so this always returns a permit.
        self.running.acquire().await.ok()
    }

    /// The signature header of a body; none without a secret.
    ///
    /// # Errors
    /// If the sender is not valid in a header name.
    pub(crate) fn sign(&self, sender: &str, body: &[u8]) -> Result<Option<Header>, String> {
        let Some(secret) = &self.config.secret else { return Ok(None) };
        let invalid = || format!("`{sender}` cannot name a signature: letters, digits and `-` can");
        let name = HeaderName::from_bytes(format!("x-{sender}-signature").as_bytes()).map_err(|_| invalid())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|error| error.to_string())?;
        mac.update(body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let value = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
        Ok(Some((name, value)))
    }
}

fn build_client(address: &str) -> Option<reqwest::Client> {
    let url = Url::parse(address).ok()?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // A body is for the configured address only, and retries are ours to make.
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(limits::HOOK_IDLE_TIMEOUT)
        .pool_max_idle_per_host(limits::HOOK_CONCURRENT);
    if url.scheme() == "http" {
        // Plain HTTP needs no root certificates, which not every machine has.
        builder = builder.tls_certs_only([]);
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        builder = builder.no_proxy();
    }
    builder.build().ok()
}
