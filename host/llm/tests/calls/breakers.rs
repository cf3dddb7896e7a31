//! A.6: permanently failing providers. Rule: they are not called at the rate of speech, one question finds out when
//! they have recovered, and a configuration change closes the breaker at once.

use std::time::{Duration, Instant};

use modehost_contract::event::Failure;
use modehost_llm::LanguageModels;
use modehost_provider::{Provider, Reply};
use serde_json::json;

use crate::setup::{ask, config, models, question, section, streamed};

const FAILURES: usize = modehost_llm::limits::MODEL_BREAKER_FAILURES as usize;

/// Advances the clock past the first pause of a breaker.
async fn past_the_pause() {
    tokio::time::pause();
    tokio::time::advance(modehost_llm::limits::BREAKER_OPEN + Duration::from_millis(1)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a6_lasting_failures_open_the_breaker_and_one_question_closes_it() {
    for status in [401, 403, 404, 405, 301] {
        let provider = Provider::start();
        let models = models(&provider, json!({}));
        provider.default_reply(Reply::status(status));
        for _ in 0..FAILURES {
            assert_eq!(ask(&models, streamed("?")).await.failed().0, Failure::Rejected, "{status}");
        }
        for request in [streamed("?"), question("?")] {
            let outcome = ask(&models, request).await;
            let (reason, sentence) = outcome.failed();
            assert_eq!(reason, Failure::Unavailable, "{status}");
            assert!(sentence.contains("is not asked for"), "{sentence}");
        }
        assert_eq!(provider.requests().len(), FAILURES, "{status}");

        // A trial that fails, then one that succeeds.
        past_the_pause().await;
        assert_eq!(ask(&models, question("?")).await.failed().0, Failure::Rejected);
        assert!(ask(&models, question("?")).await.failed().1.contains("is not asked for"));
        assert_eq!(provider.requests().len(), FAILURES + 1, "{status}");
        provider.default_reply(Reply::text("Yes."));
        past_the_pause().await;
        past_the_pause().await;
        for _ in 0..3 {
            assert_eq!(ask(&models, question("?")).await.text(), "Yes.", "{status}");
        }
    }
}

#[tokio::test]
async fn a6_a_provider_that_is_not_there_costs_nobody_a_wait() {
    let provider = Provider::start();
    let port = provider.port();
    let models = models(&provider, json!({ "retries": 0 }));
    drop(provider);
    for _ in 0..FAILURES {
        assert!(ask(&models, question("?")).await.failed().1.contains("llm.aliases.default.base_url"));
    }
    let started = Instant::now();
    for _ in 0..100 {
        assert!(ask(&models, streamed("?")).await.failed().1.contains("is not asked for"));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "took {:?}", started.elapsed());
    let _provider = Provider::start_on(port);
    past_the_pause().await;
    assert_eq!(ask(&models, question("?")).await.text(), "OK");
}

#[tokio::test]
async fn a6_a_trial_is_one_request() {
    let provider = Provider::start();
    let port = provider.port();
    let models = models(&provider, json!({ "retries": 0 }));
    drop(provider);
    for _ in 0..FAILURES {
        ask(&models, question("?")).await;
    }
    past_the_pause().await;
    let provider = Provider::start_on(port);
    let gate = modehost_provider::Gate::new();
    provider.default_reply(Reply::text("Yes.").until_open(&gate));
    let others = async {
        provider.wait_requests(1).await;
        for _ in 0..5 {
            assert!(ask(&models, question("?")).await.failed().1.contains("is not asked for"));
        }
        gate.open();
    };
    let (trial, ()) = tokio::join!(ask(&models, question("?")), others);
    assert_eq!((trial.text(), provider.requests().len()), ("Yes.", 1));
    assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
}

#[tokio::test]
async fn a6_a_change_of_the_configuration_closes_it() {
    let provider = Provider::start();
    provider.require_key("the-right-one");
    let models = models(&provider, json!({ "api_key": "a-wrong-one" }));
    for _ in 0..FAILURES {
        assert!(ask(&models, question("?")).await.last.is_err());
    }
    assert!(ask(&models, question("?")).await.failed().1.contains("is not asked for"));
    models.apply(&config(&provider, json!({ "api_key": "the-right-one" })));
    assert_eq!(ask(&models, question("?")).await.text(), "OK");
}

#[tokio::test]
async fn a6_what_may_pass_opens_nothing() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    for status in [500, 503, 429, 408, 400, 422] {
        provider.default_reply(Reply::status(status));
        for _ in 0..FAILURES + 2 {
            assert!(!ask(&models, question("?")).await.failed().1.contains("is not asked for"), "{status}");
        }
    }
    // Nor do failures with successes between them.
    for _ in 0..5 {
        provider.queue(Reply::status(401));
        provider.queue(Reply::status(401));
        provider.queue(Reply::text("Yes."));
        for failed in [true, true, false] {
            assert_eq!(ask(&models, question("?")).await.last.is_err(), failed);
        }
        provider.default_reply(Reply::text("Yes."));
    }
}

#[tokio::test]
async fn a6_one_model_of_a_provider_does_not_stop_another() {
    let provider = Provider::start();
    provider.default_reply_for("gone", Reply::status(404));
    let alias = json!({ "base_url": provider.base_url(), "model": "small", "retries": 0 });
    let models = LanguageModels::new(&section(json!({
        "aliases": { "default": alias }, "purposes": { "talk": { "model": "gone" } },
    })));
    let of = |purpose: &str| modehost_contract::effect::ModelRequest { purpose: purpose.to_owned(), ..question("?") };
    for _ in 0..FAILURES + 1 {
        assert!(ask(&models, of("talk")).await.last.is_err());
    }
    assert_eq!(ask(&models, of("test")).await.text(), "OK");
}
