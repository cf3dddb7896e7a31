//! Recognisers behind TLS, as all hosted ones are. Rule: trust comes from the system of the server, and a service
//! that is not trusted receives no audio and no key.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use modehost_recogniser::{Kind, Service, Step, doubao, funasr};
use modehost_tests::sound::{recording, silence};
use modehost_tests::{Device, Server, Settings};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A TLS terminator in front of a service, with a self-signed certificate for `localhost`.
struct TlsFront {
    address: SocketAddr,
    _connections: JoinSet<()>,
}

async fn tls_front(service: &Service, certificate: &Path) -> TlsFront {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(certificate, certified.cert.pem()).expect("written");
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.expect("versions").with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate that fits its key")));
    let upstream = service.address();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((outer, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(mut outer) = acceptor.accept(outer).await else { return };
                let mut inner = TcpStream::connect(upstream).await.expect("the service");
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    TlsFront { address, _connections: accepting }
}

fn settings(kind: Kind, tls_front: &TlsFront) -> Settings {
    let url = format!("wss://localhost:{}/", tls_front.address.port());
    let settings = Settings::new().bundled().set("asr.timeout_s", json!(5));
    match kind {
        Kind::Doubao => settings
            .set("asr.provider", json!("doubao"))
            .set("asr.doubao", json!({ "url": url, "app_key": "app", "access_key": "access" })),
        Kind::FunAsr => settings.set("asr.provider", json!("funasr")).set("asr.funasr", json!({ "url": url })),
    }
}

fn service(kind: Kind) -> Service {
    match kind {
        Kind::Doubao => {
            Service::start(kind, vec![Step::ReceiveEnd, Step::SendBinary(doubao::last_result("明天天气怎么样"))])
        }
        Kind::FunAsr => {
            Service::start(kind, vec![Step::ReceiveEnd, Step::SendText(funasr::offline("明天天气怎么样")), Step::Close])
        }
    }
}

async fn speak_utterance(server: &Server) -> Device {
    let mut device = Device::join(server, "dev-1").await;
    device.send(json!({ "type": "listen", "state": "start", "mode": "auto" })).await;
    device.speaks(&[recording("weather"), silence(1000)].concat()).await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_recognisers_behind_tls_hear_where_the_system_trusts_them() {
    for kind in [Kind::Doubao, Kind::FunAsr] {
        let service = service(kind);
        let directory = tempfile::tempdir().expect("a directory");
        let certificate = directory.path().join("trusted.pem");
        let tls_front = tls_front(&service, &certificate).await;
        let mut server = Server::prepare(&settings(kind, &tls_front));
        server.set_variable("SSL_CERT_FILE", certificate.to_str().expect("a path"));
        server.launch();
        server.ready().await;
        let mut device = speak_utterance(&server).await;
        let caption = device.expect_type("stt").await;
        assert_eq!(caption["text"], "明天天气怎么样", "{kind:?}");
        assert_eq!(service.received()[0].violation, None, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_recogniser_that_nobody_vouches_for_hears_nothing() {
    for kind in [Kind::Doubao, Kind::FunAsr] {
        let service = service(kind);
        let directory = tempfile::tempdir().expect("a directory");
        let tls_front = tls_front(&service, &directory.path().join("unknown.pem")).await;
        let server = Server::start(settings(kind, &tls_front)).await;
        let mut device = speak_utterance(&server).await;
        let error = device.expect_type("error").await;
        assert_eq!(error["code"], "ASR_UNAVAILABLE", "{kind:?}: {error}");
        device.ping().await;
        assert_eq!(service.received().len(), 0, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_runtime_with_a_certificate_of_its_own_may_be_trusted_by_name() {
    let service = service(Kind::FunAsr);
    let directory = tempfile::tempdir().expect("a directory");
    let tls_front = tls_front(&service, &directory.path().join("own.pem")).await;
    let funasr: Value =
        json!({ "url": format!("wss://localhost:{}/", tls_front.address.port()), "accept_invalid_certificates": true });
    let server = Server::start(settings(Kind::FunAsr, &tls_front).set("asr.funasr", funasr)).await;
    let mut device = speak_utterance(&server).await;
    assert_eq!(device.expect_type("stt").await["text"], "明天天气怎么样");
}
