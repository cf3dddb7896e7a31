//! Several methods, and failing callers. Rule: time is paused, and no provider is involved.

use serde_json::{Value, json};

use super::*;

fn config(value: Value) -> AuthConfig {
    let config: AuthConfig = serde_json::from_value(value).expect("the right form");
    garde::Validate::validate(&config).expect("valid");
    config
}

fn sign_in(value: Value) -> SignIn {
    SignIn::new(&config(value))
}

async fn check(sign_in: &SignIn, address: u8, device: &str, token: Option<&str>) -> Result<(), DenyReason> {
    let (device, client) = (DeviceId::new(device), ClientId::new("client"));
    let claim = Claim { device: &device, client: &client, token, address: [10, 0, 0, address].into() };
    sign_in.check(claim).await.map_err(|denial| denial.reason)
}

#[tokio::test]
async fn without_a_method_everyone_may() {
    let sign_in = SignIn::default();
    for _ in 0..1000 {
        assert_eq!(check(&sign_in, 1, "x", Some("anything")).await, Ok(()));
    }
}

#[tokio::test]
async fn c11_the_first_method_that_says_yes_counts_and_the_clearest_no_is_told() {
    let mixed = sign_in(json!({
        "methods": ["device_whitelist", "tokens", "device_token", "jwt"],
        "device_whitelist": ["AA:01"],
        "tokens": [{ "token": "fixed" }, { "token": "bound", "device": "aa:02" }],
        "device_token": { "key": "key" },
        "jwt": { "secret": "secret" },
    }));
    assert_eq!(check(&mixed, 1, "aa:01", None).await, Ok(()), "listed, in lower case");
    assert_eq!(check(&mixed, 1, "aa:02", None).await, Err(DenyReason::NoToken));
    assert_eq!(check(&mixed, 1, "aa:02", Some("fixed")).await, Ok(()));
    assert_eq!(check(&mixed, 1, "aa:03", Some("bound")).await, Err(DenyReason::OtherDevice));
    assert_eq!(check(&mixed, 1, "aa:03", Some("guess")).await, Err(DenyReason::UnknownToken));
    let issued = mixed.token_for(&DeviceId::new("aa:03"), &ClientId::new("client")).expect("a token");
    assert_eq!(check(&mixed, 1, "aa:03", Some(&issued)).await, Ok(()));
    assert_eq!(check(&mixed, 1, "aa:04", Some(&issued)).await, Err(DenyReason::UnknownToken));
    assert_eq!(mixed.token_for(&DeviceId::new("aa:02"), &ClientId::new("")).as_deref(), Some("bound"));
    let list = sign_in(json!({ "methods": ["device_whitelist"], "device_whitelist": ["aa:01"] }));
    assert_eq!(check(&list, 1, "aa:02", Some("x")).await, Err(DenyReason::NotListed));
}

#[tokio::test]
async fn a_token_without_end_is_refused_unread() {
    let sign_in = sign_in(json!({ "methods": ["jwt"], "jwt": { "secret": "secret" } }));
    let long = "x.".repeat(limits::TOKEN_BYTES);
    assert_eq!(check(&sign_in, 1, "a", Some(&long)).await, Err(DenyReason::Malformed));
}

fn strict() -> Value {
    json!({
        "methods": ["tokens"], "tokens": [{ "token": "good" }],
        "rate_limit": { "failures_per_minute": 5, "device_failures_per_minute": 3 },
    })
}

#[tokio::test(start_paused = true)]
async fn c11_whoever_fails_too_often_is_not_heard_and_others_are() {
    let sign_in = sign_in(strict());
    for number in 0..5 {
        let device = format!("d{number}");
        assert_eq!(check(&sign_in, 1, &device, Some("bad")).await, Err(DenyReason::UnknownToken));
    }
    let locked_out = check(&sign_in, 1, "d9", Some("good")).await;
    assert!(matches!(locked_out, Err(DenyReason::TooMany(1..=13))), "{locked_out:?}");
    assert_eq!(
        check(&sign_in, 2, "d9", Some("good")).await,
        Ok(()),
        "the same device is accepted from another address"
    );
    // A device that signs in is not locked out by the failures of others, wherever they are.
    for address in 100..200 {
        let _ = check(&sign_in, address, "d9", Some("bad")).await;
    }
    assert_eq!(check(&sign_in, 3, "d9", Some("good")).await, Ok(()));
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    assert_eq!(check(&sign_in, 1, "d9", Some("good")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn callers_without_a_token_are_no_guessers() {
    let sign_in = sign_in(strict());
    for _ in 0..100 {
        assert_eq!(check(&sign_in, 1, "a", None).await, Err(DenyReason::NoToken));
    }
    assert_eq!(check(&sign_in, 1, "a", Some("good")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn failures_stay_counted_when_settings_change() {
    let sign_in = sign_in(strict());
    for number in 0..5 {
        let _ = check(&sign_in, 1, &format!("d{number}"), Some("bad")).await;
    }
    let updated = sign_in.updated(&config(strict()));
    assert!(matches!(check(&updated, 1, "new", Some("good")).await, Err(DenyReason::TooMany(_))));
}

#[test]
fn what_was_learnt_stays_where_settings_have_not_changed() {
    let settings = |secret: &str, id: &str| {
        config(json!({
            "methods": ["jwt", "introspection"],
            "jwt": { "secret": secret },
            "introspection": { "url": "http://127.0.0.1:1/", "client_id": id },
        }))
    };
    let parts = |sign_in: &SignIn| match &sign_in.methods[..] {
        [Method::Jwt(jwt), Method::Introspection(introspection)] => (jwt.clone(), introspection.clone()),
        other => panic!("{other:?}"),
    };
    let first = SignIn::new(&settings("a", "b"));
    let same = first.updated(&settings("a", "b"));
    assert!(Arc::ptr_eq(&parts(&first).0, &parts(&same).0) && Arc::ptr_eq(&parts(&first).1, &parts(&same).1));
    let other = first.updated(&settings("a", "c"));
    assert!(Arc::ptr_eq(&parts(&first).0, &parts(&other).0) && !Arc::ptr_eq(&parts(&first).1, &parts(&other).1));
}
