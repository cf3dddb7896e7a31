//! Validates a text frame in one pass: it is one JSON object with a `type`, nested no deeper than allowed, without NUL
//! and lone surrogates. Rule: later code does not repeat these checks.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::reply::{ErrorCode, Invalid};

/// The result of the validation.
#[derive(Debug, PartialEq, Eq)]
pub struct Checked<'a> {
    /// The member `type`, trimmed and lower-cased.
    pub kind: Cow<'a, str>,
}

/// Validates a text frame.
///
/// # Errors
/// `INVALID_JSON` if the text is not JSON, `SCHEMA_INVALID` if it is not an object with a `type`, is nested deeper than
/// `max_depth`, or contains NUL.
pub fn check(text: &str, max_depth: usize) -> Result<Checked<'_>, Invalid> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let kind = Envelope { max_depth }.deserialize(&mut reader).map_err(|error| invalid(&error))?;
    reader.end().map_err(|error| invalid(&error))?;
    let kind = kind.ok_or_else(|| Invalid::schema("missing: type"))?;
    let needs_change = kind.trim() != kind || kind.bytes().any(|byte| byte.is_ascii_uppercase());
    let kind = if needs_change { Cow::Owned(kind.trim().to_ascii_lowercase()) } else { kind };
    Ok(Checked { kind })
}

/// Distinguishes errors of this module from those of serde_json.
const MARKER: &str = "\u{1}";

fn invalid(error: &serde_json::Error) -> Invalid {
    let text = error.to_string();
    if let Some(message) = text.strip_prefix(MARKER) {
        // serde_json appends " at line …", which is removed.
        let end = message.rfind(" at line ").unwrap_or(message.len());
        return Invalid::schema(&message[..end]);
    }
    if text.starts_with("recursion limit") {
        return Invalid::schema("nested too deep");
    }
    Invalid::new(ErrorCode::InvalidJson, format!("not valid JSON: {text}"))
}

struct Envelope {
    max_depth: usize,
}

impl<'de> DeserializeSeed<'de> for Envelope {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

/// Walks the members of an object; any other JSON value is an error.
impl<'de> Visitor<'de> for Envelope {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kind = None;
        while let Some(key) = map.next_key_seed(StringSeed)? {
            if key == "type" {
                kind = Some(map.next_value_seed(TypeSeed)?);
            } else {
                map.next_value_seed(SkipValue { depth_left: self.max_depth.saturating_sub(1) })?;
            }
        }
        Ok(kind)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Err(not_an_object())
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Err(not_an_object())
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Err(not_an_object())
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(not_an_object())
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(not_an_object())
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Err(not_an_object())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(not_an_object())
    }
}

fn not_an_object<E: serde::de::Error>() -> E {
    E::custom(format_args!("{MARKER}message must be a JSON object"))
}

/// A string, borrowed if it has no escapes.
struct StringSeed;

impl<'de> DeserializeSeed<'de> for StringSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for StringSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        reject_nul(text)?;
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        reject_nul(text)?;
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The member `type`, which must be a string.
struct TypeSeed;

impl<'de> DeserializeSeed<'de> for TypeSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(StringSeed).map_err(|error| {
            if error.to_string().starts_with("invalid type") {
                D::Error::custom(format_args!("{MARKER}type must be a string"))
            } else {
                error
            }
        })
    }
}

fn reject_nul<E: serde::de::Error>(text: &str) -> Result<(), E> {
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(()),
        Some(_) => Err(E::custom(format_args!("{MARKER}text must not contain NUL"))),
    }
}

/// Validates any value and discards it.
#[derive(Clone, Copy)]
struct SkipValue {
    depth_left: usize,
}

impl SkipValue {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left }),
            None => Err(E::custom(format_args!("{MARKER}nested too deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for SkipValue {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SkipValue {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        reject_nul(text)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while seq.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while map.next_key_seed(StringSeed)?.is_some() {
            map.next_value_seed(deeper)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn error(text: &str) -> (String, String) {
        let invalid = check(text, 8).expect_err("an error");
        (invalid.code.as_str().to_owned(), invalid.message)
    }

    #[test]
    fn the_type_is_trimmed_and_lowered() {
        assert_eq!(check(r#"{"type":" Ping ","x":[1,{"y":null}]}"#, 8).expect("ok").kind, "ping");
    }

    #[test]
    fn every_fault_is_named() {
        assert_eq!(error("{}"), ("SCHEMA_INVALID".into(), "missing: type".into()));
        assert_eq!(error(r#"{"type":7}"#), ("SCHEMA_INVALID".into(), "type must be a string".into()));
        assert_eq!(error("[1]"), ("SCHEMA_INVALID".into(), "message must be a JSON object".into()));
        assert_eq!(error("7"), ("SCHEMA_INVALID".into(), "message must be a JSON object".into()));
        assert_eq!(error("\"x\""), ("SCHEMA_INVALID".into(), "message must be a JSON object".into()));
        assert_eq!(error(r#"{"type":"x","a":"\u0000"}"#).1, "text must not contain NUL");
        assert_eq!(error(r#"{"type":"x","a":"\ud800"}"#).0, "INVALID_JSON");
        assert_eq!(error(r#"{"type":"x"} {}"#).0, "INVALID_JSON");
        assert_eq!(error("hello").0, "INVALID_JSON");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!(r#"{{"type":"x","a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(check(&nested(7), 8).is_ok());
        assert_eq!(error(&nested(8)).1, "nested too deep");
        assert_eq!(error(&nested(100_000)).1, "nested too deep");
    }
}
