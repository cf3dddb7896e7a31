//! Failing providers. Rule: transient failures are retried before the first chunk was sent and never after; every
//! question ends with a reason and a sentence in time.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use modehost_contract::effect::{ModelRequest, Tool};
use modehost_contract::event::Failure;
use modehost_contract::service::{ModelPart, Models};
use modehost_llm::LanguageModels;
use modehost_provider::{Gate, Provider, Reply};
use serde_json::{Value, json};

use crate::setup::{ask, models, question, section, streamed};

/// Outcomes of a streamed and a plain question with this reply, and the number of requests of each.
async fn both(reply: Reply, settings: Value) -> [(Failure, String, usize); 2] {
    let provider = Provider::start();
    provider.default_reply(reply);
    let models = models(&provider, settings);
    let mut outcomes = Vec::new();
    for request in [streamed("?"), question("?")] {
        let before = provider.requests().len();
        let outcome = ask(&models, request).await;
        let (reason, sentence) = outcome.failed();
        outcomes.push((reason, sentence.to_owned(), provider.requests().len() - before));
    }
    provider.wait_in_flight(0).await;
    outcomes.try_into().expect("two outcomes")
}

#[tokio::test]
async fn l3_failures_that_may_pass_are_tried_again() {
    let faults = [
        Reply::status(500),
        Reply::status(503),
        Reply::status(429),
        Reply::status(408),
        Reply::text("x").garbled(),
        Reply::text("x").cut_after(0),
        Reply::text(""),
        Reply::raw_events("data: {\"error\": {\"message\": \"overloaded\"}}\n\n"),
        Reply::raw("<html>"),
    ];
    join_all(faults.into_iter().flat_map(|fault| [(fault.clone(), true), (fault, false)]).map(
        async |(fault, chunks)| {
            let provider = Provider::start();
            provider.queue(fault.clone());
            provider.queue(fault.clone());
            provider.queue(Reply::text("At last."));
            let models = models(&provider, json!({}));
            assert_eq!(ask(&models, ModelRequest { chunks, ..question("?") }).await.text(), "At last.", "{fault:?}");
            assert_eq!(provider.requests().len(), 3, "{fault:?}");
        },
    ))
    .await;
}

#[tokio::test]
async fn l3_tries_come_to_an_end() {
    for (reason, sentence, tries) in both(Reply::status(500), json!({})).await {
        assert_eq!((reason, tries), (Failure::Unavailable, 3));
        assert_eq!(sentence, "the provider of `default` answered 500 (internal_error)");
    }
    for (reason, sentence, tries) in both(Reply::status(429), json!({ "retries": 0 })).await {
        assert_eq!((reason, tries), (Failure::TooMany, 1));
        assert!(sentence.contains("llm.aliases.default.max_concurrent"), "{sentence}");
    }
}

#[tokio::test]
async fn l3_what_will_not_pass_is_told_at_once() {
    for (status, setting) in [
        (401, "llm.aliases.default.api_key"),
        (403, "llm.aliases.default.api_key"),
        (404, "llm.aliases.default.base_url"),
        (400, "llm.aliases.default.model"),
        (301, "llm.aliases.default.base_url"),
    ] {
        for (reason, sentence, tries) in both(Reply::status(status), json!({})).await {
            assert_eq!((reason, tries), (Failure::Rejected, 1), "{status}");
            assert!(sentence.contains(setting), "{sentence}");
        }
    }
}

#[tokio::test]
async fn l3_a_wish_to_wait_is_honoured_within_the_time() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.queue(Reply::status(429).retry_after(1));
    assert_eq!(ask(&models, question("?")).await.text(), "OK");
    let asked = provider.requests();
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(1));

    provider.queue(Reply::status(429).retry_after(3600));
    let started = Instant::now();
    assert_eq!(ask(&models, question("?")).await.failed().0, Failure::TooMany);
    assert!(started.elapsed() < Duration::from_secs(10), "it was waited for in vain");
}

