//! Validation of guest text that has to be JSON. Rule: one pass, no tree; the text itself is passed on.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// An error unless the text is exactly one JSON value.
pub(crate) fn check_value(text: &str) -> Result<(), String> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

/// An error unless the text is exactly one JSON object.
pub(crate) fn check_object(text: &str) -> Result<(), String> {
    visit_object(text, None).map_err(|error| format!("is not a JSON object: {error}"))
}

/// An error unless the text is exactly one JSON object without a member of this name.
pub(crate) fn check_object_without(text: &str, name: &str) -> Result<(), String> {
    visit_object(text, Some(name))
        .map_err(|error| format!("is not a JSON object with room for the member `{name}`: {error}"))
}

/// The member `type` of a text that is exactly one JSON object.
pub(crate) fn message_type(text: &str) -> Result<String, String> {
    match serde_json::from_str::<Message>(text) {
        Ok(Message(kind)) if kind.is_empty() => Err("has an empty `type`".to_owned()),
        Ok(Message(kind)) => Ok(kind),
        Err(error) => Err(format!("is not a JSON object with a `type`: {error}")),
    }
}

fn visit_object(text: &str, forbidden: Option<&str>) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(ObjectVisitor { forbidden })?;
    reader.end()
}

/// Visits the members of an object; a member with the forbidden name is an error.
struct ObjectVisitor<'a> {
    forbidden: Option<&'a str>,
}

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Some(forbidden) = self.forbidden else {
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == forbidden {
                return Err(A::Error::custom("the member exists already"));
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A message, of which only the `type` is parsed.
struct Message(String);

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Message;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a string member `type`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Message, A::Error> {
                let mut kind = None;
                while let Some(name) = members.next_key::<Name>()? {
                    match name {
                        Name::Other => {
                            members.next_value::<IgnoredAny>()?;
                        }
                        Name::Type if kind.is_some() => return Err(A::Error::duplicate_field("type")),
                        Name::Type => kind = Some(members.next_value::<String>()?),
                    }
                }
                kind.map(Message).ok_or_else(|| A::Error::missing_field("type"))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The name of a member: `type`, or any other.
enum Name {
    Type,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
                Ok(if name == "type" { Name::Type } else { Name::Other })
            }
        }

        deserializer.deserialize_identifier(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::{check_object, check_object_without, check_value, message_type};

    #[test]
    fn an_object_may_have_room_for_one_more_member() {
        assert_eq!(check_object(r#" {"a":{"b":1}} "#), Ok(()));
        assert_eq!(check_object_without(r#"{"a":{"entries":1},"b":2}"#, "entries"), Ok(()));
        assert_eq!(check_object_without("{}", "entries"), Ok(()));
        for bad in ["", "[]", "1", "{} {}", "{\"a\"}"] {
            assert!(check_object(bad).is_err(), "{bad:?}");
            assert!(check_object_without(bad, "entries").is_err(), "{bad:?}");
        }
        for taken in [r#"{"entries":1}"#, r#"{"a":1,"\u0065ntries":[]}"#] {
            assert!(check_object_without(taken, "entries").is_err(), "{taken:?}");
        }
    }

    #[test]
    fn a_message_has_one_type() {
        assert_eq!(message_type(r#"{"a":[1,{"type":2}],"type":"x"}"#).as_deref(), Ok("x"));
        for bad in
            ["", "[]", "{}", r#"{"type":1}"#, r#"{"type":""}"#, r#"{"type":"a","type":"b"}"#, r#"{"type":"a"} x"#]
        {
            assert!(message_type(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_value_is_whole() {
        assert_eq!(check_value("[1,2]"), Ok(()));
        for bad in ["", "[1,2", "{\"a\":}", "1 2"] {
            assert!(check_value(bad).is_err(), "{bad:?}");
        }
    }
}
