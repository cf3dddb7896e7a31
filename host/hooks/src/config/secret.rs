//! The signing secret of a hook. Rule: it is read and used, and never shown.

use modehost_ids::{Secret as Hidden, SecretKind};

/// A secret that neither `Debug` nor `Serialize` shows.
pub type Secret = Hidden<HookSecret>;

/// See [`Secret`].
#[derive(Debug)]
pub enum HookSecret {}

impl SecretKind for HookSecret {
    const NAME: &'static str = "Secret";
    const DESCRIPTION: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}

pub(crate) fn is_secret(secret: &Secret, _: &()) -> garde::Result {
    if (1..=4096).contains(&secret.expose().len()) {
        return Ok(());
    }
    Err(garde::Error::new("must have 1 to 4096 bytes; leave it out for no signature"))
}
