//! Malformed WebSocket frames and JSON. Rule: a protocol violation closes its own connection and no other; invalid JSON
//! closes none.

use futures_util::future::join_all;
use modehost_tests::raw::{self, opcode};
use modehost_tests::{Seen, wait};

use super::test_host::{TestHost, connect};

/// Frames after which the server must close, each with its description.
fn forbidden() -> Vec<(&'static str, Vec<u8>)> {
    let mut reserved_bits = raw::frame(true, opcode::TEXT, b"{}");
    reserved_bits[0] |= 0x70;
    let header = |first: u8, length: [u8; 8]| [vec![first, 0xFF], length.to_vec(), vec![1, 2, 3, 4]].concat();
    let new_within = [raw::frame(false, opcode::TEXT, b"{"), raw::frame(true, opcode::TEXT, b"}")].concat();
    let broken_text =
        [raw::frame(false, opcode::TEXT, b"\xF0\x9F"), raw::frame(true, opcode::CONTINUATION, b"x")].concat();
    vec![
        ("no mask", raw::frame_without_mask(opcode::TEXT, b"{}")),
        ("reserved bits", reserved_bits),
        ("a reserved kind", raw::frame(true, 3, b"x")),
        ("a reserved control kind", raw::frame(true, 0xB, b"x")),
        ("a terabyte", header(0x82, (1_u64 << 40).to_be_bytes())),
        ("a length with its highest bit", header(0x82, u64::MAX.to_be_bytes())),
        ("a continuation of nothing", raw::frame(true, opcode::CONTINUATION, b"x")),
        ("a message within a message", new_within),
        ("a ping in pieces", raw::frame(false, opcode::PING, b"x")),
        ("a ping that is too long", raw::frame(true, opcode::PING, &[b'x'; 126])),
        ("text that is none", raw::frame(true, opcode::TEXT, b"\xFF\xFE")),
        ("text that is none, in pieces", broken_text),
        ("a close of one byte", raw::frame(true, opcode::CLOSE, b"x")),
        ("a close without a code that exists", raw::frame(true, opcode::CLOSE, &999_u16.to_be_bytes())),
        ("a message that is too large", raw::frame(true, opcode::BINARY, &vec![7; 2 << 20])),
    ]
}

/// Incomplete frames.
fn unfinished() -> Vec<Vec<u8>> {
    let whole = raw::frame(true, opcode::TEXT, br#"{"type":"ping"}"#);
    vec![
        whole[..1].to_vec(),
        whole[..5].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        raw::frame(false, opcode::TEXT, &[b'x'; 60_000]),
        raw::frame(false, opcode::BINARY, b"").repeat(200),
    ]
}

pub async fn malformed(host: &mut TestHost) {
    let mut all = forbidden();
    host.random.shuffle(&mut all);
    all.truncate(8);
    let server = &host.server;
    let (mut open, before_hello) = (Vec::new(), host.random.bool());
    for (number, bytes) in unfinished().into_iter().enumerate() {
        let mut device = connect(server, &format!("half-{number}")).await;
        device.hello().await;
        device.send_bytes(&bytes).await;
        open.push(device);
    }
    join_all(all.iter().enumerate().map(|(number, (name, bytes))| async move {
        let mut device = connect(server, &format!("frame-{number}")).await;
        if !before_hello {
            device.hello().await;
        }
        device.send_bytes(bytes).await;
        let end = std::time::Instant::now() + wait::TIMEOUT;
        loop {
            match device.next_within(end.saturating_duration_since(std::time::Instant::now())).await {
                Some(Seen::Closed(..) | Seen::Lost(_)) => return,
                Some(_) => {}
                None => panic!("{name}: the connection is still open"),
            }
        }
    }))
    .await;
    for device in open {
        device.vanish();
    }
}

pub async fn nearly_json(host: &mut TestHost) {
    let mut texts: Vec<String> = [
        "",
        " ",
        "{",
        "null",
        "7",
        "[]",
        "\"hello\"",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":null}"#,
        r#"{"type":""}"#,
        r#"{"type":"hello","type":"server","action":"restart"}"#,
        r#"{"type":"nonsense","x":1e999}"#,
        r#"{"type":"listen","state":123456789012345678901234567890}"#,
        r#"{"type":"listen","state":"detect","text":{"deep":[1]}}"#,
        r#"{"type":"listen","state":"detect","text":"\ud800"}"#,
        r#"{"type":"listen","state":"detect","text":"\u0000"}"#,
        r#"{"type":"mode","state":"start","mode":["fixture"]}"#,
        r#"{"type":"mode","state":"start","mode":"no-such-mode"}"#,
        r#"{"type":"mcp","payload":{"jsonrpc":"2.0","id":-1,"result":null}}"#,
        r#"{"type":"mcp","payload":"{}"}"#,
        r#"{"type":"abort","reason":{}}"#,
        r#"{"type":"server","action":"restart","content":{"secret":null}}"#,
        r#"{"type":"server","action":["restart"],"content":7}"#,
        r#"{"type":"fixture","do":7}"#,
        r#"{"type":"fixture","do":"no-such-thing"}"#,
        r#"{"type":"iot","states":[{"state":{"x":NaN}}]}"#,
        r#"{"type":"goodbye","session_id":"not mine"}"#,
        r#"{'type':'ping'}"#,
        "{\"type\":\"ping\",}",
        "\u{feff}{\"type\":\"ping\"}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push(format!(r#"{{"type":"x","a":{}"#, "[".repeat(50_000)));
    texts.push(format!("{}1{}", r#"{"type":"#.repeat(5_000), "}".repeat(5_000)));
    texts.push(format!(r#"{{"type":"{}"}}"#, "x".repeat(70_000)));
    texts.push(format!(r#"{{"type":"ping","n":{}}}"#, "9".repeat(20_000)));
    host.random.shuffle(&mut texts);
    let mut device = host.connect("nearly-json").await;
    if host.random.bool() {
        device.hello().await;
    }
    for text in &texts {
        device.send_text(text).await;
        // One at a time: a full queue is a separate attack.
        device.ping().await;
        device.clear_seen();
    }
}
