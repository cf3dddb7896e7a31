//! Introspection (RFC 7662): requests, caching, and unavailable providers. Rule: a response is reused until it expires,
//! and while the provider is unavailable sign-ins are denied for now.

use std::time::{Duration, Instant};

use modehost_auth::DenyReason;
use serde_json::{Value, json};

use crate::fake::{FakeProvider, Response};
use crate::{all_but_the_first, check, eventually, now, sign_in};

fn settings(fake: &FakeProvider, more: Value) -> Value {
    let mut section = json!({ "url": fake.url(), "timeout_s": 2 });
    for (name, value) in more.as_object().expect("members") {
        section[name] = value.clone();
    }
    json!({ "methods": ["introspection"], "introspection": section })
}

fn active(more: Value) -> Response {
    let mut response = json!({ "active": true, "exp": now() + 600 });
    for (name, value) in more.as_object().expect("members") {
        response[name] = value.clone();
    }
    Response::Json(response)
}

#[tokio::test]
async fn c11_the_provider_is_asked_as_the_standard_says() {
    let fake = FakeProvider::start(active(json!({}))).await;
    let sign_in = sign_in(settings(&fake, json!({ "client_id": "us", "client_secret": "a:b&c" })));
    assert_eq!(check(&sign_in, "a", "to+ken&x=y").await, Ok(()));
    let request = &fake.requests()[0];
    assert!(request.starts_with("POST /provider "), "{request}");
    let lower = request.to_ascii_lowercase();
    assert!(lower.contains("content-type: application/x-www-form-urlencoded"), "{request}");
    // us:a%3Ab%26c
    assert!(request.contains("Basic dXM6YSUzQWIlMjZj"), "{request}");
    assert!(request.ends_with("\r\n\r\ntoken=to%2Bken%26x%3Dy&token_type_hint=access_token"), "{request}");
}

#[tokio::test]
async fn c11_good_answers_are_kept_until_the_token_expires() {
    let fake = FakeProvider::start(active(json!({ "exp": now() + 2 }))).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    for _ in 0..20 {
        assert_eq!(check(&sign_in, "a", "token").await, Ok(()));
    }
    assert_eq!(fake.count(), 1);
    assert_eq!(check(&sign_in, "a", "another").await, Ok(()));
    assert_eq!(fake.count(), 2, "each token has its own response");
    fake.respond_with(Response::Json(json!({ "active": false })));
    eventually(&sign_in, "a", "token", Err(DenyReason::UnknownToken)).await;
}

#[tokio::test]
async fn c11_a_withdrawn_token_is_noticed_after_cache_s() {
    let fake = FakeProvider::start(active(json!({}))).await;
    let sign_in = sign_in(settings(&fake, json!({ "cache_s": 1 })));
    assert_eq!(check(&sign_in, "a", "token").await, Ok(()));
    fake.respond_with(Response::Json(json!({ "active": false })));
    assert_eq!(check(&sign_in, "a", "token").await, Ok(()), "the response is cached");
    eventually(&sign_in, "a", "token", Err(DenyReason::UnknownToken)).await;
}

#[tokio::test]
async fn c11_bad_answers_are_kept_for_a_short_time() {
    let fake = FakeProvider::start(Response::Json(json!({ "active": false }))).await;
    let sign_in = sign_in(settings(&fake, json!({ "negative_cache_s": 1 })));
    for _ in 0..20 {
        assert_eq!(check(&sign_in, "a", "token").await, Err(DenyReason::UnknownToken));
    }
    assert!(fake.count() <= 2, "{}", fake.count());
    fake.respond_with(active(json!({})));
    eventually(&sign_in, "a", "token", Ok(())).await;
}

#[tokio::test]
async fn c11_a_token_for_one_device_never_opens_another() {
    let fake = FakeProvider::start(active(json!({ "device_id": "AA:01" }))).await;
    let bound = sign_in(settings(&fake, json!({})));
    assert_eq!(check(&bound, "aa:01", "token").await, Ok(()));
    assert_eq!(check(&bound, "aa:02", "token").await, Err(DenyReason::OtherDevice));
    assert_eq!(fake.count(), 1, "the response is cached per token, for any device");
    fake.respond_with(active(json!({ "sub": "aa:03", "aud": "us" })));
    let strict = sign_in(settings(&fake, json!({ "require_device": true })));
    assert_eq!(check(&strict, "aa:03", "token").await, Err(DenyReason::NoDevice));
    let by_subject = sign_in(settings(&fake, json!({ "device_claim": "sub", "audience": "us" })));
    assert_eq!(check(&by_subject, "aa:03", "token").await, Ok(()));
    assert_eq!(check(&by_subject, "aa:01", "token").await, Err(DenyReason::OtherDevice));
    let other_audience = sign_in(settings(&fake, json!({ "audience": "them" })));
    assert_eq!(check(&other_audience, "aa:03", "token").await, Err(DenyReason::Audience));
    fake.respond_with(active(json!({ "exp": now() - 1 })));
    assert_eq!(check(&by_subject, "aa:03", "late").await, Err(DenyReason::Audience));
    let plain = sign_in(settings(&fake, json!({})));
    assert_eq!(check(&plain, "aa:03", "late").await, Err(DenyReason::Expired));
}

#[tokio::test]
async fn c11_many_callers_with_one_token_ask_once() {
    let late = json!({ "active": true, "exp": now() + 600 });
    let fake = FakeProvider::start(Response::Delayed(Duration::from_millis(500), late)).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    // The first caller sends the request and is cancelled; another sends one, and all others wait for that.
    let outcomes = all_but_the_first((0..50).map(|_| check(&sign_in, "a", "token"))).await;
    assert_eq!(outcomes, vec![Ok(()); 49]);
    // The request of the first may or may not have reached the provider.
    assert!(fake.count() <= 2, "{}", fake.count());
}

async fn assert_recovery(failure: Response) {
    let fake = FakeProvider::start(failure).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    let began = Instant::now();
    assert_eq!(check(&sign_in, "a", "token").await, Err(DenyReason::Unavailable));
    assert!(began.elapsed() < Duration::from_secs(8), "denied in time");
    fake.respond_with(active(json!({})));
    eventually(&sign_in, "a", "token", Ok(())).await;
}

#[tokio::test]
async fn c11_a_provider_that_is_silent_or_gone_refuses_for_now() {
    assert_recovery(Response::Silent).await;
    assert_recovery(Response::Close).await;
    assert_recovery(Response::Status(401)).await;
    assert_recovery(Response::Status(503)).await;
}

#[tokio::test]
async fn c11_a_provider_that_answers_nonsense_refuses_for_now() {
    assert_recovery(Response::Garbage).await;
    assert_recovery(Response::Json(json!({ "active": "yes" }))).await;
    assert_recovery(Response::Json(json!([true]))).await;
    assert_recovery(Response::Body(vec![b'{'; 1000])).await;
    assert_recovery(Response::Body(vec![b' '; 2 * modehost_auth::limits::INTROSPECTION_BYTES])).await;
}

#[tokio::test]
async fn c11_a_provider_that_is_away_is_not_asked_by_everybody() {
    let fake = FakeProvider::start(Response::Status(500)).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    for number in 0..100 {
        assert_eq!(check(&sign_in, "a", &format!("token-{number}")).await, Err(DenyReason::Unavailable));
    }
    assert!(fake.count() < 20, "{}", fake.count());
}
