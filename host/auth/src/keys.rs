//! Keys that tokens are signed with. Rule: a key serves the algorithms of its own kind only; keys
//! that are meant for something else, too weak, or secret do not count as keys here.

use crate::limits;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde_json::Value;

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where its publisher says so.
    algorithm: Option<String>,
    kind: Kind,
    pub decoding: DecodingKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    /// A curve that its file does not tell; a signature of another curve does not fit.
    Curve,
    Ed25519,
}

impl Key {
    /// Whether a token of this algorithm and key id may be signed with it.
    pub fn serves(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let kind = match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => self.kind == Kind::Rsa,
            Algorithm::ES256 => matches!(self.kind, Kind::P256 | Kind::Curve),
            Algorithm::ES384 => matches!(self.kind, Kind::P384 | Kind::Curve),
            Algorithm::EdDSA => self.kind == Kind::Ed25519,
            _ => false,
        };
        let meant = self.algorithm.as_deref().is_none_or(|name| name.parse() == Ok(algorithm));
        let named = match (id, &self.id) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        };
        kind && meant && named
    }
}

/// The keys of a JWKS document that can be used here.
///
/// # Errors
/// If it is no such document, or has no such key.
pub(crate) fn read_set(document: &[u8]) -> Result<Vec<Key>, String> {
    let document: Value = serde_json::from_slice(document).map_err(|_| "it is not JSON")?;
    let list = document.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
    let keys: Vec<Key> = list.iter().take(limits::KEY_SET_KEYS).filter_map(read_key).collect();
    if keys.is_empty() {
        return Err("it has no public RSA, P-256, P-384 or Ed25519 key for signatures".to_owned());
    }
    Ok(keys)
}

fn read_key(key: &Value) -> Option<Key> {
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
        // Above all no `oct`: whoever publishes a secret has none.
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
        // PKCS#1: a sequence of the modulus and the exponent; what is around them has a few bytes.
        DecodingKeyKind::SecretOrDer(der) => der.len() * 8 >= limits::RSA_KEY_BITS,
    }
}

fn bits(number: &[u8]) -> usize {
    let leading = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[leading..];
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

/// The public key of a PEM file.
///
/// # Errors
/// If it holds something else.
pub(crate) fn read_pem(file: &[u8]) -> Result<Vec<Key>, String> {
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
        return Ok(vec![unnamed(Kind::Rsa, decoding)]);
    }
    if let Ok(decoding) = DecodingKey::from_ec_pem(file) {
        return Ok(vec![unnamed(Kind::Curve, decoding)]);
    }
    let decoding = DecodingKey::from_ed_pem(file).map_err(|_| "it holds no public RSA, P-256, P-384 or Ed25519 key")?;
    Ok(vec![unnamed(Kind::Ed25519, decoding)])
}

fn unnamed(kind: Kind, decoding: DecodingKey) -> Key {
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
        for (file, serves) in [(RSA, Algorithm::PS384), (P256, Algorithm::ES256), (ED25519, Algorithm::EdDSA)] {
            let keys = read_pem(file).expect("a key");
            for algorithm in [Algorithm::PS384, Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256] {
                assert_eq!(keys[0].serves(algorithm, Some("any")), algorithm == serves, "{algorithm:?}");
            }
        }
    }

    #[test]
    fn files_that_are_no_public_key_are_told() {
        let told = |file: &[u8]| read_pem(file).expect_err("refused");
        assert!(told(RSA_1024).contains("2048 bits"));
        assert!(told(include_bytes!("../tests/keys/p256.private.pem")).contains("private"));
        assert!(told(b"-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----").contains("certificate"));
        assert!(told(b"hello").contains("no public"));
        assert!(told(b"\xff").contains("text"));
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
        let set = |key: Value| read_set(json!({"keys": [key]}).to_string().as_bytes());
        assert!(set(ed(json!({"use": "sig", "kid": "a"}))).is_ok());
        assert!(set(ed(json!({"key_ops": ["verify"]}))).is_ok());
        assert!(set(ed(json!({"use": "enc"}))).is_err());
        assert!(set(ed(json!({"key_ops": ["sign"]}))).is_err());
        assert!(set(json!({"kty": "oct", "k": "c2VjcmV0"})).is_err());
        assert!(set(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"})).is_err(), "far too short");
        assert!(set(json!({"kty": "new"})).is_err());
        let other = set(ed(json!({"alg": "ES256"}))).expect("a key");
        assert!(!other[0].serves(Algorithm::EdDSA, None), "its publisher says what it is for");
        let mixed = json!({"keys": [{"kty": "new"}, 7, ed(json!({"kid": "a"})), ed(json!({"kid": "b"}))]});
        let keys = read_set(mixed.to_string().as_bytes()).expect("keys");
        let found = |id| keys.iter().filter(|key| key.serves(Algorithm::EdDSA, id)).count();
        assert_eq!((found(Some("a")), found(Some("c")), found(None)), (1, 0, 2));
    }

    #[test]
    fn a_set_has_a_bounded_number_of_keys() {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let set = json!({"keys": vec![key; 1000]}).to_string();
        assert_eq!(read_set(set.as_bytes()).expect("keys").len(), limits::KEY_SET_KEYS);
    }

    proptest! {
        #[test]
        fn whatever_a_provider_sends_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), n in "[A-Za-z0-9_=-]{0,20}") {
            let _ = read_set(&bytes);
            let _ = read_pem(&bytes);
            for kind in ["RSA", "EC", "OKP", "oct"] {
                let key = json!({"kty": kind, "crv": "P-256", "n": n, "e": n, "x": n, "y": n, "k": n, "alg": n});
                let _ = read_set(json!({"keys": [key]}).to_string().as_bytes());
            }
        }
    }
}
