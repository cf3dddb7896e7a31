//! Malformed handshakes and random bytes. Rule: each gets a complete response with a documented status, or the
//! connection is closed, and the port continues to serve.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::test_host::{DEADLINE, next_json, send_text, test_host};

const CASES: usize = 600;

/// One line of a request, valid or malformed.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let right = prop::sample::select(vec![
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Device-Id: noise",
        "Client-Id: noise",
        "Origin: http://127.0.0.1",
        "Authorization: Bearer x",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
    ]);
    prop_oneof![
        8 => right.prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        1 => "[A-Za-z-]{1,12}: [ -~]{0,200}".prop_map(String::into_bytes),
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        6 => Just("GET /supie/v1/ HTTP/1.1".to_owned()),
        1 => "(GET|POST|OPTIONS|PRI|\\PC{1,4}) [ -~]{0,60} HTTP/[0-9]\\.[0-9]",
        1 => "\\PC{0,80}",
    ];
    let end = prop::sample::select(vec!["\r\n\r\n", "\n\n", "\r\n", "", "\r\n\r\n\u{81}\u{0}"]);
    (first, prop::collection::vec(line(), 0..12), end).prop_map(|(first, lines, end)| {
        let mut bytes = first.into_bytes();
        for line in lines {
            bytes.extend(b"\r\n");
            bytes.extend(line);
        }
        bytes.extend(end.as_bytes());
        bytes
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_any_bytes_in_place_of_a_handshake_are_answered_or_let_go() {
    let host = test_host().await;
    let mut runner = TestRunner::deterministic();
    let cases = prop_oneof![4 => request(), 1 => prop::collection::vec(any::<u8>(), 0..3000)];
    let mut statuses = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..CASES {
        let bytes = cases.new_tree(&mut runner).expect("a case").current();
        let shown = || String::from_utf8_lossy(&bytes).into_owned();
        let mut stream = TcpStream::connect(host.devices).await.expect("the port serves");
        // The server may close before everything is written.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "never let go: {}", shown());
        let text = String::from_utf8_lossy(&answer);
        let status = text.strip_prefix("HTTP/1.1 ").or_else(|| text.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)).unwrap_or_default();
        assert!(answer.is_empty() || !status.is_empty(), "{} was answered by {text}", shown());
        let promised = ["", "101", "200", "400", "401", "403", "404", "426", "431", "414", "501", "505"];
        assert!(promised.contains(&status), "{} was answered by {text}", shown());
        *statuses.entry(status.to_owned()).or_default() += 1;
    }
    // The cases fail in several ways, so they test something. Valid handshakes have already shut down their write side
    // and are not admitted.
    assert!(statuses.len() >= 4, "{statuses:?}");
    let mut device = host.connect("device-id=after").await;
    send_text(&mut device, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut device).await["type"], "pong");
}
