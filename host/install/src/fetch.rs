//! Where a plugin comes from, and its bytes. Rule: over a network only encrypted; a read ends after a time and a size.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;
use tokio::time::timeout;

use crate::error::FetchError;
use crate::http::{client, error_of, is_local, read};
use crate::limits;
use crate::reference::{Reference, SCHEME};
use crate::registry::{self, Part};

/// A file of this machine, an address, or an image of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path.
    File(PathBuf),
    /// An `https` address, or an `http` one of this machine.
    Address(Url),
    /// A part of an image in an OCI registry.
    Image(Reference, Part),
}

impl Source {
    /// An image if it begins with `oci://`, an address if it contains `://`, else a path.
    ///
    /// # Errors
    /// If it is an address that is not fetched from.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        if text.starts_with(SCHEME) {
            return Ok(Self::Image(Reference::parse(text)?, Part::Component));
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

    /// The signature beside it: the same name with `.minisig` behind it, or the layer of the image that has one.
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
            Self::Image(reference, _) => Self::Image(reference.clone(), Part::Signature),
        }
    }

    /// As it stands in a lock file: a path is absolute, an address is whole.
    pub fn to_text(&self) -> String {
        match self {
            Self::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            Self::Address(url) => url.to_string(),
            Self::Image(reference, _) => reference.to_string(),
        }
    }

    /// The bytes, of at most so many. Blocks; call it where no runtime is entered.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn read(&self, max: usize) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::File(path) => read_file(path, max),
            _ => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| FetchError::System(error.to_string()))?;
                let fetched = runtime.block_on(async { timeout(limits::FETCH_TIMEOUT, self.fetch(max)).await });
                runtime.shutdown_background();
                fetched.unwrap_or(Err(FetchError::TimedOut(limits::FETCH_TIMEOUT.as_secs())))
            }
        }
    }

    async fn fetch(&self, max: usize) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::File(path) => read_file(path, max),
            Self::Address(url) => fetch(url, max).await,
            Self::Image(reference, part) => registry::fetch(reference, *part, max).await,
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
            Self::Image(reference, _) => reference.fmt(f),
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
    let response = client(url)?.get(url.clone()).send().await.map_err(|error| error_of(&error))?;
    match response.status().as_u16() {
        200 => read(response, max).await,
        status => Err(FetchError::Status(status)),
    }
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
