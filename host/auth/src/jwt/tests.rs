//! Valid and forged JWTs. Rule: each case differs from a valid token in one point.

use base64::Engine;
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "a secret of thirty-two characters";

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/keys/", $name, ".pem"))
    };
}

fn path(name: &str) -> String {
    format!("{}/tests/keys/{name}.public.pem", env!("CARGO_MANIFEST_DIR"))
}

fn jwt(config: Value) -> Jwt {
    Jwt::new(&serde_json::from_value(config).expect("a section"))
}

fn with_secret() -> Jwt {
    jwt(json!({ "secret": SECRET, "algorithms": ["HS256"] }))
}

fn sign(algorithm: Algorithm, claims: &Value) -> String {
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac => EncodingKey::from_secret(SECRET.as_bytes()),
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(key!("rsa.private")).expect("a key"),
        AlgorithmFamily::Ec if algorithm == Algorithm::ES256 => {
            EncodingKey::from_ec_pem(key!("p256.private")).expect("a key")
        }
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(key!("p384.private")).expect("a key"),
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(key!("ed25519.private")).expect("a key"),
    };
    encode(&Header::new(algorithm), claims, &key).expect("a token")
}

async fn check(jwt: &Jwt, token: &str) -> Result<(), DenyReason> {
    jwt.check(token, &DeviceId::new("aa:01"), NOW).await
}

fn good() -> Value {
    json!({ "exp": NOW + 600, "device_id": "AA:01" })
}

/// A token with any header, signed with HS256 or unsigned.
fn handmade(header: &str, claims: &Value, secret: Option<&[u8]>) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(header), part(&claims.to_string()));
    let signature = secret.map(|secret| {
        let key = EncodingKey::from_secret(secret);
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature")
    });
    format!("{message}.{}", signature.unwrap_or_default())
}

#[tokio::test]
async fn c11_every_algorithm_opens_with_its_key_and_with_no_other() {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    for (file, algorithms) in [
        ("rsa", &[RS256, RS384, RS512, PS256, PS384, PS512] as &[_]),
        ("p256", &[ES256]),
        ("p384", &[ES384]),
        ("ed25519", &[EdDSA]),
    ] {
        let all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
        let jwt = jwt(json!({ "public_key_file": path(file), "algorithms": all }));
        for algorithm in [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256] {
            let outcome = check(&jwt, &sign(algorithm, &good())).await;
            assert_eq!(outcome.is_ok(), algorithms.contains(&algorithm), "{file} {algorithm:?}: {outcome:?}");
        }
    }
    let jwt = jwt(json!({ "secret": SECRET, "algorithms": ["HS256", "HS384", "HS512"] }));
    for algorithm in [HS256, HS384, HS512] {
        assert_eq!(check(&jwt, &sign(algorithm, &good())).await, Ok(()));
    }
}

#[tokio::test]
async fn c11_what_is_not_configured_does_not_count() {
    let jwt = jwt(json!({ "public_key_file": path("rsa"), "algorithms": ["RS512"] }));
    assert_eq!(check(&jwt, &sign(Algorithm::RS512, &good())).await, Ok(()));
    assert_eq!(check(&jwt, &sign(Algorithm::RS256, &good())).await, Err(DenyReason::Algorithm));
    assert_eq!(check(&jwt, &sign(Algorithm::PS512, &good())).await, Err(DenyReason::Algorithm));
    let other = EncodingKey::from_rsa_pem(key!("rsa-other.private")).expect("a key");
    let token = encode(&Header::new(Algorithm::RS512), &good(), &other).expect("a token");
    assert_eq!(check(&jwt, &token).await, Err(DenyReason::Signature));
}

