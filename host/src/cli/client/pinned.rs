//! TLS to the server of this configuration with certificate pinning. Rule: exactly the certificate in the server's own
//! file is trusted, byte for byte, whatever its name and age, and no other: the admin token is sent over this
//! connection.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::limits;
use modehost_gateway::TlsConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Completes the TLS handshake with the server of these files. Cancelling closes the connection.
pub(super) async fn secure(tcp: TcpStream, address: SocketAddr, files: &TlsConfig) -> io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own = leaf(&files.certificate)?;
    let pinned = Arc::new(Pinned { own, provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_no_client_auth();
    // `connect` completes the whole handshake before anything of ours is sent.
    let connected = TlsConnector::from(Arc::new(config)).connect(ServerName::from(address.ip()), tcp).await;
    connected.map_err(|error| explain(error, &files.certificate))
}

/// The leaf certificate; the rest of the chain belongs to its issuers.
fn leaf(file: &Path) -> io::Result<CertificateDer<'static>> {
    let text = modehost_follow::read(file, limits::CERTIFICATE_BYTES)?;
    CertificateDer::from_pem_slice(&text).map_err(io::Error::other)
}

fn explain(error: io::Error, file: &Path) -> io::Error {
    let why = match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(_)) => format!(
            "it does not show the certificate of {}, so it is asked nothing and sent no token; a renewed one is in use \
             {} s after its files have changed",
            file.display(),
            limits::TLS_POLL.as_secs()
        ),
        Some(Error::InvalidMessage(_)) => {
            "it does not speak TLS, as server.tls says; was the server restarted since that was set?".to_owned()
        }
        _ => return error,
    };
    io::Error::other(why)
}

/// Trusts one certificate. The handshake signature proves that the peer holds its key.
#[derive(Debug)]
struct Pinned {
    own: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *shown == self.own {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
