//! HTTP requests to providers. Rule: a key goes to the configured address only, whatever a response says, and every
//! wait has a deadline.

use std::time::Duration;

use crate::limits;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use crate::config::Key;
use crate::fault::{Fault, FaultKind};

/// An HTTP client for one service, with its connection pool; `None` where TLS cannot be set up.
pub(crate) fn client(
    address: &str,
    settings: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Option<Client> {
    // One crypto provider per process; an error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = Url::parse(address).ok()?;
    let mut builder = Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(limits::PROVIDER_CONNECT)
        .pool_idle_timeout(limits::PROVIDER_IDLE)
        .tcp_nodelay(true);
    if matches!(url.scheme(), "http" | "ws") {
        // Plain HTTP needs no root certificates, which not every machine has.
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

/// The fault of a call whose client could not be built.
pub(crate) fn no_tls() -> Fault {
    Fault::permanent(FaultKind::Connection, "TLS cannot be set up")
}

/// `Bearer` with a key, marked as sensitive so that it is not logged.
pub(crate) fn bearer(key: Option<&Key>) -> Option<HeaderValue> {
    // Validation has ensured that the key is a valid header value.
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key?.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The fault of a request without a response. The address is not repeated, since it may contain a secret.
pub(crate) fn fault_of_error(provider: &str, error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::transient(FaultKind::TimedOut, format!("{provider} did not answer in time"));
    }
    let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
    Fault::transient(FaultKind::Connection, format!("{provider} {what}"))
}

/// The fault for a status other than success.
pub(crate) fn fault_of_status(provider: &str, status: StatusCode) -> Fault {
    let code = status.as_u16();
    match code {
        401 | 403 => Fault::permanent(FaultKind::Unauthorized, format!("{provider} refuses the key (status {code})")),
        408 => Fault::transient(FaultKind::TimedOut, format!("{provider} gave up (status {code})")),
        429 | 503 => Fault::transient(FaultKind::Busy, format!("{provider} takes no more now (status {code})")),
        500..=599 => Fault::transient(FaultKind::Connection, format!("{provider} failed (status {code})")),
        300..=399 => Fault::permanent(
            FaultKind::Rejected,
            format!("{provider} answered a redirect (status {code}); check its address"),
        ),
        _ => Fault::permanent(FaultKind::Rejected, format!("{provider} refused the request (status {code})")),
    }
}

/// The delay that a provider asks for with `Retry-After`, in whole seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
