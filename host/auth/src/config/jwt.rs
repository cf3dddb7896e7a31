//! `auth.jwt`. Rule: an algorithm is accepted only with its own type of key, so that a public key can never be used as
//! an HMAC secret.

use std::path::PathBuf;

use crate::limits;
use garde::Validate;
use jsonwebtoken::Algorithm;
use modehost_ids::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::is_address;
use super::secret::{Secret, is_secret};
use super::{device_claim, device_claim_set, identity_timeout};

/// `auth.jwt`: how signed tokens are judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct JwtConfig {
    /// Signatures that are accepted. Default: HS256 where `secret` is given; RS256, ES256 and EdDSA
    /// where public keys are.
    #[garde(custom(match_keys(self)))]
    pub algorithms: Vec<JwtAlgorithm>,
    /// What `iss` must be. Default: it is not looked at.
    #[garde(inner(length(min = 1)))]
    pub issuer: Option<String>,
    /// What `aud` must be or hold. Default: it is not looked at.
    #[garde(inner(length(min = 1)))]
    pub audience: Option<String>,
    /// How far the issuer's clock may be from ours, in s, 0 to 3600. Default 60.
    #[garde(range(max = 3600))]
    pub leeway_s: u64,
    /// The secret of HS256, HS384 and HS512; 32 random characters or more are safe.
    #[garde(inner(custom(is_secret)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A public key in PEM form. Read again when it changes.
    #[garde(skip)]
    pub public_key_file: Option<PathBuf>,
    /// Where the provider publishes its keys (JWKS); `https://` unless it is on this machine.
    #[garde(inner(custom(is_address)))]
    pub jwks_url: Option<Address>,
    /// The same in a file. Read again when it changes.
    #[garde(skip)]
    pub jwks_file: Option<PathBuf>,
    /// The keys of `jwks_url` are read again after this time, in s, 1 to 86,400. While the provider
    /// is away, those that were read last are used. Default 600.
    #[garde(range(min = 1, max = 86_400))]
    pub jwks_ttl_s: u64,
    /// They are also read again for a token with an unknown key, or whose signature fits none of them, but
    /// not more often than this, in s, 1 to 3600. Default 10.
    #[garde(range(min = 1, max = 3600))]
    pub jwks_min_refresh_s: u64,
    /// Time for one answer of `jwks_url`, in s, 1 to 30; keep it under
    /// `gateway.handshake_timeout_ms`. Default 5.
    #[garde(range(min = 1, max = 30))]
    pub timeout_s: u64,
    /// The claim that holds the device id, or a list of them, that the token opens; null: tokens are
    /// bound to no device. `sub` where the provider knows devices as its users. Default `device_id`.
    #[garde(inner(length(min = 1)))]
    pub device_claim: Option<String>,
    /// Whether a token without that claim is refused; otherwise it opens any device. Default false.
    #[garde(custom(device_claim_set(&self.device_claim)))]
    pub require_device: bool,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            algorithms: Vec::new(),
            issuer: None,
            audience: None,
            leeway_s: limits::TOKEN_LEEWAY.as_secs(),
            secret: None,
            public_key_file: None,
            jwks_url: None,
            jwks_file: None,
            jwks_ttl_s: limits::KEY_SET_TTL.as_secs(),
            jwks_min_refresh_s: limits::KEY_SET_REFRESH.as_secs(),
            timeout_s: identity_timeout(),
            device_claim: device_claim(),
            require_device: false,
        }
    }
}

impl JwtConfig {
    /// The accepted algorithms, defaults included.
    pub(crate) fn accepted(&self) -> Vec<Algorithm> {
        if !self.algorithms.is_empty() {
            return self.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        }
        let mut accepted = Vec::new();
        if self.secret.is_some() {
            accepted.push(Algorithm::HS256);
        }
        if self.public_sources() > 0 {
            accepted.extend([Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
        }
        accepted
    }

    fn public_sources(&self) -> usize {
        [self.public_key_file.is_some(), self.jwks_url.is_some(), self.jwks_file.is_some()]
            .into_iter()
            .filter(|configured| *configured)
            .count()
    }
}

/// A signature. `none` is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    RS256,
    /// RSA, PKCS #1 v1.5, with SHA-384.
    RS384,
    /// RSA, PKCS #1 v1.5, with SHA-512.
    RS512,
    /// RSA-PSS with SHA-256.
    PS256,
    /// RSA-PSS with SHA-384.
    PS384,
    /// RSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl JwtAlgorithm {
    fn is_secret(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    fn name(self) -> Algorithm {
        match self {
            Self::HS256 => Algorithm::HS256,
            Self::HS384 => Algorithm::HS384,
            Self::HS512 => Algorithm::HS512,
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::PS384 => Algorithm::PS384,
            Self::PS512 => Algorithm::PS512,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

fn match_keys(jwt: &JwtConfig) -> impl FnOnce(&Vec<JwtAlgorithm>, &()) -> garde::Result + '_ {
    move |algorithms, _| {
        let error = |text: &str| Err(garde::Error::new(text));
        let (secret, public) = (jwt.secret.is_some(), jwt.public_sources());
        if public > 1 {
            return error("can have keys from one of `public_key_file`, `jwks_url` and `jwks_file` only");
        }
        if !secret && public == 0 {
            return error("has no key: give `secret`, `public_key_file`, `jwks_url` or `jwks_file`");
        }
        if algorithms.is_empty() {
            return Ok(());
        }
        let wants_secret = algorithms.iter().any(|algorithm| algorithm.is_secret());
        let wants_public = algorithms.iter().any(|algorithm| !algorithm.is_secret());
        match (wants_secret, wants_public) {
            (true, _) if !secret => error("has an HS algorithm, which needs `secret`"),
            (_, true) if public == 0 => {
                error("has an algorithm with public keys, which needs `public_key_file`, `jwks_url` or `jwks_file`")
            }
            (false, _) if secret => error("has no HS algorithm for `secret`; take `secret` out or add HS256"),
            (_, false) if public > 0 => error("has no algorithm for the public keys, such as RS256"),
            _ => Ok(()),
        }
    }
}