#[tokio::test]
async fn c11_unsigned_and_confused_tokens_are_refused() {
    let (secret, public) = (with_secret(), jwt(json!({ "public_key_file": path("rsa") })));
    for none in ["none", "None", "NONE", "", "hs256", "ES512"] {
        let token = handmade(&format!(r#"{{"alg":"{none}"}}"#), &good(), None);
        assert_eq!(check(&secret, &token).await, Err(DenyReason::Algorithm), "{none}");
        let signed = handmade(&format!(r#"{{"alg":"{none}"}}"#), &good(), Some(SECRET.as_bytes()));
        assert_eq!(check(&secret, &signed).await, Err(DenyReason::Algorithm), "{none}");
    }
    // Algorithm confusion: the public key used as HS256 secret.
    let token = handmade(r#"{"alg":"HS256"}"#, &good(), Some(key!("rsa.public")));
    assert_eq!(check(&public, &token).await, Err(DenyReason::Algorithm));
    let both = jwt(json!({ "secret": SECRET, "public_key_file": path("rsa"), "algorithms": ["HS256", "RS256"] }));
    assert_eq!(check(&both, &token).await, Err(DenyReason::Signature));
    assert_eq!(check(&both, &sign(Algorithm::HS256, &good())).await, Ok(()));
    assert_eq!(check(&both, &sign(Algorithm::RS256, &good())).await, Ok(()));
    // A header with an embedded key, and one with a critical extension.
    let jwk = json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "YQ" } }).to_string();
    assert_eq!(check(&secret, &handmade(&jwk, &good(), Some(b"a"))).await, Err(DenyReason::Signature));
    let token = handmade(r#"{"alg":"HS256","crit":["exp"]}"#, &good(), Some(SECRET.as_bytes()));
    assert_eq!(check(&secret, &token).await, Err(DenyReason::Algorithm));
}

#[tokio::test]
async fn c11_times_issuer_audience_and_device_count() {
    let jwt = jwt(json!({
        "secret": SECRET, "algorithms": ["HS256"], "issuer": "us", "audience": "devices", "leeway_s": 30,
        "require_device": true,
    }));
    let claims = json!({ "exp": NOW + 600, "nbf": NOW, "iss": "us", "aud": ["x", "devices"], "device_id": "aa:01" });
    let with_claim = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(Algorithm::HS256, &claims)
    };
    assert_eq!(check(&jwt, &with_claim("exp", json!(NOW - 29))).await, Ok(()), "the clocks differ a little");
    for (name, value, why) in [
        ("exp", json!(NOW - 30), DenyReason::Expired),
        ("exp", json!("tomorrow"), DenyReason::Malformed),
        ("exp", Value::Null, DenyReason::Malformed),
        ("nbf", json!(NOW + 31), DenyReason::NotYet),
        ("iat", json!(NOW + 31), DenyReason::NotYet),
        ("iss", json!("them"), DenyReason::Issuer),
        ("aud", json!("others"), DenyReason::Audience),
        ("device_id", json!("aa:02"), DenyReason::OtherDevice),
        ("device_id", Value::Null, DenyReason::NoDevice),
    ] {
        assert_eq!(check(&jwt, &with_claim(name, value)).await, Err(why), "{name}");
    }
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let jwt = with_secret();
    let token = sign(Algorithm::HS256, &good());
    let parts: Vec<&str> = token.split('.').collect();
    let other = sign(Algorithm::HS256, &json!({ "exp": NOW + 9999, "device_id": "aa:01" }));
    let payload = other.split('.').nth(1).expect("a payload");
    assert_eq!(check(&jwt, &format!("{}.{payload}.{}", parts[0], parts[2])).await, Err(DenyReason::Signature));
    for odd in [
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.x"),
        format!("{}.{}.", parts[0], parts[1]),
        format!(".{}.{}", parts[1], parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!(" {token}"),
        "..".to_owned(),
        String::new(),
    ] {
        assert!(check(&jwt, &odd).await.is_err(), "{odd}");
    }
    let no_object = handmade(r#"{"alg":"HS256"}"#, &json!(["exp"]), Some(SECRET.as_bytes()));
    assert_eq!(check(&jwt, &no_object).await, Err(DenyReason::Malformed));
    let deep = handmade(r#"{"alg":"HS256"}"#, &Value::Null, Some(SECRET.as_bytes()));
    assert_eq!(check(&jwt, &deep).await, Err(DenyReason::Malformed));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_refuses_for_now() {
    let jwt = jwt(json!({ "public_key_file": "/nowhere/key.pem" }));
    assert_eq!(check(&jwt, &sign(Algorithm::RS256, &good())).await, Err(DenyReason::Unavailable));
}

/// Corpus tokens and mutations of them.
#[test]
fn c11_only_the_one_signed_token_opens() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let jwt = with_secret();
    let corpus = modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "jwt");
    let good = corpus.inputs().find(|(name, _)| *name == "good").expect("the good one").1.to_vec();
    assert_eq!(runtime.block_on(check(&jwt, &String::from_utf8_lossy(&good))), Ok(()));
    corpus.keeps(|bytes| {
        let token = String::from_utf8_lossy(bytes);
        assert_eq!(runtime.block_on(check(&jwt, &token)).is_ok(), bytes == good, "{token:?}");
        let other = runtime.block_on(jwt.check(&token, &DeviceId::new("aa:03"), NOW));
        assert!(other.is_err(), "a token opened another device: {token:?}");
    });
}

proptest! {
    #[test]
    fn whatever_is_sent_opens_nothing(
        token in "\\PC{0,120}",
        header in "[ -~]{0,60}",
        claims in "[ -~]{0,60}",
        signature in "[A-Za-z0-9_-]{0,60}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let jwt = with_secret();
        let parts = format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        for token in [token, parts] {
            prop_assert!(runtime.block_on(check(&jwt, &token)).is_err());
        }
    }
}
