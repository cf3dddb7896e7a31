//! Parsing of messages. Rule: an invalid message is rejected with the code `SCHEMA_INVALID` and one sentence, so
//! nobody needs a log to find the cause; the checks of [`Fields`] name the member.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use crate::bindings::modehost::mode::events::Message;
use crate::{Fault, Rejection};

/// Rejects the event: an error with this code and sentence is sent to the device. [`Fault::retry_after`] adds when to
/// retry.
pub fn reject(code: &str, message: impl Into<String>) -> Fault {
    Fault::Rejected(Rejection { code: code.to_owned(), message: message.into(), retry_after_ms: None })
}

impl Fault {
    /// Tells the device when to retry: the member `retry_after_ms` of the error, in whole ms, rounded up, at most 49
    /// days. A fault of the mode itself is returned unchanged, since the error that the device gets for it has no
    /// such member.
    ///
    /// ```
    /// use modehost_sdk::prelude::*;
    ///
    /// let fault = reject("RATE_LIMITED", "one at a time").retry_after(Duration::from_secs(2));
    /// assert!(matches!(fault, Fault::Rejected(rejection) if rejection.retry_after_ms == Some(2_000)));
    /// ```
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        if let Self::Rejected(rejection) = &mut self {
            let ms = wait.as_nanos().div_ceil(1_000_000);
            rejection.retry_after_ms = Some(u32::try_from(ms).unwrap_or(u32::MAX));
        }
        self
    }
}

/// Like [`reject`], for a message with an invalid shape.
pub fn schema_invalid(message: impl Into<String>) -> Fault {
    reject("SCHEMA_INVALID", message)
}

/// Deserialises JSON into a type: the fast way if members are independent. Keywords of the protocol take
/// `#[serde(deserialize_with = "modehost_sdk::lower_word")]`.
///
/// # Errors
/// `SCHEMA_INVALID`, with `missing: <member>` for the first missing member, else with the message of serde.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Fault> {
    serde_json::from_str(json).map_err(|error| {
        let text = error.to_string();
        let sentence = text.split(" at line ").next().unwrap_or_default();
        match sentence.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(member) => schema_invalid(format!("missing: {member}")),
            None => schema_invalid(sentence),
        }
    })
}

/// Deserialises a keyword of the protocol: trimmed, and lower-cased in ASCII.
///
/// # Errors
/// If the value is not a string.
pub fn lower_word<'de, D: Deserializer<'de>>(reader: D) -> Result<String, D::Error> {
    let mut word = String::deserialize(reader)?;
    if word.trim().len() != word.len() {
        word = word.trim().to_owned();
    }
    word.make_ascii_lowercase();
    Ok(word)
}

impl Message {
    /// See [`parse`].
    ///
    /// # Errors
    /// See [`parse`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.body)
    }

    /// The members of the message, for checks across several of them.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` if the body is not a JSON object.
    pub fn fields(&self) -> Result<Fields, Fault> {
        Fields::read(&self.body)
    }
}

/// The members of one JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    members: Map<String, Value>,
}

impl Fields {
    /// Parses an object.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` if the text is not a JSON object.
    pub fn read(json: &str) -> Result<Self, Fault> {
        Ok(Self { members: parse(json)? })
    }

    /// Rejects the message unless all of these members are present; names every missing one, as
    /// `missing: title,duration`. Null and blank text count as missing.
    ///
    /// # Errors
    /// `SCHEMA_INVALID`.
    pub fn require(&self, names: &[&str]) -> Result<(), Fault> {
        let missing: Vec<&str> = names.iter().copied().filter(|name| self.member(name).is_none()).collect();
        if missing.is_empty() { Ok(()) } else { Err(schema_invalid(format!("missing: {}", missing.join(",")))) }
    }

