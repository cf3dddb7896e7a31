//! Public keys of tokens. Rule: a key supports the algorithms of its own type only; keys for other purposes, weak keys
//! and private keys are rejected.

use crate::limits;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde_json::Value;

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    id: Option<String>,
    /// The only algorithm that it may be used for, if its publisher says so.
    algorithm: Option<String>,
    kind: Kind,
    pub decoding: DecodingKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    /// A curve that the PEM file does not name; a signature of another curve does not verify.
    UnknownCurve,
    Ed25519,
}

impl Key {
    /// Whether a token with this algorithm and key id may be verified with it.
    pub fn supports(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let kind = match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => self.kind == Kind::Rsa,
            Algorithm::ES256 => matches!(self.kind, Kind::P256 | Kind::UnknownCurve),
            Algorithm::ES384 => matches!(self.kind, Kind::P384 | Kind::UnknownCurve),
            Algorithm::EdDSA => self.kind == Kind::Ed25519,
            _ => false,
        };
        let algorithm_matches = self.algorithm.as_deref().is_none_or(|name| name.parse() == Ok(algorithm));
        let id_matches = match (id, &self.id) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        };
        kind && algorithm_matches && id_matches
    }
}

/// Parses a JWKS document and returns its usable keys.
///
/// # Errors
/// If it is not a JWKS document, or has no usable key.
pub(crate) fn parse_jwks(document: &[u8]) -> Result<Vec<Key>, String> {
    let document: Value = serde_json::from_slice(document).map_err(|_| "it is not JSON")?;
    let list = document.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
    let keys: Vec<Key> = list.iter().take(limits::KEY_SET_KEYS).filter_map(parse_jwk).collect();
    if keys.is_empty() {
        return Err("it has no public RSA, P-256, P-384 or Ed25519 key for signatures".to_owned());
    }
    Ok(keys)
}

fn parse_jwk(key: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
    let common = &jwk.common;
    if common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    if common.key_operations.as_ref().is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
        return None;
    }
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Kind::Rsa,
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Kind::P256,
            EllipticCurve::P384 => Kind::P384,
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
        // In particular `oct`: a published symmetric key is not secret.
        _ => return None,
    };
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    if kind == Kind::Rsa && !is_strong(&decoding) {
        return None;
    }
    let algorithm = key.get("alg").and_then(Value::as_str).map(str::to_owned);
    Some(Key { id: common.key_id.clone(), algorithm, kind, decoding })
}

fn is_strong(key: &DecodingKey) -> bool {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => bits(n) >= limits::RSA_KEY_BITS,
        // PKCS#1: a sequence of modulus and exponent; the encoding adds a few bytes.
        DecodingKeyKind::SecretOrDer(der) => der.len() * 8 >= limits::RSA_KEY_BITS,
    }
}

