//! JWKS: rotation, floods, and unavailable providers. Rule: rotated keys are found, floods cause few requests, and
//! loaded keys stay in use while the provider is unavailable.

use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use modehost_auth::{DenyReason, SignIn};
use serde_json::{Value, json};

use crate::fake::{FakeProvider, Response};
use crate::{SOON, all_but_the_first, check, config, eventually, now, sign_in};

/// A key pair with a key id.
struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn rsa(id: &'static str) -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("../keys/rsa.private.pem")).expect("a key");
        Self { id, algorithm: Algorithm::RS256, key }
    }

    fn other_rsa(id: &'static str) -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("../keys/rsa-other.private.pem")).expect("a key");
        Self { id, algorithm: Algorithm::RS256, key }
    }

    fn p256(id: &'static str) -> Self {
        let key = EncodingKey::from_ec_pem(include_bytes!("../keys/p256.private.pem")).expect("a key");
        Self { id, algorithm: Algorithm::ES256, key }
    }

    fn ed25519(id: &'static str) -> Self {
        let key = EncodingKey::from_ed_pem(include_bytes!("../keys/ed25519.private.pem")).expect("a key");
        Self { id, algorithm: Algorithm::EdDSA, key }
    }

    fn published(&self) -> Value {
        let mut key =
            serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).expect("a key")).expect("JSON");
        key["kid"] = json!(self.id);
        key["use"] = json!("sig");
        key
    }

    fn token(&self, device: &str) -> String {
        self.token_as(Some(self.id), device)
    }

    fn token_as(&self, id: Option<&str>, device: &str) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(self.algorithm) };
        encode(&header, &json!({ "exp": now() + 600, "device_id": device }), &self.key).expect("a token")
    }
}

fn set(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.published()).collect::<Vec<_>>() })
}

fn settings(fake: &FakeProvider, more: Value) -> Value {
    let mut jwt = json!({ "jwks_url": fake.url(), "jwks_min_refresh_s": 1, "timeout_s": 2 });
    for (name, value) in more.as_object().expect("members") {
        jwt[name] = value.clone();
    }
    json!({ "methods": ["jwt"], "jwt": jwt })
}

#[tokio::test]
async fn c11_keys_of_every_kind_come_by_address_and_are_kept() {
    let (rsa, p256, ed25519) = (Signer::rsa("r"), Signer::p256("p"), Signer::ed25519("e"));
    let fake = FakeProvider::start(Response::Json(set(&[&rsa, &p256, &ed25519]))).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    for signer in [&rsa, &p256, &ed25519] {
        assert_eq!(check(&sign_in, "aa:01", &signer.token("aa:01")).await, Ok(()), "{}", signer.id);
        assert_eq!(check(&sign_in, "aa:02", &signer.token("aa:01")).await, Err(DenyReason::OtherDevice));
        // Without a key id all keys of the type are tried.
        assert_eq!(check(&sign_in, "aa:01", &signer.token_as(None, "aa:01")).await, Ok(()));
        // The id of another key is of no use.
        let stolen = signer.token_as(Some(if signer.id == "r" { "p" } else { "r" }), "aa:01");
        assert_eq!(check(&sign_in, "aa:01", &stolen).await, Err(DenyReason::UnknownKey));
    }
    let forged = Signer::other_rsa("r").token("aa:01");
    assert_eq!(check(&sign_in, "aa:01", &forged).await, Err(DenyReason::Signature));
    assert!(fake.requests()[0].starts_with("GET /provider "));
}

#[tokio::test]
async fn c11_a_new_key_is_found_and_an_old_one_forgotten() {
    let (old, new) = (Signer::rsa("old"), Signer::p256("new"));
    let fake = FakeProvider::start(Response::Json(set(&[&old]))).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    assert_eq!(check(&sign_in, "a", &old.token("a")).await, Ok(()));
    fake.respond_with(Response::Json(set(&[&new])));
    eventually(&sign_in, "a", &new.token("a"), Ok(())).await;
    assert_eq!(check(&sign_in, "a", &old.token("a")).await, Err(DenyReason::UnknownKey));
}

#[tokio::test]
async fn c11_keys_are_read_anew_when_they_are_old() {
    let (old, new) = (Signer::rsa("k"), Signer::other_rsa("k"));
    let fake = FakeProvider::start(Response::Json(set(&[&old]))).await;
    let sign_in = sign_in(settings(&fake, json!({ "jwks_ttl_s": 1 })));
    assert_eq!(check(&sign_in, "a", &old.token("a")).await, Ok(()));
    // Rotated under the same id: only the age of the keys triggers a refresh.
    fake.respond_with(Response::Json(set(&[&new])));
    eventually(&sign_in, "a", &old.token("a"), Err(DenyReason::Signature)).await;
    assert_eq!(check(&sign_in, "a", &new.token("a")).await, Ok(()));
}

