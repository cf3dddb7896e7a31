//! C.8: more devices than there is room for. Rule: whoever is turned away is told when to come again; health,
//! operators and storage go on, and a device that comes again is not turned away.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use modehost_tests::server::binary;
use modehost_tests::{Device, Server, Settings, guest, http, raw, wait};
use serde_json::json;

/// The server's program under a limit of open files.
fn limited(folder: &tempfile::TempDir, files: usize) -> PathBuf {
    let path = folder.path().join("limited");
    let text = format!("#!/bin/sh\nulimit -n {files}\nexec {} \"$@\"\n", binary().display());
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("may be run");
    path
}

/// How a newcomer is answered: the status, and when to come again.
async fn knock(server: &Server, id: &str) -> (String, Option<tokio::net::TcpStream>) {
    let request = raw::upgrade("/supie/v1/", &format!("Device-Id: {id}\r\n"));
    let mut stream = raw::send(server.ws(), request.as_bytes()).await;
    let mut head = vec![0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.expect("an answer");
    if head == b"HTTP/1.1 101" {
        return ("101".to_owned(), Some(stream));
    }
    let (rest, _) = raw::read_to_end(&mut stream, wait::SOON).await;
    (String::from_utf8_lossy(&head).into_owned() + &rest, None)
}

#[tokio::test]
async fn c8_the_newcomer_beyond_the_limit_is_told_when_to_come_again() {
    let settings = Settings::new().set("gateway.max_connections", json!(2));
    let server = Server::start(settings.clone()).await;
    let _first = Device::join(&server, "dev-1").await;
    let mut second = Device::join(&server, "dev-2").await;
    let (answer, _) = knock(&server, "dev-3").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 30") && answer.contains("come again later"), "{answer}");
    server.says("no more devices are taken: raise gateway.max_connections").await;
    // The device takes over from itself.
    let mut again = Device::join(&server, "dev-2").await;
    again.ping().await;
    second.expect_close().await;
    // Hot, and a seat is free again once somebody has gone.
    server.configure(&settings.set("gateway.max_connections", json!(3)));
    let look = async || knock(&server, "dev-3").await.0;
    wait::until("there is room", wait::SOON, look, |answer| answer == "101").await;
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains("modehost_connections_limit 3"), "{metrics}");
}

#[tokio::test]
async fn c8_devices_never_take_the_last_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::prepare(&Settings::new().plugin("fixture", guest::fixture(&[])));
    server.use_binary(&limited(&folder, 300));
    server.launch();
    server.ready().await;
    let mut keeper = Device::join(&server, "keeper").await;
    let (mut held, mut turned_away) = (Vec::new(), 0);
    for number in 0..320 {
        let (answer, stream) = knock(&server, &format!("dev-{number}")).await;
        match stream {
            Some(stream) => held.push(stream),
            None => {
                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
                turned_away += 1;
            }
        }
    }
    assert!(held.len() > 75 && turned_away > 10, "{} in, {turned_away} turned away", held.len());
    // Half-open ones on top.
    let mut half = Vec::new();
    for _ in 0..100 {
        half.push(raw::send(server.ws(), b"GET /supie/v1/ HTTP/1.1\r\n").await);
    }
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/sessions"] {
        let answer = http::request(server.http(), "GET", path, &[], "").await;
        assert_eq!(answer.map(|answer| answer.status), Some(200), "{path}");
    }
    keeper.send(json!({ "type": "fixture", "do": "append", "key": "fixture/log", "value": "1" })).await;
    keeper.expect("an acknowledged write", |message| !message["done"].is_null()).await;
    assert!(!server.output().contains("cannot accept connections"), "{}", server.output());
    server.says("raise the limit of open files").await;
}
