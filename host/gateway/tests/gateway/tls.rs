//! TLS on both ports: who speaks it, who does not, and certificates that are renewed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use modehost_gateway::ServerConfig;
use modehost_gateway::TlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stage::{DEADLINE, Stage, Wanted, body, exchange};

/// A certificate of its own making for `localhost`, and its key, as files. Gives the certificate.
fn issue(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).expect("written");
    made.cert.der().clone()
}

async fn secured(folder: &Path) -> Stage {
    let tls = TlsConfig { certificate: folder.join("chain.pem"), key: folder.join("key.pem") };
    let server = ServerConfig { tls: Some(tls), ..ServerConfig::default() };
    Stage::start(Wanted { server, ..Wanted::default() }).await
}

/// Connects, trusting that one certificate only.
async fn call(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    timeout(DEADLINE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.expect("in time")
}

#[tokio::test]
async fn tls_devices_and_http_are_served_and_plain_callers_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = issue(folder.path());
    let stage = secured(folder.path()).await;

    let stream = call(stage.devices, &certificate).await.expect("TLS");
    let address = format!("ws://localhost:{}/supie/v1/?device-id=a", stage.devices.port());
    let (mut device, _) =
        timeout(DEADLINE, tokio_tungstenite::client_async(address, stream)).await.expect("in time").expect("a device");
    futures_util::SinkExt::send(&mut device, r#"{"type":"ping"}"#.into()).await.expect("sent");
    let pong = timeout(DEADLINE, futures_util::StreamExt::next(&mut device)).await.expect("in time");
    assert_eq!(pong.expect("open").expect("a message").to_text().expect("text"), r#"{"type":"pong"}"#);

    let mut stream = call(stage.http, &certificate).await.expect("TLS");
    let request = "POST /xiaozhi/ota/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    let _ = timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("in time");
    let answer: Value = serde_json::from_str(body(&answer)).expect("JSON");
    assert_eq!(answer["websocket"]["url"], format!("wss://localhost:{}/supie/v1/", stage.devices.port()));

    for address in [stage.devices, stage.http] {
        let plain = exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(!plain.contains("HTTP/1.1"), "{plain}");
    }
}

#[tokio::test]
async fn tls_renewed_certificates_are_used_and_broken_ones_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = issue(folder.path());
    let stage = secured(folder.path()).await;
    assert!(call(stage.devices, &first).await.is_ok());

    let second = issue(folder.path());
    let deadline = Instant::now() + DEADLINE;
    while call(stage.devices, &second).await.is_err() {
        assert!(Instant::now() < deadline, "the renewed certificate is not used");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(call(stage.http, &second).await.is_ok(), "both ports use it");

    // What cannot be read is not taken over; that it was looked at shows in what comes after it.
    std::fs::write(folder.path().join("chain.pem"), "nothing").expect("written");
    sleep(modehost_limits::TLS_LOOK + Duration::from_secs(1)).await;
    assert!(call(stage.devices, &second).await.is_ok(), "the one before stays");
}

#[tokio::test]
async fn c20_a_certificate_of_the_same_size_and_time_behind_a_turned_link_is_used() {
    let home = tempfile::tempdir().expect("a folder");
    let at = |name: &str| home.path().join(name);
    let mut made = Vec::new();
    for version in ["one", "two", "three"] {
        std::fs::create_dir(at(version)).expect("a folder");
        made.push(issue(&at(version)));
        for name in ["chain.pem", "key.pem"] {
            // Lines around the block count for nothing; signatures differ by some bytes.
            let path = at(version).join(name);
            let mut text = std::fs::read(&path).expect("text");
            text.resize(2000, b'\n');
            std::fs::write(&path, text).expect("written");
            let file = std::fs::File::options().write(true).open(&path).expect("opens");
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
        }
    }
    let turn = |to: &str| {
        std::os::unix::fs::symlink(to, at("new")).expect("a link");
        std::fs::rename(at("new"), at("live")).expect("turned");
    };
    turn("one");
    let stage = secured(&at("live")).await;
    assert!(call(stage.devices, &made[0]).await.is_ok());
    let shows = async |certificate: &CertificateDer<'static>| {
        let deadline = Instant::now() + DEADLINE;
        while call(stage.devices, certificate).await.is_err() {
            assert!(Instant::now() < deadline, "the renewed certificate is not used");
            sleep(Duration::from_millis(50)).await;
        }
    };
    turn("two");
    shows(&made[1]).await;
    // And renamed into the place of the one in use.
    for name in ["key.pem", "chain.pem"] {
        std::fs::rename(at("three").join(name), at("two").join(name)).expect("renamed");
    }
    shows(&made[2]).await;
}

#[test]
fn tls_files_that_do_not_fit_are_named() {
    use garde::Validate;
    let folder = tempfile::tempdir().expect("a folder");
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let complaint = || {
        let config = TlsConfig { certificate: chain.clone(), key: key.clone() };
        config.validate().expect_err("refused").to_string()
    };
    assert!(complaint().contains("chain.pem holds no certificate"), "{}", complaint());
    issue(folder.path());
    let good = std::fs::read_to_string(&chain).expect("text");
    issue(folder.path());
    std::fs::write(&chain, good).expect("written");
    assert!(complaint().contains("do not go together"), "{}", complaint());
    std::fs::write(&key, "nothing").expect("written");
    assert!(complaint().contains("key.pem holds no private key"), "{}", complaint());
    assert!(CertificateDer::pem_file_iter(&chain).is_ok());
}