fn bits(number: &[u8]) -> usize {
    let leading = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[leading..];
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

/// Parses the public key of a PEM file.
///
/// # Errors
/// If it contains anything else.
pub(crate) fn parse_pem(file: &[u8]) -> Result<Vec<Key>, String> {
    let text = std::str::from_utf8(file).map_err(|_| "it is not text")?;
    if text.contains("PRIVATE KEY") {
        return Err("it holds a private key, which does not belong here; take the public one".to_owned());
    }
    if text.contains("BEGIN CERTIFICATE") {
        return Err("it holds a certificate; take the public key out of it".to_owned());
    }
    if let Ok(decoding) = DecodingKey::from_rsa_pem(file) {
        if !is_strong(&decoding) {
            return Err(format!("its RSA key has fewer than {} bits", limits::RSA_KEY_BITS));
        }
        return Ok(vec![without_id(Kind::Rsa, decoding)]);
    }
    if let Ok(decoding) = DecodingKey::from_ec_pem(file) {
        return Ok(vec![without_id(Kind::UnknownCurve, decoding)]);
    }
    let decoding = DecodingKey::from_ed_pem(file).map_err(|_| "it holds no public RSA, P-256, P-384 or Ed25519 key")?;
    Ok(vec![without_id(Kind::Ed25519, decoding)])
}

fn without_id(kind: Kind, decoding: DecodingKey) -> Key {
    Key { id: None, algorithm: None, kind, decoding }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RSA: &[u8] = include_bytes!("../tests/keys/rsa.public.pem");
    const RSA_1024: &[u8] = include_bytes!("../tests/keys/rsa1024.public.pem");
    const P256: &[u8] = include_bytes!("../tests/keys/p256.public.pem");
    const ED25519: &[u8] = include_bytes!("../tests/keys/ed25519.public.pem");

    #[test]
    fn a_key_serves_its_own_kind_only() {
        for (file, supports) in [(RSA, Algorithm::PS384), (P256, Algorithm::ES256), (ED25519, Algorithm::EdDSA)] {
            let keys = parse_pem(file).expect("a key");
            for algorithm in [Algorithm::PS384, Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256] {
                assert_eq!(keys[0].supports(algorithm, Some("any")), algorithm == supports, "{algorithm:?}");
            }
        }
    }

    #[test]
    fn files_that_are_no_public_key_are_told() {
        let error = |file: &[u8]| parse_pem(file).expect_err("refused");
        assert!(error(RSA_1024).contains("2048 bits"));
        assert!(error(include_bytes!("../tests/keys/p256.private.pem")).contains("private"));
        assert!(error(b"-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----").contains("certificate"));
        assert!(error(b"hello").contains("no public"));
        assert!(error(b"\xff").contains("text"));
    }

    #[test]
    fn keys_for_other_purposes_do_not_count() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let ed = |more: Value| {
            let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            for (name, value) in more.as_object().expect("members") {
                key[name] = value.clone();
            }
            key
        };
        let set = |key: Value| parse_jwks(json!({"keys": [key]}).to_string().as_bytes());
        assert!(set(ed(json!({"use": "sig", "kid": "a"}))).is_ok());
        assert!(set(ed(json!({"key_ops": ["verify"]}))).is_ok());
        assert!(set(ed(json!({"use": "enc"}))).is_err());
        assert!(set(ed(json!({"key_ops": ["sign"]}))).is_err());
        assert!(set(json!({"kty": "oct", "k": "c2VjcmV0"})).is_err());
        assert!(set(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"})).is_err(), "far too short");
        assert!(set(json!({"kty": "new"})).is_err());
        let other = set(ed(json!({"alg": "ES256"}))).expect("a key");
        assert!(!other[0].supports(Algorithm::EdDSA, None), "its publisher restricts the algorithm");
        let mixed = json!({"keys": [{"kty": "new"}, 7, ed(json!({"kid": "a"})), ed(json!({"kid": "b"}))]});
        let keys = parse_jwks(mixed.to_string().as_bytes()).expect("keys");
        let count = |id| keys.iter().filter(|key| key.supports(Algorithm::EdDSA, id)).count();
        assert_eq!((count(Some("a")), count(Some("c")), count(None)), (1, 0, 2));
    }

    #[test]
    fn a_set_has_a_bounded_number_of_keys() {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let set = json!({"keys": vec![key; 1000]}).to_string();
        assert_eq!(parse_jwks(set.as_bytes()).expect("keys").len(), limits::KEY_SET_KEYS);
    }

    proptest! {
        #[test]
        fn whatever_a_provider_sends_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), n in "[A-Za-z0-9_=-]{0,20}") {
            let _ = parse_jwks(&bytes);
            let _ = parse_pem(&bytes);
            for kind in ["RSA", "EC", "OKP", "oct"] {
                let key = json!({"kty": kind, "crv": "P-256", "n": n, "e": n, "x": n, "y": n, "k": n, "alg": n});
                let _ = parse_jwks(json!({"keys": [key]}).to_string().as_bytes());
            }
        }
    }
}
