//! Handshakes that succeed, and every kind of rejection before the upgrade. Rule: each rejection has its documented
//! status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_auth::config::{JwtConfig, RateLimitConfig};
use modehost_auth::{AuthMethod, StaticToken};
use modehost_gateway::{AuthConfig, GatewayConfig, GatewaySettings, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;

use crate::test_host::{
    Client, Sections, TestHost, body, exchange, next_json, read_all, request, send_text, test_host,
};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn upgrade(path: &str, connection: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: {connection}\r\nUpgrade: WebSocket\r\n{more}\r\n")
}

/// Status and body of a rejection.
fn rejection(result: Result<Client, Error>) -> (u16, String) {
    match result {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8_lossy(&body).into_owned())
        }
        other => panic!("no refusal: {:?}", other.map(|_| "connected")),
    }
}

#[tokio::test]
async fn c2_a_bare_request_gets_a_short_plain_answer() {
    let host = test_host().await;
    let answer = request(host.devices, "GET", "/", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("text/plain"), "{answer}");
    assert!(body(&answer).starts_with("modehost: this port speaks WebSocket"), "{answer}");
    // Without `Connection: close` the server closes the connection as well.
    let answer = exchange(host.devices, b"GET /supie/v1/ HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn c2_what_is_not_http_is_answered_and_closed() {
    let host = test_host().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n"[..],
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let answer = exchange(host.devices, bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(200_000));
    let answer = exchange(host.devices, long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    host.connect("device-id=unharmed").await;
}

#[tokio::test]
async fn c13_every_path_works_with_and_without_its_last_slash() {
    let host = test_host().await;
    for path in ["/supie/v1/", "/supie/v1", "/xiaozhi/v1/", "/xiaozhi/v1?device-id=a"] {
        assert!(host.dial(path, &[]).await.is_ok(), "{path}");
    }
    let (status, text) = rejection(host.dial("/elsewhere/", &[]).await);
    assert_eq!(status, 404);
    assert!(text.contains("/supie/v1/") && text.contains("/xiaozhi/v1/"), "{text}");
}

#[tokio::test]
async fn an_upgrade_is_found_among_other_words_and_a_broken_one_is_named() {
    let host = test_host().await;
    // The server keeps an accepted connection open, so only the response head is read.
    let head = async |text: String| {
        let mut stream = TcpStream::connect(host.devices).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("written");
        let mut answer = vec![0; 4096];
        let count = stream.read(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer[..count]).into_owned()
    };
    for connection in ["Upgrade", "keep-alive, Upgrade", "upgrade,keep-alive", "UPGRADE"] {
        let answer = head(upgrade("/supie/v1/", connection, KEY)).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{connection}: {answer}");
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    }
    let old = head(upgrade("/supie/v1/", "Upgrade", "Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 8\r\n")).await;
    assert!(old.starts_with("HTTP/1.1 426") && old.contains("sec-websocket-version: 13"), "{old}");
    let keyless = head(upgrade("/supie/v1/", "Upgrade", "Sec-WebSocket-Version: 13\r\n")).await;
    assert!(keyless.starts_with("HTTP/1.1 400") && keyless.contains("Sec-WebSocket-Key"), "{keyless}");
}

#[tokio::test]
async fn frames_that_come_with_the_request_are_not_lost() {
    let host = test_host().await;
    let mut stream = TcpStream::connect(host.devices).await.expect("a connection");
    let mut bytes = upgrade("/supie/v1/", "Upgrade", KEY).into_bytes();
    let ping = br#"{"type":"ping"}"#;
    bytes.extend([0x81, 0x80 | ping.len() as u8, 0, 0, 0, 0]);
    bytes.extend(ping);
    // A close frame, so that the server closes the connection after its reply.
    bytes.extend([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    stream.write_all(&bytes).await.expect("written");
    let answer = read_all(&mut stream).await;
    assert!(answer.contains(r#"{"type":"pong"}"#), "{answer}");
}

#[tokio::test]
async fn c2_unusable_ids_are_refused_before_the_upgrade() {
    let host = test_host().await;
    let (status, text) = rejection(host.dial("/supie/v1/?device-id=a%00b", &[]).await);
    assert_eq!(status, 400);
    assert!(text.contains("device id"), "{text}");
}

fn tokens() -> AuthConfig {
    let token =
        |token: &str, device: Option<&str>| StaticToken { token: token.into(), device: device.map(str::to_owned) };
    AuthConfig {
        methods: vec![AuthMethod::Tokens],
        tokens: vec![token("open", None), token("only-a", Some("AA:01"))],
        ..AuthConfig::default()
    }
}

#[tokio::test]
async fn c4_who_cannot_sign_in_as_the_device_cannot_take_it_over() {
    let host = TestHost::start(Sections { auth: tokens(), ..Sections::default() }).await;
    let path = "/supie/v1/";
    let mut owner = host.dial(path, &[("device-id", "aa:01"), ("authorization", "Bearer only-a")]).await.expect("in");
    assert_eq!(rejection(host.dial(path, &[("device-id", "aa:01")]).await).0, 401);
    assert_eq!(rejection(host.dial(path, &[("device-id", "aa:01"), ("authorization", "Bearer")]).await).0, 401);
    let (status, text) = rejection(host.dial(path, &[("device-id", "aa:01"), ("authorization", "Bearer guess")]).await);
    assert_eq!(status, 401);
    assert!(!text.contains("guess"), "a token is never echoed: {text}");
    assert_eq!(rejection(host.dial(path, &[("device-id", "aa:02"), ("authorization", "Bearer only-a")]).await).0, 403);
    host.dial("/supie/v1/?device-id=aa:02&token=open", &[]).await.expect("in");
    send_text(&mut owner, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut owner).await["type"], "pong", "the owner is not affected");
}

#[tokio::test]
async fn sign_in_changes_while_the_server_runs() {
    let host = test_host().await;
    host.connect("device-id=a").await;
    let settings = GatewaySettings::new(&ServerConfig::default(), &GatewayConfig::default(), &tokens());
    host.settings.send_replace(Arc::new(settings));
    assert_eq!(rejection(host.dial("/supie/v1/?device-id=a", &[]).await).0, 401);
}

#[tokio::test]
async fn c11_each_refusal_has_its_status() {
    let auth = AuthConfig {
        methods: vec![AuthMethod::DeviceWhitelist],
        device_whitelist: vec!["aa:01".to_owned()],
        rate_limit: RateLimitConfig { failures_per_minute: 3, device_failures_per_minute: 3 },
        ..AuthConfig::default()
    };
    let server = ServerConfig { trusted_proxies: vec!["127.0.0.1".to_owned()], ..ServerConfig::default() };
    let host = TestHost::start(Sections { auth: auth.clone(), server: server.clone(), ..Sections::default() }).await;
    let from = |address| [("x-forwarded-for", address), ("device-id", "aa:02")];
    for _ in 0..3 {
        assert_eq!(rejection(host.dial("/supie/v1/", &from("198.51.100.1")).await).0, 403);
    }
    assert_eq!(rejection(host.dial("/supie/v1/", &from("198.51.100.1")).await).0, 429);
    // Failure counters survive a change of the settings.
    let before = host.settings.borrow().clone();
    host.settings.send_replace(Arc::new(before.updated(&server, &GatewayConfig::default(), &auth)));
    assert_eq!(rejection(host.dial("/supie/v1/", &from("198.51.100.1")).await).0, 429);
    assert_eq!(
        rejection(host.dial("/supie/v1/", &from("198.51.100.2")).await).0,
        403,
        "failures are counted per address"
    );
    let owner = [("x-forwarded-for", "198.51.100.2"), ("device-id", "AA:01")];
    host.dial("/supie/v1/", &owner).await.expect("in");
}

#[tokio::test]
async fn c11_tokens_in_the_query_count_where_they_are_allowed() {
    let auth = AuthConfig { query_tokens: false, ..tokens() };
    let host = TestHost::start(Sections { auth, ..Sections::default() }).await;
    assert_eq!(rejection(host.dial("/supie/v1/?device-id=aa:02&token=open", &[]).await).0, 401);
    host.dial("/supie/v1/?device-id=aa:02", &[("authorization", "Bearer open")]).await.expect("in");
}

#[tokio::test]
async fn c11_while_a_provider_is_away_callers_are_told_to_come_again() {
    let jwt = JwtConfig { public_key_file: Some("/nowhere/key.pem".into()), ..JwtConfig::default() };
    let auth = AuthConfig { methods: vec![AuthMethod::Jwt], jwt: Some(jwt), ..AuthConfig::default() };
    let host = TestHost::start(Sections { auth, ..Sections::default() }).await;
    // {"alg":"RS256"} and {}
    let head = "device-id: a\r\nauthorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln\r\n";
    let request = format!(
        "GET /supie/v1/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{head}\r\n"
    );
    let answer = exchange(host.devices, request.as_bytes()).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
}

#[tokio::test]
async fn c13_pages_connect_where_the_list_allows_it() {
    let gateway =
        GatewayConfig { origins: Some(vec!["https://console.example".to_owned()]), ..GatewayConfig::default() };
    let listed = TestHost::start(Sections { gateway, ..Sections::default() }).await;
    let path = "/supie/v1/";
    assert!(listed.dial(path, &[("origin", "https://console.example")]).await.is_ok());
    assert!(listed.dial(path, &[]).await.is_ok(), "devices send no origin");
    for origin in ["https://evil.example", "null"] {
        assert_eq!(rejection(listed.dial(path, &[("origin", origin)]).await).0, 403, "{origin}");
    }
    let default = test_host().await;
    assert!(default.dial(path, &[("origin", "null")]).await.is_ok(), "all on loopback by default");
}

#[tokio::test]
async fn half_open_connections_are_ended_in_time_and_do_not_keep_others_out() {
    let gateway = GatewayConfig { handshake_timeout_ms: 400, ..GatewayConfig::default() };
    let host = TestHost::start(Sections { gateway, ..Sections::default() }).await;
    let start = Instant::now();
    let mut silent = TcpStream::connect(host.devices).await.expect("a connection");
    let mut slow = TcpStream::connect(host.devices).await.expect("a connection");
    let mut half_a_body = TcpStream::connect(host.devices).await.expect("a connection");
    half_a_body.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\nx").await.expect("written");
    host.connect("device-id=quick").await;
    let dribble = async {
        // Never idle for long, and never complete.
        for byte in b"GET /supie/v1/ HTTP/1.1\r\nX: ".iter().cycle() {
            if slow.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), dribble).await.expect("the slow client is disconnected");
    read_all(&mut silent).await;
    read_all(&mut half_a_body).await;
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn more_half_open_connections_than_places_delay_and_do_not_deny() {
    let gateway = GatewayConfig { handshake_timeout_ms: 1500, ..GatewayConfig::default() };
    let host = TestHost::start(Sections { gateway, ..Sections::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..modehost_gateway::limits::HALF_OPEN + 50 {
        // The test process may run out of file descriptors; fewer connections suffice then.
        let Ok(stream) = TcpStream::connect(host.devices).await else { break };
        silent.push(stream);
    }
    host.connect("device-id=patient").await;
}
