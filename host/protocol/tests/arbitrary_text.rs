//! Any text yields a message or an error, never a panic. Rule: half of the cases are nearly valid JSON, since random
//! text fails at its first byte.

use modehost_protocol::{DeviceMessage, ErrorCode, Reference, check, reply};
use proptest::prelude::*;
use serde_json::{Value, json};

const DEPTH: usize = 16;

/// Any JSON value, of bounded depth and width.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(24, 64, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A known keyword, or any value.
fn keyword() -> impl Strategy<Value = Value> {
    let known =
        ["hello", "listen", "abort", "mode", "server", "mcp", "ping", " START ", "stop", "detect", "end", "auto"];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(Value::from), value()]
}

/// A message with known members.
fn nearly_valid() -> impl Strategy<Value = String> {
    let members = ["type", "state", "mode", "text", "action", "content", "id", "event", "phase", "payload"];
    prop::collection::btree_map(prop::sample::select(members.to_vec()), keyword(), 0..8)
        .prop_map(|members| json!(members).to_string())
}

/// The same with a part removed, duplicated or replaced.
fn damaged() -> impl Strategy<Value = String> {
    (nearly_valid(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<char>()).prop_map(
        |(text, one, two, noise)| {
            let chars: Vec<char> = text.chars().collect();
            let (one, two) = (one.index(chars.len() + 1), two.index(chars.len() + 1));
            let (from, to) = (one.min(two), one.max(two));
            chars[..from].iter().chain([&noise]).chain(&chars[to..]).collect()
        },
    )
}

/// Parses a text like a connection does.
fn parse(text: &str) -> Result<DeviceMessage, ErrorCode> {
    let checked = check(text, DEPTH).map_err(|invalid| invalid.code)?;
    DeviceMessage::parse(&checked.kind, text).map_err(|invalid| invalid.code)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c10_any_text_is_taken_or_refused(text in prop_oneof![any::<String>(), nearly_valid(), damaged()]) {
        if let Err(code) = parse(&text) {
            prop_assert!(matches!(code, ErrorCode::InvalidJson | ErrorCode::SchemaInvalid));
        }
        // The error that would be sent is JSON itself, and its size does not depend on the message.
        let error = reply::error("X", "no", &Reference::of(&text));
        prop_assert!(serde_json::from_str::<Value>(&error).is_ok());
        prop_assert!(error.len() < 4096, "{}", error.len());
    }

    /// Invalid JSON is never accepted, and every accepted message obeys the rules.
    #[test]
    fn c10_what_is_taken_is_sound(text in prop_oneof![nearly_valid(), damaged()]) {
        let parsed = serde_json::from_str::<Value>(&text);
        match check(&text, DEPTH) {
            Ok(checked) => {
                let value = parsed.expect("JSON");
                let kind = value["type"].as_str().expect("a type").trim().to_ascii_lowercase();
                prop_assert_eq!(checked.kind.as_ref(), kind);
                prop_assert!(depth(&value) <= DEPTH);
                prop_assert!(!text.contains("\\u0000"));
            }
            Err(invalid) if invalid.code == ErrorCode::InvalidJson => prop_assert!(parsed.is_err(), "{}", invalid.message),
            Err(_) => {}
        }
    }

    /// Each typed message with arbitrary members: the result is that message, or an error that names the member.
    #[test]
    fn c10_every_type_bears_any_members(
        kind in prop::sample::select(vec!["hello", "listen", "abort", "mode", "server", "mcp", "iot", "goodbye", "other"]),
        members in prop::collection::btree_map("[a-z]{1,8}|state|mode|text|action|content|payload|reason|features", keyword(), 0..6),
    ) {
        let mut message = json!(members);
        message["type"] = kind.into();
        let text = message.to_string();
        match parse(&text) {
            Ok(DeviceMessage::Hello(hello)) => prop_assert!(kind == "hello" && *hello.body == *text),
            Ok(DeviceMessage::Listen(_)) => prop_assert_eq!(kind, "listen"),
            Ok(DeviceMessage::Abort { reason }) => prop_assert!(kind == "abort" && reason.chars().count() <= 64),
            Ok(DeviceMessage::Mode { mode, .. }) => prop_assert!(kind == "mode" && !mode.is_empty() && mode == mode.trim()),
            Ok(DeviceMessage::Server { action, .. }) => prop_assert!(kind == "server" && !action.is_empty()),
            Ok(DeviceMessage::Mcp { payload }) => prop_assert!(kind == "mcp" && payload.as_bytes()[0] == b'{', "{payload}"),
            Ok(DeviceMessage::Iot { body }) => prop_assert!(kind == "iot" && *body == *text),
            Ok(DeviceMessage::Ignored) => prop_assert_eq!(kind, "goodbye"),
            Ok(DeviceMessage::Other { kind: named, body }) => prop_assert!(*named == *kind && *body == *text),
            Err(code) => prop_assert_eq!(code, ErrorCode::SchemaInvalid),
        }
    }

    /// Bytes that are UTF-8 by chance, and unbounded nesting.
    #[test]
    fn c10_noise_and_abysses_are_refused_in_bounded_time(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        opener in prop::sample::select(vec!["[", "{\"a\":", "[[{\"x\":", "\"", "{\"type\":\"x\",\"y\":"]),
        times in 0_usize..20_000,
    ) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
        let _ = parse(&format!("{}{}", opener.repeat(times), String::from_utf8_lossy(&bytes)));
    }
}
