//! A provider's API key. Rule: it is read and sent, and never shown.

use modehost_ids::{Secret, SecretKind};

/// A key that neither `Debug` nor `Serialize` shows.
pub type ApiKey = Secret<ApiKeyKind>;

/// See [`ApiKey`].
#[derive(Debug)]
pub enum ApiKeyKind {}

impl SecretKind for ApiKeyKind {
    const NAME: &'static str = "ApiKey";
    const DESCRIPTION: &'static str = "A key that neither `Debug` nor `Serialize` shows.";
}

/// Whether it is a valid header value.
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
