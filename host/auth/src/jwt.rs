//! Signed tokens, judged here. Rule: the configuration says which signatures count and with which
//! keys, never the token; a token that is not signed, or whose header asks for more than is
//! understood, is none.

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

use crate::claims::{Binding, Claims, Times, judge_audience, judge_issuer};
use crate::config::JwtConfig;
use crate::denied::Denied;
use crate::key_set::{Held, KeySet, Origin, Renewal};
use crate::provider::{Away, Provider};

/// The method `jwt`. What it has read of keys lives as long as it does.
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

/// The header, as far as it counts here. Further keys that it may bring along are not looked at.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; we understand none.
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

    /// Whether this token opens this device. `now` is in Unix seconds. Waits for keys where they
    /// must be read, for `timeout_s` at the most.
    pub async fn check(&self, token: &str, device: &DeviceId, now: u64) -> Result<(), Denied> {
        let head = read_head(token)?;
        let algorithm: Algorithm = head.alg.parse().map_err(|_| Denied::Algorithm)?;
        if head.crit.is_some() || !self.accepted.contains(&algorithm) {
            return Err(Denied::Algorithm);
        }
        let claims = if algorithm.family() == AlgorithmFamily::Hmac {
            open(token, self.secret.as_ref().ok_or(Denied::Algorithm)?, algorithm)?
        } else {
            let public = self.public.as_ref().ok_or(Denied::Algorithm)?;
            open_with_set(public, token, algorithm, head.kid.as_deref()).await?
        };
        self.judge(&claims, device, now)
    }

    fn judge(&self, claims: &Claims, device: &DeviceId, now: u64) -> Result<(), Denied> {
        let config = &self.config;
        judge_issuer(claims, config.issuer.as_deref())?;
        judge_audience(claims, config.audience.as_deref())?;
        Times { now: now as f64, leeway: config.leeway_s as f64 }.judge(claims)?;
        Binding::read(claims, config.device_claim.as_deref()).judge(device, config.require_device)
    }
}

fn keys(config: &JwtConfig) -> Option<KeySet> {
    let files = Renewal { after: limits::KEY_FILE_TTL, not_before: limits::KEY_FILE_REFRESH };
    if let Some(file) = &config.public_key_file {
        return Some(KeySet::new(Origin::KeyFile(file.clone()), files));
    }
    if let Some(file) = &config.jwks_file {
        return Some(KeySet::new(Origin::SetFile(file.clone()), files));
    }
    let address = config.jwks_url.as_ref()?;
    let provider = Provider::new("auth.jwt.jwks_url", address, Duration::from_secs(config.timeout_s));
    let renewal = Renewal {
        after: Duration::from_secs(config.jwks_ttl_s),
        not_before: Duration::from_secs(config.jwks_min_refresh_s),
    };
    Some(KeySet::new(Origin::Address(provider), renewal))
}

fn read_head(token: &str) -> Result<Head, Denied> {
    let mut parts = token.split('.');
    let (Some(head), Some(_), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Denied::Malformed);
    };
    let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| Denied::Malformed)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| Denied::Malformed)?;
    // Before anything is looked up for it.
    if signature.is_empty() {
        return Err(Denied::Algorithm);
    }
    Ok(head)
}

async fn open_with_set(set: &KeySet, token: &str, algorithm: Algorithm, id: Option<&str>) -> Result<Claims, Denied> {
    let held = set.find(|key| key.serves(algorithm, id)).await.map_err(|Away| Denied::Unavailable)?;
    let outcome = open_with(&held, token, algorithm, id);
    if !matches!(outcome, Err(Denied::Signature)) {
        return outcome;
    }
    // Keys are changed without a new id, too: a signature that fits none may be of one that is new.
    match set.newer(&held).await {
        Some(newer) => open_with(&newer, token, algorithm, id),
        None => outcome,
    }
}

fn open_with(held: &Held, token: &str, algorithm: Algorithm, id: Option<&str>) -> Result<Claims, Denied> {
    let mut outcome = Err(Denied::UnknownKey);
    for key in held.keys.iter().filter(|key| key.serves(algorithm, id)).take(limits::KEY_TRIES) {
        outcome = open(token, &key.decoding, algorithm);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// The claims of a token that is signed with this key. Nothing else of it has been judged.
fn open(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, Denied> {
    let mut validation = Validation::new(algorithm);
    // Times, issuer and audience are judged in one place for all methods.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match decode::<Claims>(token, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidAlgorithm => Denied::Algorithm,
            ErrorKind::Json(_) | ErrorKind::Utf8(_) | ErrorKind::Base64(_) => Denied::Malformed,
            _ => Denied::Signature,
        }),
    }
}

#[cfg(test)]
mod tests;
