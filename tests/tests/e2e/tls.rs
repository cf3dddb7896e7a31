//! TLS of the real server: `server.tls` on both ports, and certificates that are renewed while devices are connected.
//! Rule: a client trusts exactly one certificate, so that it knows which one the server presented.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use modehost_tests::{Server, Settings, http, wait};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

/// A self-signed certificate for `localhost` and its key, as files that are renamed into place.
fn issue(directory: &Path) -> CertificateDer<'static> {
    issue_until(directory, rcgen::date_time_ymd(4096, 1, 1))
}

/// The same, valid until `end`.
fn issue_until(directory: &Path, end: time::OffsetDateTime) -> CertificateDer<'static> {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    parameters.not_after = end;
    let key = rcgen::KeyPair::generate().expect("a key");
    let cert = parameters.self_signed(&key).expect("a certificate");
    for (name, text) in [("key.pem", key.serialize_pem()), ("chain.pem", cert.pem())] {
        std::fs::write(directory.join("new"), text).expect("written");
        std::fs::rename(directory.join("new"), directory.join(name)).expect("renamed");
    }
    cert.der().clone()
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_in_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let now = time::OffsetDateTime::now_utc();
    let soon = issue_until(directory.path(), now + Duration::from_secs(5 * 86_400 + 3600));
    let tls = json!({ "certificate": directory.path().join("chain.pem"), "key": directory.path().join("key.pem") });
    let mut server = Server::prepare(&Settings::new().set("server.tls", tls));
    server.launch();
    server.wait_output("the certificate expires in 5 days").await;
    for address in ["devices    wss://", "HTTP       https://", "OTA        https://"] {
        server.wait_output(address).await;
    }
    let metrics = async || request(server.http(), &soon, "GET", "/metrics").await.map(|answer| answer.body);
    let shows = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| text.contains("modehost_tls_certificate_expiry_seconds 1"))
    };
    wait::until("the metric", Duration::from_secs(60), metrics, shows).await;
    issue_until(directory.path(), now - Duration::from_secs(86_400));
    server.wait_output("the certificate has expired").await;
}

/// Connects, trusting only this certificate.
async fn connect(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    tokio::time::timeout(wait::TIMEOUT, connecting).await.expect("in time")
}

