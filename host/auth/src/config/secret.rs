//! Secrets of tokens and providers. Rule: they are read and used, and shown nowhere.

use modehost_ids::{Secret as Hidden, SecretKind};

/// A secret that neither `Debug` nor `Serialize` shows.
pub type Secret = Hidden<AuthSecretKind>;

/// See [`Secret`].
#[derive(Debug)]
pub enum AuthSecretKind {}

impl SecretKind for AuthSecretKind {
    const NAME: &'static str = "Secret";
    const DESCRIPTION: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

pub(crate) fn is_secret(secret: &Secret, _: &()) -> garde::Result {
    if !(1..=4096).contains(&secret.expose().len()) {
        return Err(garde::Error::new("must have 1 to 4096 bytes"));
    }
    // A public key used as an HMAC secret would let anyone sign tokens.
    if secret.expose().trim_start().starts_with("-----BEGIN") {
        return Err(garde::Error::new("is a key in PEM form and no secret; use `public_key_file` for a public key"));
    }
    Ok(())
}
