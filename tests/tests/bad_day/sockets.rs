//! Idle, slow and incomplete connections, request smuggling. Rule: none is open after its attack, and the admin API is
//! answered while all of them are open.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::{http, raw};
use tokio::io::AsyncWriteExt;

use super::test_host::{ADMIN, PATH, TOKEN, TestHost};

/// How long a connection that the server need not close is read.
const PATIENCE: Duration = Duration::from_millis(400);

async fn assert_healthy(host: &TestHost) {
    let answer = http::request(host.server.http(), "GET", "/healthz", &[], "").await;
    assert_eq!(answer.map(|answer| answer.status), Some(200), "health is answered under attack");
}

/// Far more idle connections than one address may have.
pub async fn open_many(host: &mut TestHost) {
    let count = host.random.usize(100..400);
    let (http, devices) = (host.server.http(), host.server.ws());
    let idle = join_all((0..count).map(|_| raw::send(http, b""))).await;
    let waiting = join_all((0..count / 4).map(|_| raw::send(devices, b""))).await;
    assert_healthy(host).await;
    assert_eq!(host.admin("GET", "/api/v1/sessions", "").await.status, 200);
    host.join("in-a-crowd").await.ping().await;
    drop((idle, waiting));
}

/// Heads and bodies that are never completed, or arrive byte by byte.
pub async fn half_requests(host: &mut TestHost) {
    let whole = format!(
        "POST /api/v1/config/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: 900\r\n\r\n"
    );
    let cuts: Vec<usize> = (0..40).map(|_| host.random.usize(1..=whole.len())).collect();
    let http = host.server.http();
    let mut half = join_all(cuts.iter().map(|cut| raw::send(http, &whole.as_bytes()[..*cut]))).await;
    let chunked = b"POST /xiaozhi/ota/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\nabc";
    half.push(raw::send(http, chunked).await);
    let endless = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}", "y".repeat(60_000));
    let mut long = tokio::net::TcpStream::connect(http).await.expect("connect");
    // It may be rejected before it has been sent completely.
    let _ = long.write_all(endless.as_bytes()).await;
    for byte in b"GET /healthz HTTP/1.1\r\nHo" {
        let _ = half[0].write_all(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_healthy(host).await;
}

/// Upgrades that stop anywhere, are not HTTP, or request an unknown path.
pub async fn half_handshakes(host: &mut TestHost) {
    let whole = raw::upgrade(PATH, &format!("Device-Id: half\r\nAuthorization: Bearer {TOKEN}\r\n"));
    let devices = host.server.ws();
    let mut open = Vec::new();
    for _ in 0..60 {
        let cut = host.random.usize(0..whole.len());
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
        let (answer, ended) = raw::read_to_end(&mut stream, modehost_tests::wait::TIMEOUT).await;
        assert!(ended && answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 101"), "{new}: {answer:?}");
    }
    assert_healthy(host).await;
    // Their handshake timeout expires while the others are being read.
    let ends = join_all(open.iter_mut().map(|stream| raw::read_to_end(stream, modehost_tests::wait::TIMEOUT))).await;
    assert!(ends.iter().all(|(_, ended)| *ended), "every half handshake is ended by the server");
}

/// Appended after a head: a request of its own, whose response only operators may see.
const SMUGGLED: &str = "GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n";

/// Heads that two servers could parse differently: each is answered once, and its connection is closed.
fn ambiguous() -> Vec<String> {
    let length = SMUGGLED.len();
    let post =
        |lines: &str, rest: &str| format!("POST /xiaozhi/ota/ HTTP/1.1\r\nHost: x\r\n{lines}\r\n{rest}{SMUGGLED}");
    let get = |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n{SMUGGLED}");
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

pub async fn smuggling(host: &mut TestHost) {
    // Unusual heads that can be parsed in one way only may be followed by another request.
    let odd = [
        format!("GET http://127.0.0.1/api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n{SMUGGLED}"),
        format!("GET /healthz HTTP/1.1\nHost: x\n\n{SMUGGLED}"),
        format!("GET /../api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n{SMUGGLED}"),
    ];
    let once = ambiguous().into_iter().map(|head| (head, 1));
    let mut heads: Vec<(String, usize)> = once.chain(odd.map(|head| (head, 2))).collect();
    host.random.shuffle(&mut heads);
    for address in [host.server.http(), host.server.ws()] {
        let answers = join_all(heads.iter().map(|(head, _)| async move {
            let mut stream = raw::send(address, head.as_bytes()).await;
            raw::read_to_end(&mut stream, PATIENCE).await.0
        }));
        for ((head, most), answer) in heads.iter().zip(answers.await) {
            assert!(!answer.contains("honest-1"), "{head:?} leaked the sessions: {answer:?}");
            assert!(answer.matches("HTTP/1.1 ").count() <= *most, "{head:?} was answered twice: {answer:?}");
            assert!(!answer.contains("HTTP/1.1 500"), "{head:?}: {answer:?}");
        }
    }
    assert_healthy(host).await;
}
