//! Calls of providers over HTTP. Rule: a key goes to the address that was configured and to no other,
//! whatever an answer says, and every wait has an end.

use std::time::Duration;

use crate::limits;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use crate::config::Key;
use crate::fault::{Fault, FaultKind};

/// A client for one service, with its connections; `None` where TLS cannot be set up.
pub(crate) fn client(
    address: &str,
    settings: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Option<Client> {
    // The process has one, whoever comes first; an error means that somebody did.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = Url::parse(address).ok()?;
    let mut builder = Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(limits::PROVIDER_CONNECT)
        .pool_idle_timeout(limits::PROVIDER_IDLE)
        .tcp_nodelay(true);
    if matches!(url.scheme(), "http" | "ws") {
        // Then no root certificates are needed, which not every machine has.
        builder = builder.tls_certs_only([]);
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        builder = builder.no_proxy();
    }
    let client = settings(builder).build().ok();
    if client.is_none() {
        tracing::error!("TLS cannot be set up for speech; are the system's root certificates installed?");
    }
    client
}

/// What a client that could not be made means for whoever asks.
pub(crate) fn no_tls() -> Fault {
    Fault::lasting(FaultKind::Connection, "TLS cannot be set up")
}

/// `Bearer` with a key, marked so that it is not shown.
pub(crate) fn bearer(key: Option<&Key>) -> Option<HeaderValue> {
    // Validation has seen to it that a key can stand in a header.
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key?.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a request that got no answer means. The address is not repeated.
pub(crate) fn unanswered(provider: &str, error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::passing(FaultKind::TimedOut, format!("{provider} did not answer in time"));
    }
    let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
    Fault::passing(FaultKind::Connection, format!("{provider} {what}"))
}

/// What a status other than success means.
pub(crate) fn refused(provider: &str, status: StatusCode) -> Fault {
    let code = status.as_u16();
    match code {
        401 | 403 => Fault::lasting(FaultKind::Unauthorized, format!("{provider} refuses the key (status {code})")),
        408 => Fault::passing(FaultKind::TimedOut, format!("{provider} gave up (status {code})")),
        429 | 503 => Fault::passing(FaultKind::Busy, format!("{provider} takes no more now (status {code})")),
        500..=599 => Fault::passing(FaultKind::Connection, format!("{provider} failed (status {code})")),
        300..=399 => Fault::lasting(
            FaultKind::Refused,
            format!("{provider} sends us elsewhere (status {code}); check its address"),
        ),
        _ => Fault::lasting(FaultKind::Refused, format!("{provider} refused the request (status {code})")),
    }
}

/// How long a provider wants to be left alone, in whole seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
