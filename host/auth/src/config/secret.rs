//! What tokens are signed or asked about with. Rule: it is read and used, and shown nowhere.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// A secret that neither `Debug` nor `Serialize` shows.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("…")
    }
}

pub(crate) fn is_secret(secret: &Secret, _: &()) -> garde::Result {
    if !(1..=4096).contains(&secret.0.len()) {
        return Err(garde::Error::new("must have 1 to 4096 bytes"));
    }
    // Whoever puts a public key here would let everybody sign.
    if secret.0.trim_start().starts_with("-----BEGIN") {
        return Err(garde::Error::new("is a key in PEM form and no secret; use `public_key_file` for a public key"));
    }
    Ok(())
}
