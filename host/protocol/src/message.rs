//! What devices say. Rule: only what firmware itself says is typed here; every other type is
//! passed on as text to the plugin that claims it.

use std::sync::Arc;

use modehost_ids::{Secret, SecretKind};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::hello::Hello;
use crate::kind::HostKind;
use crate::reply::Invalid;

/// A message whose shape has been checked.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceMessage {
    /// May come more than once on a connection.
    Hello(Hello),
    /// Listening begins or ends, or the device gives words as text.
    Listen(Listen),
    /// The device wants silence.
    Abort {
        /// As the device gives it, cut to 64 characters; empty where it gives none.
        reason: String,
    },
    /// A mode is to begin or to end.
    Mode {
        /// False: it is to end.
        start: bool,
        /// Lower-cased and without spaces around it; never empty. No plugin may have a mode of this name.
        mode: String,
    },
    /// From the operator's console.
    Server {
        /// Lower-cased and without spaces around it; never empty. It may be unknown.
        action: String,
        /// What the console says that it knows; not compared yet.
        secret: GivenSecret,
    },
    /// An answer or a notification of the device's MCP server: one JSON object, not looked into.
    Mcp {
        /// The JSON object, as text.
        payload: Box<str>,
    },
    /// What firmware before 1.6.3 says of itself: things and their states. Not looked into.
    Iot {
        /// The whole message, as text.
        body: Arc<str>,
    },
    /// Known, and nothing to be done: `goodbye`.
    Ignored,
    /// Of a type that is not the host's.
    Other {
        /// Its `type`, lower-cased and without spaces around it.
        kind: Arc<str>,
        /// The whole message, as text.
        body: Arc<str>,
    },
}

/// What a `server` message says that it knows; empty where it says nothing.
pub type GivenSecret = Secret<OfMessages>;

/// See [`GivenSecret`].
#[derive(Debug)]
pub enum OfMessages {}

impl SecretKind for OfMessages {
    const NAME: &'static str = "GivenSecret";
    const ABOUT: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

/// What a `listen` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What happens.
    pub state: ListenState,
    /// Only a `start` carries it.
    pub mode: Option<ListenMode>,
    /// Typed text or a wake word, with `detect`.
    pub text: Option<String>,
}

/// Who finds the ends of an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenMode {
    /// The server, and the device does not listen while it speaks.
    Auto,
    /// The device.
    Manual,
    /// The server, and the device listens all the time.
    Realtime,
}

/// The states of `listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenState {
    /// The device begins to send sound.
    Start,
    /// The utterance is over.
    Stop,
    /// Text in place of sound: a wake word, or what was typed.
    Detect,
}

/// The host's own types that devices send and the ecosystem does not know.
pub fn is_extension(kind: &str) -> bool {
    HostKind::of(kind).is_some_and(HostKind::is_extension)
}

/// True for the heartbeat types, which the connection answers itself.
pub fn is_heartbeat(kind: &str) -> bool {
    HostKind::of(kind).is_some_and(HostKind::is_heartbeat)
}

impl DeviceMessage {
    /// Types a message whose envelope has been checked and whose type is `kind`.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` with what is missing or wrong.
    pub fn parse(kind: &str, text: &str) -> Result<Self, Invalid> {
        let Some(own) = HostKind::of(kind) else {
            return Ok(Self::Other { kind: kind.into(), body: text.into() });
        };
        Ok(match own {
            HostKind::Hello => Self::Hello(Hello::parse(text)),
            HostKind::Listen => Self::Listen(listen(&fields(text)?)?),
            HostKind::Abort => Self::Abort { reason: reason(text) },
            HostKind::Mode => mode(&fields(text)?)?,
            HostKind::Server => server(&fields(text)?)?,
            HostKind::Mcp => mcp(text)?,
            HostKind::Iot => Self::Iot { body: text.into() },
            HostKind::Goodbye => Self::Ignored,
            // The connection answers heartbeats; where one comes this way, nothing handles it.
            HostKind::Ping | HostKind::Keepalive => Self::Other { kind: kind.into(), body: text.into() },
        })
    }
}

/// The members that the host's own messages use; all others are ignored.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    state: Option<Value>,
    mode: Option<Value>,
    text: Option<Value>,
    action: Option<Value>,
    content: Option<Value>,
}

fn fields(text: &str) -> Result<Fields, Invalid> {
    serde_json::from_str(text).map_err(|error| Invalid::schema(error.to_string()))
}

/// A string member, as it is. `None` where it is absent or null.
fn string<'a>(value: Option<&'a Value>, name: &str) -> Result<Option<&'a str>, Invalid> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Invalid::schema(format!("{name} must be a string"))),
    }
}

/// A word of a closed set: trimmed and lower-cased before it is looked up.
fn word<'a, T: Copy>(value: Option<&Value>, name: &str, set: &[(&'a str, T)]) -> Result<Option<(&'a str, T)>, Invalid> {
    let Some(text) = string(value, name)? else { return Ok(None) };
    let text = text.trim().to_lowercase();
    let found = set.iter().find(|(word, _)| *word == text);
    let names = || set.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    found.copied().map(Some).ok_or_else(|| Invalid::schema(format!("{name} must be one of: {}", names())))
}

