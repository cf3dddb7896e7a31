//! Newtypes for every id, address and secret, so that no function can mistake one for another.
//!
//! Rule: an id is validated where it enters (`parse`) and trusted afterwards; cloning one is cheap.

#![warn(missing_docs)]

mod address;
mod secret;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::address::{Address, origin};
pub use self::secret::{Secret, SecretKind};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is; callers have validated it.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as shared text.
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}

text_id!(
    /// A device: lower-case, trimmed, unquoted, 1 to 128 bytes. Usually a MAC address.
    DeviceId
);
text_id!(
    /// A client id as the client reports it, usually a UUID; empty if it reports none.
    ClientId
);
text_id!(
    /// A session; a random UUID, stable across connections and instances.
    SessionId
);
text_id!(
    /// A plugin: lower-case letters, digits and `-`; also the name of its configuration section.
    PluginId
);
text_id!(
    /// A group of devices.
    GroupId
);

impl DeviceId {
    /// Longest id accepted, in bytes. A MAC has 17 and a UUID 36; the rest is headroom.
    pub const MAX_BYTES: usize = 128;

    /// Trims white space and quotes, and lower-cases. `None` if nothing is left, the result is too long, or it contains
    /// invisible characters: two ids that look alike would be two devices. Idempotent: a parsed id parses to itself.
    pub fn parse(raw: &str) -> Option<Self> {
        let margin = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'');
        // Some letters are longer in lower case.
        let text = raw.trim_matches(margin).to_lowercase();
        let invalid = text.is_empty() || text.len() > Self::MAX_BYTES || text.chars().any(is_invisible);
        (!invalid).then(|| Self::new(text))
    }
}

/// A text from outside, sanitised for a log line: trimmed, without invisible characters, and at most `most` characters.
/// `None` if nothing is left.
pub fn sanitize_for_log(text: &str, most: usize) -> Option<String> {
    let visible: String = text.trim().chars().filter(|letter| !is_invisible(*letter)).take(most).collect();
    let visible = visible.trim();
    (!visible.is_empty()).then(|| visible.to_owned())
}

/// Control characters, bidirectional marks, and zero-width characters.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// One published generation of a plugin, counted from 1 over the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct GenerationId(pub u64);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One turn of a user, counted from 1 within its session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnId(pub u64);

/// One connection of a device, counted over the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u64);

#[cfg(test)]
mod tests {
    use super::{DeviceId, sanitize_for_log};

    #[test]
    fn device_ids_are_trimmed_unquoted_and_lowered() {
        let id = DeviceId::parse(" \"AA:BB:cc\" ").expect("an id");
        assert_eq!(id.as_str(), "aa:bb:cc");
    }

    #[test]
    fn what_was_read_is_read_again_as_itself_and_keeps_its_bound() {
        let long = ["\u{130}".repeat(64), "\u{130}".repeat(42), "\u{23A}".repeat(64), "x".repeat(128)];
        let raws = ["\"' a'\"", "' \"a", "\u{130}", "\u{1E9E}\u{3A3}", "\u{3000}小\u{3000}"].map(String::from);
        for raw in raws.iter().chain(&long) {
            let Some(id) = DeviceId::parse(raw) else { continue };
            assert!(id.as_str().len() <= DeviceId::MAX_BYTES, "{raw:?}");
            assert_eq!(DeviceId::parse(id.as_str()), Some(id), "{raw:?}");
        }
        // Two bytes each, and three in lower case.
        assert_eq!(DeviceId::parse(&long[0]), None);
        assert!(DeviceId::parse(&long[1]).is_some());
    }

    #[test]
    fn what_is_shown_is_short_and_seen() {
        assert_eq!(sanitize_for_log(" bread-compact/1.9.0\r\n\u{202E}x ", 64).as_deref(), Some("bread-compact/1.9.0x"));
        assert_eq!(sanitize_for_log(&"小".repeat(100), 64).map(|text| text.chars().count()), Some(64));
        assert_eq!((sanitize_for_log(" \u{7} ", 64), sanitize_for_log("", 64)), (None, None));
    }

    #[test]
    fn nothing_left_is_absent() {
        let invisible = ["a\u{202E}b", "a\u{200B}", "\u{FEFF}a", "a\u{2066}b\u{2069}"];
        for raw in ["", "  ", "\"\"", "a\u{0}b", &"x".repeat(129)].into_iter().chain(invisible) {
            assert!(DeviceId::parse(raw).is_none(), "{raw:?}");
        }
    }
}
