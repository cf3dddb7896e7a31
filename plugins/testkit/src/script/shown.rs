//! Output of a mode, as lines. Rule: a line that is shown can be copied into a script and matches there.

use std::fmt;

use modehost_contract::Effect;
use modehost_contract::effect::{Call, ListenCommand, Output, Write};
use serde_json::Value;

use crate::world::Seen;

/// One output of a mode that people or other systems see.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The device; `None`: the current one of the script.
    pub device: Option<String>,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Said(String),
    Message(Value),
    /// Name and arguments of the effect, and its JSON.
    Effect(String, Option<Value>),
}

/// Matches any words, or any value.
const ANY: &str = "...";

impl Shown {
    pub(crate) fn said(device: Option<String>, text: &str) -> Self {
        Self { device, what: What::Said(text.trim().to_owned()) }
    }

    pub(crate) fn message(device: Option<String>, body: Value) -> Self {
        Self { device, what: What::Message(body) }
    }

    pub(crate) fn effect(device: Option<String>, head: &str, body: Option<Value>) -> Self {
        Self { device, what: What::Effect(head.to_owned(), body) }
    }

    /// Whether an actual output matches this line.
    pub(crate) fn is_fulfilled_by(&self, happened: &Self) -> bool {
        self.device == happened.device
            && match (&self.what, &happened.what) {
                (What::Said(expected), What::Said(said)) => has_words(said, expected),
                (What::Message(expected), What::Message(body)) => has_members(body, expected),
                (What::Effect(expected, members), What::Effect(head, body)) => {
                    has_words(head, expected)
                        && members
                            .as_ref()
                            .is_none_or(|members| body.as_ref().is_some_and(|body| has_members(body, members)))
                }
                _ => false,
            }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.device.as_deref().unwrap_or_default())?;
        match &self.what {
            What::Said(text) => write!(f, "< {text}"),
            What::Message(body) => write!(f, "< {body}"),
            What::Effect(head, None) => write!(f, "* {head}"),
            What::Effect(head, Some(body)) => write!(f, "* {head} {body}"),
        }
    }
}

/// Whether a text matches; `...` at either end matches any words.
fn has_words(text: &str, expected: &str) -> bool {
    let expected = expected.replace('…', ANY);
    match (expected.strip_prefix(ANY), expected.strip_suffix(ANY)) {
        _ if expected == ANY => true,
        (Some(rest), None) => text.ends_with(rest.trim_start()),
        (None, Some(rest)) => text.starts_with(rest.trim_end()),
        (Some(rest), Some(_)) => text.contains(rest.strip_suffix(ANY).unwrap_or(rest).trim()),
        (None, None) => text == expected,
    }
}

/// Whether a value has at least the expected members, at every depth. Arrays must have the same length.
pub(crate) fn has_members(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (_, Value::String(any)) if any == ANY => true,
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().all(|(key, expected)| value.get(key).is_some_and(|value| has_members(value, expected)))
        }
        (Value::Array(value), Value::Array(expected)) => {
            value.len() == expected.len()
                && value.iter().zip(expected).all(|(value, expected)| has_members(value, expected))
        }
        _ => value == expected,
    }
}

/// Output as lines: chunks of an answer are joined, and effects that nobody else sees are left out. `here` is the
/// current device of the script.
pub(crate) fn lines(seen: Vec<(String, Seen)>, here: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    // Unfinished answers, by device.
    let mut open: Vec<(String, String)> = Vec::new();
    for (id, seen) in seen {
        let device = (id != here).then(|| id.clone());
        let effect = match seen {
            Seen::Message(body) => {
                shown.push(Shown::message(device, body));
                continue;
            }
            Seen::Effect(effect) => effect,
        };
        if let Effect::Output(Output::Say { text, interrupt, more }) = &effect {
            let begun = open.iter().position(|(speaker, _)| *speaker == id).map(|at| open.remove(at).1);
            let whole = begun.unwrap_or_default() + text;
            if *more {
                open.push((id, whole));
            } else if !whole.trim().is_empty() {
                shown.push(Shown::said(device, &whole));
            } else if *interrupt {
                shown.push(Shown::effect(device, "silence", None));
            }
            continue;
        }
        shown.extend(effect_line(&effect).map(|(head, body)| Shown::effect(device, &head, body)));
    }
    for (id, text) in open {
        shown.push(Shown::said((id != here).then_some(id), &text));
    }
    shown
}

/// An effect that others see: its name and arguments, and its JSON.
fn effect_line(effect: &Effect) -> Option<(String, Option<Value>)> {
    let json = |text: &str| serde_json::from_str(text).ok();
    match effect {
        Effect::Call(Call::AskModel(ask)) => Some((format!("ask {}", ask.purpose), None)),
        Effect::Call(Call::CallTool { name, arguments, .. }) => Some((format!("tool {name}"), json(arguments))),
        Effect::Call(Call::PostHook(post)) => Some((format!("hook {}", post.hook), json(&post.body))),
        Effect::Write(Write::Archive(entry)) => Some((format!("archive {}", entry.kind), json(&entry.content))),
        Effect::Output(output) => match output {
            Output::Dispatch(body) => Some(("dispatch".to_owned(), json(body))),
            Output::SwitchMode(mode) => {
                Some((format!("switch-mode {}", mode.as_deref().unwrap_or_default()).trim().to_owned(), None))
            }
            Output::Decline => Some(("decline".to_owned(), None)),
            Output::Listen(ListenCommand::Start(_)) => Some(("listen start".to_owned(), None)),
            Output::Listen(ListenCommand::Stop) => Some(("listen stop".to_owned(), None)),
            Output::HangUp => Some(("hang-up".to_owned(), None)),
            // Messages are shown at the devices that receive them; speech is joined by `lines`.
            Output::Send(_) | Output::Broadcast { .. } | Output::Say { .. } => None,
        },
        Effect::Call(Call::Deliver(_)) | Effect::Local(_) | Effect::Query(_) | Effect::Write(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dots_stand_for_words_and_values() {
        for (text, expected, fits) in [
            ("Time is up.", "Time is up.", true),
            ("Time is up.", "Time is up", false),
            ("Time is up.", "Time ...", true),
            ("Time is up.", "... up.", true),
            ("Time is up.", "... is ...", true),
            ("Time is up.", "...", true),
            ("Time is up.", "... was ...", false),
            ("时间到了", "…到了", true),
        ] {
            assert_eq!(has_words(text, expected), fits, "{text:?} {expected:?}");
        }
        let body = json!({"a": {"b": 1, "c": [1, {"d": 2}]}, "e": null});
        for (expected, fits) in [
            (json!({}), true),
            (json!({"a": {"b": 1}}), true),
            (json!({"a": {"b": 2}}), false),
            (json!({"a": {"c": [1, {}]}}), true),
            (json!({"a": {"c": [1]}}), false),
            (json!({"a": "...", "e": "..."}), true),
            (json!({"f": "..."}), false),
        ] {
            assert_eq!(has_members(&body, &expected), fits, "{expected}");
        }
    }
}
