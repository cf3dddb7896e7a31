//! What a transcription service answered, read as it is and not as it is labelled: compatible services
//! answer JSON of many shapes, plain text, subtitles or server-sent events, whatever was asked for. Rule:
//! an answer is a text, empty where nothing was said, or an error that is told for what it is; a page or
//! half of an answer is never taken for words. What comes in is bounded by the caller.

mod events;
mod subtitles;

use serde_json::{Map, Value};

use crate::fault::FaultKind;
use crate::join::join;

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoText {
    /// It makes no sense.
    Garbled,
    /// The service failed, and said so under a status of success.
    Failed(FaultKind),
}

/// The text of an answer with this content type.
pub(super) fn read(body: &[u8], content_type: &str) -> Result<String, NoText> {
    let text = std::str::from_utf8(body).map_err(|_| NoText::Garbled)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() || text == "null" {
        return Ok(String::new());
    }
    if text.starts_with(['{', '[', '"']) {
        if let Ok(value) = serde_json::from_str(text) {
            return of_value(&value);
        }
        if let Some(joined) = of_lines(text) {
            return joined;
        }
    }
    let is_object = text.strip_prefix('{').is_some_and(|behind| behind.trim_start().starts_with('"'));
    if is_object || is_page(text) {
        return Err(NoText::Garbled);
    }
    if events::are(text, content_type) {
        return events::read(text);
    }
    if subtitles::are(text) {
        return Ok(subtitles::read(text));
    }
    Ok(text.to_owned())
}

/// One JSON object a line.
fn of_lines(text: &str) -> Option<Result<String, NoText>> {
    if !text.starts_with('{') {
        return None;
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let values: Vec<Value> = lines.map(|line| serde_json::from_str(line).ok()).collect::<Option<_>>()?;
    Some(events::of_values(&values))
}

/// Markup of a proxy or a console, which is answered in place of a service that is down.
fn is_page(text: &str) -> bool {
    let begins = text
        .strip_prefix('<')
        .is_some_and(|behind| behind.starts_with(|one: char| one.is_alphabetic() || "!?".contains(one)));
    begins && text.ends_with('>') && text.contains("</")
}

/// Members that hold the text or lead to it, the more likely ones first.
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

/// Of these, those whose elements are several readings of the same sound.
const READINGS: [&str; 6] = ["alternatives", "channels", "hypotheses", "nbest", "NBest", "choices"];

fn of_value(value: &Value) -> Result<String, NoText> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(_) => Err(NoText::Garbled),
        Value::String(text) => match serde_json::from_str(text) {
            // JSON in JSON.
            Ok(Value::Object(inner)) => of_object(&inner),
            _ => Ok(text.clone()),
        },
        Value::Array(parts) => parts.iter().try_fold(String::new(), |so_far, part| Ok(join(&so_far, &of_value(part)?))),
        Value::Object(members) => of_object(members),
    }
}

fn of_object(members: &Map<String, Value>) -> Result<String, NoText> {
    if is_silent(members) {
        return Ok(String::new());
    }
    let mut found = None;
    for name in TEXTS {
        let Some(value) = members.get(name) else { continue };
        let value = match value {
            Value::Array(readings) if READINGS.contains(&name) => readings.first().unwrap_or(&Value::Null),
            value => value,
        };
        match of_value(value) {
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
        return of_value(message);
    }
    found.unwrap_or(Err(NoText::Garbled)).map(|()| String::new())
}

/// Whether the service itself takes what it heard for silence, by the figures with which Whisper judges
/// that.
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

/// What kind of failure an object tells, if it does.
fn failure(members: &Map<String, Value>) -> Option<FaultKind> {
    let says = |name: &str| members.get(name).is_some_and(|value| !is_nothing(value));
    let denies = ["success", "ok"].iter().any(|name| members.get(*name) == Some(&Value::Bool(false)));
    let status = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let failed = ["error", "failed", "fail", "failure"].contains(&&*status("status"))
        || status("type") == "error"
        || status("object") == "error";
    let code = ["code", "errcode", "err_no", "error_code", "status_code"].iter().find_map(|name| members.get(*name));
    let code =
        code.filter(|code| !is_nothing(code) && !["200", "1000", "20000000", "ok", "success"].contains(&&*plain(code)));
    let named = ["error", "errors", "detail", "error_msg", "error_message", "err_msg"].iter().any(|name| says(name));
    (named || denies || failed || code.is_some()).then(|| kind_of(&Value::Object(members.clone()).to_string()))
}

/// Whether a member that tells of an error tells that there is none.
fn is_nothing(value: &Value) -> bool {
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

/// What kind of failure these words are about. They are judged and not repeated.
fn kind_of(words: &str) -> FaultKind {
    let words = words.to_ascii_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&[
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
    } else if says(&["429", "503", "rate limit", "rate_limit", "quota", "overload", "busy", "too many", "capacity"]) {
        FaultKind::Busy
    } else if says(&["timeout", "timed out", "504"]) {
        FaultKind::TimedOut
    } else if says(&["internal", "server_error", "unavailable", "500", "502"]) {
        FaultKind::Connection
    } else {
        FaultKind::Refused
    }
}

#[cfg(test)]
mod tests;
