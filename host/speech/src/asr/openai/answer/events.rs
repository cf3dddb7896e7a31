//! Server-sent events of a transcription: pieces, and all of it at the end. Rule: the text at the end is
//! worth more than the pieces; an event that is cut off makes the answer half of one.

use serde_json::Value;

use super::{NoText, failure, kind_of, of_value};
use crate::join::join;

/// Whether an answer consists of events, by its content type or its looks.
pub(super) fn are(text: &str, content_type: &str) -> bool {
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
        if let Some(piece) = line.strip_prefix("data:") {
            let piece = piece.strip_prefix(' ').unwrap_or(piece);
            match &mut data {
                // Some part their events with one line end.
                Some(so_far) if serde_json::from_str::<Value>(so_far).is_err() => {
                    so_far.push('\n');
                    so_far.push_str(piece);
                }
                _ => values.extend(data.replace(piece.to_owned())),
            }
        } else if line.trim().is_empty() {
            values.extend(data.take());
        }
    }
    let values = values.iter().map(|data| data.trim()).filter(|data| !data.is_empty() && *data != "[DONE]");
    let values: Result<Vec<Value>, NoText> = values
        .map(|data| match serde_json::from_str(data) {
            Ok(value) => Ok(value),
            Err(_) if data.starts_with('{') => Err(NoText::Garbled),
            Err(_) => Ok(Value::String(data.to_owned())),
        })
        .collect();
    of_values(&values?)
}

/// The text of events, as JSON.
pub(super) fn of_values(values: &[Value]) -> Result<String, NoText> {
    let mut pieces = String::new();
    for value in values {
        let kind = value["type"].as_str().unwrap_or_default();
        if kind == "error" || value["error"].is_object() || value["error"].is_string() {
            return Err(NoText::Failed(value.as_object().and_then(failure).unwrap_or_else(|| kind_of(kind))));
        }
        match (kind.rsplit('.').next(), &value["delta"]) {
            (Some("delta"), Value::String(delta)) => pieces.push_str(delta),
            (Some("done"), _) if value["text"].is_string() => return of_value(&value["text"]),
            // Of other kinds, such as how much was used.
            (Some("done" | "completed" | "created" | "usage"), _) => {}
            _ => pieces = join(&pieces, &of_value(value)?),
        }
    }
    Ok(pieces)
}
