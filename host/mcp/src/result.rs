//! The result of a tool call as text for a model. Rule: at most `TOOL_TEXT_BYTES`, and never empty.

use crate::limits;
use serde_json::Value;

/// The text of a result, one part a line: non-text parts are named by their type, and a result without text is reported
/// as done. A result without parts is returned as JSON.
pub(crate) fn text_of(result: &Value) -> String {
    const NOTHING: &str = "done; the tool returned no text";
    let text = match (result["content"].as_array(), result) {
        (Some(parts), _) => parts.iter().map(part).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        (None, Value::String(text)) => text.clone(),
        (None, Value::Null) => String::new(),
        (None, other) => other.to_string(),
    };
    let structured = &result["structuredContent"];
    match text.trim().is_empty() {
        true if !structured.is_null() => cut(structured.to_string()),
        true => NOTHING.to_owned(),
        false => cut(text),
    }
}

fn part(part: &Value) -> String {
    let text = part["text"].as_str().or_else(|| part["resource"]["text"].as_str());
    match (text, part["type"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some("image")) => "[a picture, which cannot be looked at here]".to_owned(),
        (None, Some("audio")) => "[a recording, which cannot be listened to here]".to_owned(),
        (None, Some("resource_link")) => format!("[see {}]", part["uri"].as_str().unwrap_or("an address")),
        (None, Some("resource")) => "[a file, which cannot be read here]".to_owned(),
        (None, _) => String::new(),
    }
}

/// Truncates to `TOOL_TEXT_BYTES`, and marks the cut.
pub(crate) fn cut(mut text: String) -> String {
    const CUT_MARKER: &str = "… [cut]";
    if text.len() > limits::TOOL_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(limits::TOOL_TEXT_BYTES - CUT_MARKER.len()));
        text.push_str(CUT_MARKER);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_joined_and_cut_between_characters() {
        let result = json!({ "content": [
            { "type": "text", "text": "one" }, { "type": "image", "data": "…" }, { "type": "text", "text": "two" },
        ] });
        assert_eq!(text_of(&result), "one\n[a picture, which cannot be looked at here]\ntwo");
        for nothing in [json!({ "content": [] }), json!({ "content": [{ "type": "text", "text": "" }] }), json!(null)] {
            assert_eq!(text_of(&nothing), "done; the tool returned no text");
        }
        assert_eq!(text_of(&json!({ "content": [], "structuredContent": { "a": 1 } })), r#"{"a":1}"#);
        let resource = json!({ "content": [{ "type": "resource", "resource": { "uri": "x", "text": "words" } }] });
        assert_eq!(text_of(&resource), "words");
        assert_eq!(text_of(&json!(true)), "true");
        for shift in 0..3 {
            let text = text_of(&json!(format!("{}{}", "a".repeat(shift), "声".repeat(limits::TOOL_TEXT_BYTES))));
            assert!(text.len() <= limits::TOOL_TEXT_BYTES && text.ends_with("声… [cut]"));
        }
    }
}
