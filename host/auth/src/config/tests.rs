//! Validation of the section `auth`. Rule: an unusable configuration is rejected with the key to change.

use serde_json::json;

use super::*;

fn errors(yaml: serde_json::Value) -> String {
    let config: AuthConfig = serde_json::from_value(yaml).expect("the right form");
    config.validate().expect_err("invalid").to_string()
}

fn assert_valid(config: serde_json::Value) {
    let config: AuthConfig = serde_json::from_value(config).expect("the right form");
    config.validate().expect("valid");
}

#[test]
fn the_defaults_are_valid() {
    AuthConfig::default().validate().expect("auth");
}

#[test]
fn a_method_needs_what_it_works_with() {
    for (method, section) in [
        ("tokens", "nobody could connect"),
        ("jwt", "auth.jwt"),
        ("introspection", "auth.introspection"),
        ("device_whitelist", "auth.device_whitelist"),
        ("device_token", "auth.device_token"),
    ] {
        let error = errors(json!({ "methods": [method] }));
        assert!(error.contains(section), "{error}");
    }
    assert!(errors(json!({ "methods": ["tokens", "tokens"], "tokens": [{ "token": "a" }] })).contains("twice"));
}

#[test]
fn c11_an_algorithm_needs_its_kind_of_key() {
    assert_valid(json!({ "methods": ["jwt"], "jwt": { "secret": "s" } }));
    assert_valid(
        json!({ "methods": ["jwt"], "jwt": { "algorithms": ["HS512", "RS256"], "secret": "s", "jwks_file": "keys.json" } }),
    );
    assert_valid(
        json!({ "methods": ["jwt"], "jwt": { "jwks_url": "https://id.example.org/keys", "algorithms": ["PS256", "EdDSA"] } }),
    );
    for (jwt, word) in [
        (json!({}), "has no key"),
        (json!({ "jwks_file": "a", "public_key_file": "b" }), "one of"),
        (json!({ "jwks_file": "a", "algorithms": ["HS256"] }), "needs `secret`"),
        (json!({ "secret": "a", "algorithms": ["RS256"] }), "public keys"),
        (json!({ "secret": "a", "jwks_file": "a", "algorithms": ["RS256"] }), "take `secret` out"),
        (json!({ "secret": "a", "jwks_file": "a", "algorithms": ["HS256"] }), "such as RS256"),
        (json!({ "secret": "-----BEGIN PUBLIC KEY-----", "algorithms": ["HS256"] }), "PEM"),
        (json!({ "secret": "a", "device_claim": null, "require_device": true }), "device_claim"),
        (json!({ "jwks_url": "id.example.org" }), "https://"),
    ] {
        let error = errors(json!({ "jwt": jwt }));
        assert!(error.contains(word), "{error}");
    }
    let none: Result<AuthConfig, _> = serde_json::from_value(json!({ "jwt": { "algorithms": ["none"] } }));
    assert!(none.is_err());
}

#[test]
fn c11_the_default_algorithms_fit_the_keys() {
    use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256, RS256};
    let jwt = |value| serde_json::from_value::<JwtConfig>(value).expect("a section").accepted();
    assert_eq!(jwt(json!({ "secret": "a" })), [HS256]);
    assert_eq!(jwt(json!({ "jwks_file": "a" })), [RS256, ES256, EdDSA]);
}

#[test]
fn addresses_are_judged_and_not_repeated() {
    for url in ["id.example.org", "ftp://id.example.org", "https://", "https:///x", "https://a b/", "https://u:hush@a/"]
    {
        let error = errors(json!({ "introspection": { "url": url } }));
        assert!(error.contains("introspection.url") && !error.contains("hush"), "{url}: {error}");
    }
    assert_valid(
        json!({ "methods": ["introspection"], "introspection": { "url": "http://127.0.0.1:8080/introspect", "client_id": "a" } }),
    );
}

#[test]
fn c11_what_is_written_down_is_switched_on() {
    for (section, word) in [
        (json!({ "tokens": [{ "token": "a" }] }), "tokens"),
        (json!({ "device_whitelist": ["a"] }), "device_whitelist"),
        (json!({ "device_token": { "key": "a" } }), "device_token"),
        (json!({ "jwt": { "secret": "a" } }), "jwt"),
        (json!({ "introspection": { "url": "https://a/" } }), "introspection"),
    ] {
        let error = errors(section);
        assert!(error.contains(&format!("write `methods: [{word}]`")), "{error}");
    }
}

#[test]
fn no_secret_is_shown() {
    let config: AuthConfig = serde_json::from_value(json!({
        "tokens": [{ "token": "hush" }],
        "jwt": { "secret": "hush" },
        "introspection": { "url": "https://a", "client_secret": "hush" },
        "device_token": { "key": "hush" },
    }))
    .expect("the right form");
    assert!(!format!("{config:?}").contains("hush"));
    let sections = (config.jwt, config.introspection, config.device_token);
    assert!(!serde_json::to_string(&sections).expect("JSON").contains("hush"));
}
