//! A provider's key. Rule: it is read and sent, and shown nowhere.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// A key that neither `Debug` nor `Serialize` shows.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key itself, for the header of a request.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl Serialize for ApiKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("…")
    }
}

/// Whether it can stand in a header.
pub(crate) fn is_key(key: &ApiKey, _: &()) -> garde::Result {
    let whole = (1..=4096).contains(&key.0.len()) && key.0.bytes().all(|byte| byte.is_ascii_graphic());
    if !whole {
        return Err(garde::Error::new("must consist of 1 to 4096 visible ASCII characters without spaces"));
    }
    if key.0.starts_with("Bearer") {
        return Err(garde::Error::new("must be the key alone; `Bearer` is put before it when it is sent"));
    }
    Ok(())
}
