//! Messages of devices. Rule: only messages of stock firmware are typed here; every other type is passed on as text to
//! the plugin that claims it.

use std::sync::Arc;

use modehost_ids::{Secret, SecretKind};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::hello::Hello;
use crate::kind::HostKind;
use crate::reply::Invalid;

/// A message whose structure has been validated.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceMessage {
    /// May be sent more than once on a connection.
    Hello(Hello),
    /// Listening starts or stops, or the device sends text input.
    Listen(Listen),
    /// The device requests that speech stops.
    Abort {
        /// As sent by the device, truncated to 64 characters; empty if missing.
        reason: String,
    },
    /// Starts or ends a mode.
    Mode {
        /// False: ends it.
        start: bool,
        /// Lower-cased and trimmed; never empty. No plugin needs to have a mode of this name.
        mode: String,
    },
    /// An operator command.
    Server {
        /// Lower-cased and trimmed; never empty. It may be unknown.
        action: String,
        /// The secret as sent; not verified yet.
        secret: GivenSecret,
    },
    /// A response or a notification of the device's MCP server: one JSON object, not parsed.
    Mcp {
        /// The JSON object, as text.
        payload: Box<str>,
    },
    /// Things and states of firmware before 1.6.3. Not parsed.
    Iot {
        /// The whole message, as text.
        body: Arc<str>,
    },
    /// A known type that needs no action: `goodbye`.
    Ignored,
    /// A type that the server does not handle itself.
    Other {
        /// Its `type`, lower-cased and trimmed.
        kind: Arc<str>,
        /// The whole message, as text.
        body: Arc<str>,
    },
}

/// The secret in a `server` message; empty if missing.
pub type GivenSecret = Secret<GivenSecretKind>;

/// See [`GivenSecret`].
#[derive(Debug)]
pub enum GivenSecretKind {}

impl SecretKind for GivenSecretKind {
    const NAME: &'static str = "GivenSecret";
    const DESCRIPTION: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

/// A `listen` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Its state.
    pub state: ListenState,
    /// Only with `start`.
    pub mode: Option<ListenMode>,
    /// Typed text or a wake word, with `detect`.
    pub text: Option<String>,
}

/// Who ends an utterance (endpointing), and whether the microphone stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenMode {
    /// The server; the device does not listen during speech output.
    Auto,
    /// The device.
    Manual,
    /// The server; the device listens all the time.
    Realtime,
}

/// The states of `listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenState {
    /// The device starts to send audio.
    Start,
    /// The utterance has ended.
    Stop,
    /// Text instead of audio: a wake word, or typed text.
    Detect,
}

/// True for types that the server handles and the ecosystem does not know.
pub fn is_extension(kind: &str) -> bool {
    HostKind::of(kind).is_some_and(HostKind::is_extension)
}

/// True for heartbeat types, which the connection answers itself.
pub fn is_heartbeat(kind: &str) -> bool {
    HostKind::of(kind).is_some_and(HostKind::is_heartbeat)
}

impl DeviceMessage {
    /// Parses a message of type `kind` whose envelope has been validated.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` with the member that is missing or wrong.
    pub fn parse(kind: &str, text: &str) -> Result<Self, Invalid> {
        let Some(host_kind) = HostKind::of(kind) else {
            return Ok(Self::Other { kind: kind.into(), body: text.into() });
        };
        Ok(match host_kind {
            HostKind::Hello => Self::Hello(Hello::parse(text)),
            HostKind::Listen => Self::Listen(listen(&fields(text)?)?),
            HostKind::Abort => Self::Abort { reason: reason(text) },
            HostKind::Mode => mode(&fields(text)?)?,
            HostKind::Server => server(&fields(text)?)?,
            HostKind::Mcp => mcp(text)?,
            HostKind::Iot => Self::Iot { body: text.into() },
            HostKind::Goodbye => Self::Ignored,
            // The connection answers heartbeats, so one that gets here is passed on like an unknown type.
            HostKind::Ping | HostKind::Keepalive => Self::Other { kind: kind.into(), body: text.into() },
        })
    }
}

/// The members of typed messages; all others are ignored.
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

/// A string member. `None` if absent or null.
fn string<'a>(value: Option<&'a Value>, name: &str) -> Result<Option<&'a str>, Invalid> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Invalid::schema(format!("{name} must be a string"))),
    }
}

/// A keyword from a closed set, trimmed and lower-cased before the lookup.
fn keyword<'a, T: Copy>(
    value: Option<&Value>,
    name: &str,
    set: &[(&'a str, T)],
) -> Result<Option<(&'a str, T)>, Invalid> {
    let Some(text) = string(value, name)? else { return Ok(None) };
    let text = text.trim().to_lowercase();
    let found = set.iter().find(|(keyword, _)| *keyword == text);
    let names = || set.iter().map(|(keyword, _)| *keyword).collect::<Vec<_>>().join(", ");
    found.copied().map(Some).ok_or_else(|| Invalid::schema(format!("{name} must be one of: {}", names())))
}

/// The reason of an abort. A malformed one is ignored, since an error would leave the device in its speaking state.
fn reason(text: &str) -> String {
    let abort: Value = serde_json::from_str(text).unwrap_or_default();
    abort["reason"].as_str().unwrap_or_default().chars().take(64).collect()
}

fn mcp(text: &str) -> Result<DeviceMessage, Invalid> {
    #[derive(Deserialize)]
    struct McpEnvelope<'a> {
        #[serde(borrow)]
        payload: Option<&'a RawValue>,
    }
    let envelope: McpEnvelope<'_> = serde_json::from_str(text).map_err(|error| Invalid::schema(error.to_string()))?;
    let payload = envelope.payload.ok_or_else(|| Invalid::schema("missing: payload"))?.get();
    if !payload.starts_with('{') {
        return Err(Invalid::schema("payload must be an object"));
    }
    Ok(DeviceMessage::Mcp { payload: payload.into() })
}

fn listen(fields: &Fields) -> Result<Listen, Invalid> {
    let states = [("start", ListenState::Start), ("stop", ListenState::Stop), ("detect", ListenState::Detect)];
    let state = keyword(fields.state.as_ref(), "state", &states)?;
    let (_, state) = state.ok_or_else(|| Invalid::schema("missing: state"))?;
    // `stop` may carry any mode or none: firmware omits it, other clients repeat the last one.
    let modes = [("auto", ListenMode::Auto), ("manual", ListenMode::Manual), ("realtime", ListenMode::Realtime)];
    let mode = if state == ListenState::Start { keyword(fields.mode.as_ref(), "mode", &modes)? } else { None };
    let text = string(fields.text.as_ref(), "text")?.map(str::trim).filter(|text| !text.is_empty());
    Ok(Listen { state, mode: mode.map(|(_, mode)| mode), text: text.map(str::to_owned) })
}

fn mode(fields: &Fields) -> Result<DeviceMessage, Invalid> {
    let state = keyword(fields.state.as_ref(), "state", &[("start", true), ("end", false)])?;
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
