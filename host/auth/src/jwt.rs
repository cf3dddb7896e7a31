//! JWT validation. Rule: the configuration decides which algorithms and keys are accepted, never the token; a token
//! that is unsigned, or whose header has critical extensions, is rejected.

use std::fmt;
use std::time::Duration;

use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode};
use modehost_ids::DeviceId;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::claims::{Claims, Clock, DeviceBinding, check_audience, check_issuer};
use crate::config::JwtConfig;
use crate::denial::DenyReason;
use crate::key_set::{KeySet, KeySource, LoadedKeys, RefreshPolicy};
use crate::provider::{Provider, Unavailable};

/// The method `jwt`. Owns the loaded keys.
pub(crate) struct Jwt {
    pub config: JwtConfig,
    accepted: Vec<Algorithm>,
    secret: Option<DecodingKey>,
    public: Option<KeySet>,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}

/// The relevant members of the header. Embedded keys (`jwk`, `x5c`) are ignored.
#[derive(Deserialize)]
struct JwtHeader {
    alg: String,
    kid: Option<String>,
    /// Critical extensions; none is supported.
    crit: Option<IgnoredAny>,
}

impl Jwt {
    pub fn new(config: &JwtConfig) -> Self {
        let secret = config.secret.as_ref().map(|secret| secret.expose().as_bytes());
        if secret.is_some_and(|secret| secret.len() < 32) {
            tracing::warn!("auth.jwt.secret has fewer than 32 bytes: whoever has a token can try to guess it");
        }
        Self {
            accepted: config.accepted(),
            secret: secret.map(DecodingKey::from_secret),
            public: keys(config),
            config: config.clone(),
        }
    }

    /// Whether this token is valid for this device. `now` is in Unix seconds. Waits for keys that must be loaded, for
    /// `timeout_s` at most.
    pub async fn check(&self, token: &str, device: &DeviceId, now: u64) -> Result<(), DenyReason> {
        let header = parse_header(token)?;
        let algorithm: Algorithm = header.alg.parse().map_err(|_| DenyReason::Algorithm)?;
        if header.crit.is_some() || !self.accepted.contains(&algorithm) {
            return Err(DenyReason::Algorithm);
        }
        let claims = if algorithm.family() == AlgorithmFamily::Hmac {
            verify(token, self.secret.as_ref().ok_or(DenyReason::Algorithm)?, algorithm)?
        } else {
            let public = self.public.as_ref().ok_or(DenyReason::Algorithm)?;
            verify_with_key_set(public, token, algorithm, header.kid.as_deref()).await?
        };
        self.validate(&claims, device, now)
    }

    fn validate(&self, claims: &Claims, device: &DeviceId, now: u64) -> Result<(), DenyReason> {
        let config = &self.config;
        check_issuer(claims, config.issuer.as_deref())?;
        check_audience(claims, config.audience.as_deref())?;
        Clock { now: now as f64, leeway: config.leeway_s as f64 }.check(claims)?;
        DeviceBinding::read(claims, config.device_claim.as_deref()).check(device, config.require_device)
    }
}

fn keys(config: &JwtConfig) -> Option<KeySet> {
    let file_policy = RefreshPolicy { max_age: limits::KEY_FILE_TTL, min_interval: limits::KEY_FILE_REFRESH };
    if let Some(file) = &config.public_key_file {
        return Some(KeySet::new(KeySource::PemFile(file.clone()), file_policy));
    }
    if let Some(file) = &config.jwks_file {
        return Some(KeySet::new(KeySource::JwksFile(file.clone()), file_policy));
    }
    let address = config.jwks_url.as_ref()?;
    let provider = Provider::new("auth.jwt.jwks_url", address, Duration::from_secs(config.timeout_s));
    let policy = RefreshPolicy {
        max_age: Duration::from_secs(config.jwks_ttl_s),
        min_interval: Duration::from_secs(config.jwks_min_refresh_s),
    };
    Some(KeySet::new(KeySource::JwksUrl(provider), policy))
}

fn parse_header(token: &str) -> Result<JwtHeader, DenyReason> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(DenyReason::Malformed);
    };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| DenyReason::Malformed)?;
    let header: JwtHeader = serde_json::from_slice(&header).map_err(|_| DenyReason::Malformed)?;
    // Reject unsigned tokens before any key is loaded for them.
    if signature.is_empty() {
        return Err(DenyReason::Algorithm);
    }
    Ok(header)
}

async fn verify_with_key_set(
    set: &KeySet,
    token: &str,
    algorithm: Algorithm,
    id: Option<&str>,
) -> Result<Claims, DenyReason> {
    let loaded = set.find(|key| key.supports(algorithm, id)).await.map_err(|Unavailable| DenyReason::Unavailable)?;
    let outcome = verify_with_keys(&loaded, token, algorithm, id);
    if !matches!(outcome, Err(DenyReason::Signature)) {
        return outcome;
    }
    // Providers also rotate keys without a new id: a signature that matches no key may belong to a new one.
    match set.newer_than(&loaded).await {
        Some(newer) => verify_with_keys(&newer, token, algorithm, id),
        None => outcome,
    }
}

fn verify_with_keys(
    loaded: &LoadedKeys,
    token: &str,
    algorithm: Algorithm,
    id: Option<&str>,
) -> Result<Claims, DenyReason> {
    let mut outcome = Err(DenyReason::UnknownKey);
    for key in loaded.keys.iter().filter(|key| key.supports(algorithm, id)).take(limits::MAX_KEYS_TRIED) {
        outcome = verify(token, &key.decoding, algorithm);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Verifies the signature and returns the claims, which are not validated yet.
fn verify(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, DenyReason> {
    let mut validation = Validation::new(algorithm);
    // Times, issuer and audience are validated in `claims` for all methods.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match decode::<Claims>(token, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidAlgorithm => DenyReason::Algorithm,
            ErrorKind::Json(_) | ErrorKind::Utf8(_) | ErrorKind::Base64(_) => DenyReason::Malformed,
            _ => DenyReason::Signature,
        }),
    }
}

#[cfg(test)]
mod tests;
