//! URLs from the configuration. Rule: they are called, but `Debug` and `Display` show at most the origin: paths and
//! queries may contain keys, and the part before the host passwords.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// A URL of which `Debug` and `Display` show only `scheme://host:port`.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// The whole URL, for calling it.
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
        f.write_str(origin(&self.0).unwrap_or("…"))
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

/// `scheme://host:port` of a URL; `None` if it does not have that form, or has user information before the host.
pub fn origin(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let is_word = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    // Anything before an `@` may be a password.
    (is_word(scheme, "+-.") && is_word(host, ".-_:[]")).then(|| &address[..scheme.len() + 3 + host.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_of_an_address_only_the_place_is_shown() {
        for (address, displayed) in [
            ("https://api.example.org/v1/hush?key=hush", "https://api.example.org"),
            ("wss://voice.example.org:8443?hush", "wss://voice.example.org:8443"),
            ("http://[::1]:8/#hush", "http://[::1]:8"),
            ("https://hush:hush@api.example.org/", "…"),
            ("https://hush@api.example.org\\@x/", "…"),
            ("hush", "…"),
            ("hush hush://a", "…"),
            ("", "…"),
        ] {
            let url = Address::from(address);
            assert_eq!(url.to_string(), displayed, "{address}");
            assert_eq!(format!("{:?}", Some(&url)), format!("Some(Address({displayed}))"));
            assert_eq!(&*url, address);
        }
    }
}