    /// One of the allowed words, as listed; trimmed and compared without regard to ASCII case.
    ///
    /// # Errors
    /// `SCHEMA_INVALID`: `missing: <name>`, or `<name> must be one of: a, b`.
    pub fn word<'w>(&self, name: &str, allowed: &[&'w str]) -> Result<&'w str, Fault> {
        self.require(&[name])?;
        let found = match self.member(name) {
            Some(Value::String(text)) => {
                let text = text.trim();
                allowed.iter().find(|word| word.eq_ignore_ascii_case(text))
            }
            _ => None,
        };
        found.copied().ok_or_else(|| schema_invalid(format!("{name} must be one of: {}", allowed.join(", "))))
    }

    /// The text, trimmed; `None` if the member is absent, null or blank.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` if it is not a string.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim())),
            Some(_) => Err(schema_invalid(format!("{name} must be a string"))),
        }
    }

    /// An array of objects that each have all these members; `None` if the array is absent.
    ///
    /// # Errors
    /// `SCHEMA_INVALID`, as `items must be array of {tag,text}: missing one of tag/text`.
    pub fn objects(&self, name: &str, shape: &[&str]) -> Result<Option<Vec<&Map<String, Value>>>, Fault> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let complaint = || format!("{name} must be array of {{{}}}", shape.join(","));
        let items = value.as_array().ok_or_else(|| schema_invalid(complaint()))?;
        let mut objects = Vec::with_capacity(items.len());
        for item in items {
            let object = item.as_object().ok_or_else(|| schema_invalid(complaint()))?;
            if shape.iter().any(|member| object.get(*member).is_none_or(is_blank)) {
                return Err(schema_invalid(format!("{}: missing one of {}", complaint(), shape.join("/"))));
            }
            objects.push(object);
        }
        Ok(Some(objects))
    }

    /// The member; `None` if it is absent, null or blank text.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !is_blank(value))
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
        match result {
            Err(Fault::Rejected(rejection)) if rejection.code == "SCHEMA_INVALID" => rejection.message,
            other => panic!("expected SCHEMA_INVALID, found {other:?}"),
        }
    }

    #[test]
    fn c10_every_missing_member_is_named() {
        let fields = Fields::read(r#"{"a":1,"title":null,"duration":"  "}"#).expect("an object");
        assert_eq!(sentence(fields.require(&["a", "title", "duration"])), "missing: title,duration");
    }

    #[test]
    fn c10_words_are_trimmed_and_lowered() {
        let allowed = ["update", "complete", "assign", "refresh"];
        let read = |json| Fields::read(json).expect("an object");
        assert_eq!(read(r#"{"event":" Complete "}"#).word("event", &allowed).expect("ok"), "complete");
        let complaint = "event must be one of: update, complete, assign, refresh";
        assert_eq!(sentence(read(r#"{"event":"done"}"#).word("event", &allowed)), complaint);
        assert_eq!(sentence(read(r#"{"event":7}"#).word("event", &allowed)), complaint);
        assert_eq!(sentence(read("{}").word("event", &allowed)), "missing: event");
    }

    #[test]
    fn c10_the_shape_of_items_is_said() {
        let shape = ["tag", "text"];
        let read = |json| Fields::read(json).expect("an object");
        let objects = |json| read(json).objects("items", &shape).map(|items| items.map(|items| items.len()));
        assert_eq!(objects(r#"{"items":[{"tag":"a","text":"b"}]}"#).expect("ok"), Some(1));
        assert_eq!(objects("{}").expect("ok"), None);
        let complaint = "items must be array of {tag,text}";
        assert_eq!(sentence(objects(r#"{"items":{}}"#)), complaint);
        assert_eq!(sentence(objects(r#"{"items":["x"]}"#)), complaint);
        let missing = "items must be array of {tag,text}: missing one of tag/text";
        assert_eq!(sentence(objects(r#"{"items":[{"tag":"a"}]}"#)), missing);
    }

    #[test]
    fn c10_typed_reading_names_the_member() {
        #[derive(Debug, Deserialize)]
        struct Ask {
            #[serde(deserialize_with = "lower_word")]
            event: String,
        }
        assert_eq!(parse::<Ask>(r#"{"event":" Go "}"#).expect("ok").event, "go");
        assert_eq!(sentence(parse::<Ask>("{}")), "missing: event");
        assert_eq!(sentence(parse::<Ask>(r#"{"event":7}"#)), "invalid type: integer `7`, expected a string");
    }
}
