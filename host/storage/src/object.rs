//! Splits JSON objects into their members. Rule: the value of a member stays raw text; it is not parsed into memory.

use std::fmt;
use std::io;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Members of an object, in their order.
pub(crate) type Members = Vec<(String, Box<RawValue>)>;

/// Splits an object; members named in `without` are left out.
///
/// # Errors
/// If the text is not exactly one JSON object.
pub(crate) fn members(text: &str, without: &[&str]) -> serde_json::Result<Members> {
    let mut source = serde_json::Deserializer::from_str(text);
    let members = MembersExcept { without }.deserialize(&mut source)?;
    source.end()?;
    Ok(members)
}

/// As [`members`], from a file that may be much larger than the members that are kept.
///
/// # Errors
/// If it cannot be read or is not exactly one JSON object.
pub(crate) fn members_of(source: impl io::Read, without: &[&str]) -> serde_json::Result<Members> {
    let mut source = serde_json::Deserializer::from_reader(source);
    let members = MembersExcept { without }.deserialize(&mut source)?;
    source.end()?;
    Ok(members)
}

/// Deserializes all members except these.
struct MembersExcept<'w> {
    without: &'w [&'w str],
}

impl<'de> DeserializeSeed<'de> for MembersExcept<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Members, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MembersExcept<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.without.contains(&&*name) {
                map.next_value::<IgnoredAny>()?;
            } else {
                members.push((name, map.next_value()?));
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_text() {
        let text = r#" {"b": 1.50, "a": {"x" : [1, 2]}, "gone": [[]], "ü": null} "#;
        let found = members(text, &["gone"]).expect("an object");
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(found, [("b", "1.50"), ("a", r#"{"x" : [1, 2]}"#), ("ü", "null")]);
        assert_eq!(members_of(text.as_bytes(), &["gone"]).expect("an object").len(), 3);
        for bad in ["[]", "1", "{\"a\":1", "{} {}", ""] {
            assert!(members(bad, &[]).is_err(), "{bad}");
            assert!(members_of(bad.as_bytes(), &[]).is_err(), "{bad}");
        }
    }
}
