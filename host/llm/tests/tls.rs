//! Providers with TLS, as nearly all have. Rule: trusted roots come from the system; a test that needs a system that
//! trusts its provider runs as a separate process with that certificate.

#[path = "calls/setup.rs"]
#[allow(dead_code, reason = "the other test binaries use the rest")]
mod setup;

use std::process::Command;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use modehost_contract::event::Failure;
use modehost_contract::service::{ModelPart, Models};
use modehost_provider::{Gate, Provider, Reply};
use serde_json::json;
use setup::{ask, models, question, streamed};

/// Where the trusted roots of the system are read from.
const TRUSTED: &str = "SSL_CERT_FILE";

#[test]
fn providers_behind_tls_are_asked() {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let test = std::env::current_exe().expect("a test has a binary");
    let child = Command::new(test)
        .args(["--exact", "trusting", "--ignored", "--nocapture"])
        .env(TRUSTED, directory.path().join("trusted.pem"))
        .output()
        .expect("this test, run by itself");
    let written = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && written.contains("1 passed"), "{written}{:?}", child.stderr);
}

#[tokio::test]
#[ignore = "is run by the test above, with the certificates of its own"]
async fn trusting() {
    let provider = Provider::start_tls();
    let file = std::env::var_os(TRUSTED).expect("a place for certificates");
    std::fs::write(file, provider.certificate()).expect("write");
    let models = models(&provider, json!({ "api_key": "a-key" }));

    // One connection carries all requests (HTTP/2).
    let gate = Gate::new();
    provider.default_reply(Reply::chunks(&["a", "b"]).until_open(&gate).usage(3, 2));
    let first = ask(&models, question("?"));
    gate.open();
    assert_eq!(first.await.text(), "ab");
    let all = join_all((0..5).map(|_| ask(&models, streamed("?")))).await;
    assert!(all.iter().all(|outcome| outcome.done().tokens == (3, 2)));
    assert_eq!(provider.connections(), 1);
    assert_eq!(provider.requests()[5].headers["authorization"], "Bearer a-key");

    // A cancelled question does not affect the others on its connection.
    provider.wait_in_flight(0).await;
    let shut = Gate::new();
    provider.default_reply(Reply::chunks(&["One ", "two"]).until_open_after(1, &shut));
    let (mut dropped, mut kept) = (models.ask(streamed("?")), models.ask(streamed("?")));
    assert_eq!(dropped.next().await, Some(ModelPart::Chunk("One ".into())));
    assert!(kept.next().now_or_never().is_none());
    provider.wait_in_flight(2).await;
    drop(dropped);
    provider.wait_in_flight(1).await;
    shut.open();
    let rest: Vec<ModelPart> = kept.collect().await;
    assert!(matches!(rest.last(), Some(ModelPart::Done { text, .. }) if &**text == "One two"), "{rest:?}");
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_knows_is_not_trusted() {
    let provider = Provider::start_tls();
    let outcome = ask(&models(&provider, json!({ "api_key": "a-key", "retries": 0 })), question("?")).await;
    let (reason, sentence) = outcome.failed();
    assert!(reason == Failure::Unavailable && sentence.contains("certificate"), "{sentence}");
    assert_eq!(provider.requests().len(), 0);
}
