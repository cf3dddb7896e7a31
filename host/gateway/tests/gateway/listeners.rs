//! Listeners: bind errors, health checks, and shutdown. Rule: a bind error is one sentence that names the setting.

use std::net::TcpListener;
use std::time::Instant;

use modehost_gateway::{BindError, Readiness, ServerConfig, ShutdownNotice, bind};
use modehost_outbox::close;

use crate::test_host::{body, next_close, next_json, request, send_text, test_host};

fn config(ip: &str, port: u16, http_port: u16) -> ServerConfig {
    ServerConfig { ip: ip.to_owned(), port, http_port, ..ServerConfig::default() }
}

#[tokio::test]
async fn c1_a_taken_port_is_named_with_what_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("address").port();
    for (config, key) in
        [(config("127.0.0.1", port, 0), "server.port"), (config("127.0.0.1", 0, port), "server.http_port")]
    {
        let error = bind(&config, None).expect_err("taken").to_string();
        let expected = format!("another process listens on 127.0.0.1:{port}; stop it or set {key} to another port");
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn c1_a_bad_host_is_named_at_once() {
    let start = Instant::now();
    let error = bind(&config("no.such.host.invalid", 0, 0), None).expect_err("bad");
    assert!(matches!(error, BindError::BadHost { .. }));
    assert!(error.to_string().contains("no.such.host.invalid") && error.to_string().contains("server.ip"));
    let error = bind(&config("203.0.113.77", 0, 0), None).expect_err("not here").to_string();
    assert!(error.contains("203.0.113.77") && error.contains("server.ip"), "{error}");
    let error = bind(&config("127.0.0.1", 8123, 8123), None).expect_err("same").to_string();
    assert!(error.contains("server.port") && error.contains("server.http_port") && error.contains("8123"), "{error}");
    assert!(start.elapsed().as_millis() < 1000);
}

#[tokio::test]
async fn c1_a_failed_bind_holds_no_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = { TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port() };
    let taken_port = taken.local_addr().expect("address").port();
    bind(&config("127.0.0.1", free, taken_port), None).expect_err("taken");
    TcpListener::bind(("127.0.0.1", free)).expect("still free");
}

#[tokio::test]
async fn c1_hosts_may_be_ipv6_or_localhost() {
    assert!(bind(&config("localhost", 0, 0), None).expect("bound").device_address().ip().is_loopback());
    // On a machine without IPv6 the error is a different one; a host that is not parsed would be a bug.
    if let Err(error) = bind(&config("[::1]", 0, 0), None) {
        assert!(!matches!(error, BindError::BadHost { .. }), "{error}");
    }
}

#[tokio::test]
async fn health_tells_life_and_readiness_apart() {
    let host = test_host().await;
    let ready = async || request(host.http, "GET", "/readyz", "", "").await;
    assert!(ready().await.starts_with("HTTP/1.1 200"));
    let not_ready = vec!["storage: the disk is full".to_owned()];
    host.readiness.send_replace(Readiness { not_ready, warnings: Vec::new() });
    let answer = ready().await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("storage: the disk is full"), "{answer}");
    assert!(request(host.http, "GET", "/healthz", "", "").await.starts_with("HTTP/1.1 200"));
    assert_eq!(body(&request(host.http, "GET", "/added", "", "").await), "added");
    assert!(request(host.http, "GET", "/nothing", "", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn stopping_says_goodbye_to_every_device_and_frees_the_ports() {
    let mut host = test_host().await;
    let mut clients = Vec::new();
    for number in 0..5 {
        let mut client = host.connect(&format!("device-id=d{number}")).await;
        send_text(&mut client, r#"{"type":"hello"}"#).await;
        assert_eq!(next_json(&mut client).await["type"], "hello");
        clients.push(client);
    }
    let goodbyes = modehost_task::spawn_io(async move {
        for mut client in clients {
            let (code, reason) = next_close(&mut client).await;
            assert_eq!((code, reason.as_str()), (close::RESTART, "restarting"));
        }
    });
    host.stop(ShutdownNotice { code: close::RESTART, reason: "restarting".to_owned(), hand_over_sockets: false }).await;
    assert!(goodbyes.join().await.is_some());
    bind(&config("127.0.0.1", host.devices.port(), host.http.port()), None).expect("both ports are free");
}

#[tokio::test]
async fn c12_who_has_said_nothing_does_not_hold_up_the_end() {
    let mut host = test_host().await;
    let _silent = tokio::net::TcpStream::connect(host.devices).await.expect("a connection");
    // It is accepted before this client, which gets its reply.
    let mut client = host.connect("device-id=d").await;
    send_text(&mut client, r#"{"type":"hello"}"#).await;
    assert_eq!(next_json(&mut client).await["type"], "hello");
    let goodbye = modehost_task::spawn_io(async move { next_close(&mut client).await });
    let began = std::time::Instant::now();
    host.stop(ShutdownNotice::restarting()).await;
    assert!(goodbye.join().await.is_some());
    // The handshake timeout is 10 s.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}
