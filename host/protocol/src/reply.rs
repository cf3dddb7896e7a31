//! Messages of the server, as JSON text. Rule: an error contains a code, one plain sentence that says what is wrong,
//! and a reference to the message that it answers.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// Codes of error messages. Modes may define their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The frame is not JSON.
    InvalidJson,
    /// No plugin claims this `type`.
    UnknownType,
    /// A member is missing or has an invalid value, or the JSON is nested too deeply.
    SchemaInvalid,
    /// A message exceeds its size limit.
    TooLarge,
    /// No sign-in, or an invalid one.
    Unauthorized,
    /// Authenticated, but not allowed.
    Forbidden,
    /// Too many requests; retry later.
    RateLimited,
    /// No plugin has a mode of this name.
    UnknownMode,
    /// The mode has failed; its state is as before the message.
    ModeFault,
    /// Speech recognition is unavailable.
    AsrUnavailable,
    /// Audio was received that cannot be decoded.
    AudioUnreadable,
    /// Speech synthesis is unavailable.
    TtsUnavailable,
    /// Data that must be stored cannot be written.
    StorageUnavailable,
    /// The server or the requested resource is busy or still starting.
    NotReady,
}

impl ErrorCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "INVALID_JSON",
            Self::UnknownType => "UNKNOWN_TYPE",
            Self::SchemaInvalid => "SCHEMA_INVALID",
            Self::TooLarge => "TOO_LARGE",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::RateLimited => "RATE_LIMITED",
            Self::UnknownMode => "UNKNOWN_MODE",
            Self::ModeFault => "MODE_FAULT",
            Self::AsrUnavailable => "ASR_UNAVAILABLE",
            Self::AudioUnreadable => "AUDIO_UNREADABLE",
            Self::TtsUnavailable => "TTS_UNAVAILABLE",
            Self::StorageUnavailable => "STORAGE_UNAVAILABLE",
            Self::NotReady => "NOT_READY",
        }
    }
}

/// A message that is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Machine-readable.
    pub code: ErrorCode,
    /// One sentence for the device.
    pub message: String,
}

impl Invalid {
    /// An error of this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// `SCHEMA_INVALID`.
    pub fn schema(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::SchemaInvalid, message)
    }
}

/// The members of a message that an error repeats in `ref`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The message's `type`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its `event`, if that is a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Its `phase`, if that is a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Its `state`, if that is a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its `id`, a string or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
}

impl Reference {
    /// A reference to audio packets, which have no members.
    pub fn to_audio() -> Self {
        Self { kind: Some("audio".to_owned()), ..Self::default() }
    }

