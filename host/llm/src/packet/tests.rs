//! Tests of member names and types that services use.

use serde_json::json;

use super::*;

fn read(value: Value) -> Packet {
    Packet::read(value.to_string().as_bytes()).expect("JSON")
}

fn text(packet: &Packet) -> String {
    if packet.delta.is_empty() { packet.message.texts.concat() } else { packet.delta.texts.concat() }
}

#[test]
fn the_text_is_found_wherever_it_stands() {
    for value in [
        json!({ "choices": [{ "delta": { "content": "Yes." } }] }),
        json!({ "choices": [{ "message": { "content": "Yes." } }] }),
        json!({ "choices": [{ "delta": { "content": [{ "type": "text", "text": "Ye" }, { "type": "text", "text": "s." }] } }] }),
        json!({ "choices": [{ "message": { "content": ["Yes", "."] } }] }),
        json!({ "choices": [{ "message": { "content": { "type": "text", "text": "Yes." } } }] }),
        json!({ "choices": [{ "message": { "content": [{ "type": "output_text", "text": { "value": "Yes." } }] } }] }),
        json!({ "choices": [{ "message": { "content": null, "text": "Yes." } }] }),
        json!({ "choices": [{ "message": { "content": null, "refusal": "Yes." } }] }),
        json!({ "choices": [{ "delta": "Yes." }] }),
        json!({ "choices": [{ "text": "Yes.", "logprobs": null }] }),
        json!({ "choices": [{ "index": 3, "delta": { "content": "Yes." } }] }),
        json!({ "choices": [{ "index": "1", "delta": { "content": "Yes." } }] }),
        json!({ "choices": [{ "index": 0, "delta": {} }, { "index": 1, "delta": { "content": "Yes." } }] }),
        json!({ "choices": [{ "index": 1, "delta": { "content": "No." } }, { "index": 0, "delta": { "content": "Yes." } }] }),
        json!({ "choices": { "delta": { "content": "Yes." } } }),
        json!({ "output_text": "Yes." }),
        json!({ "text": "Yes." }),
        json!({ "message": { "role": "assistant", "content": "Yes." }, "done": false }),
        json!({ "response": "Yes.", "done": true }),
        json!({ "code": 0, "data": { "choices": [{ "message": { "content": "Yes." } }] }, "message": "ok" }),
        json!({ "output": { "text": "Yes.", "finish_reason": "stop" }, "usage": { "input_tokens": 3 } }),
        json!({ "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "Yes." }] }] }),
    ] {
        let packet = read(value.clone());
        assert_eq!((text(&packet).as_str(), &packet.error), ("Yes.", &None), "{value}");
    }
}

#[test]
fn thoughts_are_no_text() {
    for piece in [
        json!({ "reasoning_content": "hm" }),
        json!({ "reasoning": "hm", "content": "" }),
        json!({ "thinking": "hm", "content": null }),
        json!({ "reasoning_details": [{ "type": "reasoning.text", "text": "hm" }] }),
        json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] }] }),
        json!({ "content": [{ "type": "reasoning", "text": "hm" }] }),
    ] {
        let packet = read(json!({ "choices": [{ "delta": piece }] }));
        assert!(packet.delta.has_reasoning && text(&packet).is_empty(), "{piece}");
    }
    let packet =
        read(json!({ "choices": [{ "delta": { "reasoning_content": "", "reasoning": null, "content": "a" } }] }));
    assert!(!packet.delta.has_reasoning);
}

#[test]
fn reasons_are_read_as_they_are_meant() {
    for (reason, finish) in [
        (json!(null), None),
        (json!(""), None),
        (json!("null"), None),
        (json!("None"), None),
        (json!(" NULL "), None),
        (json!(0), None),
        (json!("stop"), Some(Finish::Stop)),
        (json!("STOP"), Some(Finish::Stop)),
        (json!("tool_calls"), Some(Finish::Stop)),
        (json!("length"), Some(Finish::Length)),
        (json!("MAX_TOKENS"), Some(Finish::Length)),
        (json!("content_filter"), Some(Finish::Filtered)),
        (json!("sensitive"), Some(Finish::Filtered)),
        (json!("error"), Some(Finish::Failed)),
        (json!("insufficient_system_resource"), Some(Finish::Failed)),
    ] {
        assert_eq!(read(json!({ "choices": [{ "delta": {}, "finish_reason": reason }] })).finish, finish, "{reason}");
    }
    assert_eq!(
        read(json!({ "message": { "content": "" }, "done": true, "done_reason": "length" })).finish,
        Some(Finish::Length)
    );
}

