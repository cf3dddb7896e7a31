//! C.5, C.9, C.10: WebSocket frames and JSON messages. Rule: every input gets its exact error or its defined close
//! code, and other devices are not affected.

use std::time::Duration;

use modehost_tests::raw::{self, opcode};
use modehost_tests::{Device, Seen, Server, Settings};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn c5_heartbeats_are_answered_before_anything_else() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::connect(&server, "dev-1").await;
    for kind in ["ping", "keepalive", " PING "] {
        device.send(json!({ "type": kind })).await;
        assert_eq!(device.next().await, json!({ "type": "pong" }), "{kind}");
    }
    device.send_message(Message::Ping("x".into())).await;
    assert_eq!(device.next_within(Duration::from_secs(5)).await, Some(Seen::Pong(b"x".to_vec())));
    device.expect_silence(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn c9_an_unknown_type_is_told_and_points_back() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "nonsense", "event": "x", "id": 7 })).await;
    let error = device.expect_error("UNKNOWN_TYPE").await;
    assert!(error["message"].as_str().is_some_and(|text| text.contains("nonsense")), "{error}");
    assert_eq!(error["ref"], json!({ "type": "nonsense", "event": "x", "id": 7 }));
    for kind in ["mcp", "iot", "goodbye"] {
        device.send(json!({ "type": kind, "payload": {} })).await;
    }
    device.settle().await;
    assert_eq!(device.seen_of_type("error").len(), 1, "{:?}", device.seen());
}

#[tokio::test]
async fn c10_every_bad_text_gets_its_exact_error_and_the_connection_lives() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let deep = format!(r#"{{"type":"x","a":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let abyss = format!(r#"{{"type":"x","a":{}"#, "[".repeat(200_000));
    let cases = [
        ("hello there", "INVALID_JSON", None),
        ("", "INVALID_JSON", None),
        (r#"{"type":"ping""#, "INVALID_JSON", None),
        (r#"{"type":"x"} {}"#, "INVALID_JSON", None),
        (r#"{"type":"x","a":"\ud800"}"#, "INVALID_JSON", None),
        ("[1]", "SCHEMA_INVALID", Some("message must be a JSON object")),
        ("7", "SCHEMA_INVALID", Some("message must be a JSON object")),
        ("{}", "SCHEMA_INVALID", Some("missing: type")),
        (r#"{"type":7}"#, "SCHEMA_INVALID", Some("type must be a string")),
        (r#"{"type":"x","a":"\u0000"}"#, "SCHEMA_INVALID", Some("text must not contain NUL")),
        (&deep, "SCHEMA_INVALID", Some("nested too deep")),
        (&abyss, "SCHEMA_INVALID", Some("nested too deep")),
        (r#"{"type":"mode"}"#, "SCHEMA_INVALID", Some("missing: state,mode")),
        (r#"{"type":"mode","state":"start"}"#, "SCHEMA_INVALID", Some("missing: mode")),
        (r#"{"type":"mode","state":"go","mode":"x"}"#, "SCHEMA_INVALID", Some("state must be one of: start, end")),
        (r#"{"type":"listen"}"#, "SCHEMA_INVALID", Some("missing: state")),
        (r#"{"type":"listen","state":"detect","text":5}"#, "SCHEMA_INVALID", Some("text must be a string")),
    ];
    for (text, code, message) in cases {
        let excerpt: String = text.chars().take(60).collect();
        device.send_text(text).await;
        let error = device.next().await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{excerpt}: {error}");
        if let Some(message) = message {
            assert_eq!(error["message"], message, "{excerpt}");
        }
    }
    device.ping().await;
}

#[tokio::test]
async fn c10_binary_where_no_audio_is_due_is_no_harm() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::connect(&server, "dev-1").await;
    for bytes in [&b""[..], b"\xf8\xff\xfe", &[0; 4000], b"{\"type\":\"ping\"}"] {
        device.send_message(Message::binary(bytes.to_vec())).await;
    }
    device.hello().await;
    device.ping().await;
}

#[tokio::test]
async fn c10_each_fault_of_the_protocol_has_its_close_code() {
    let server = Server::start(Settings::new().set("gateway.max_message_bytes", json!(65536))).await;
    let mut bystander = Device::join(&server, "bystander").await;
    let big = vec![b'x'; 70_000];
    let reserved_bit = {
        let mut frame = raw::frame(true, opcode::TEXT, b"{}");
        frame[0] |= 0x40;
        frame
    };
    let fragments = {
        let mut bytes = raw::frame(false, opcode::TEXT, &big[..40_000]);
        bytes.extend(raw::frame(true, opcode::CONTINUATION, &big[..40_000]));
        bytes
    };
    let mut huge_header = vec![0x81, 0xFF];
    huge_header.extend_from_slice(&(1u64 << 40).to_be_bytes());
    huge_header.extend_from_slice(&[1, 2, 3, 4]);
    let cases: [(&str, Vec<u8>, u16); 11] = [
        ("an oversize text", raw::frame(true, opcode::TEXT, &big), 1009),
        ("an oversize binary", raw::frame(true, opcode::BINARY, &big), 1009),
        ("a terabyte announced", huge_header, 1009),
        ("oversize in fragments", fragments, 1009),
        ("text that is not UTF-8", raw::frame(true, opcode::TEXT, b"{\"type\":\"\xff\xfe\"}"), 1007),
        ("no mask", raw::frame_without_mask(opcode::TEXT, b"{\"type\":\"ping\"}"), 1002),
        ("a reserved kind", raw::frame(true, 3, b""), 1002),
        ("a reserved bit", reserved_bit, 1002),
        ("a continuation of nothing", raw::frame(true, opcode::CONTINUATION, b"x"), 1002),
        ("a ping in fragments", raw::frame(false, opcode::PING, b"x"), 1002),
        ("an oversize ping", raw::frame(true, opcode::PING, &[0; 200]), 1002),
    ];
    for (index, (what, bytes, code)) in cases.into_iter().enumerate() {
        let mut device = Device::join(&server, &format!("dev-{index}")).await;
        device.send_bytes(&bytes).await;
        let (closed, reason) = device.expect_close().await;
        assert_eq!(closed, code, "{what}: {reason}");
        assert!(!reason.is_empty(), "{what}: no reason");
        bystander.ping().await;
    }
    // A message of exactly the limit is accepted.
    let text = format!("{{\"type\":\"ping\",\"x\":\"{}\"}}", "y".repeat(65536 - 22));
    assert_eq!(text.len(), 65536);
    bystander.send_text(&text).await;
    bystander.expect_type("pong").await;
}

#[tokio::test]
async fn c10_a_close_of_the_device_is_answered() {
    let server = Server::start(Settings::new()).await;
    for payload in [&b""[..], &[3, 232], &[3, 233, b'b', b'y', b'e']] {
        let mut device = Device::join(&server, "dev-1").await;
        device.send_bytes(&raw::frame(true, opcode::CLOSE, payload)).await;
        device.expect_close().await;
    }
}
