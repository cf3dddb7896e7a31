//! C.8: connection limits. Rule: a rejected device is told when to retry; health, the admin API and storage keep
//! working, and a device that reconnects is not rejected.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use modehost_tests::server::binary;
use modehost_tests::{Device, Server, Settings, guest, http, raw, wait};
use serde_json::json;

/// A script that runs the server under a limit of open files.
fn with_file_limit(directory: &tempfile::TempDir, files: usize) -> PathBuf {
    let path = directory.path().join("limited");
    let text = format!("#!/bin/sh\nulimit -n {files}\nexec {} \"$@\"\n", binary().display());
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("chmod");
    path
}

/// Attempts a handshake: `101` with the open stream, or the whole response without one.
async fn try_handshake(server: &Server, id: &str) -> (String, Option<tokio::net::TcpStream>) {
    let request = raw::upgrade("/supie/v1/", &format!("Device-Id: {id}\r\n"));
    let mut stream = raw::send(server.ws(), request.as_bytes()).await;
    let mut head = vec![0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.expect("an answer");
    if head == b"HTTP/1.1 101" {
        return ("101".to_owned(), Some(stream));
    }
    let (rest, _) = raw::read_to_end(&mut stream, wait::TIMEOUT).await;
    (String::from_utf8_lossy(&head).into_owned() + &rest, None)
}

#[tokio::test]
async fn c8_the_newcomer_beyond_the_limit_is_told_when_to_come_again() {
    let settings = Settings::new().set("gateway.max_connections", json!(2));
    let server = Server::start(settings.clone()).await;
    let _first = Device::join(&server, "dev-1").await;
    let mut second = Device::join(&server, "dev-2").await;
    let (answer, _) = try_handshake(&server, "dev-3").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 30") && answer.contains("retry later"), "{answer}");
    server.wait_output("no more devices are taken: raise gateway.max_connections").await;
    // A device's takeover of its own connection is not a new connection.
    let mut again = Device::join(&server, "dev-2").await;
    again.ping().await;
    second.expect_close().await;
    // The limit is hot-reloadable, and a closed connection frees its slot.
    server.configure(&settings.set("gateway.max_connections", json!(3)));
    let probe = async || try_handshake(&server, "dev-3").await.0;
    wait::until("there is room", wait::TIMEOUT, probe, |answer| answer == "101").await;
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains("modehost_connections_limit 3"), "{metrics}");
}

#[tokio::test]
async fn c8_devices_never_take_the_last_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = Server::prepare(&Settings::new().plugin("fixture", guest::fixture(&[])));
    server.use_binary(&with_file_limit(&directory, 300));
    server.launch();
    server.ready().await;
    let mut existing = Device::join(&server, "keeper").await;
    let (mut admitted, mut rejected) = (Vec::new(), 0);
    for number in 0..320 {
        let (answer, stream) = try_handshake(&server, &format!("dev-{number}")).await;
        match stream {
            Some(stream) => admitted.push(stream),
            None => {
                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
                rejected += 1;
            }
        }
    }
    assert!(admitted.len() > 75 && rejected > 10, "{} accepted, {rejected} rejected", admitted.len());
    // Half-open handshakes on top.
    let mut half = Vec::new();
    for _ in 0..100 {
        half.push(raw::send(server.ws(), b"GET /supie/v1/ HTTP/1.1\r\n").await);
    }
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/sessions"] {
        let answer = http::request(server.http(), "GET", path, &[], "").await;
        assert_eq!(answer.map(|answer| answer.status), Some(200), "{path}");
    }
    existing.send(json!({ "type": "fixture", "do": "append", "key": "fixture/log", "value": "1" })).await;
    existing.expect("an acknowledged write", |message| !message["done"].is_null()).await;
    assert!(!server.output().contains("cannot accept connections"), "{}", server.output());
    server.wait_output("raise the limit of open files").await;
}
