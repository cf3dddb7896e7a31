//! A document on another machine: fetches it, and stores the last good copy on disk.
//!
//! Rule: a fetch has a timeout and a size limit; errors contain neither the address nor the secret. The copy is
//! complete or absent, belongs to one address, and is readable by its owner only.

use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::limits;
use modehost_ids::{Secret, SecretKind};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::timeout;

/// Address and access of a remote document.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// An `http` or `https` address; it may contain a secret and is never shown.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub secret: Option<RemoteSecret>,
    /// Timeout of one fetch.
    pub timeout: Duration,
    /// The directory of the last good copy.
    pub directory: PathBuf,
}

/// The bearer token for the other machine.
pub type RemoteSecret = Secret<RemoteSecretKind>;

/// See [`RemoteSecret`].
#[derive(Debug)]
pub enum RemoteSecretKind {}

impl SecretKind for RemoteSecretKind {
    const NAME: &'static str = "RemoteSecret";
    const DESCRIPTION: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

/// Shows neither the address nor the secret.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("folder", &self.directory).finish_non_exhaustive()
    }
}

/// Why a document could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address is not a valid URL.
    #[error("cannot be used: it must be a whole address that begins with http:// or https://")]
    Address,
    /// An `http` address of another machine: not encrypted.
    #[error(
        "cannot be used: it must begin with https:// unless it is on this machine; whoever is on the way would decide what this server does"
    )]
    Unencrypted,
    /// The root certificates of this machine cannot be loaded.
    #[error("cannot be fetched: TLS cannot be set up; see that this machine has root certificates")]
    Tls,
    /// No complete response within this many seconds.
    #[error("cannot be fetched: there was no answer within {0} s")]
    TimedOut(u64),
    /// No connection.
    #[error("cannot be fetched: cannot connect")]
    Unreachable,
    /// The response ended early.
    #[error("cannot be fetched: the connection was lost")]
    Disconnected,
    /// A status other than 200, and a hint that is appended to it.
    #[error("cannot be fetched: it answered {0}{1}")]
    Status(u16, &'static str),
    /// The text is longer than this many bytes.
    #[error("cannot be used: it has more than {0} bytes")]
    TooLarge(usize),
    /// The text is not UTF-8.
    #[error("cannot be used: it is not UTF-8")]
    NotText,
    /// No runtime or timer is available; with the error of the system.
    #[error("cannot be fetched: the system refuses what a fetch needs: {0}")]
    System(String),
}

impl Remote {
    /// Fetches the text. Blocks for at most `time`: call it from a blocking thread, and not from within a task.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn fetch(&self) -> Result<String, FetchError> {
        // Its own runtime: at start the document is fetched before the runtime of the server exists.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| FetchError::System(error.to_string()))?;
        let fetched = runtime.block_on(async { timeout(self.timeout, self.exchange()).await });
        // Does not wait for a hanging name lookup.
        runtime.shutdown_background();
        fetched.unwrap_or(Err(FetchError::TimedOut(self.timeout.as_secs())))
    }

    async fn exchange(&self) -> Result<String, FetchError> {
        let url = Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or(FetchError::Address)?;
        if is_unencrypted(&self.url) {
            return Err(FetchError::Unencrypted);
        }
        let mut request = build_client(&url)?.get(url);
        if let Some(secret) = &self.secret {
            request = request.bearer_auth(secret.expose());
        }
        let sent = request.header("Accept", "application/yaml, text/yaml, application/json, text/plain").send().await;
        let mut response = sent.map_err(|error| error_of(&error))?;
        check_status(response.status())?;
        read(&mut response).await
    }

    fn copy_path(&self) -> PathBuf {
        self.directory.join("remote-configuration.yaml")
    }

    /// The first line of the copy: identifies its address without revealing it.
    fn header_line(&self) -> String {
        use std::fmt::Write;
        let digest = <sha2::Sha256 as sha2::Digest>::digest(self.url.as_bytes());
        let short = digest.iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        format!("# The last good configuration from the remote address {short}. Written by the server.\n")
    }

    /// The last good copy of this address.
    pub fn load_copy(&self) -> Option<String> {
        // A longer file is ignored: part of a document would have another meaning.
        let max = limits::REMOTE_CONFIG_BYTES + self.header_line().len();
        let text = modehost_follow::read_text(&self.copy_path(), max).ok()?;
        text.strip_prefix(&self.header_line()).map(str::to_owned)
    }

    /// Stores a copy, unless it is stored already. After a crash there is either the old copy or the new one.
    ///
    /// # Errors
    /// If it cannot be written; the old copy stays.
    pub fn store_copy(&self, text: &str) -> io::Result<()> {
        if self.load_copy().as_deref() == Some(text) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.directory)?;
        let path = self.copy_path();
        // A fixed name, so that a crash leaves at most one file, which the next write replaces.
        let new = path.with_extension("new");
        write_private(&new, &[self.header_line().as_bytes(), text.as_bytes()])?;
        std::fs::rename(&new, &path)?;
        std::fs::File::open(&self.directory)?.sync_all()
    }
}

