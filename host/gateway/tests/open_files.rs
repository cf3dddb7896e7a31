//! A process without a single file descriptor left. Rule: alone in its process, since the limit
//! holds for all of it.

#[path = "gateway/stage.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod stage;

use std::fs::File;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use stage::{body, next_json, read_all, say};

#[tokio::test]
async fn accepting_goes_on_once_there_are_file_descriptors_again() {
    let stage = stage::stage().await;
    let mut earlier = stage.connect("device-id=earlier").await;
    let waiting = TcpSocket::new_v4().expect("a socket");
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).expect("a lower limit");
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
        assert!(hoard.len() < 1000, "the limit does not hold");
    }
    // The kernel completes the connection; accepting it fails.
    let mut waiting = waiting.connect(stage.devices).await.expect("connected");
    waiting.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("written");
    for _ in 0..3 {
        say(&mut earlier, r#"{"type":"ping"}"#).await;
        assert_eq!(next_json(&mut earlier).await["type"], "pong", "who is connected notices nothing");
    }
    drop(hoard);
    let answer = read_all(&mut waiting).await;
    assert!(body(&answer).starts_with("modehost"), "{answer}");
    stage.connect("device-id=later").await;
}
