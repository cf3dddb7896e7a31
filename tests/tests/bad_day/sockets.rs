//! Connections that are idle, slow, half or smuggle. Rule: none is kept after its attack, and the operators are
//! answered while they are all there.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::{http, raw};
use tokio::io::AsyncWriteExt;

use super::scene::{ADMIN, PATH, Scene, TOKEN};

/// How long a connection is read that the server need not end.
const GLANCE: Duration = Duration::from_millis(400);

async fn is_healthy(scene: &Scene) {
    let answer = http::request(scene.server.http(), "GET", "/healthz", &[], "").await;
    assert_eq!(answer.map(|answer| answer.status), Some(200), "health is answered under attack");
}

/// Far more connections than an address has places, none of which says anything.
pub async fn crowd(scene: &mut Scene) {
    let count = scene.dice.usize(100..400);
    let (http, devices) = (scene.server.http(), scene.server.ws());
    let idle = join_all((0..count).map(|_| raw::send(http, b""))).await;
    let waiting = join_all((0..count / 4).map(|_| raw::send(devices, b""))).await;
    is_healthy(scene).await;
    assert_eq!(scene.operator("GET", "/api/v1/sessions", "").await.status, 200);
    scene.join("in-a-crowd").await.ping().await;
    drop((idle, waiting));
}

/// Heads and bodies of which the rest never comes, or comes byte by byte.
pub async fn half_requests(scene: &mut Scene) {
    let whole = format!(
        "POST /api/v1/config/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: 900\r\n\r\n"
    );
    let cuts: Vec<usize> = (0..40).map(|_| scene.dice.usize(1..=whole.len())).collect();
    let http = scene.server.http();
    let mut half = join_all(cuts.iter().map(|cut| raw::send(http, &whole.as_bytes()[..*cut]))).await;
    let chunked = b"POST /xiaozhi/ota/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\nabc";
    half.push(raw::send(http, chunked).await);
    let endless = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}", "y".repeat(60_000));
    let mut long = tokio::net::TcpStream::connect(http).await.expect("connect");
    // It may be refused before it is all there.
    let _ = long.write_all(endless.as_bytes()).await;
    for byte in b"GET /healthz HTTP/1.1\r\nHo" {
        let _ = half[0].write_all(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    is_healthy(scene).await;
}

/// Upgrades that stop anywhere, are no HTTP, or ask for what is not there.
pub async fn half_handshakes(scene: &mut Scene) {
    let whole = raw::upgrade(PATH, &format!("Device-Id: half\r\nAuthorization: Bearer {TOKEN}\r\n"));
    let devices = scene.server.ws();
    let mut open = Vec::new();
    for _ in 0..60 {
        let cut = scene.dice.usize(0..whole.len());
        open.push(raw::send(devices, &whole.as_bytes()[..cut]).await);
    }
    for junk in
        [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"\0\0\0\0", b"SSH-2.0-x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        open.push(raw::send(devices, junk).await);
    }
    for (old, new) in [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        (PATH, "/nowhere/"),
        ("Sec-WebSocket-Key", "X-No-Key"),
    ] {
        let mut stream = raw::send(devices, whole.replacen(old, new, 1).as_bytes()).await;
        let (answer, ended) = raw::read_to_end(&mut stream, modehost_tests::wait::SOON).await;
        assert!(ended && answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 101"), "{new}: {answer:?}");
    }
    is_healthy(scene).await;
    // The time for the handshake is over for these while the others are looked at.
    let ends = join_all(open.iter_mut().map(|stream| raw::read_to_end(stream, modehost_tests::wait::SOON))).await;
    assert!(ends.iter().all(|(_, ended)| *ended), "every half handshake is ended by the server");
}

/// What comes behind a head: a request of its own, of which nothing may be known that only operators know.
const BEHIND: &str = "GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n";

/// Heads that two servers could read in two ways: each is answered once, and its connection ends.
fn ambiguous() -> Vec<String> {
    let length = BEHIND.len();
    let post = |lines: &str, rest: &str| format!("POST /xiaozhi/ota/ HTTP/1.1\r\nHost: x\r\n{lines}\r\n{rest}{BEHIND}");
    let get = |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n{BEHIND}");
    vec![
        post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), ""),
        post(&format!("Content-Length: {length}, 0\r\n"), ""),
        post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\nx"),
        get("/healthz", "X-Folded: a\r\n\tb\r\n"),
        get("/healthz", "Content-Length : 5\r\n"),
        get("/healthz", "Content-Length: +5\r\n"),
        get("/healthz", "Content-Length: 18446744073709551616\r\n"),
        get("/healthz\0", ""),
        get("/healthz", "X: a\0b\r\n"),
    ]
}

pub async fn smuggling(scene: &mut Scene) {
    // Odd ones that can be read in one way only may be followed by another.
    let odd = [
        format!("GET http://127.0.0.1/api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n{BEHIND}"),
        format!("GET /healthz HTTP/1.1\nHost: x\n\n{BEHIND}"),
        format!("GET /../api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n{BEHIND}"),
    ];
    let once = ambiguous().into_iter().map(|head| (head, 1));
    let mut heads: Vec<(String, usize)> = once.chain(odd.map(|head| (head, 2))).collect();
    scene.dice.shuffle(&mut heads);
    for address in [scene.server.http(), scene.server.ws()] {
        let answers = join_all(heads.iter().map(|(head, _)| async move {
            let mut stream = raw::send(address, head.as_bytes()).await;
            raw::read_to_end(&mut stream, GLANCE).await.0
        }));
        for ((head, most), answer) in heads.iter().zip(answers.await) {
            assert!(!answer.contains("honest-1"), "{head:?} was given sessions: {answer:?}");
            assert!(answer.matches("HTTP/1.1 ").count() <= *most, "{head:?} was answered twice: {answer:?}");
            assert!(!answer.contains("HTTP/1.1 500"), "{head:?}: {answer:?}");
        }
    }
    is_healthy(scene).await;
}