#[test]
fn counts_are_numbers_however_they_are_written() {
    for (usage, counts) in [
        (json!({ "prompt_tokens": 7, "completion_tokens": 2 }), (7, 2)),
        (json!({ "prompt_tokens": "7", "completion_tokens": " 2 " }), (7, 2)),
        (json!({ "prompt_tokens": 7.0, "completion_tokens": null }), (7, 0)),
        (json!({ "input_tokens": 7, "output_tokens": 2 }), (7, 2)),
        (json!({ "prompt_tokens": -1, "completion_tokens": "many" }), (0, 0)),
        (json!(null), (0, 0)),
        (json!([]), (0, 0)),
    ] {
        let packet = read(json!({ "choices": [], "usage": usage }));
        assert_eq!((packet.prompt_tokens, packet.completion_tokens), counts, "{usage}");
    }
}

#[test]
fn errors_are_known_whatever_they_are_called() {
    for value in [
        json!({ "error": { "message": "x", "code": 400 } }),
        json!({ "error": "x" }),
        json!({ "choices": [], "error": { "message": "x" } }),
        json!({ "choices": [{ "error": { "message": "x" }, "finish_reason": "error" }] }),
        json!({ "type": "error", "error": { "type": "overloaded_error", "message": "x" } }),
        json!({ "object": "error", "message": "x", "code": 400 }),
        json!({ "code": "InvalidParameter", "message": "x" }),
        json!({ "code": 1214, "msg": "x", "success": false }),
        json!({ "error_code": 336_007, "error_msg": "x" }),
        json!({ "base_resp": { "status_code": 1004, "status_msg": "x" }, "choices": null }),
        json!({ "detail": "x" }),
        json!({ "detail": [{ "loc": ["body", "y"], "msg": "x" }] }),
        json!({ "errors": [{ "message": "x" }] }),
    ] {
        assert!(read(value.clone()).error.is_some(), "{value}");
    }
    for value in [
        json!({ "choices": [], "error": null }),
        json!({ "choices": [], "error": {} }),
        json!({ "choices": [], "error": false }),
        json!({ "base_resp": { "status_code": 0, "status_msg": "success" }, "choices": [] }),
        json!({ "code": 200, "msg": "ok", "data": { "choices": [] } }),
        json!({ "code": "200", "message": "success" }),
        json!({}),
    ] {
        assert_eq!(read(value.clone()).error, None, "{value}");
    }
}

#[test]
fn calls_are_read_in_every_shape() {
    for call in [
        json!({ "tool_calls": [{ "index": 0, "id": "x", "function": { "name": "light", "arguments": "{\"on\":true}" } }] }),
        json!({ "tool_calls": { "index": "0", "id": "x", "function": { "name": "light", "arguments": { "on": true } } } }),
        json!({ "tool_calls": [{ "index": 0, "id": "x", "name": "light", "arguments": "{\"on\":true}" }] }),
    ] {
        let packet = read(json!({ "choices": [{ "delta": call }] }));
        let found = &packet.delta.calls[0];
        assert_eq!(
            (found.index, found.id.as_deref(), found.name.as_deref()),
            (Some(0), Some("x"), Some("light")),
            "{call}"
        );
        assert_eq!(found.arguments, "{\"on\":true}");
    }
    let older = json!({ "choices": [{ "message": { "content": null, "function_call": { "name": "light", "arguments": "{}" } } }] });
    assert_eq!(read(older).message.calls[0].name.as_deref(), Some("light"));
}

#[test]
fn what_is_no_json_is_a_fault() {
    for text in ["{", "{\"a\":}", ""] {
        assert!(Packet::read(text.as_bytes()).is_err());
    }
    assert!(Packet::read(format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500)).as_bytes()).is_err());
}
