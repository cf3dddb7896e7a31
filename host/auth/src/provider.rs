//! One request to an identity provider. Rule: it ends in time, reads a bounded answer, follows no
//! redirect, and what is logged of it holds neither the address nor anything that was sent or said.

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

/// The provider cannot be asked at the moment. It has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away;

/// An address of an identity provider, with its connections.
pub(crate) struct Provider {
    /// The setting that holds the address, for the log.
    setting: &'static str,
    url: String,
    /// For one answer in all.
    time: Duration,
    /// None where TLS cannot be set up.
    http: Option<reqwest::Client>,
    turns: Semaphore,
    /// It is not asked again before.
    pause: Mutex<Option<Instant>>,
    /// The failure that lasts has been logged.
    failing: AtomicBool,
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
            http: connect(setting, url),
            turns: Semaphore::new(limits::IDENTITY_CONCURRENT),
            pause: Mutex::new(None),
            failing: AtomicBool::new(false),
        }
    }

    /// Reads what is published there.
    pub async fn get(&self, most_bytes: usize) -> Result<Vec<u8>, Away> {
        self.run(most_bytes, |http| http.get(&self.url)).await
    }

    /// Posts a form, signed in as `basic` says.
    pub async fn post(&self, form: String, basic: Option<&HeaderValue>, most_bytes: usize) -> Result<Vec<u8>, Away> {
        let build = |http: &reqwest::Client| {
            let request = http.post(&self.url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
            match basic {
                Some(basic) => request.header(AUTHORIZATION, basic.clone()),
                None => request,
            }
        };
        self.run(most_bytes, build).await
    }

    async fn run(
        &self,
        most_bytes: usize,
        build: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Vec<u8>, Away> {
        if self.pause.lock().is_some_and(|until| Instant::now() < until) {
            return Err(Away);
        }
        let outcome = match timeout(self.time, self.exchange(most_bytes, build)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", self.time.as_secs())),
        };
        match outcome {
            Ok(body) => Ok(body),
            Err(why) => {
                self.complain(&why);
                Err(Away)
            }
        }
    }

    async fn exchange(
        &self,
        most_bytes: usize,
        build: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Vec<u8>, String> {
        let http = self.http.as_ref().ok_or("TLS cannot be set up; see that this machine has root certificates")?;
        // Never closed, so there always is a turn.
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        let mut response =
            build(http).header(ACCEPT, "application/json").send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(refused(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > most_bytes {
                return Err(format!("its answer has more than {most_bytes} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// An answer made sense: only whoever has read it knows.
    pub fn accept(&self) {
        *self.pause.lock() = None;
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("{}: the identity provider answers again", self.setting);
        }
    }

    /// Nobody asks again for a moment. Logs a failure that has not been logged yet. Also for answers that
    /// make no sense.
    pub fn complain(&self, why: &str) {
        *self.pause.lock() = Some(Instant::now() + limits::IDENTITY_BACKOFF);
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::error!("{}: the identity provider cannot be used: {why}", self.setting);
        }
    }
}

/// The words of the library would repeat the address.
fn broken(error: &reqwest::Error) -> String {
    let why = if error.is_connect() { "it cannot be connected to" } else { "the connection broke off" };
    why.to_owned()
}

fn refused(status: StatusCode) -> String {
    let number = status.as_u16();
    match number {
        300..=399 => format!("it answered {number}; redirects are not followed, set the address they lead to"),
        401 | 403 => format!("it answered {number}; are `client_id` and `client_secret` right?"),
        _ => format!("it answered {number}"),
    }
}

fn connect(setting: &'static str, address: &str) -> Option<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever was first in the process stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let url = Url::parse(address).ok()?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // Tokens and secrets are for the address that was configured and for no other.
        .redirect(Policy::none())
        .pool_idle_timeout(limits::IDENTITY_IDLE)
        .pool_max_idle_per_host(limits::IDENTITY_CONCURRENT);
    if url.scheme() == "http" {
        // Then no root certificates are needed, which not every machine has.
        builder = builder.tls_certs_only([]);
        if !is_local(&url) {
            tracing::warn!("{setting} begins with http://: whoever is on the way there can let anybody in");
        }
    }
    if is_local(&url) {
        builder = builder.no_proxy();
    }
    builder.build().ok()
}
