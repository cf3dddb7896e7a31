//! Which messages a device is sent (C.18). Rule: the ecosystem's messages go to all; our own only to devices that
//! know them. Nothing else decides it, whoever has sent the message.
//!
//! A message of ours may say in a member `alert` (`status`, `message`, `emotion`) how devices are told that do not
//! know it: they are sent that, as the ecosystem's `alert`. An answer to something that the device has sent itself
//! (an error with `ref`) always goes.

use std::collections::VecDeque;

use modehost_outbox::{Frame, Text};
use modehost_protocol::reply;
use serde_json::Value;

/// What is known of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    /// It knows this server's own messages.
    pub extensions: bool,
    /// It shows faces.
    pub faces: bool,
}

impl Audience {
    /// Takes out what is not for the device.
    pub fn fit(self, frames: &mut VecDeque<Frame>) {
        if self.extensions && self.faces {
            // Nothing is read twice for those that take all.
            return;
        }
        frames.retain_mut(|frame| {
            let Frame::Text(text) = frame else { return true };
            let stays = match self.fitting(as_str(text)) {
                Fit::AsItIs => return true,
                Fit::Instead(alert) => {
                    *text = Text::Own(alert);
                    true
                }
                Fit::Not => false,
            };
            metrics::counter!("modehost_outbox_dropped_total", "reason" => "not_for_device")
                .increment(u64::from(!stays));
            stays
        });
    }

    /// What keeps a silent channel open.
    pub fn keepalive(self) -> &'static str {
        match self {
            Self { extensions: true, .. } => reply::KEEPALIVE,
            Self { faces: true, .. } => reply::QUIET_FACE,
            Self { .. } => reply::PONG,
        }
    }

    fn fitting(self, text: &str) -> Fit {
        let Ok(Value::Object(message)) = serde_json::from_str::<Value>(text) else { return Fit::AsItIs };
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "llm" && !self.faces {
            return Fit::Not;
        }
        let answers = kind == "error" && message.contains_key("ref");
        if self.extensions || reply::is_ecosystem(kind) || answers {
            return Fit::AsItIs;
        }
        let Some(Value::Object(alert)) = message.get("alert") else { return Fit::Not };
        let word = |name: &str| alert.get(name).and_then(Value::as_str);
        match word("message") {
            Some(message) => Fit::Instead(reply::alert(
                word("status").unwrap_or_default(),
                message,
                word("emotion").unwrap_or(reply::NEUTRAL),
            )),
            None => Fit::Not,
        }
    }
}

enum Fit {
    AsItIs,
    Instead(String),
    Not,
}

fn as_str(text: &Text) -> &str {
    match text {
        Text::Own(text) => text,
        Text::Shared(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: Audience = Audience { extensions: false, faces: true };

    fn seen(audience: Audience, messages: &[&'static str]) -> Vec<String> {
        let mut frames: VecDeque<Frame> = messages.iter().map(|text| Frame::Text((*text).into())).collect();
        frames.push_back(Frame::Audio { packet: vec![1], timestamp_ms: 0 });
        audience.fit(&mut frames);
        assert!(matches!(frames.pop_back(), Some(Frame::Audio { .. })), "sound always goes");
        let text = |frame: &Frame| match frame {
            Frame::Text(text) => as_str(text).to_owned(),
            other => panic!("{other:?}"),
        };
        frames.iter().map(text).collect()
    }

    const STT: &str = r#"{"type":"stt","text":"a"}"#;
    const FACE: &str = r#"{"type":"llm","emotion":"happy"}"#;
    const ANSWER: &str = r#"{"type":"error","code":"UNKNOWN_TYPE","message":"no","ref":{"type":"x"}}"#;
    const ERROR: &str = r#"{"type":"error","code":"ASR_UNAVAILABLE","message":"no"}"#;
    const BOARD: &str = r#"{"type":"board","event":"state","tasks":[]}"#;
    const LETTER: &str =
        r#"{"type":"letter","payload":{"text":"hi"},"alert":{"status":"Ann","message":"hi","emotion":"happy"}}"#;

    #[test]
    fn c18_the_ecosystem_s_messages_go_to_all_and_ours_to_those_that_know_them() {
        let all = [STT, FACE, ANSWER, ERROR, BOARD];
        assert_eq!(seen(STOCK, &all), [STT, FACE, ANSWER]);
        assert_eq!(seen(Audience { extensions: true, faces: true }, &all), all);
        assert_eq!(seen(Audience { extensions: true, faces: false }, &all), [STT, ANSWER, ERROR, BOARD]);
        assert_eq!(seen(Audience { extensions: false, faces: false }, &all), [STT, ANSWER]);
    }

    #[test]
    fn c18_what_a_person_must_learn_is_shown_as_an_alert() {
        let shown = seen(STOCK, &[LETTER]);
        let shown: Value = serde_json::from_str(&shown[0]).expect("JSON");
        assert_eq!(shown, serde_json::json!({ "type": "alert", "status": "Ann", "message": "hi", "emotion": "happy" }));
        assert_eq!(seen(Audience { extensions: true, faces: true }, &[LETTER]), [LETTER]);
        let wordless = r#"{"type":"letter","alert":{"status":"Ann"}}"#;
        assert_eq!(seen(STOCK, &[wordless, r#"{"type":"letter","alert":7}"#]), [""; 0]);
    }

    #[test]
    fn c18_a_silent_channel_is_kept_open_by_what_the_device_knows() {
        assert_eq!(Audience { extensions: true, faces: false }.keepalive(), reply::KEEPALIVE);
        assert_eq!(STOCK.keepalive(), reply::QUIET_FACE);
        assert_eq!(Audience { extensions: false, faces: false }.keepalive(), reply::PONG);
    }
}
