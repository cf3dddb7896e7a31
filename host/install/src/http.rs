//! The HTTP client of a fetch. Rule: encrypted, or of this machine; redirects are few and never lead to what is not
//! encrypted; what is read has a bound.

use std::net::IpAddr;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::error::FetchError;
use crate::limits;

/// A client for an address, and for those that it leads to.
pub(crate) fn client(url: &Url) -> Result<Client, FetchError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have installed it first, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    // Only who is of this machine may send somebody to this machine.
    let begins_here = is_local(url);
    let redirects = Policy::custom(move |attempt| {
        let is_encrypted = attempt.url().scheme() == "https" || begins_here && is_local(attempt.url());
        match attempt.previous().len() {
            _ if !is_encrypted => attempt.error("unencrypted"),
            count if count > limits::REDIRECTS => attempt.stop(),
            _ => attempt.follow(),
        }
    });
    let mut builder = Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .redirect(redirects);
    if is_local(url) {
        // Plain HTTP of this machine needs no root certificates, which not every machine has. It cannot lead to an
        // https address then.
        builder = builder.no_proxy();
        if url.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        }
    }
    builder.build().map_err(|_| FetchError::Tls)
}

/// Whether an address is of this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The body of a response, of at most so many bytes.
pub(crate) async fn read(mut response: Response, max: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error_of(&error))? {
        if bytes.len() + chunk.len() > max {
            return Err(FetchError::TooLarge(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What an error of the client means for the one who asked.
pub(crate) fn error_of(error: &reqwest::Error) -> FetchError {
    match error {
        error if error.is_connect() => FetchError::Unreachable,
        error if error.is_redirect() => FetchError::Unencrypted,
        _ => FetchError::Disconnected,
    }
}
