//! A process without free file descriptors. Rule: a test binary of its own, since the limit applies to the whole
//! process.

#[path = "gateway/test_host.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod test_host;

use std::fs::File;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use test_host::{body, next_json, read_all, send_text};

#[tokio::test]
async fn accepting_goes_on_once_there_are_file_descriptors_again() {
    let host = test_host::test_host().await;
    let mut earlier = host.connect("device-id=earlier").await;
    let waiting = TcpSocket::new_v4().expect("a socket");
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).expect("a lower limit");
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
        assert!(hoard.len() < 1000, "the limit does not hold");
    }
    // The kernel completes the connection; accept fails.
    let mut waiting = waiting.connect(host.devices).await.expect("connected");
    waiting.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("written");
    for _ in 0..3 {
        send_text(&mut earlier, r#"{"type":"ping"}"#).await;
        assert_eq!(next_json(&mut earlier).await["type"], "pong", "open connections are not affected");
    }
    drop(hoard);
    let answer = read_all(&mut waiting).await;
    assert!(body(&answer).starts_with("modehost"), "{answer}");
    host.connect("device-id=later").await;
}
