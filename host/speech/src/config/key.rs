//! The key of a provider. Rule: it is read and sent, and never shown.

use modehost_ids::{Secret, SecretKind};

/// A key that neither `Debug` nor `Serialize` shows.
pub type Key = Secret<SpeechKey>;

/// See [`Key`].
#[derive(Debug)]
pub enum SpeechKey {}

impl SecretKind for SpeechKey {
    const NAME: &'static str = "Key";
    const DESCRIPTION: &'static str = "A key that neither `Debug` nor `Serialize` shows.";
}

/// Whether a key is a valid header value.
pub(crate) fn is_key(key: &Key, _: &()) -> garde::Result {
    let whole = (1..=4096).contains(&key.expose().len()) && key.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if whole {
        Ok(())
    } else {
        Err(garde::Error::new("must consist of 1 to 4096 visible ASCII characters without spaces"))
    }
}
