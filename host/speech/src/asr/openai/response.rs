//! Parses the response of a transcription service by its content rather than its content type: compatible services
//! answer JSON of many shapes, plain text, subtitles or server-sent events, whatever was requested. Rule: a response is
//! a text, empty where nothing was said, or an error with its kind; an HTML page or a truncated response is never taken
//! for text. The caller bounds its size.

mod events;
mod subtitles;

use serde_json::{Map, Value};

use crate::fault::FaultKind;
use crate::join::join;

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoText {
    /// It cannot be parsed.
    Malformed,
    /// The service reported a failure with a status of success.
    Failed(FaultKind),
}

/// The text of a response with this content type.
pub(super) fn read(body: &[u8], content_type: &str) -> Result<String, NoText> {
    let text = std::str::from_utf8(body).map_err(|_| NoText::Malformed)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() || text == "null" {
        return Ok(String::new());
    }
    if text.starts_with(['{', '[', '"']) {
        if let Ok(value) = serde_json::from_str(text) {
            return text_of_value(&value);
        }
        if let Some(joined) = text_of_lines(text) {
            return joined;
        }
    }
    let is_object = text.strip_prefix('{').is_some_and(|after| after.trim_start().starts_with('"'));
    if is_object || is_html(text) {
        return Err(NoText::Malformed);
    }
    if events::is_event_stream(text, content_type) {
        return events::read(text);
    }
    if subtitles::is_subtitles(text) {
        return Ok(subtitles::read(text));
    }
    Ok(text.to_owned())
}

/// JSON lines: one object per line.
fn text_of_lines(text: &str) -> Option<Result<String, NoText>> {
    if !text.starts_with('{') {
        return None;
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let values: Vec<Value> = lines.map(|line| serde_json::from_str(line).ok()).collect::<Option<_>>()?;
    Some(events::text_of_events(&values))
}

/// Markup of a proxy or a console, which answers in place of a service that is down.
fn is_html(text: &str) -> bool {
    let begins =
        text.strip_prefix('<').is_some_and(|after| after.starts_with(|c: char| c.is_alphabetic() || "!?".contains(c)));
    begins && text.ends_with('>') && text.contains("</")
}

/// Members that contain the text or lead to it, the more likely ones first.
const TEXTS: [&str; 27] = [
    "text",
    "transcript",
    "transcription",
    "transcripts",
    "result",
    "results",
    "output",
    "data",
    "segments",
    "chunks",
    "sentences",
    "utterances",
    "alternatives",
    "channels",
    "hypotheses",
    "nbest",
    "NBest",
    "choices",
    "payload",
    "response",
    "DisplayText",
    "RecognitionStatusText",
    "Display",
    "content",
    "words",
    "punctuated_word",
    "word",
];

/// Those of them whose elements are alternatives for the same audio.
const ALTERNATIVES: [&str; 6] = ["alternatives", "channels", "hypotheses", "nbest", "NBest", "choices"];

fn text_of_value(value: &Value) -> Result<String, NoText> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(_) => Err(NoText::Malformed),
        Value::String(text) => match serde_json::from_str(text) {
            // JSON encoded as a JSON string.
            Ok(Value::Object(inner)) => text_of_object(&inner),
            _ => Ok(text.clone()),
        },
        Value::Array(parts) => {
            parts.iter().try_fold(String::new(), |so_far, part| Ok(join(&so_far, &text_of_value(part)?)))
        }
        Value::Object(members) => text_of_object(members),
    }
}

fn text_of_object(members: &Map<String, Value>) -> Result<String, NoText> {
    if is_silent(members) {
        return Ok(String::new());
    }
    let mut found = None;
    for name in TEXTS {
        let Some(value) = members.get(name) else { continue };
        let value = match value {
            Value::Array(alternatives) if ALTERNATIVES.contains(&name) => alternatives.first().unwrap_or(&Value::Null),
            value => value,
        };
        match text_of_value(value) {
            Ok(text) if !text.trim().is_empty() => return Ok(text),
            Ok(_) => found = Some(Ok(())),
            Err(no_text) => {
                found.get_or_insert(Err(no_text));
            }
        }
    }
    if let Some(kind) = failure(members) {
        return Err(NoText::Failed(kind));
    }
    if let Some(message) = members.get("message").filter(|message| message.is_object()) {
        return text_of_value(message);
    }
    found.unwrap_or(Err(NoText::Malformed)).map(|()| String::new())
}

/// Whether the service itself classifies the audio as silence, by Whisper's probabilities.
fn is_silent(members: &Map<String, Value>) -> bool {
    let silent = |segment: &Value| {
        segment["no_speech_prob"].as_f64().is_some_and(|sure| sure > 0.6)
            && segment["avg_logprob"].as_f64().is_some_and(|sure| sure < -1.0)
    };
    match members.get("segments").and_then(Value::as_array) {
        Some(segments) => !segments.is_empty() && segments.iter().all(silent),
        None => false,
    }
}

/// The kind of failure that an object reports, if it does.
fn failure(members: &Map<String, Value>) -> Option<FaultKind> {
    let reports = |name: &str| members.get(name).is_some_and(|value| !is_no_error(value));
    let is_negative = ["success", "ok"].iter().any(|name| members.get(*name) == Some(&Value::Bool(false)));
    let status = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let has_failed = ["error", "failed", "fail", "failure"].contains(&&*status("status"))
        || status("type") == "error"
        || status("object") == "error";
    let code = ["code", "errcode", "err_no", "error_code", "status_code"].iter().find_map(|name| members.get(*name));
    let code = code
        .filter(|code| !is_no_error(code) && !["200", "1000", "20000000", "ok", "success"].contains(&&*plain(code)));
    let named = ["error", "errors", "detail", "error_msg", "error_message", "err_msg"].iter().any(|name| reports(name));
    (named || is_negative || has_failed || code.is_some())
        .then(|| kind_of_message(&Value::Object(members.clone()).to_string()))
}

/// Whether the value of an error member means that there is no error.
fn is_no_error(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.trim(), "" | "0"),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(true) => false,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_ascii_lowercase())
}

/// Guesses the kind of failure from an error message. The message is not repeated.
fn kind_of_message(words: &str) -> FaultKind {
    let words = words.to_ascii_lowercase();
    let contains = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if contains(&[
        "401",
        "403",
        "api key",
        "api_key",
        "apikey",
        "unauthorized",
        "authentication",
        "permission",
        "invalid token",
    ]) {
        FaultKind::Unauthorized
    } else if contains(&["429", "503", "rate limit", "rate_limit", "quota", "overload", "busy", "too many", "capacity"])
    {
        FaultKind::Busy
    } else if contains(&["timeout", "timed out", "504"]) {
        FaultKind::TimedOut
    } else if contains(&["internal", "server_error", "unavailable", "500", "502"]) {
        FaultKind::Connection
    } else {
        FaultKind::Rejected
    }
}

#[cfg(test)]
mod tests;
