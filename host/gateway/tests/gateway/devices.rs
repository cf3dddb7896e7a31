//! Devices through the gateway to their sessions and back. Rule: real sockets and a real registry.

use futures_util::{SinkExt, StreamExt};
use modehost_gateway::{DuplicatePolicy, GatewayConfig};
use modehost_outbox::close;
use tokio_tungstenite::tungstenite::Message;

use crate::test_host::{Sections, TestHost, next, next_close, next_json, send_text, test_host};

#[tokio::test]
async fn c13_hello_is_answered_with_every_field() {
    let host = test_host().await;
    let mut client = host.connect("device-id=a").await;
    for _ in 0..2 {
        send_text(&mut client, r#"{"type":"hello"}"#).await;
        let hello = next_json(&mut client).await;
        assert_eq!((&hello["type"], &hello["transport"]), (&"hello".into(), &"websocket".into()));
        assert!(hello["session_id"].as_str().is_some_and(|id| !id.is_empty()));
        assert_eq!(hello["audio_params"]["sample_rate"], 24000);
    }
}

#[tokio::test]
async fn c5_heartbeats_of_both_kinds_are_answered() {
    let host = test_host().await;
    let mut client = host.connect("device-id=a").await;
    send_text(&mut client, r#"{"type":"ping"}"#).await;
    assert_eq!(next(&mut client).await.to_text().expect("text"), r#"{"type":"pong"}"#);
    send_text(&mut client, r#"{"type":"keepalive"}"#).await;
    assert_eq!(next(&mut client).await.to_text().expect("text"), r#"{"type":"pong"}"#);
    client.send(Message::Ping("x".into())).await.expect("sent");
    assert_eq!(next(&mut client).await, Message::Pong("x".into()));
}

#[tokio::test]
async fn c9_c10_what_is_wrong_with_a_message_is_said_and_the_connection_lives() {
    let host = test_host().await;
    let mut client = host.connect("device-id=a").await;
    for (sent, code) in [
        ("x", "INVALID_JSON"),
        (r#"{"type":"mode"}"#, "SCHEMA_INVALID"),
        (r#"{"type":"no such","id":"7"}"#, "UNKNOWN_TYPE"),
    ] {
        send_text(&mut client, sent).await;
        let error = next_json(&mut client).await;
        assert_eq!((&error["type"], &error["code"]), (&"error".into(), &code.into()), "{sent}");
    }
    send_text(&mut client, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut client).await["type"], "pong");
}

#[tokio::test]
async fn a_device_that_is_being_forgotten_is_told_to_come_again() {
    let host = test_host().await;
    let _forgetting = host.registry.begin_forget(&"a".into(), "it is being removed").await.expect("no session");
    let mut client = host.connect("device-id=a").await;
    let (code, reason) = next_close(&mut client).await;
    assert_eq!(code, close::TRY_LATER, "{reason}");
}

#[tokio::test]
async fn c4_a_newcomer_is_rejected_with_a_reason_where_that_is_configured() {
    let gateway = GatewayConfig { duplicate_device: DuplicatePolicy::Reject, ..GatewayConfig::default() };
    let host = TestHost::start(Sections { gateway, ..Sections::default() }).await;
    let mut first = host.connect("device-id=a").await;
    let mut second = host.connect("device-id=A").await;
    let (code, reason) = next_close(&mut second).await;
    assert_eq!(code, close::POLICY);
    assert!(reason.contains("already connected"), "{reason}");
    send_text(&mut first, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut first).await["type"], "pong");
}

#[tokio::test]
async fn c4_a_newcomer_takes_over_and_the_old_connection_is_told_and_closed() {
    let host = test_host().await;
    let mut first = host.connect("device-id=a").await;
    let mut second = host.connect("device-id=a").await;
    send_text(&mut second, r#"{"type":"hello"}"#).await;
    assert_eq!(next_json(&mut second).await["type"], "hello");
    assert_eq!(next_json(&mut first).await["type"], "system");
    let (code, reason) = next_close(&mut first).await;
    assert!(code >= 1000 && !reason.is_empty(), "{code} {reason}");
    send_text(&mut second, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut second).await["type"], "pong");
}

#[tokio::test]
async fn c10_a_message_over_the_limit_closes_with_1009_and_others_go_on() {
    let gateway = GatewayConfig { max_message_bytes: 4096, ..GatewayConfig::default() };
    let host = TestHost::start(Sections { gateway, ..Sections::default() }).await;
    let mut other = host.connect("device-id=b").await;
    for size in [4097, 20_000_000] {
        let client = host.connect("device-id=a").await;
        let (mut sink, mut source) = client.split();
        let sending = modehost_task::spawn_io(async move {
            // The server may close before everything is sent.
            let _ = sink.send(Message::Text("x".repeat(size).into())).await;
            sink
        });
        let Some(Ok(Message::Close(Some(frame)))) = source.next().await else {
            panic!("no close frame for {size} bytes")
        };
        assert_eq!(u16::from(frame.code), close::TOO_LARGE);
        assert!(frame.reason.contains("4096"), "{}", frame.reason);
        drop(sending);
    }
    send_text(&mut other, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut other).await["type"], "pong");
}

#[tokio::test]
async fn vanished_devices_leave_nothing_behind_in_the_gateway() {
    let host = test_host().await;
    for round in 0..3 {
        let mut clients = Vec::new();
        for number in 0..50 {
            clients.push(host.connect(&format!("device-id=v{number}")).await);
        }
        drop(clients);
        let mut newcomer = host.connect(&format!("device-id=new{round}")).await;
        send_text(&mut newcomer, r#"{"type":"hello"}"#).await;
        assert_eq!(next_json(&mut newcomer).await["type"], "hello");
    }
    let deadline = std::time::Instant::now() + crate::test_host::DEADLINE;
    while host.registry.sessions().iter().any(|session| session.connected) {
        assert!(std::time::Instant::now() < deadline, "a session is still marked as connected");
        tokio::task::yield_now().await;
    }
}
