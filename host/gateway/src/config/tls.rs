//! `server.tls`: configuration and loading of certificate and key. Rule: what passes validation can be used; an error
//! names the file and the remedy, and contains no part of a key.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use garde::Validate;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

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

/// Why the files cannot be used. Names the file and the remedy, and contains no part of a key.
#[expect(missing_docs, reason = "the messages say what each is, and name its members")]
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
    move |certificate, _| PemFiles::read(certificate, key).load(certificate, key).map(drop).map_err(garde::Error::new)
}

/// The contents of both files as of one read.
pub(crate) struct PemFiles {
    certificate: io::Result<Vec<u8>>,
    key: io::Result<Vec<u8>>,
}

/// Digests of both files, to detect changes; `None` for a file that cannot be read.
pub(crate) type Digests = [Option<[u8; 32]>; 2];

impl PemFiles {
    /// Reads both files.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Self {
        let read = |file| modehost_follow::read(file, limits::CERTIFICATE_BYTES);
        Self { certificate: read(certificate), key: read(key) }
    }

    /// Digests instead of size and mtime: renewed certificates have had the same size and mtime as their predecessors.
    pub(crate) fn digests(&self) -> Digests {
        [&self.certificate, &self.key].map(|text| text.as_ref().ok().map(|text| Sha256::digest(text).into()))
    }

    /// Expiry of the certificate, in Unix s; `None` if it cannot be parsed.
    pub(crate) fn expiry(&self) -> Option<i64> {
        let text = self.certificate.as_ref().ok()?;
        let is_first = CertificateDer::pem_slice_iter(text).next()?.ok()?;
        let (_, parsed) = X509Certificate::from_der(&is_first).ok()?;
        Some(parsed.validity().not_after.timestamp())
    }

    /// Builds the rustls configuration; `certificate` and `key` are the paths for error messages.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub(crate) fn load(&self, certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
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
        let mismatch = |error: rustls::Error| TlsError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            why: error.to_string(),
        };
        let versions =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(mismatch)?;
        let mut config = versions.with_no_client_auth().with_single_cert(chain, private).map_err(mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
