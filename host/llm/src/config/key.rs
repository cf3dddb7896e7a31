//! A provider's key. Rule: it is read and sent, and shown nowhere.

use modehost_ids::{Secret, SecretKind};

/// A key that neither `Debug` nor `Serialize` shows.
pub type ApiKey = Secret<OfModels>;

/// See [`ApiKey`].
#[derive(Debug)]
pub enum OfModels {}

impl SecretKind for OfModels {
    const NAME: &'static str = "ApiKey";
    const ABOUT: &'static str = "A key that neither `Debug` nor `Serialize` shows.";
}

/// Whether it can stand in a header.
pub(crate) fn is_key(key: &ApiKey, _: &()) -> garde::Result {
    let whole = (1..=4096).contains(&key.expose().len()) && key.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if !whole {
        return Err(garde::Error::new("must consist of 1 to 4096 visible ASCII characters without spaces"));
    }
    if key.expose().starts_with("Bearer") {
        return Err(garde::Error::new("must be the key alone; `Bearer` is put before it when it is sent"));
    }
    Ok(())
}