#[tokio::test]
async fn c11_a_key_that_is_changed_under_its_id_or_without_one_is_found() {
    // Signed by the new key: with the id of the old one, and without an id.
    for id in [Some("k"), None] {
        let (old, new) = (Signer::rsa("k"), Signer::other_rsa("k"));
        let fake = FakeProvider::start(Response::Json(set(&[&old]))).await;
        let sign_in = sign_in(settings(&fake, json!({ "jwks_ttl_s": 3600 })));
        assert_eq!(check(&sign_in, "a", &old.token_as(id, "a")).await, Ok(()));
        fake.respond_with(Response::Json(set(&[&new])));
        eventually(&sign_in, "a", &new.token_as(id, "a"), Ok(())).await;
        assert_eq!(fake.count(), 2, "one refresh was enough");
        assert_eq!(check(&sign_in, "a", &old.token_as(id, "a")).await, Err(DenyReason::Signature));
    }
}

#[tokio::test]
async fn c11_a_flood_of_signatures_that_fit_nothing_asks_the_provider_rarely() {
    let (signer, forger) = (Signer::rsa("k"), Signer::other_rsa("k"));
    let fake = FakeProvider::start(Response::Json(set(&[&signer]))).await;
    let sign_in = sign_in(settings(&fake, json!({ "jwks_min_refresh_s": 60 })));
    assert_eq!(check(&sign_in, "a", &signer.token("a")).await, Ok(()));
    for id in [Some("k"), None].repeat(50) {
        assert_eq!(check(&sign_in, "a", &forger.token_as(id, "a")).await, Err(DenyReason::Signature));
    }
    assert_eq!(fake.count(), 1);
}

