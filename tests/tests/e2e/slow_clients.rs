//! C.8: many clients, slow readers, half-open handshakes, devices that vanish. Rule: every test has a bystander that
//! must be served throughout.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_tests::{Device, Server, Settings, guest, raw, wait};
use serde_json::json;

/// Upper bound of a bystander's wait; for an unoptimised build on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn c8_a_reader_that_stops_reading_is_closed_and_disturbs_nobody() {
    let server = Server::start(Settings::new().plugin("fixture", guest::fixture(&[]))).await;
    let mut bystander = Device::join(&server, "bystander").await;
    let mut slow = Device::join(&server, "slow").await;
    let padding = "x".repeat(20_000);
    let mut worst = Duration::ZERO;
    // It requests far more than the queues in between can hold, and never reads.
    for _ in 0..1000 {
        let message = json!({ "type": "fixture", "do": "echo", "text": padding });
        if tokio::time::timeout(Duration::from_millis(200), slow.send(message)).await.is_err() {
            break;
        }
    }
    let gone = async || {
        let rows = server.admin("GET", "/api/v1/sessions", "").await.json();
        let rows = rows.as_array().or_else(|| rows["sessions"].as_array()).cloned().unwrap_or_default();
        !rows.iter().any(|row| row["device"] == "slow" && row["connected"] == true)
    };
    let end = Instant::now() + Duration::from_secs(40);
    while !gone().await {
        worst = worst.max(bystander.ping().await);
        assert!(Instant::now() < end, "the slow reader is still connected");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(worst < MAX_WAIT, "the bystander waited {worst:?}");
    assert_eq!(bystander.count().await.0, 1);
    // It can reconnect and is served.
    let mut back = Device::join(&server, "slow").await;
    back.ping().await;
}

#[tokio::test]
async fn half_open_handshakes_are_timed_out() {
    let server = Server::start(Settings::new().set("gateway.handshake_timeout_ms", json!(700))).await;
    let whole = raw::upgrade("/supie/v1/", "Device-Id: half\r\n");
    let mut silent = raw::send(server.ws(), b"").await;
    let mut partial = raw::send(server.ws(), &whole.as_bytes()[..40]).await;
    let mut garbage = raw::send(server.ws(), b"\x16\x03\x01\x02\x00\x01\x00").await;
    let mut http = raw::send(server.http(), b"POST /xiaozhi/ota/ HTTP/1.1\r\nContent-Length: 10\r\n").await;
    let dribbler = async {
        let mut stream = raw::send(server.ws(), b"").await;
        let start = Instant::now();
        for byte in whole.bytes().cycle() {
            use tokio::io::AsyncWriteExt;
            // The server's close shows as a failed write only after a while.
            if stream.write_all(&[byte]).await.is_err() || start.elapsed() > Duration::from_secs(8) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        start.elapsed()
    };
    let patience = Duration::from_secs(8);
    let (silent, partial, garbage, http, dribbled) = tokio::join!(
        raw::read_to_end(&mut silent, patience),
        raw::read_to_end(&mut partial, patience),
        raw::read_to_end(&mut garbage, patience),
        // The HTTP listener has the server's own limit of 10 s.
        raw::read_to_end(&mut http, Duration::from_secs(14)),
        dribbler,
    );
    assert!(silent.1 && partial.1 && garbage.1 && http.1, "{silent:?} {partial:?} {garbage:?} {http:?}");
    assert!(dribbled < Duration::from_secs(6), "a slow client was served for {dribbled:?}");
    Device::join(&server, "dev-1").await;
}

#[tokio::test]
async fn half_open_handshakes_keep_nobody_out() {
    let server = Server::start(Settings::new().set("gateway.handshake_timeout_ms", json!(2000))).await;
    let mut open = Vec::new();
    for _ in 0..500 {
        open.push(raw::send(server.ws(), b"GET /supie/v1/ HTTP/1.1\r\n").await);
    }
    let start = Instant::now();
    Device::join(&server, "dev-1").await;
    assert!(start.elapsed() < MAX_WAIT, "the newcomer waited {:?}", start.elapsed());
}

#[tokio::test]
async fn a_newcomer_is_served_while_1000_devices_vanish() {
    let server = Server::start(Settings::new().plugin("fixture", guest::fixture(&[]))).await;
    let mut devices = Vec::new();
    for batch in 0..20 {
        let joins = (0..50).map(|index| {
            let server = &server;
            async move {
                let mut device = Device::join(server, &format!("dev-{}", batch * 50 + index)).await;
                device.count().await;
                device
            }
        });
        devices.extend(join_all(joins).await);
    }
    let mut bystander = devices.pop().expect("a thousand");
    for device in devices {
        device.vanish();
    }
    let start = Instant::now();
    let mut newcomer = Device::join(&server, "newcomer").await;
    assert_eq!(newcomer.count().await.0, 1);
    assert!(start.elapsed() < MAX_WAIT, "the newcomer waited {:?}", start.elapsed());
    assert!(bystander.ping().await < MAX_WAIT);
    // The server notices that all of them are gone.
    let connections = async || {
        let metrics = server.admin("GET", "/metrics", "").await.body;
        let line = metrics.lines().find(|line| line.starts_with("modehost_connections ")).map(str::to_owned);
        line.and_then(|line| line.split(' ').nth(1)?.parse::<f64>().ok())
    };
    wait::until("999 connections are over", wait::TIMEOUT, connections, |count| *count == Some(2.0)).await;
    // C.3: their sessions are kept.
    let mut back = Device::join(&server, "dev-7").await;
    assert_eq!(back.count().await.0, 2);
}
