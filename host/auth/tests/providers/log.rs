//! Log lines about a provider. Rule: one line when it fails and one when it recovers, with the configuration key and
//! without URL or token.

use std::io::Write;
use std::sync::Arc;

use modehost_auth::DenyReason;
use parking_lot::Mutex;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::fake::{FakeProvider, Response};
use crate::{check, eventually, now, sign_in};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_failure_is_logged_once_and_holds_no_secret() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let fake = FakeProvider::start(Response::Status(500)).await;
    let section = json!({ "url": fake.url(), "client_id": "us", "client_secret": "hush-hush", "timeout_s": 2 });
    let sign_in = sign_in(json!({ "methods": ["introspection"], "introspection": section }));
    for _ in 0..10 {
        assert_eq!(check(&sign_in, "a", "token-of-mine").await, Err(DenyReason::Unavailable));
    }
    fake.respond_with(Response::Json(json!({ "active": true, "exp": now() + 600 })));
    eventually(&sign_in, "a", "token-of-mine", Ok(())).await;
    let text = String::from_utf8_lossy(&lines.0.lock()).into_owned();
    assert_eq!(
        text.matches("auth.introspection.url: the identity provider cannot be used: it answered 500").count(),
        1
    );
    assert_eq!(text.matches("answers again").count(), 1);
    for secret in ["token-of-mine", "hush-hush", "dXM6aHVzaC1odXNo"] {
        assert!(!text.contains(secret), "{secret} was logged");
    }
}

#[tokio::test]
async fn c11_a_provider_that_answers_nonsense_is_one_that_is_away() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let fake = FakeProvider::start(Response::Body(b"<html>".to_vec())).await;
    let section = json!({ "url": fake.url(), "client_id": "us", "client_secret": "hush-hush", "timeout_s": 2 });
    let sign_in = sign_in(json!({ "methods": ["introspection"], "introspection": section }));
    for number in 0..10 {
        assert_eq!(check(&sign_in, "a", &format!("token-{number}")).await, Err(DenyReason::Unavailable));
    }
    let text = String::from_utf8_lossy(&lines.0.lock()).into_owned();
    let count = |what: &str| text.matches(what).count();
    assert_eq!((count("cannot be used"), count("answers again")), (1, 0), "{text}");
    fake.respond_with(Response::Json(json!({ "active": true, "exp": now() + 600 })));
    eventually(&sign_in, "a", "token-of-mine", Ok(())).await;
    assert_eq!(String::from_utf8_lossy(&lines.0.lock()).matches("answers again").count(), 1);
}

#[tokio::test]
async fn plain_http_to_another_machine_is_warned_of() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for (url, warned) in [("http://id.example.org/x", true), ("http://127.0.0.1:1/x", false)] {
        lines.0.lock().clear();
        let _ = sign_in(json!({ "methods": ["introspection"], "introspection": { "url": url } }));
        let text = String::from_utf8_lossy(&lines.0.lock()).into_owned();
        assert_eq!(text.contains("auth.introspection.url uses http://"), warned, "{text}");
        assert!(!text.contains("example.org"), "{text}");
    }
}