    /// Extracts the members from a message; unreadable ones are omitted. Parses the text again, which is acceptable
    /// since errors are rare.
    pub fn of(text: &str) -> Self {
        let Ok(Value::Object(mut object)) = serde_json::from_str::<Value>(text) else {
            return Self::default();
        };
        let mut member = |name: &str| match object.remove(name) {
            // Truncated: an error must not be a way to make the server send a megabyte.
            Some(Value::String(text)) => Some(text.chars().take(64).collect::<String>()),
            _ => None,
        };
        let (kind, event, phase, state) = (member("type"), member("event"), member("phase"), member("state"));
        let id = match object.remove("id") {
            Some(Value::String(id)) => Some(Value::String(id.chars().take(64).collect())),
            Some(id @ Value::Number(_)) => Some(id),
            _ => None,
        };
        Self { kind, event, phase, state, id }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `{"type":"error",…}`.
pub fn error(code: &str, message: &str, reference: &Reference) -> String {
    error_with_retry(code, message, reference, None)
}

/// As [`error`]. `retry_after_ms`: after how many ms a retry may succeed, if that is known.
pub fn error_with_retry(code: &str, message: &str, reference: &Reference, retry_after_ms: Option<u32>) -> String {
    let mut reply = json!({ "type": "error", "code": code, "message": message });
    if let Some(ms) = retry_after_ms {
        reply["retry_after_ms"] = json!(ms);
    }
    if !reference.is_empty() {
        reply["ref"] = json!(reference);
    }
    reply.to_string()
}

/// `{"type":"pong"}`.
pub const PONG: &str = r#"{"type":"pong"}"#;

/// Keeps an idle channel open, for devices that support extensions. `pong` would do as well, but looks like a response
/// to clients that count those.
pub const KEEPALIVE: &str = r#"{"type":"keepalive"}"#;
/// The same for devices that support the ecosystem's messages only: an emotion that changes nothing on an idle device.
pub const NEUTRAL_EMOTION: &str = r#"{"type":"llm","emotion":"neutral"}"#;

/// Types that all clients of the ecosystem know, or ignore without harm.
const ECOSYSTEM: [&str; 12] =
    ["hello", "stt", "tts", "llm", "mcp", "iot", "alert", "system", "goodbye", "custom", "pong", "server"];

/// True for a type that is sent to every device (C.18).
pub fn is_ecosystem(kind: &str) -> bool {
    ECOSYSTEM.contains(&kind)
}

/// The response to hello, with every member that some client requires. `format`, the rate in Hz and the frame length in
/// ms are those of the audio that the device will be sent.
pub fn hello(session_id: &str, (format, sample_rate, frame_ms): (&str, u32, u32)) -> String {
    json!({
        "type": "hello",
        "version": 1,
        "transport": "websocket",
        "session_id": session_id,
        "audio_params": { "format": format, "sample_rate": sample_rate, "channels": 1, "frame_duration": frame_ms },
    })
    .to_string()
}

/// `{"type":"mode","status":"ok",…}`.
pub fn mode_ok(state: &str, mode: &str, session_id: &str) -> String {
    json!({ "type": "mode", "status": "ok", "state": state, "mode": mode, "session_id": session_id }).to_string()
}

/// `{"type":"mode","status":"error",…}` for a mode that does not exist; `modes` are those that do.
pub fn mode_unknown(message: &str, state: &str, mode: &str, modes: &[&str]) -> String {
    json!({
        "type": "mode", "status": "error", "code": ErrorCode::UnknownMode.as_str(), "message": message,
        "state": state, "mode": mode, "modes": modes,
    })
    .to_string()
}

/// `{"type":"mode","status":"error",…}` for a mode that has not started. `retry_after_ms` as in [`error_with_retry`].
pub fn mode_not_started(message: &str, mode: &str, retry_after_ms: Option<u32>) -> String {
    let mut reply = json!({
        "type": "mode", "status": "error", "code": ErrorCode::ModeFault.as_str(), "message": message,
        "state": "start", "mode": mode,
    });
    if let Some(ms) = retry_after_ms {
        reply["retry_after_ms"] = json!(ms);
    }
    reply.to_string()
}

/// The emotion without expression.
pub const NEUTRAL: &str = "neutral";

/// `{"type":"alert",…}`: firmware displays it with an emotion and plays a sound. `status` is its heading.
pub fn alert(status: &str, message: &str, emotion: &str) -> String {
    json!({ "type": "alert", "status": status, "message": message, "emotion": emotion }).to_string()
}

/// `{"type":"system","message":…}`.
pub fn system(message: &str) -> String {
    json!({ "type": "system", "message": message }).to_string()
}

/// `{"type":"system","event":"timeout_warning",…}`: the connection closes unless there is activity. Rounded up to 10
/// ms, so that people see the configured value.
pub fn timeout_warning(left: Duration) -> String {
    let remaining = left.as_millis().div_ceil(10) * 10;
    json!({ "type": "system", "event": "timeout_warning", "remaining_ms": remaining }).to_string()
}

/// `{"type":"server",…}`: the result of an operator command.
pub fn server(outcome: Result<&str, (ErrorCode, &str)>, action: &str) -> String {
    let content = json!({ "action": action });
    match outcome {
        Ok(message) => json!({ "type": "server", "status": "success", "message": message, "content": content }),
        Err((code, message)) => {
            let code = code.as_str();
            json!({ "type": "server", "status": "error", "code": code, "message": message, "content": content })
        }
    }
    .to_string()
}

/// `{"type":"stt",…}`: the final transcript.
pub fn stt(text: &str, session_id: &str) -> String {
    json!({ "type": "stt", "text": text, "session_id": session_id }).to_string()
}

/// `{"type":"audio","event":"transcription",…}`: live text. `ts` is Unix ms.
pub fn transcription(text: &str, ts: u64, session_id: &str) -> String {
    json!({ "type": "audio", "event": "transcription", "text": text, "ts": ts, "session_id": session_id }).to_string()
}

/// `{"type":"tts","state":…}`; `text` is set in the sentence states.
pub fn tts(state: &str, text: Option<&str>, session_id: &str) -> String {
    let mut reply = json!({ "type": "tts", "state": state, "session_id": session_id });
    if let Some(text) = text {
        reply["text"] = json!(text);
    }
    reply.to_string()
}

/// `{"type":"mcp","payload":…}`: JSON-RPC to the device's MCP server.
pub fn mcp(payload: &Value, session_id: &str) -> String {
    json!({ "type": "mcp", "session_id": session_id, "payload": payload }).to_string()
}

/// `{"type":"iot","commands":[…]}`: a command to firmware before 1.6.3.
pub fn iot(command: &Value, session_id: &str) -> String {
    json!({ "type": "iot", "session_id": session_id, "commands": [command] }).to_string()
}

/// `{"type":"listen","state":…}` to the device.
pub fn listen(state: &str, mode: Option<&str>, session_id: &str) -> String {
    let mut reply = json!({ "type": "listen", "state": state, "session_id": session_id });
    if let Some(mode) = mode {
        reply["mode"] = json!(mode);
    }
    reply.to_string()
}

/// Inserts the session id into a message of a mode, unless it has one. `body` is an object.
pub fn with_session_id(body: String, session_id: &str) -> String {
    if body.contains("\"session_id\"") {
        return body;
    }
    let Some(rest) = body.trim_start().strip_prefix('{') else { return body };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    let mut out = String::with_capacity(body.len() + session_id.len() + 17);
    out.push_str("{\"session_id\":\"");
    // The server's own UUID, which needs no escaping.
    out.push_str(session_id);
    out.push('"');
    out.push_str(comma);
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_point_back() {
        let text = r#"{"type":"order","event":"complete","id":"t-1","tasks":[]}"#;
        let reply: Value = serde_json::from_str(&error("X", "no", &Reference::of(text))).expect("json");
        assert_eq!(reply["ref"], json!({"type": "order", "event": "complete", "id": "t-1"}));
    }

    #[test]
    fn a_time_to_retry_is_named_only_where_it_is_known() {
        let read = |retry| -> Value {
            serde_json::from_str(&error_with_retry("X", "no", &Reference::default(), retry)).expect("json")
        };
        assert_eq!(read(Some(0))["retry_after_ms"], 0);
        assert_eq!(read(None), json!({"type": "error", "code": "X", "message": "no"}));
    }

    #[test]
    fn session_ids_are_added_once() {
        assert_eq!(with_session_id("{}".into(), "s"), r#"{"session_id":"s"}"#);
        assert_eq!(with_session_id(r#"{"a":1}"#.into(), "s"), r#"{"session_id":"s","a":1}"#);
        assert_eq!(with_session_id(r#"{"session_id":"t"}"#.into(), "s"), r#"{"session_id":"t"}"#);
    }
}
