//! Where a plugin comes from, and its bytes. Rule: over a network only encrypted; a read ends after a time and a size.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::time::timeout;

use crate::limits;

/// A file of this machine, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path.
    File(PathBuf),
    /// An `https` address, or an `http` one of this machine.
    Address(Url),
}

/// Why a source cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address is not a valid URL.
    #[error("is no address; write https://… or the path of a file")]
    Address,
    /// An `http` address of another machine.
    #[error("is not encrypted; write https://, since whoever is on the way could put another plugin there")]
    Unencrypted,
    /// A name and a password stand in the address.
    #[error(
        "contains a password, which the lock file would keep; use an address without one, or fetch the file yourself"
    )]
    Password,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The root certificates of this machine cannot be loaded.
    #[error("cannot be fetched: TLS cannot be set up; see that this machine has root certificates")]
    Tls,
    /// Not finished within this many seconds.
    #[error("cannot be fetched: it was not there within {0} s")]
    TimedOut(u64),
    /// No connection.
    #[error("cannot be fetched: cannot connect")]
    Unreachable,
    /// The response ended early.
    #[error("cannot be fetched: the connection was lost")]
    Disconnected,
    /// A status other than 200.
    #[error("cannot be fetched: it answered {0}")]
    Status(u16),
    /// Longer than this many bytes.
    #[error("has more than {0} bytes, which is the most that is taken")]
    TooLarge(usize),
    /// No runtime is available; with the error of the system.
    #[error("cannot be fetched: the system refuses what a fetch needs: {0}")]
    System(String),
}

impl Source {
    /// An address if it contains `://`, else a path.
    ///
    /// # Errors
    /// If it is an address that is not fetched from.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let url = Url::parse(text).ok().filter(Url::has_host).ok_or(FetchError::Address)?;
        match url.scheme() {
            "https" => {}
            "http" if is_local(&url) => {}
            "http" => return Err(FetchError::Unencrypted),
            _ => return Err(FetchError::Address),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Password);
        }
        Ok(Self::Address(url))
    }

    /// The signature file beside it: the same name with `.minisig` behind it.
    #[must_use]
    pub fn signature(&self) -> Self {
        match self {
            Self::File(path) => {
                let mut name = path.clone().into_os_string();
                name.push(".minisig");
                Self::File(name.into())
            }
            Self::Address(url) => {
                let mut signature = url.clone();
                signature.set_path(&format!("{}.minisig", url.path()));
                Self::Address(signature)
            }
        }
    }

    /// As it stands in a lock file: a path is absolute, an address is whole.
    pub fn to_text(&self) -> String {
        match self {
            Self::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            Self::Address(url) => url.to_string(),
        }
    }

    /// The bytes, of at most so many. Blocks; call it where no runtime is entered.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn read(&self, max: usize) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::File(path) => read_file(path, max),
            Self::Address(url) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| FetchError::System(error.to_string()))?;
                let fetched = runtime.block_on(async { timeout(limits::FETCH_TIMEOUT, fetch(url, max)).await });
                runtime.shutdown_background();
                fetched.unwrap_or(Err(FetchError::TimedOut(limits::FETCH_TIMEOUT.as_secs())))
            }
        }
    }
}

/// Without the query, which may be a secret.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Address(url) => {
                let mut shown = url.clone();
                shown.set_query(None);
                shown.set_fragment(None);
                shown.fmt(f)
            }
        }
    }
}

fn read_file(path: &Path, max: usize) -> Result<Vec<u8>, FetchError> {
    match std::fs::metadata(path) {
        Ok(about) if about.len() > max as u64 => return Err(FetchError::TooLarge(max)),
        _ => {}
    }
    modehost_follow::read(path, max).map_err(|error| FetchError::Unreadable(error.to_string()))
}

async fn fetch(url: &Url, max: usize) -> Result<Vec<u8>, FetchError> {
    let error_of = |error: &reqwest::Error| match error {
        error if error.is_connect() => FetchError::Unreachable,
        error if error.is_redirect() => FetchError::Unencrypted,
        _ => FetchError::Disconnected,
    };
    let mut response = client(url)?.get(url.clone()).send().await.map_err(|error| error_of(&error))?;
    if response.status() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error_of(&error))? {
        if bytes.len() + chunk.len() > max {
            return Err(FetchError::TooLarge(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn client(url: &Url) -> Result<Client, FetchError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have installed it first, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let redirects = Policy::custom(|attempt| {
        let is_encrypted = attempt.url().scheme() == "https" || is_local(attempt.url());
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

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_files_or_encrypted_addresses() {
        assert_eq!(Source::parse("a/b.wasm"), Ok(Source::File("a/b.wasm".into())));
        for good in
            ["https://a.example/b.wasm?key=hush", "http://127.0.0.1:1/b.wasm", "http://[::1]/b", "http://localhost/b"]
        {
            assert!(matches!(Source::parse(good), Ok(Source::Address(_))), "{good}");
        }
        for (bad, error) in [
            ("http://a.example/b.wasm", FetchError::Unencrypted),
            ("http://127.0.0.1.evil.example/b.wasm", FetchError::Unencrypted),
            ("ftp://a.example/b.wasm", FetchError::Address),
            ("file:///b.wasm", FetchError::Address),
            ("https://", FetchError::Address),
            ("https://me:hush@a.example/b.wasm", FetchError::Password),
        ] {
            assert_eq!(Source::parse(bad), Err(error), "{bad}");
        }
        let source = Source::parse("https://a.example/b.wasm?key=hush").expect("an address");
        assert_eq!(source.to_string(), "https://a.example/b.wasm");
        assert_eq!(source.signature().to_text(), "https://a.example/b.wasm.minisig?key=hush");
        assert_eq!(Source::File("b.wasm".into()).signature(), Source::File("b.wasm.minisig".into()));
    }
}
