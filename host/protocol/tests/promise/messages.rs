//! The property of a text frame with any bytes; checked by the corpus test and by the fuzz target `envelope`. Rule: the
//! result is a message, or an error that is JSON itself and whose size does not depend on the frame; an accepted frame
//! is JSON, has a type, and is not nested too deeply.

use modehost_protocol::{DeviceMessage, ErrorCode, Reference, check, reply};
use serde_json::Value;

const DEPTH: usize = 16;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// # Panics
/// If the property is violated.
pub fn keeps(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let error = reply::error("X", "no", &Reference::of(&text));
    assert!(error.len() < 4096 && serde_json::from_str::<Value>(&error).is_ok(), "{error}");
    let checked = match check(&text, DEPTH) {
        Ok(checked) => checked,
        Err(invalid) => {
            assert!(matches!(invalid.code, ErrorCode::InvalidJson | ErrorCode::SchemaInvalid));
            assert!(!invalid.message.is_empty() && invalid.message.len() < 1024, "{}", invalid.message);
            return;
        }
    };
    let value: Value = serde_json::from_str(&text).expect("an accepted frame is JSON");
    let kind = value["type"].as_str().expect("it has a type").trim().to_ascii_lowercase();
    assert!(*checked.kind == *kind && depth(&value) <= DEPTH);
    match DeviceMessage::parse(&checked.kind, &text) {
        Ok(DeviceMessage::Other { body, .. } | DeviceMessage::Iot { body }) => assert_eq!(*body, *text),
        Ok(DeviceMessage::Abort { reason }) => assert!(reason.chars().count() <= 64),
        Ok(_) => {}
        Err(invalid) => assert!(invalid.message.len() < 1024, "{}", invalid.message),
    }
}
