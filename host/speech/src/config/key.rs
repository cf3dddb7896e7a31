//! What a provider knows us by. Rule: it is read and sent, and shown nowhere.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// A key that neither `Debug` nor `Serialize` shows.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// The key itself, for the header of a request.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("…")
    }
}

/// Whether it can stand in a header.
pub(crate) fn is_key(key: &Key, _: &()) -> garde::Result {
    let whole = (1..=4096).contains(&key.0.len()) && key.0.bytes().all(|byte| byte.is_ascii_graphic());
    if whole {
        Ok(())
    } else {
        Err(garde::Error::new("must consist of 1 to 4096 visible ASCII characters without spaces"))
    }
}
