//! TLS on all ports: handshakes, plain clients, and renewed certificates. Rule: clients trust the test's certificate
//! only.

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

use crate::test_host::{DEADLINE, Sections, TestHost, body, exchange};

/// Writes a self-signed certificate for `localhost` and its key to files. Returns the certificate.
fn write_certificate(directory: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).expect("written");
    made.cert.der().clone()
}

async fn tls_host(directory: &Path) -> TestHost {
    let tls = TlsConfig { certificate: directory.join("chain.pem"), key: directory.join("key.pem") };
    let server = ServerConfig { tls: Some(tls), ..ServerConfig::default() };
    TestHost::start(Sections { server, ..Sections::default() }).await
}

/// Connects with only that certificate trusted.
async fn connect_tls(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
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
    let directory = tempfile::tempdir().expect("a directory");
    let certificate = write_certificate(directory.path());
    let host = tls_host(directory.path()).await;

    let stream = connect_tls(host.devices, &certificate).await.expect("TLS");
    let address = format!("ws://localhost:{}/supie/v1/?device-id=a", host.devices.port());
    let (mut device, _) =
        timeout(DEADLINE, tokio_tungstenite::client_async(address, stream)).await.expect("in time").expect("a device");
    futures_util::SinkExt::send(&mut device, r#"{"type":"ping"}"#.into()).await.expect("sent");
    let pong = timeout(DEADLINE, futures_util::StreamExt::next(&mut device)).await.expect("in time");
    assert_eq!(pong.expect("open").expect("a message").to_text().expect("text"), r#"{"type":"pong"}"#);

    let mut stream = connect_tls(host.http, &certificate).await.expect("TLS");
    let request = "POST /xiaozhi/ota/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    let _ = timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("in time");
    let answer: Value = serde_json::from_str(body(&answer)).expect("JSON");
    assert_eq!(answer["websocket"]["url"], format!("wss://localhost:{}/supie/v1/", host.devices.port()));

    for address in [host.devices, host.http] {
        let plain = exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(!plain.contains("HTTP/1.1"), "{plain}");
    }
}

#[tokio::test]
async fn tls_renewed_certificates_are_used_and_broken_ones_are_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = write_certificate(directory.path());
    let host = tls_host(directory.path()).await;
    assert!(connect_tls(host.devices, &first).await.is_ok());

    let second = write_certificate(directory.path());
    let deadline = Instant::now() + DEADLINE;
    while connect_tls(host.devices, &second).await.is_err() {
        assert!(Instant::now() < deadline, "the renewed certificate is not used");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(connect_tls(host.http, &second).await.is_ok(), "both ports use it");

    // An invalid certificate is not loaded. The file has been polled by then.
    std::fs::write(directory.path().join("chain.pem"), "nothing").expect("written");
    sleep(modehost_limits::TLS_POLL + Duration::from_secs(1)).await;
    assert!(connect_tls(host.devices, &second).await.is_ok(), "the previous one stays in use");
}

#[tokio::test]
async fn c20_a_certificate_of_the_same_size_and_time_behind_a_turned_link_is_used() {
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str| home.path().join(name);
    let mut made = Vec::new();
    for version in ["one", "two", "three"] {
        std::fs::create_dir(at(version)).expect("a directory");
        made.push(write_certificate(&at(version)));
        for name in ["chain.pem", "key.pem"] {
            // Padding around the PEM block is ignored; signatures differ in length by some bytes.
            let path = at(version).join(name);
            let mut text = std::fs::read(&path).expect("text");
            text.resize(2000, b'\n');
            std::fs::write(&path, text).expect("written");
            let file = std::fs::File::options().write(true).open(&path).expect("opens");
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
        }
    }
    let switch_link = |to: &str| {
        std::os::unix::fs::symlink(to, at("new")).expect("a link");
        std::fs::rename(at("new"), at("live")).expect("switched");
    };
    switch_link("one");
    let host = tls_host(&at("live")).await;
    assert!(connect_tls(host.devices, &made[0]).await.is_ok());
    let expect_certificate = async |certificate: &CertificateDer<'static>| {
        let deadline = Instant::now() + DEADLINE;
        while connect_tls(host.devices, certificate).await.is_err() {
            assert!(Instant::now() < deadline, "the renewed certificate is not used");
            sleep(Duration::from_millis(50)).await;
        }
    };
    switch_link("two");
    expect_certificate(&made[1]).await;
    // Replace the files in use by rename.
    for name in ["key.pem", "chain.pem"] {
        std::fs::rename(at("three").join(name), at("two").join(name)).expect("renamed");
    }
    expect_certificate(&made[2]).await;
}

#[test]
fn tls_files_that_do_not_fit_are_named() {
    use garde::Validate;
    let directory = tempfile::tempdir().expect("a directory");
    let (chain, key) = (directory.path().join("chain.pem"), directory.path().join("key.pem"));
    let complaint = || {
        let config = TlsConfig { certificate: chain.clone(), key: key.clone() };
        config.validate().expect_err("refused").to_string()
    };
    assert!(complaint().contains("chain.pem holds no certificate"), "{}", complaint());
    write_certificate(directory.path());
    let good = std::fs::read_to_string(&chain).expect("text");
    write_certificate(directory.path());
    std::fs::write(&chain, good).expect("written");
    assert!(complaint().contains("do not go together"), "{}", complaint());
    std::fs::write(&key, "nothing").expect("written");
    assert!(complaint().contains("key.pem holds no private key"), "{}", complaint());
    assert!(CertificateDer::pem_file_iter(&chain).is_ok());
}
