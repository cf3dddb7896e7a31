//! A document that another machine keeps: fetched, and its last good copy on disk.
//!
//! Rule: a fetch ends in time and reads a bounded text; what is said of it names neither the address
//! nor the secret. The copy is whole or not there, belongs to one address, and is for its owner only.

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

/// Where a further document is.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// An `http` or `https` address; it may hold a secret and is never shown.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub secret: Option<RemoteSecret>,
    /// For one fetch in all.
    pub time: Duration,
    /// The folder of the last good copy.
    pub folder: PathBuf,
}

/// What the other machine knows us by.
pub type RemoteSecret = Secret<OfRemote>;

/// See [`RemoteSecret`].
#[derive(Debug)]
pub enum OfRemote {}

impl SecretKind for OfRemote {
    const NAME: &'static str = "RemoteSecret";
    const ABOUT: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

/// Shows neither the address nor the secret.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Why a document could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address cannot be read as one.
    #[error("cannot be used: it must be a whole address that begins with http:// or https://")]
    Address,
    /// It is an `http` address of another machine.
    #[error(
        "cannot be used: it must begin with https:// unless it is on this machine; whoever is on the way would decide what this server does"
    )]
    Open,
    /// This machine's roots cannot be loaded.
    #[error("cannot be fetched: TLS cannot be set up; see that this machine has root certificates")]
    Tls,
    /// No whole answer within so many seconds.
    #[error("cannot be fetched: there was no answer within {0} s")]
    Slow(u64),
    /// No connection.
    #[error("cannot be fetched: it cannot be connected to")]
    Away,
    /// The answer ended in its middle.
    #[error("cannot be fetched: the connection broke off")]
    Broken,
    /// An answer that is no success: its status, and a hint that goes behind it.
    #[error("cannot be fetched: it answered {0}{1}")]
    Status(u16, &'static str),
    /// The text is longer than so many bytes.
    #[error("cannot be used: it has more than {0} bytes")]
    TooLarge(usize),
    /// The text is no UTF-8.
    #[error("cannot be used: it is not UTF-8")]
    NotText,
    /// No runtime or no timer; the system's own words.
    #[error("cannot be fetched: the system refuses what a fetch needs: {0}")]
    System(String),
}

impl Remote {
    /// Fetches the text. Blocks for `time` at the most: call it from a thread that may, and not from
    /// within a task.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn fetch(&self) -> Result<String, FetchError> {
        // A runtime of its own: a start fetches before the server's runtime is there.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| FetchError::System(error.to_string()))?;
        let fetched = runtime.block_on(async { timeout(self.time, self.exchange()).await });
        // A look-up of a name that hangs is left behind.
        runtime.shutdown_background();
        fetched.unwrap_or(Err(FetchError::Slow(self.time.as_secs())))
    }

    async fn exchange(&self) -> Result<String, FetchError> {
        let url = Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or(FetchError::Address)?;
        if is_open(&self.url) {
            return Err(FetchError::Open);
        }
        let mut request = connect(&url)?.get(url);
        if let Some(secret) = &self.secret {
            request = request.bearer_auth(secret.expose());
        }
        let sent = request.header("Accept", "application/yaml, text/yaml, application/json, text/plain").send().await;
        let mut response = sent.map_err(|error| broken(&error))?;
        judge(response.status())?;
        read(&mut response).await
    }

    fn place(&self) -> PathBuf {
        self.folder.join("remote-configuration.yaml")
    }

    /// The first line of the copy: whose it is, without saying where that is.
    fn mark(&self) -> String {
        use std::fmt::Write;
        let digest = <sha2::Sha256 as sha2::Digest>::digest(self.url.as_bytes());
        let short = digest.iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        format!("# The last good configuration from the remote address {short}. Written by the server.\n")
    }

    /// The last good copy of this address.
    pub fn kept(&self) -> Option<String> {
        // One that is longer is none: half of a document would say something else.
        let most = limits::REMOTE_CONFIG_BYTES + self.mark().len();
        let text = modehost_follow::read_text(&self.place(), most).ok()?;
        text.strip_prefix(&self.mark()).map(str::to_owned)
    }

    /// Keeps a copy, unless it is there already. After a crash at any moment there is the old one or
    /// the new one.
    ///
    /// # Errors
    /// If it cannot be written; the old one stays.
    pub fn keep(&self, text: &str) -> io::Result<()> {
        if self.kept().as_deref() == Some(text) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        let place = self.place();
        // Fixed, so that a crash leaves one file at the most that the next try overwrites.
        let new = place.with_extension("new");
        write_private(&new, &[self.mark().as_bytes(), text.as_bytes()])?;
        std::fs::rename(&new, &place)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }
}

