//! One request to an identity provider. Rule: it has a timeout, a bounded response and no redirects, and its log lines
//! contain neither the URL nor any part of request or response.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::limits;
use parking_lot::Mutex;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::config::address::is_local;

/// The provider is unavailable, which has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// A URL of an identity provider, with its HTTP client.
pub(crate) struct Provider {
    /// The configuration key of the URL, for the log.
    setting: &'static str,
    url: String,
    /// Timeout of a whole request.
    time: Duration,
    /// `None` if TLS cannot be initialised.
    http: Option<reqwest::Client>,
    concurrency: Semaphore,
    /// No request is sent before this time.
    backoff_until: Mutex<Option<Instant>>,
    /// The current failure has been logged.
    failure_logged: AtomicBool,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.setting)
    }
}

impl Provider {
    pub fn new(setting: &'static str, url: &str, time: Duration) -> Self {
        Self {
            setting,
            url: url.to_owned(),
            time,
            http: build_client(setting, url),
            concurrency: Semaphore::new(limits::IDENTITY_CONCURRENCY),
            backoff_until: Mutex::new(None),
            failure_logged: AtomicBool::new(false),
        }
    }

    /// Sends a GET request.
    pub async fn get(&self, max_bytes: usize) -> Result<Vec<u8>, Unavailable> {
        self.request(max_bytes, |http| http.get(&self.url)).await
    }

    /// Posts a form, with HTTP Basic authentication if `basic` is given.
    pub async fn post(
        &self,
        form: String,
        basic: Option<&HeaderValue>,
        max_bytes: usize,
    ) -> Result<Vec<u8>, Unavailable> {
        let build = |http: &reqwest::Client| {
            let request = http.post(&self.url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
            match basic {
                Some(basic) => request.header(AUTHORIZATION, basic.clone()),
                None => request,
            }
        };
        self.request(max_bytes, build).await
    }

    async fn request(
        &self,
        max_bytes: usize,
        build: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Vec<u8>, Unavailable> {
        if self.backoff_until.lock().is_some_and(|until| Instant::now() < until) {
            return Err(Unavailable);
        }
        let outcome = match timeout(self.time, self.send(max_bytes, build)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", self.time.as_secs())),
        };
        match outcome {
            Ok(body) => Ok(body),
            Err(why) => {
                self.report_failure(&why);
                Err(Unavailable)
            }
        }
    }

    async fn send(
        &self,
        max_bytes: usize,
        build: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Vec<u8>, String> {
        let http = self.http.as_ref().ok_or("TLS cannot be set up; see that this machine has root certificates")?;
        // The semaphore is never closed.
        let _permit = self.concurrency.acquire().await.map_err(|error| error.to_string())?;
        let mut response =
            build(http).header(ACCEPT, "application/json").send().await.map_err(|error| transport_error(&error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(status_error(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| transport_error(&error))? {
            if body.len() + chunk.len() > max_bytes {
                return Err(format!("its answer has more than {max_bytes} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Records a valid response, which only the caller can recognise: ends the backoff and logs the recovery.
    pub fn report_success(&self) {
        *self.backoff_until.lock() = None;
        if self.failure_logged.swap(false, Ordering::Relaxed) {
            tracing::info!("{}: the identity provider answers again", self.setting);
        }
    }

    /// Records a failed request or an invalid response: starts the backoff, and logs the first failure of a series.
    pub fn report_failure(&self, why: &str) {
        *self.backoff_until.lock() = Some(Instant::now() + limits::IDENTITY_BACKOFF);
        if !self.failure_logged.swap(true, Ordering::Relaxed) {
            tracing::error!("{}: the identity provider cannot be used: {why}", self.setting);
        }
    }
}

/// The error text of the library would contain the URL.
fn transport_error(error: &reqwest::Error) -> String {
    let why = if error.is_connect() { "cannot connect" } else { "the connection was lost" };
    why.to_owned()
}

fn status_error(status: StatusCode) -> String {
    let number = status.as_u16();
    match number {
        300..=399 => format!("it answered {number}; redirects are not followed, set the address they lead to"),
        401 | 403 => format!("it answered {number}; are `client_id` and `client_secret` right?"),
        _ => format!("it answered {number}"),
    }
}

fn build_client(setting: &'static str, address: &str) -> Option<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails if another crate has already installed one, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let url = Url::parse(address).ok()?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // Tokens and secrets are sent to the configured URL only.
        .redirect(Policy::none())
        .pool_idle_timeout(limits::IDENTITY_IDLE_TIMEOUT)
        .pool_max_idle_per_host(limits::IDENTITY_CONCURRENCY);
    if url.scheme() == "http" {
        // Plain HTTP needs no root certificates, which some machines lack.
        builder = builder.tls_certs_only([]);
        if !is_local(&url) {
            tracing::warn!("{setting} uses http://: a man in the middle can grant access to anyone");
        }
    }
    if is_local(&url) {
        builder = builder.no_proxy();
    }
    builder.build().ok()
}
