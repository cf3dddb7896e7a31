//! TLS on both ports. Rule: a certificate that has been good stays in use until a better one has
//! been read whole; with TLS configured nobody is ever served without it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use garde::Validate;
use modehost_limits as limits;
use modehost_task::{IoTask, run_blocking, spawn_io};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::settings::GatewaySettings;

/// `server.tls`: files that are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate with its chain, PEM. Read again when the file changes.
    #[garde(custom(is_pair(&self.key)))]
    pub certificate: PathBuf,
    /// Its private key, PEM. Read again when the file changes.
    #[garde(skip)]
    pub key: PathBuf,
}

/// Why the files cannot be used. Names the file and what to do, and shows nothing of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{file} holds no certificate that can be read: {why}; it must be a PEM file")]
    Certificate { file: PathBuf, why: String },
    #[error("{file} holds no private key that can be read: {why}; it must be a PEM file without a password")]
    Key { file: PathBuf, why: String },
    #[error("{certificate} and {key} do not go together: {why}")]
    Pair { certificate: PathBuf, key: PathBuf, why: String },
}

fn is_pair(key: &Path) -> impl FnOnce(&PathBuf, &()) -> garde::Result + '_ {
    move |certificate, _| Texts::read(certificate, key).load(certificate, key).map(drop).map_err(garde::Error::new)
}

/// What both files hold at one moment.
struct Texts {
    certificate: io::Result<Vec<u8>>,
    key: io::Result<Vec<u8>>,
}

/// What tells one content of the files from the next; none where there is no file.
type Sums = [Option<[u8; 32]>; 2];

impl Texts {
    fn read(certificate: &Path, key: &Path) -> Self {
        let read = |file| modehost_follow::read(file, limits::CERTIFICATE_BYTES);
        Self { certificate: read(certificate), key: read(key) }
    }

    /// By what they hold: renewals have been of the same size and time as what was before them.
    fn sums(&self) -> Sums {
        [&self.certificate, &self.key].map(|text| text.as_ref().ok().map(|text| Sha256::digest(text).into()))
    }

    /// `certificate` and `key` are their names.
    fn load(&self, certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
        let bad = |why: String| TlsError::Certificate { file: certificate.to_owned(), why };
        let text = self.certificate.as_ref().map_err(|error| bad(error.to_string()))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let chain = chain.map_err(|error| bad(error.to_string()))?;
        if chain.is_empty() {
            return Err(bad("there is no CERTIFICATE block in it".to_owned()));
        }
        let bad = |why: String| TlsError::Key { file: key.to_owned(), why };
        let text = self.key.as_ref().map_err(|error| bad(error.to_string()))?;
        let private = PrivateKeyDer::from_pem_slice(text).map_err(|error| bad(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = |error: rustls::Error| TlsError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            why: error.to_string(),
        };
        let versions =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(pair)?;
        let mut config = versions.with_no_client_auth().with_single_cert(chain, private).map_err(pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The certificate in use; none while there has been no good one.
#[derive(Default)]
pub(crate) struct Certificates {
    current: ArcSwapOption<ServerConfig>,
}

impl Certificates {
    /// Reads the files of the settings, and again whenever they or the settings change, until the
    /// task is dropped.
    pub(crate) fn keep(settings: watch::Receiver<Arc<GatewaySettings>>) -> (Arc<Self>, IoTask<()>) {
        let certificates = Arc::new(Self::default());
        let mut known = Known::default();
        known.renew(settings.borrow().tls.as_ref(), &certificates);
        let task = spawn_io(watch_files(certificates.clone(), settings, known));
        (certificates, task)
    }

    /// Speaks TLS with a caller. `None`: it could not, or took longer than `limit`.
    pub(crate) async fn accept(&self, stream: TcpStream, limit: std::time::Duration) -> Option<TlsStream<TcpStream>> {
        let config = self.current.load_full()?;
        match timeout(limit, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a caller did not speak TLS");
                crate::meters::refused("tls");
                None
            }
            Err(_) => {
                crate::meters::refused("timeout");
                None
            }
        }
    }
}

/// The files as they were last read.
#[derive(Default)]
struct Known {
    files: Option<TlsConfig>,
    sums: Sums,
}

impl Known {
    /// Reads the files if they are not those that were read last.
    fn renew(&mut self, files: Option<&TlsConfig>, certificates: &Certificates) {
        let Some(files) = files else { return };
        let texts = Texts::read(&files.certificate, &files.key);
        let seen = texts.sums();
        if self.files.as_ref() == Some(files) && self.sums == seen {
            return;
        }
        let first = self.files.is_none();
        (self.files, self.sums) = (Some(files.clone()), seen);
        match texts.load(&files.certificate, &files.key) {
            Ok(config) => {
                certificates.current.store(Some(config));
                if !first {
                    tracing::info!(certificate = %files.certificate.display(), "a new certificate is in use");
                }
            }
            Err(error) => tracing::error!(%error, "the certificate before stays in use"),
        }
    }
}

async fn watch_files(
    certificates: Arc<Certificates>,
    mut settings: watch::Receiver<Arc<GatewaySettings>>,
    mut known: Known,
) {
    loop {
        tokio::select! {
            () = sleep(limits::TLS_LOOK) => {}
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        let (files, certificates) = (settings.borrow_and_update().tls.clone(), certificates.clone());
        let renewed = run_blocking(move || {
            known.renew(files.as_ref(), &certificates);
            known
        });
        match renewed.await {
            Some(renewed) => known = renewed,
            None => return,
        }
    }
}