/// A file that only its owner may read: the document holds secrets.
fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

fn connect(url: &Url) -> Result<Client, FetchError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever was first in the process stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut builder = Client::builder()
        .user_agent(concat!("modehost/", env!("CARGO_PKG_VERSION")))
        // The secret is for the address that was configured and for no other.
        .redirect(Policy::none());
    if url.scheme() == "http" {
        // Then no root certificates are needed, which not every machine has.
        builder = builder.tls_certs_only([]);
    }
    if is_local(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|_| FetchError::Tls)
}

/// True if whoever is on the way to an address can read and change what is said there.
pub fn is_open(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| url.scheme() == "http" && !is_local(&url))
}

/// True for this very machine.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn judge(status: StatusCode) -> Result<(), FetchError> {
    let hint = match status.as_u16() {
        200 => return Ok(()),
        300..=399 => "; redirects are not followed, set the address they lead to",
        401 | 403 => "; is the secret right?",
        _ => "",
    };
    Err(FetchError::Status(status.as_u16(), hint))
}

/// The words of the library would repeat the address.
fn broken(error: &reqwest::Error) -> FetchError {
    if error.is_connect() { FetchError::Away } else { FetchError::Broken }
}

async fn read(response: &mut Response) -> Result<String, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
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

    fn remote(folder: &Path, url: &str) -> Remote {
        Remote { url: url.to_owned(), secret: None, time: Duration::from_secs(5), folder: folder.to_owned() }
    }

    #[test]
    fn c12_a_copy_belongs_to_its_address_and_to_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (remote(folder.path(), "http://a/?key=hush"), remote(folder.path(), "http://b/"));
        assert_eq!(one.kept(), None);
        one.keep("log: { level: debug }\n").expect("kept");
        assert_eq!(one.kept().as_deref(), Some("log: { level: debug }\n"));
        assert_eq!(other.kept(), None, "another address");
        let metadata = std::fs::metadata(one.place()).expect("a file");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(one.place()).expect("text");
        assert!(!text.contains("hush"), "the address may hold a secret");
        other.keep("x").expect("kept");
        assert_eq!((one.kept(), other.kept().as_deref()), (None, Some("x")));
        // What has grown is not taken as far as it goes.
        let long = format!("{}{}", other.mark(), "#".repeat(limits::REMOTE_CONFIG_BYTES + 1));
        std::fs::write(other.place(), long).expect("written");
        assert_eq!(other.kept(), None);
    }

    #[test]
    fn an_open_way_is_told_from_a_safe_one() {
        for open in ["http://console.example.org/", "http://10.0.0.1/"] {
            assert!(is_open(open));
            assert_eq!(remote(Path::new("/nowhere"), open).fetch(), Err(FetchError::Open));
        }
        for safe in ["https://console.example.org/", "http://127.0.0.1:8/", "http://[::1]/", "http://localhost/"] {
            assert!(!is_open(safe), "{safe}");
        }
    }

    #[test]
    fn c12_half_a_copy_of_a_crash_is_no_copy() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = remote(folder.path(), "http://a/");
        one.keep("good").expect("kept");
        std::fs::write(one.place().with_extension("new"), "ha").expect("written");
        assert_eq!(one.kept().as_deref(), Some("good"));
        one.keep("better").expect("kept");
        assert_eq!(one.kept().as_deref(), Some("better"));
    }

    #[test]
    fn c12_what_is_said_of_a_fetch_holds_neither_address_nor_secret() {
        for url in ["hush", "ftp://hush/", "http://hush@127.0.0.1:1/hush", "http://"] {
            let remote = Remote { secret: Some("hush".into()), ..remote(Path::new("/nowhere"), url) };
            let said = remote.fetch().expect_err("a failure").to_string();
            assert!(!said.contains("hush"), "{said}");
        }
    }
}
