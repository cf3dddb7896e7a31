//! Addresses out of the configuration. Rule: they are called, and what is shown of one is where it
//! is at the most: people put keys into paths and queries, and passwords before the host.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// An address that neither `Debug` nor `Display` shows beyond `scheme://host:port`.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// The whole address, for whoever calls it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Address {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(place(&self.0).unwrap_or("…"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl JsonSchema for Address {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// `scheme://host:port` of an address; `None` where it does not have that form, or anything before the host.
pub fn place(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let word = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    // What stands before an `@` is a password, as far as anybody knows.
    (word(scheme, "+-.") && word(host, ".-_:[]")).then(|| &address[..scheme.len() + 3 + host.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_of_an_address_only_the_place_is_shown() {
        for (address, shown) in [
            ("https://api.example.org/v1/hush?key=hush", "https://api.example.org"),
            ("wss://voice.example.org:8443?hush", "wss://voice.example.org:8443"),
            ("http://[::1]:8/#hush", "http://[::1]:8"),
            ("https://hush:hush@api.example.org/", "…"),
            ("https://hush@api.example.org\\@x/", "…"),
            ("hush", "…"),
            ("hush hush://a", "…"),
            ("", "…"),
        ] {
            let held = Address::from(address);
            assert_eq!(held.to_string(), shown, "{address}");
            assert_eq!(format!("{:?}", Some(&held)), format!("Some(Address({shown}))"));
            assert_eq!(&*held, address);
        }
    }
}