/// The reason of an abort. An odd one is no ground to leave the device in its speaking state.
fn reason(text: &str) -> String {
    let abort: Value = serde_json::from_str(text).unwrap_or_default();
    abort["reason"].as_str().unwrap_or_default().chars().take(64).collect()
}

fn mcp(text: &str) -> Result<DeviceMessage, Invalid> {
    #[derive(Deserialize)]
    struct Carrier<'a> {
        #[serde(borrow)]
        payload: Option<&'a RawValue>,
    }
    let carrier: Carrier<'_> = serde_json::from_str(text).map_err(|error| Invalid::schema(error.to_string()))?;
    let payload = carrier.payload.ok_or_else(|| Invalid::schema("missing: payload"))?.get();
    if !payload.starts_with('{') {
        return Err(Invalid::schema("payload must be an object"));
    }
    Ok(DeviceMessage::Mcp { payload: payload.into() })
}

fn listen(fields: &Fields) -> Result<Listen, Invalid> {
    let states = [("start", ListenState::Start), ("stop", ListenState::Stop), ("detect", ListenState::Detect)];
    let state = word(fields.state.as_ref(), "state", &states)?;
    let (_, state) = state.ok_or_else(|| Invalid::schema("missing: state"))?;
    // A stop may carry any mode or none: firmware omits it, others repeat the last.
    let modes = [("auto", ListenMode::Auto), ("manual", ListenMode::Manual), ("realtime", ListenMode::Realtime)];
    let mode = if state == ListenState::Start { word(fields.mode.as_ref(), "mode", &modes)? } else { None };
    let text = string(fields.text.as_ref(), "text")?.map(str::trim).filter(|text| !text.is_empty());
    Ok(Listen { state, mode: mode.map(|(_, mode)| mode), text: text.map(str::to_owned) })
}

fn mode(fields: &Fields) -> Result<DeviceMessage, Invalid> {
    let state = word(fields.state.as_ref(), "state", &[("start", true), ("end", false)])?;
    let mode = string(fields.mode.as_ref(), "mode")?.map(|mode| mode.trim().to_lowercase());
    let mode = mode.filter(|mode| !mode.is_empty());
    match (state, mode) {
        (Some((_, start)), Some(mode)) => Ok(DeviceMessage::Mode { start, mode }),
        (None, None) => Err(Invalid::schema("missing: state,mode")),
        (None, _) => Err(Invalid::schema("missing: state")),
        (_, None) => Err(Invalid::schema("missing: mode")),
    }
}

fn server(fields: &Fields) -> Result<DeviceMessage, Invalid> {
    let action = string(fields.action.as_ref(), "action")?.map(|action| action.trim().to_lowercase());
    let action = action.filter(|action| !action.is_empty()).ok_or_else(|| Invalid::schema("missing: action"))?;
    let secret = fields.content.as_ref().and_then(|content| content.get("secret"));
    let secret = string(secret, "content.secret")?.unwrap_or_default().into();
    Ok(DeviceMessage::Server { action, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: &str, text: &str) -> String {
        DeviceMessage::parse(kind, text).expect_err("an error").message
    }

    #[test]
    fn c10_says_exactly_what_is_wrong() {
        assert_eq!(error("mode", "{}"), "missing: state,mode");
        assert_eq!(error("mode", r#"{"state":"start"}"#), "missing: mode");
        assert_eq!(error("mode", r#"{"state":"begin","mode":"x"}"#), "state must be one of: start, end");
        assert_eq!(error("mode", r#"{"state":1,"mode":"x"}"#), "state must be a string");
        assert_eq!(error("listen", "{}"), "missing: state");
        assert_eq!(
            error("listen", r#"{"state":"start","mode":"loud"}"#),
            "mode must be one of: auto, manual, realtime"
        );
    }

    #[test]
    fn c10_words_are_trimmed_and_lowered() {
        let text = r#"{"state":" START ","mode":" Dictation "}"#;
        let expected = DeviceMessage::Mode { start: true, mode: "dictation".into() };
        assert_eq!(DeviceMessage::parse("mode", text), Ok(expected));
    }

    #[test]
    fn mcp_carries_an_object_and_nothing_else() {
        let text = r#"{"type":"mcp","payload": {"jsonrpc":"2.0","id":1,"result":{}} }"#;
        let payload = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.into();
        assert_eq!(DeviceMessage::parse("mcp", text), Ok(DeviceMessage::Mcp { payload }));
        assert_eq!(error("mcp", r#"{"type":"mcp"}"#), "missing: payload");
        assert_eq!(error("mcp", r#"{"type":"mcp","payload":null}"#), "missing: payload");
        assert_eq!(error("mcp", r#"{"type":"mcp","payload":[1]}"#), "payload must be an object");
        assert_eq!(error("mcp", r#"{"type":"mcp","payload":"{}"}"#), "payload must be an object");
    }

    #[test]
    fn what_abort_says_is_read_with_indulgence() {
        let reason = |text: &str| DeviceMessage::parse("abort", text);
        let expected = DeviceMessage::Abort { reason: "wake_word_detected".into() };
        assert_eq!(reason(r#"{"reason":"wake_word_detected"}"#), Ok(expected));
        assert_eq!(reason(r#"{"reason":[]}"#), Ok(DeviceMessage::Abort { reason: String::new() }));
    }
}