#[tokio::test]
async fn c11_a_signature_that_fits_nothing_waits_for_nobody_who_is_away() {
    let (signer, forger) = (Signer::rsa("k"), Signer::other_rsa("k"));
    let fake = FakeProvider::start(Response::Json(set(&[&signer]))).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    assert_eq!(check(&sign_in, "a", &signer.token("a")).await, Ok(()));
    fake.respond_with(Response::Silent);
    let (bad, known) = (forger.token("a"), signer.token("a"));
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        // The cached keys deny it within one refresh; a caller with a valid key is accepted meanwhile.
        let began = Instant::now();
        let (forged, good) = tokio::join!(check(&sign_in, "a", &bad), check(&sign_in, "a", &known));
        assert_eq!((forged, good), (Err(DenyReason::Signature), Ok(())));
        assert!(began.elapsed() < Duration::from_secs(4));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn c20_a_file_of_keys_behind_a_link_that_is_turned_is_read_again() {
    let (old, new) = (Signer::rsa("k"), Signer::other_rsa("k"));
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for (name, signer) in [("one", &old), ("two", &new)] {
        std::fs::create_dir(at(name)).expect("a directory");
        std::fs::write(at(name).join("keys.json"), set(&[signer]).to_string()).expect("written");
        let file = std::fs::File::options().write(true).open(at(name).join("keys.json")).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    }
    std::os::unix::fs::symlink("one", at("current")).expect("a link");
    let sign_in = sign_in(json!({ "methods": ["jwt"], "jwt": { "jwks_file": at("current").join("keys.json") } }));
    assert_eq!(check(&sign_in, "a", &old.token("a")).await, Ok(()));
    std::os::unix::fs::symlink("two", at("new")).expect("a link");
    std::fs::rename(at("new"), at("current")).expect("switched");
    // Even under the same id, and long before the regular refresh of the file.
    eventually(&sign_in, "a", &new.token("a"), Ok(())).await;
    assert_eq!(check(&sign_in, "a", &old.token("a")).await, Err(DenyReason::Signature));
}

#[tokio::test]
async fn c11_a_flood_of_unknown_keys_asks_the_provider_rarely() {
    let signer = Signer::ed25519("known");
    let fake = FakeProvider::start(Response::Json(set(&[&signer]))).await;
    let sign_in = sign_in(settings(&fake, json!({ "jwks_min_refresh_s": 60 })));
    let began = Instant::now();
    for number in 0..200 {
        let token = signer.token_as(Some(&format!("unknown-{number}")), "a");
        assert_eq!(check(&sign_in, "a", &token).await, Err(DenyReason::UnknownKey));
    }
    assert_eq!(check(&sign_in, "a", &signer.token("a")).await, Ok(()));
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(fake.count(), 1);
}

#[tokio::test]
async fn c11_many_callers_wait_for_one_look() {
    let signer = Signer::ed25519("k");
    let fake = FakeProvider::start(Response::Delayed(Duration::from_millis(500), set(&[&signer]))).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    let token = signer.token("a");
    // The first caller is cancelled, which does not abort the refresh for the others.
    let outcomes = all_but_the_first((0..50).map(|_| check(&sign_in, "a", &token))).await;
    assert_eq!(outcomes, vec![Ok(()); 49]);
    assert_eq!(fake.count(), 1);
}

/// The provider fails in one way: sign-ins are denied until it has recovered.
async fn assert_recovery(failure: Response) {
    let signer = Signer::ed25519("k");
    let fake = FakeProvider::start(failure).await;
    let sign_in = sign_in(settings(&fake, json!({})));
    let began = Instant::now();
    assert_eq!(check(&sign_in, "a", &signer.token("a")).await, Err(DenyReason::Unavailable));
    assert!(began.elapsed() < Duration::from_secs(8), "denied in time");
    fake.respond_with(Response::Json(set(&[&signer])));
    eventually(&sign_in, "a", &signer.token("a"), Ok(())).await;
}

#[tokio::test]
async fn c11_a_provider_that_is_silent_or_gone_refuses_for_now() {
    assert_recovery(Response::Silent).await;
    assert_recovery(Response::Close).await;
    assert_recovery(Response::Status(500)).await;
    assert_recovery(Response::Status(302)).await;
}

#[tokio::test]
async fn c11_a_provider_that_answers_nonsense_refuses_for_now() {
    assert_recovery(Response::Garbage).await;
    assert_recovery(Response::Body(b"<html>".to_vec())).await;
    assert_recovery(Response::Json(json!({ "keys": [] }))).await;
    assert_recovery(Response::Body(vec![b'['; 100_000])).await;
    assert_recovery(Response::Body(vec![b' '; 2 * modehost_auth::limits::KEY_SET_BYTES])).await;
}

#[tokio::test]
async fn c11_keys_that_were_good_are_used_while_the_provider_is_away() {
    let (signer, new) = (Signer::ed25519("k"), Signer::p256("new"));
    let fake = FakeProvider::start(Response::Json(set(&[&signer]))).await;
    let sign_in = sign_in(settings(&fake, json!({ "jwks_ttl_s": 1 })));
    assert_eq!(check(&sign_in, "a", &signer.token("a")).await, Ok(()));
    fake.respond_with(Response::Status(503));
    let end = Instant::now() + SOON;
    while fake.count() < 3 {
        assert_eq!(check(&sign_in, "a", &signer.token("a")).await, Ok(()));
        assert!(Instant::now() < end, "old keys are refreshed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Whether a key is new or invented cannot be known now.
    assert_eq!(check(&sign_in, "a", &new.token("a")).await, Err(DenyReason::Unavailable));
}

#[tokio::test]
async fn c11_nobody_who_has_a_key_waits_for_a_provider_that_is_away() {
    let signer = Signer::ed25519("k");
    let fake = FakeProvider::start(Response::Json(set(&[&signer]))).await;
    let sign_in = sign_in(settings(&fake, json!({ "jwks_ttl_s": 1 })));
    let token = signer.token("a");
    assert_eq!(check(&sign_in, "a", &token).await, Ok(()));
    fake.respond_with(Response::Silent);
    // One caller waits for the timeout.
    let end = Instant::now() + SOON;
    let mut longest = Duration::ZERO;
    while longest < Duration::from_secs(1) {
        let began = Instant::now();
        assert_eq!(check(&sign_in, "a", &token).await, Ok(()));
        longest = longest.max(began.elapsed());
        assert!(Instant::now() < end, "old keys are refreshed");
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        let attempt = Instant::now();
        assert_eq!(check(&sign_in, "a", &token).await, Ok(()));
        assert!(attempt.elapsed() < Duration::from_secs(1), "{:?}", attempt.elapsed());
        // The refresh itself must make progress, too.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(fake.count() >= 3, "refreshes are still attempted");
}

#[tokio::test]
async fn keys_stay_when_other_settings_change() {
    let signer = Signer::ed25519("k");
    let fake = FakeProvider::start(Response::Json(set(&[&signer]))).await;
    let first = sign_in(settings(&fake, json!({})));
    assert_eq!(check(&first, "a", &signer.token("a")).await, Ok(()));
    let mut changed = settings(&fake, json!({}));
    changed["methods"] = json!(["device_whitelist", "jwt"]);
    changed["device_whitelist"] = json!(["b"]);
    let updated = first.updated(&config(changed));
    drop(first);
    fake.respond_with(Response::Close);
    assert_eq!(check(&updated, "a", &signer.token("a")).await, Ok(()));
    assert_eq!(fake.count(), 1);
}

#[tokio::test]
async fn c11_a_file_of_keys_is_read_again_when_it_changes() {
    let (old, new) = (Signer::ed25519("old"), Signer::p256("new"));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys.json");
    let write = |signers: &[&Signer]| std::fs::write(&file, set(signers).to_string()).expect("written");
    write(&[&old]);
    let sign_in: SignIn = sign_in(json!({ "methods": ["jwt"], "jwt": { "jwks_file": &file } }));
    assert_eq!(check(&sign_in, "a", &old.token("a")).await, Ok(()));
    assert_eq!(check(&sign_in, "b", &old.token("a")).await, Err(DenyReason::OtherDevice));
    write(&[&new]);
    eventually(&sign_in, "a", &new.token("a"), Ok(())).await;
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(check(&sign_in, "a", &new.token("a")).await, Ok(()));
}
