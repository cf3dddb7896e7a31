//! Server-sent events of a transcription: deltas, then the whole text. Rule: the whole text takes precedence over the
//! deltas; a truncated event makes the response invalid.

use serde_json::Value;

use super::{NoText, failure, kind_of_message, text_of_value};
use crate::join::join;

/// Whether a response consists of events, by its content type or its content.
pub(super) fn is_event_stream(text: &str, content_type: &str) -> bool {
    let data = |line: &str| {
        line.strip_prefix("data:").map(str::trim_start).is_some_and(|data| data.starts_with(['{', '[', '"']))
    };
    content_type.contains("event-stream")
        || (text.starts_with("data:") && data(text))
        || (text.starts_with("event:") && text.lines().any(data))
}

/// The text of all events.
pub(super) fn read(text: &str) -> Result<String, NoText> {
    let mut values = Vec::new();
    let mut data: Option<String> = None;
    for line in text.lines().chain([""]) {
        if let Some(data_line) = line.strip_prefix("data:") {
            let data_line = data_line.strip_prefix(' ').unwrap_or(data_line);
            match &mut data {
                // Some services separate events by a single newline.
                Some(buffered) if serde_json::from_str::<Value>(buffered).is_err() => {
                    buffered.push('\n');
                    buffered.push_str(data_line);
                }
                _ => values.extend(data.replace(data_line.to_owned())),
            }
        } else if line.trim().is_empty() {
            values.extend(data.take());
        }
    }
    let values = values.iter().map(|data| data.trim()).filter(|data| !data.is_empty() && *data != "[DONE]");
    let values: Result<Vec<Value>, NoText> = values
        .map(|data| match serde_json::from_str(data) {
            Ok(value) => Ok(value),
            Err(_) if data.starts_with('{') => Err(NoText::Malformed),
            Err(_) => Ok(Value::String(data.to_owned())),
        })
        .collect();
    text_of_events(&values?)
}

/// The text of events that are parsed already.
pub(super) fn text_of_events(values: &[Value]) -> Result<String, NoText> {
    let mut deltas = String::new();
    for value in values {
        let kind = value["type"].as_str().unwrap_or_default();
        if kind == "error" || value["error"].is_object() || value["error"].is_string() {
            return Err(NoText::Failed(value.as_object().and_then(failure).unwrap_or_else(|| kind_of_message(kind))));
        }
        match (kind.rsplit('.').next(), &value["delta"]) {
            (Some("delta"), Value::String(delta)) => deltas.push_str(delta),
            (Some("done"), _) if value["text"].is_string() => return text_of_value(&value["text"]),
            // Other events, such as token usage.
            (Some("done" | "completed" | "created" | "usage"), _) => {}
            _ => deltas = join(&deltas, &text_of_value(value)?),
        }
    }
    Ok(deltas)
}