/// A request over TLS; `None` if the server presents another certificate.
async fn request(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    method: &str,
    path: &str,
) -> Option<http::Response> {
    let mut stream = connect(address, trusted).await.ok()?;
    let head = "Host: localhost\r\nConnection: close\r\nDevice-Id: d\r\nContent-Length: 2";
    stream.write_all(format!("{method} {path} HTTP/1.1\r\n{head}\r\n\r\n{{}}").as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(wait::TIMEOUT, stream.read_to_end(&mut answer)).await.expect("in time");
    http::parse(&String::from_utf8_lossy(&answer))
}

#[tokio::test]
async fn both_ports_speak_tls_and_take_a_renewed_certificate_without_closing_anybody() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = issue(directory.path());
    let tls = json!({ "certificate": directory.path().join("chain.pem"), "key": directory.path().join("key.pem") });
    let mut server = Server::prepare(&Settings::new().set("server.tls", tls));
    server.launch();
    let ready = async || request(server.http(), &first, "GET", "/readyz").await.map(|answer| answer.status);
    wait::until("the server is ready", Duration::from_secs(60), ready, |status| *status == Some(200)).await;

    let ota = request(server.http(), &first, "POST", "/xiaozhi/ota/").await.expect("an answer").json();
    assert_eq!(ota["websocket"]["url"], format!("wss://localhost:{}/supie/v1/", server.ws().port()));
    let stream = connect(server.ws(), &first).await.expect("TLS");
    let address = format!("ws://localhost:{}/supie/v1/?device-id=dev-1", server.ws().port());
    let (mut device, _) = tokio_tungstenite::client_async(address, stream).await.expect("a device");
    let mut ping = async || {
        futures_util::SinkExt::send(&mut device, Message::text(r#"{"type":"ping"}"#)).await.expect("sent");
        let next =
            tokio::time::timeout(wait::TIMEOUT, futures_util::StreamExt::next(&mut device)).await.expect("in time");
        let text = next.expect("open").expect("a message").into_text().expect("text").to_string();
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["type"], "pong");
    };
    ping().await;
    for address in [server.ws(), server.http()] {
        let plain = http::request(address, "GET", "/healthz", &[], "").await;
        assert!(plain.is_none(), "plain HTTP is rejected: {plain:?}");
    }

    let second = issue(directory.path());
    for address in [server.ws(), server.http()] {
        let probe = async || connect(address, &second).await.is_ok();
        wait::until("the renewed certificate is shown", Duration::from_secs(60), probe, |shown| *shown).await;
        assert!(connect(address, &first).await.is_err(), "the old one is not");
    }
    ping().await;
    // CLI commands go the same way, to the certificate that is in use.
    let export = directory.path().join("export");
    let to = export.to_string_lossy().into_owned();
    for (arguments, expected) in [
        (&["session", "list"][..], "dev-1  connected"),
        (&["session", "show", "dev-1"], "connection: 1 from 127.0.0.1"),
        (&["device", "export", "dev-1", "--to", &to], "dev-1.json"),
    ] {
        let (code, stdout, stderr) = server.run(arguments).await;
        assert!(code == 0 && stdout.contains(expected), "{arguments:?}: {stdout}{stderr}");
    }
    // An unreadable certificate is reported, and changes nothing.
    std::fs::write(directory.path().join("chain.pem"), "nothing").expect("written");
    server.wait_output("chain.pem").await;
    assert!(connect(server.ws(), &second).await.is_ok(), "the previous certificate stays in use");
    ping().await;
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn a_device_is_kicked_and_forgotten_over_tls() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = issue(directory.path());
    let tls = json!({ "certificate": directory.path().join("chain.pem"), "key": directory.path().join("key.pem") });
    let mut server = Server::prepare(&Settings::new().set("server.tls", tls));
    server.launch();
    server.wait_output("is ready after").await;
    for (arguments, expected) in
        [(&["session", "kick", "dev-1"][..], ""), (&["device", "forget", "dev-1", "--yes"], "dev-1 is forgotten")]
    {
        let stream = connect(server.ws(), &own).await.expect("TLS");
        let address = format!("ws://localhost:{}/supie/v1/?device-id=dev-1", server.ws().port());
        let (mut device, _) = tokio_tungstenite::client_async(address, stream).await.expect("a device");
        server.wait_output("a device has connected").await;
        let (code, stdout, stderr) = server.run(arguments).await;
        assert!(code == 0 && stdout.contains(expected), "{arguments:?}: {stdout}{stderr}");
        let closed = async {
            loop {
                match futures_util::StreamExt::next(&mut device).await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| u16::from(frame.code)),
                    Some(Ok(_)) => {}
                    _ => return None,
                }
            }
        };
        let code = tokio::time::timeout(wait::TIMEOUT, closed).await.expect("in time");
        assert!(code.is_some_and(|code| code == 1008), "{arguments:?}: {code:?}");
    }
}

#[tokio::test]
async fn c1_a_certificate_that_does_not_fit_stops_the_start_with_a_line() {
    let directory = tempfile::tempdir().expect("a directory");
    issue(directory.path());
    let chain = std::fs::read(directory.path().join("chain.pem")).expect("a file");
    issue(directory.path());
    std::fs::write(directory.path().join("chain.pem"), chain).expect("written");
    let tls = json!({ "certificate": directory.path().join("chain.pem"), "key": directory.path().join("key.pem") });
    let mut server = Server::prepare(&Settings::new().set("server.tls", tls));
    server.launch();
    assert_eq!(server.wait_exit(wait::TIMEOUT).await.code(), Some(64));
    assert!(server.output().contains("do not go together"), "{}", server.output());
}
