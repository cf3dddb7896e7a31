//! Settings of a client: an alias with the overrides of a purpose. Rule: two settings with the same fingerprint share
//! one client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::{Alias, Overrides};

/// Settings of an alias with the overrides of a purpose.
#[derive(Clone)]
pub(crate) struct ClientSettings {
    pub alias: Arc<str>,
    /// URL of the chat completions endpoint.
    pub address: String,
    /// With `Bearer`; marked sensitive.
    pub authorization: Option<HeaderValue>,
    pub model: Option<String>,
    pub timeout: Duration,
    pub first_token_timeout: Duration,
    pub max_concurrent: usize,
    pub retries: u32,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_tokens: Option<u32>,
    pub extra: BTreeMap<String, Value>,
}

/// Identifies the settings of a client. A hash, since a key is part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl ClientSettings {
    pub(crate) fn new(name: &str, alias: &Alias, overrides: &Overrides) -> Self {
        let authorization = alias.api_key.as_ref().and_then(|key| {
            // Validation guarantees that the key is a valid header value.
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let mut extra = alias.extra.clone();
        extra.extend(overrides.extra.clone());
        Self {
            alias: name.into(),
            address: format!("{}/chat/completions", alias.address()),
            authorization,
            model: overrides.model.clone().or_else(|| alias.model.clone()),
            timeout: Duration::from_secs(overrides.timeout_s.unwrap_or(alias.timeout_s)),
            first_token_timeout: Duration::from_secs(
                overrides.first_token_timeout_s.unwrap_or(alias.first_token_timeout_s),
            ),
            max_concurrent: alias.max_concurrent,
            retries: overrides.retries.unwrap_or(alias.retries),
            temperature: overrides.temperature.or(alias.temperature),
            top_p: overrides.top_p.or(alias.top_p),
            max_tokens: overrides.max_tokens.or(alias.max_tokens),
            extra,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let key = self.authorization.as_ref().map(|value| hex::encode(value.as_bytes()));
        let canonical = json!([
            &*self.alias,
            self.address,
            key,
            self.model,
            self.timeout.as_secs(),
            self.first_token_timeout.as_secs(),
            self.max_concurrent,
            self.retries,
            self.temperature,
            self.top_p,
            self.max_tokens,
            self.extra,
        ]);
        Fingerprint(Sha256::digest(canonical.to_string()).into())
    }
}