#[tokio::test]
async fn l3_after_the_first_piece_nothing_is_tried_again() {
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"One \"}}]}\n\n";
    for fault in [
        Reply::chunks(&["One ", "two"]).cut_after(1),
        Reply::raw_events(cut).cut_after(1),
        Reply::raw_events(format!("{cut}data: no JSON\n\n")),
        Reply::raw_events(format!("{cut}data: {{\"error\":{{\"code\":500}}}}\n\n")),
    ] {
        let provider = Provider::start();
        provider.default_reply(fault.clone().between_chunks(Duration::from_millis(1)));
        let models = models(&provider, json!({}));
        let mut parts = models.ask(streamed("?"));
        let mut seen = Vec::new();
        while let Some(part) = parts.next().await {
            seen.push(part);
        }
        // A fault in the same packet as the first delta is handled before the chunk is sent.
        let chunk_sent = seen.first() == Some(&ModelPart::Chunk("One ".into()));
        assert!(matches!(seen.last(), Some(ModelPart::Failed { reason: Failure::Unavailable, .. })), "{seen:?}");
        assert_eq!(provider.requests().len(), if chunk_sent { 1 } else { 3 }, "{fault:?}");
    }
}

#[tokio::test]
async fn l3_each_wait_has_its_time() {
    let quick = json!({ "timeout_s": 1, "retries": 5 });
    for (reason, sentence, tries) in both(Reply::text("x").never(), quick).await {
        assert_eq!((reason, tries), (Failure::TimedOut, 1));
        assert!(sentence.contains("took longer than 1 s in all"), "{sentence}");
    }
    let provider = Provider::start();
    let models = models(&provider, json!({ "first_token_timeout_s": 1 }));
    let gate = Gate::new();
    for reply in [Reply::text("x").never(), Reply::text("x").until_open_after(0, &gate)] {
        provider.queue(reply);
        let outcome = ask(&models, streamed("?")).await;
        assert!(outcome.failed().1.contains("said nothing for 1 s"), "{outcome:?}");
    }
    provider.queue(Reply::chunks(&["a", "b"]).until_open_after(1, &gate));
    let outcome = ask(&models, streamed("?")).await;
    assert_eq!((outcome.failed().0, outcome.chunks.concat().as_str()), (Failure::TimedOut, "a"));
    assert!(outcome.failed().1.contains("in the middle of its answer for 1 s"), "{outcome:?}");
    provider.wait_in_flight(0).await;
}

#[tokio::test]
async fn a_stream_that_only_forgets_to_end_is_an_answer() {
    let provider = Provider::start();
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}\n\n";
    provider.default_reply(Reply::raw_events(events).until_open_after(1, &Gate::new()));
    let outcome = ask(&models(&provider, json!({})), streamed("?")).await;
    assert_eq!(outcome.text(), "Yes.");
    provider.wait_in_flight(0).await;
}

#[tokio::test]
async fn nothing_is_taken_without_bound() {
    let long = "x".repeat(3 * 1024 * 1024);
    for reply in [
        Reply::endless(&"word ".repeat(50)),
        Reply::endless("<think>hm"),
        Reply::raw_events(format!("data: {long}")),
        Reply::raw_events(format!("{long}\n\n")),
        Reply::raw(long.clone()),
    ] {
        let provider = Provider::start();
        provider.default_reply(reply.clone());
        let models = models(&provider, json!({ "retries": 0 }));
        let outcome = ask(&models, streamed("?")).await;
        assert_eq!(outcome.failed().0, Failure::Unavailable, "{reply:?}");
        provider.wait_in_flight(0).await;
    }
}

#[tokio::test]
async fn a_provider_that_comes_back_is_found_again() {
    let provider = Provider::start();
    let port = provider.port();
    let models = models(&provider, json!({ "retries": 0 }));
    assert_eq!(ask(&models, question("?")).await.text(), "OK");
    drop(provider);
    let outcome = ask(&models, question("?")).await;
    assert_eq!(outcome.failed().0, Failure::Unavailable);
    assert!(outcome.failed().1.contains("llm.aliases.default.base_url"), "{outcome:?}");
    let _provider = Provider::start_on(port);
    assert_eq!(ask(&models, question("?")).await.text(), "OK");
}

#[tokio::test]
async fn l4_without_a_model_the_failure_says_what_to_set() {
    for config in [json!({}), json!({ "aliases": { "big": { "base_url": "http://127.0.0.1:1/v1" } } })] {
        let outcome = ask(&LanguageModels::new(&section(config)), question("?")).await;
        assert_eq!(outcome.failed().0, Failure::Unavailable);
        assert!(outcome.failed().1.contains("llm.aliases.default.base_url and .model"), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    let mut empty = question("?");
    empty.messages.clear();
    let mut broken = question("?");
    broken.tools.push(Tool { name: "a".into(), description: String::new(), parameters: "{".into() });
    for request in [empty, broken] {
        assert_eq!(ask(&models, request).await.failed().0, Failure::Rejected);
    }
    assert_eq!(provider.requests().len(), 0);
}
