//! Filters the messages that a device is sent (C.18). Rule: messages of the ecosystem go to all devices; this server's
//! extensions only to devices that support them. No other criterion applies, whoever sent the message.
//!
//! An extension message can carry a member `alert` (`status`, `message`, `emotion`): devices without extension support
//! are sent that as an `alert` of the ecosystem instead. A response to a message of the device (an error with `ref`) is
//! always sent.

use std::collections::VecDeque;

use modehost_outbox::{Frame, Text};
use modehost_protocol::reply;
use serde_json::Value;

/// The capabilities of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageFilter {
    /// Supports this server's extension messages.
    pub extensions: bool,
    /// Displays emotions.
    pub emotions: bool,
}

impl MessageFilter {
    /// Removes or replaces the frames that the device does not support.
    pub fn apply(self, frames: &mut VecDeque<Frame>) {
        if self.extensions && self.emotions {
            // Fast path: no parsing for devices that accept everything.
            return;
        }
        frames.retain_mut(|frame| {
            let Frame::Text(text) = frame else { return true };
            let keep = match self.decide(as_str(text)) {
                Decision::Pass => return true,
                Decision::Replace(alert) => {
                    *text = Text::Owned(alert);
                    true
                }
                Decision::Drop => false,
            };
            metrics::counter!("modehost_outbox_dropped_total", "reason" => "not_for_device")
                .increment(u64::from(!keep));
            keep
        });
    }

    /// The message that keeps an idle connection open.
    pub fn keepalive(self) -> &'static str {
        match self {
            Self { extensions: true, .. } => reply::KEEPALIVE,
            Self { emotions: true, .. } => reply::NEUTRAL_EMOTION,
            Self { .. } => reply::PONG,
        }
    }

    fn decide(self, text: &str) -> Decision {
        let Ok(Value::Object(message)) = serde_json::from_str::<Value>(text) else { return Decision::Pass };
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "llm" && !self.emotions {
            return Decision::Drop;
        }
        let is_response = kind == "error" && message.contains_key("ref");
        if self.extensions || reply::is_ecosystem(kind) || is_response {
            return Decision::Pass;
        }
        let Some(Value::Object(alert)) = message.get("alert") else { return Decision::Drop };
        let member = |name: &str| alert.get(name).and_then(Value::as_str);
        match member("message") {
            Some(message) => Decision::Replace(reply::alert(
                member("status").unwrap_or_default(),
                message,
                member("emotion").unwrap_or(reply::NEUTRAL),
            )),
            None => Decision::Drop,
        }
    }
}

enum Decision {
    Pass,
    Replace(String),
    Drop,
}

fn as_str(text: &Text) -> &str {
    match text {
        Text::Owned(text) => text,
        Text::Shared(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: MessageFilter = MessageFilter { extensions: false, emotions: true };

    fn filtered(message_filter: MessageFilter, messages: &[&'static str]) -> Vec<String> {
        let mut frames: VecDeque<Frame> = messages.iter().map(|text| Frame::Text((*text).into())).collect();
        frames.push_back(Frame::Audio { packet: vec![1], timestamp_ms: 0 });
        message_filter.apply(&mut frames);
        assert!(matches!(frames.pop_back(), Some(Frame::Audio { .. })), "audio always passes");
        let text = |frame: &Frame| match frame {
            Frame::Text(text) => as_str(text).to_owned(),
            other => panic!("{other:?}"),
        };
        frames.iter().map(text).collect()
    }

    const STT: &str = r#"{"type":"stt","text":"a"}"#;
    const EMOTION: &str = r#"{"type":"llm","emotion":"happy"}"#;
    const ANSWER: &str = r#"{"type":"error","code":"UNKNOWN_TYPE","message":"no","ref":{"type":"x"}}"#;
    const ERROR: &str = r#"{"type":"error","code":"ASR_UNAVAILABLE","message":"no"}"#;
    const BOARD: &str = r#"{"type":"board","event":"state","tasks":[]}"#;
    const WITH_ALERT: &str =
        r#"{"type":"letter","payload":{"text":"hi"},"alert":{"status":"Ann","message":"hi","emotion":"happy"}}"#;

    #[test]
    fn c18_the_ecosystem_s_messages_go_to_all_and_ours_to_those_that_know_them() {
        let all = [STT, EMOTION, ANSWER, ERROR, BOARD];
        assert_eq!(filtered(STOCK, &all), [STT, EMOTION, ANSWER]);
        assert_eq!(filtered(MessageFilter { extensions: true, emotions: true }, &all), all);
        assert_eq!(filtered(MessageFilter { extensions: true, emotions: false }, &all), [STT, ANSWER, ERROR, BOARD]);
        assert_eq!(filtered(MessageFilter { extensions: false, emotions: false }, &all), [STT, ANSWER]);
    }

    #[test]
    fn c18_what_a_person_must_learn_is_shown_as_an_alert() {
        let sent = filtered(STOCK, &[WITH_ALERT]);
        let sent: Value = serde_json::from_str(&sent[0]).expect("JSON");
        assert_eq!(sent, serde_json::json!({ "type": "alert", "status": "Ann", "message": "hi", "emotion": "happy" }));
        assert_eq!(filtered(MessageFilter { extensions: true, emotions: true }, &[WITH_ALERT]), [WITH_ALERT]);
        let without_message = r#"{"type":"letter","alert":{"status":"Ann"}}"#;
        assert_eq!(filtered(STOCK, &[without_message, r#"{"type":"letter","alert":7}"#]), [""; 0]);
    }

    #[test]
    fn c18_a_silent_channel_is_kept_open_by_what_the_device_knows() {
        assert_eq!(MessageFilter { extensions: true, emotions: false }.keepalive(), reply::KEEPALIVE);
        assert_eq!(STOCK.keepalive(), reply::NEUTRAL_EMOTION);
        assert_eq!(MessageFilter { extensions: false, emotions: false }.keepalive(), reply::PONG);
    }
}
