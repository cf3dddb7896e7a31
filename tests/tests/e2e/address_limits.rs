//! One client that uses up all connections of a port. Rule: whatever one address holds open, health and the admin API
//! are answered, and so is everyone else who sends a request at once.

use std::time::Duration;

use modehost_tests::{Device, Server, Settings, http, raw, server, wait};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const OTA: &str = "GET /xiaozhi/ota/ HTTP/1.1\r\nHost: h\r\nDevice-Id: stranger\r\n\r\n";
const SLOW: &str = "POST /xiaozhi/ota/ HTTP/1.1\r\nHost: h\r\nDevice-Id: stranger\r\nContent-Length: 1000\r\n\r\n";

/// More than the port's connection limit and its reserve together.
const CONNECTIONS: usize = 400;

async fn open_many(server: &Server, bytes: &str) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(raw::send(server.http(), bytes.as_bytes()).await);
    }
    open
}

async fn assert_everyone_is_served(server: &Server, what: &str) {
    let device = [("Device-Id", "honest")];
    for _ in 0..5 {
        for (path, headers) in [
            ("/healthz", &[][..]),
            ("/readyz", &[]),
            ("/metrics", &[]),
            ("/api/v1/plugins", &[]),
            ("/xiaozhi/ota/", &device),
        ] {
            let answer = http::request(server.http(), "GET", path, headers, "").await;
            assert_eq!(answer.map(|answer| answer.status), Some(200), "{what}: {path}");
        }
    }
}

#[tokio::test]
async fn one_address_that_holds_all_places_keeps_nobody_out() {
    let server = Server::start(Settings::new()).await;
    for (what, bytes) in
        [("nothing asked", ""), ("kept alive", OTA), ("half a head", &OTA[..20]), ("half a body", SLOW)]
    {
        let open = open_many(&server, bytes).await;
        assert_everyone_is_served(&server, what).await;
        drop(open);
    }
    server.wait_output("places run short").await;
    assert!(server.output().matches("places run short").count() <= 2, "{}", server.output());
    let metrics = server.admin("GET", "/metrics", "").await.body;
    let displaced = metrics.lines().filter(|line| line.starts_with("modehost_connections_displaced_total{"));
    assert!(displaced.count() > 0, "{metrics}");
}

#[tokio::test]
async fn a_body_that_trickles_has_an_end() {
    let server = Server::start(Settings::new().set("server.admin_token", json!("hush-hush-hush-hush"))).await;
    let head = "POST /api/v1/config/check HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hush-hush-hush-hush\r\nContent-Length: 9999\r\n\r\n";
    let mut trickle = raw::send(server.http(), head.as_bytes()).await;
    let end = async {
        // The server's close shows as a failed write only after a while.
        while trickle.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), end).await.expect("the body times out");
}

#[tokio::test]
async fn what_a_proxy_forwards_counts_for_the_address_behind_it() {
    let settings = Settings::new()
        .set("server.trusted_proxies", json!(["127.0.0.1"]))
        .set("gateway.http_connections_per_address", json!(2));
    let server = Server::start(settings).await;
    let slow = |address: &str| SLOW.replace("Host: h", &format!("Host: h\r\nX-Forwarded-For: {address}"));
    let mut open = Vec::new();
    // More than its share: some are rejected, and whichever probe connects may be admitted before them.
    for _ in 0..6 {
        open.push(raw::send(server.http(), slow("198.51.100.1").as_bytes()).await);
    }
    let ask = async |address: &str| {
        let headers = [("X-Forwarded-For", address), ("Device-Id", "honest")];
        let answer = http::request(server.http(), "GET", "/xiaozhi/ota/", &headers, "").await.expect("an answer");
        (answer.status, answer.header("retry-after").map(str::to_owned))
    };
    let greedy = async || ask("198.51.100.1").await;
    wait::until("its connection limit is reached", wait::TIMEOUT, greedy, |answer| {
        *answer == (503, Some("1".to_owned()))
    })
    .await;
    assert_eq!(ask("198.51.100.2").await.0, 200, "another address behind the same proxy");
    let health = http::request(server.http(), "GET", "/healthz", &[("X-Forwarded-For", "198.51.100.1")], "").await;
    assert_eq!(health.expect("an answer").status, 200, "health is exempt from the limit");
}

#[tokio::test]
async fn operators_can_have_an_address_of_their_own() {
    let own = server::free_port();
    let settings = Settings::new().set("server.operator_address", json!(format!("127.0.0.1:{own}")));
    let server = Server::start(settings).await;
    let operators = format!("127.0.0.1:{own}").parse().expect("an address");
    let ask = async |address, path: &str| {
        http::request(address, "GET", path, &[("Device-Id", "d")], "").await.expect("an answer").status
    };
    for path in ["/metrics", "/api/v1/plugins", "/api/v1/openapi.json"] {
        assert_eq!((ask(operators, path).await, ask(server.http(), path).await), (200, 404), "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!((ask(operators, path).await, ask(server.http(), path).await), (200, 200), "{path}");
    }
    assert_eq!((ask(operators, "/xiaozhi/ota/").await, ask(server.http(), "/xiaozhi/ota/").await), (404, 200));
    assert!(server.output().contains(&format!("operators  http://127.0.0.1:{own}/")), "{}", server.output());
    let listed = server.command(&["plugin", "list"]).await;
    assert!(!listed.contains("no server answers"), "the CLI uses the operator address: {listed}");
}

#[tokio::test]
async fn half_open_handshakes_of_one_address_give_way_to_a_device() {
    let server = Server::start(Settings::new().set("gateway.handshake_timeout_ms", json!(60_000))).await;
    let mut open = Vec::new();
    for _ in 0..1200 {
        open.push(raw::send(server.ws(), b"GET /supie/v1/ HTTP/1.1\r\n").await);
    }
    // All slots are taken for a minute, except for those that give way.
    let mut device = Device::join(&server, "dev-1").await;
    device.ping().await;
    server.wait_output("places run short").await;
}

#[tokio::test]
async fn c13_a_name_that_a_page_has_pointed_here_is_not_the_servers_own() {
    let server = Server::start(Settings::new()).await;
    let status = async |host: &str, origin: &str| {
        let head = raw::upgrade("/supie/v1/", &format!("Device-Id: page\r\nOrigin: {origin}\r\n"));
        let mut stream =
            raw::send(server.ws(), head.replace("Host: 127.0.0.1", &format!("Host: {host}")).as_bytes()).await;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer[9..]).into_owned()
    };
    assert_eq!(status("evil.example:8004", "http://evil.example").await, "403");
    assert_eq!(status("127.0.0.1:8004", "http://localhost:8003").await, "101");
}

/// A proxy in front of the server may have checked the other one (request smuggling).
#[tokio::test]
async fn a_request_names_one_host() {
    let server = Server::start(Settings::new()).await;
    for head in [
        "GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET http://evil.example/api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n",
    ] {
        let mut stream = raw::send(server.http(), format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
        let (answer, _) = raw::read_to_end(&mut stream, wait::TIMEOUT).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let twice = raw::upgrade("/supie/v1/", "Host: evil.example\r\n");
    let mut stream = raw::send(server.ws(), twice.as_bytes()).await;
    let (answer, _) = raw::read_to_end(&mut stream, wait::TIMEOUT).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("one host"), "{answer}");
}