/// Writes a file that only its owner may read: the document contains secrets.
fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

fn build_client(url: &Url) -> Result<Client, FetchError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have installed it first, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut builder = Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // The secret is for the configured address only.
        .redirect(Policy::none());
    if url.scheme() == "http" {
        // Plain HTTP needs no root certificates, which not every machine has.
        builder = builder.tls_certs_only([]);
    }
    if is_local(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|_| FetchError::Tls)
}

/// Whether traffic to an address can be read and changed on the way.
pub fn is_unencrypted(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| url.scheme() == "http" && !is_local(&url))
}

/// Whether a URL is on this machine.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn check_status(status: StatusCode) -> Result<(), FetchError> {
    let hint = match status.as_u16() {
        200 => return Ok(()),
        300..=399 => "; redirects are not followed, set the address they lead to",
        401 | 403 => "; is the secret right?",
        _ => "",
    };
    Err(FetchError::Status(status.as_u16(), hint))
}

/// Does not use the message of the library, which would repeat the address.
fn error_of(error: &reqwest::Error) -> FetchError {
    if error.is_connect() { FetchError::Unreachable } else { FetchError::Disconnected }
}

async fn read(response: &mut Response) -> Result<String, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error_of(&error))? {
        if body.len() + chunk.len() > limits::REMOTE_CONFIG_BYTES {
            return Err(FetchError::TooLarge(limits::REMOTE_CONFIG_BYTES));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| FetchError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(directory: &Path, url: &str) -> Remote {
        Remote { url: url.to_owned(), secret: None, timeout: Duration::from_secs(5), directory: directory.to_owned() }
    }

    #[test]
    fn c12_a_copy_belongs_to_its_address_and_to_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let (one, other) = (remote(directory.path(), "http://a/?key=hush"), remote(directory.path(), "http://b/"));
        assert_eq!(one.load_copy(), None);
        one.store_copy("log: { level: debug }\n").expect("stored");
        assert_eq!(one.load_copy().as_deref(), Some("log: { level: debug }\n"));
        assert_eq!(other.load_copy(), None, "another address");
        let metadata = std::fs::metadata(one.copy_path()).expect("a file");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(one.copy_path()).expect("text");
        assert!(!text.contains("hush"), "the address may contain a secret");
        other.store_copy("x").expect("stored");
        assert_eq!((one.load_copy(), other.load_copy().as_deref()), (None, Some("x")));
        // An oversized copy is ignored, not truncated.
        let long = format!("{}{}", other.header_line(), "#".repeat(limits::REMOTE_CONFIG_BYTES + 1));
        std::fs::write(other.copy_path(), long).expect("written");
        assert_eq!(other.load_copy(), None);
    }

    #[test]
    fn an_open_way_is_told_from_a_safe_one() {
        for open in ["http://console.example.org/", "http://10.0.0.1/"] {
            assert!(is_unencrypted(open));
            assert_eq!(remote(Path::new("/nowhere"), open).fetch(), Err(FetchError::Unencrypted));
        }
        for safe in ["https://console.example.org/", "http://127.0.0.1:8/", "http://[::1]/", "http://localhost/"] {
            assert!(!is_unencrypted(safe), "{safe}");
        }
    }

    #[test]
    fn c12_half_a_copy_of_a_crash_is_no_copy() {
        let directory = tempfile::tempdir().expect("a directory");
        let one = remote(directory.path(), "http://a/");
        one.store_copy("good").expect("stored");
        std::fs::write(one.copy_path().with_extension("new"), "ha").expect("written");
        assert_eq!(one.load_copy().as_deref(), Some("good"));
        one.store_copy("better").expect("stored");
        assert_eq!(one.load_copy().as_deref(), Some("better"));
    }

    #[test]
    fn c12_what_is_said_of_a_fetch_holds_neither_address_nor_secret() {
        for url in ["hush", "ftp://hush/", "http://hush@127.0.0.1:1/hush", "http://"] {
            let remote = Remote { secret: Some("hush".into()), ..remote(Path::new("/nowhere"), url) };
            let message = remote.fetch().expect_err("a failure").to_string();
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
