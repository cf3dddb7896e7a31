//! Messages of a FunASR runtime, and validation of what a client sends. Rule: written from the runtime's protocol, not
//! from the code under test.

use serde_json::{Value, json};

/// A chunk of a partial transcript.
pub fn online(text: &str) -> String {
    json!({ "mode": "2pass-online", "text": text, "wav_name": "demo", "is_final": false }).to_string()
}

/// A sentence of the second pass.
pub fn offline(text: &str) -> String {
    json!({ "mode": "2pass-offline", "text": text, "wav_name": "demo", "is_final": false }).to_string()
}

/// The same with timestamps.
pub fn offline_with_timestamp(text: &str, start_ms: u32, end_ms: u32) -> String {
    let stamp = format!("[[{start_ms},{end_ms}]]");
    json!({ "mode": "2pass-offline", "text": text, "wav_name": "demo", "is_final": true, "timestamp": stamp })
        .to_string()
}

/// The error in the sub-protocol or the first message, if any.
pub(crate) fn check(headers: &http::HeaderMap, request: &Value) -> Option<String> {
    if headers.get("sec-websocket-protocol").is_none_or(|protocol| protocol != "binary") {
        return Some("the sub-protocol is not binary".to_owned());
    }
    for (name, right) in [
        ("mode", ["2pass", "online", "offline"].iter().any(|mode| request["mode"] == **mode)),
        ("chunk_size", request["chunk_size"] == json!([5, 10, 5])),
        ("wav_format", request["wav_format"] == "pcm"),
        ("audio_fs", request["audio_fs"] == 16_000),
        ("is_speaking", request["is_speaking"] == true),
        ("wav_name", request["wav_name"].is_string()),
        ("hotwords", request["hotwords"].is_string()),
    ] {
        if !right {
            return Some(format!("{name} is {}", request[name]));
        }
    }
    None
}
