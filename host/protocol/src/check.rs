//! One pass over a text frame: it is one JSON object, nested no deeper than allowed, without NUL
//! and lone surrogates, and names its `type`. Rule: nothing behind this looks for these again.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::reply::{ErrorCode, Invalid};

/// What the pass found.
#[derive(Debug, PartialEq, Eq)]
pub struct Checked<'a> {
    /// The member `type`, trimmed and lower-cased.
    pub kind: Cow<'a, str>,
}

/// Checks one text frame.
///
/// # Errors
/// `INVALID_JSON` where the text is not JSON, `SCHEMA_INVALID` where it is not an object with a
/// `type`, or is nested deeper than `max_depth`, or holds NUL.
pub fn check(text: &str, max_depth: usize) -> Result<Checked<'_>, Invalid> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Envelope { max_depth }.deserialize(&mut reader).map_err(|error| invalid(&error))?;
    reader.end().map_err(|error| invalid(&error))?;
    let kind = found.ok_or_else(|| Invalid::schema("missing: type"))?;
    let lowered = kind.trim() != kind || kind.bytes().any(|byte| byte.is_ascii_uppercase());
    let kind = if lowered { Cow::Owned(kind.trim().to_ascii_lowercase()) } else { kind };
    Ok(Checked { kind })
}

/// Marks the errors that are ours among those of serde_json.
const OURS: &str = "\u{1}";

fn invalid(error: &serde_json::Error) -> Invalid {
    let text = error.to_string();
    if let Some(ours) = text.strip_prefix(OURS) {
        // serde_json adds " at line …"; the sentence ends before it.
        let end = ours.rfind(" at line ").unwrap_or(ours.len());
        return Invalid::schema(&ours[..end]);
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

/// An object's members are walked; anything else is refused by its shape.
impl<'de> Visitor<'de> for Envelope {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kind = None;
        while let Some(key) = map.next_key_seed(Text)? {
            if key == "type" {
                kind = Some(map.next_value_seed(Kind)?);
            } else {
                map.next_value_seed(Walk { left: self.max_depth.saturating_sub(1) })?;
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
    E::custom(format_args!("{OURS}message must be a JSON object"))
}

/// A string, borrowed where it has no escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        no_nul(text)?;
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        no_nul(text)?;
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The member `type`: a string, or an error that says so.
struct Kind;

impl<'de> DeserializeSeed<'de> for Kind {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(Text).map_err(|error| {
            if error.to_string().starts_with("invalid type") {
                D::Error::custom(format_args!("{OURS}type must be a string"))
            } else {
                error
            }
        })
    }
}

fn no_nul<E: serde::de::Error>(text: &str) -> Result<(), E> {
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(()),
        Some(_) => Err(E::custom(format_args!("{OURS}text must not contain NUL"))),
    }
}

/// Any value, looked at and thrown away.
#[derive(Clone, Copy)]
struct Walk {
    left: usize,
}

impl Walk {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left }),
            None => Err(E::custom(format_args!("{OURS}nested too deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
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
        no_nul(text)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while seq.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while map.next_key_seed(Text)?.is_some() {
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
