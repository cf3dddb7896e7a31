//! Any bytes as a text frame of a device. Rule: it is a message or an error that is JSON itself and no
//! larger for a larger frame; and what is taken is JSON, with a type, and not too deep.

#![no_main]

use libfuzzer_sys::fuzz_target;
use modehost_protocol::{DeviceMessage, Reference, check, reply};
use serde_json::Value;

const DEPTH: usize = 64;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let error = reply::error("X", "no", &Reference::of(text));
    assert!(error.len() < 4096 && serde_json::from_str::<Value>(&error).is_ok(), "{error}");
    let Ok(checked) = check(text, DEPTH) else { return };
    let value: Value = serde_json::from_str(text).expect("what is taken is JSON");
    let kind = value["type"].as_str().expect("a type").trim().to_ascii_lowercase();
    assert!(*checked.kind == *kind && depth(&value) <= DEPTH);
    let _ = DeviceMessage::parse(&checked.kind, text);
});
