//! L.6 to L.8 and A.6: careless services, models that think or accept fewer parameters, and providers that fail
//! permanently, behind a mode that asks them. Rule: both what the user receives and the provider's requests are
//! checked; more response formats are covered in `host/llm/tests`.

use std::time::Duration;

use modehost_provider::{Provider, RecordedRequest, Reply};
use modehost_tests::{Device, Server, wait};
use serde_json::{Value, json};

use crate::llm::{join, metric_value, turn, with};

/// Everything that the device has received so far.
fn received(device: &Device) -> String {
    format!("{:?}", device.seen())
}

fn roles(body: &Value) -> Vec<&str> {
    body["messages"].as_array().into_iter().flatten().filter_map(|message| message["role"].as_str()).collect()
}

/// Server-sent events with these deltas, the last with this finish reason.
fn events(deltas: &[Value], reason: &str) -> String {
    let event = |delta: &Value, reason: Value| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] }))
    };
    let pieces: String = deltas.iter().map(|delta| event(delta, Value::Null)).collect();
    pieces + &event(&json!({}), json!(reason)) + "data: [DONE]\n\n"
}

#[tokio::test]
async fn l7_what_a_model_thinks_is_never_said() {
    let provider = Provider::start();
    let server = Server::start(with(&provider, json!({}))).await;
    let mut device = join(&server, "dev-1").await;
    for pieces in [
        &["<think>purple plan</think>", "Hello there."][..],
        &["🤔 <thinking>purple plan.", " More.</thinking>", "Hello there."],
        &["◁think▷purple plan◁/think▷Hello ", "there."],
        // The closing tag alone: here in one piece with the answer, later also split into chunks.
        &["purple plan</think>Hello there."],
        &["Purple plan. ", "And more of it. ", "</thi", "nk>\n\nHello there."],
        &["<tool_call>{\"name\": \"purple\", ", "\"arguments\": {}}</tool_call>", "Hello there."],
    ] {
        provider.default_reply(Reply::chunks(pieces).between_chunks(Duration::from_millis(5)));
        let text = turn(&mut device, "what is it that you say").await;
        assert!(text.ends_with("Hello there."), "{pieces:?}: {text}");
        let received = received(&device);
        for phrase in ["purple", "Purple", "think>", "tool_call"] {
            assert!(!received.contains(phrase), "{pieces:?}: {received}");
        }
    }
}

#[tokio::test]
async fn l8_a_careless_service_is_understood() {
    let provider = Provider::start();
    let server = Server::start(with(&provider, json!({}))).await;
    let mut device = join(&server, "dev-1").await;
    let piece = |text: &str, reason: Value| {
        json!({ "choices": [{ "index": 3, "delta": { "content": text }, "finish_reason": reason }] }).to_string()
    };
    let (one, two) = (piece("Two and ", json!("stop")), piece("two.", json!("null")));
    let half = |text: &str| format!("{{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}");
    for (body, kind) in [
        (format!("{one}\n{two}\n"), Some("application/json")),
        (format!("data:{one}\ndata:{two}"), Some("text/plain")),
        (format!("data: {one}\r\n\r\n: x\r\n\r\ndata: {two}\r\n\r\n"), None),
        (json!({ "choices": [{ "message": { "content": "Two and two." } }] }).to_string(), Some("text/event-stream")),
        (format!("data: {}\n\ndata: {}\n\n", half("Two \\ud83d"), half("\\ude00and two.")), Some("application/json")),
    ] {
        let pieces = body.as_bytes().chunks(5).map(<[u8]>::to_vec);
        provider.default_reply(Reply::raw_pieces(pieces, kind).between_chunks(Duration::from_millis(1)));
        let text = turn(&mut device, "what is two and two").await;
        assert_eq!(text.replace("😀", ""), "Two and two.", "{body}");
    }
    assert!(device.seen_of_type("error").is_empty());
}

#[tokio::test]
async fn l6_a_model_that_takes_little_answers_all_the_same() {
    let provider = Provider::start();
    provider.default_reply(Reply::with(|asked: &RecordedRequest| {
        let refused = [
            (roles(&asked.body).contains(&"system"), 500, "System role not supported"),
            (asked.body.get("tools").is_some(), 404, "No endpoints found that support tool use."),
            (asked.body.get("max_tokens").is_some(), 400, "Use 'max_completion_tokens' instead of 'max_tokens'."),
            (asked.body["stream"] != true, 400, "This model only support stream mode"),
        ];
        match refused.iter().find(|(refuses, ..)| *refuses) {
            Some((_, status, phrase)) => Reply::api_error(*status, phrase),
            None => Reply::text("Here I am."),
        }
    }));
    let server = Server::start(with(&provider, json!({ "retries": 0 }))).await;
    let mut device = join(&server, "dev-1").await;
    assert_eq!(turn(&mut device, "are you there or not").await, "Here I am.");
    let first = provider.requests().len();
    assert!(first >= 3, "{first} requests");
    // The rejected parameters are remembered: the next turn costs one request per question and no more.
    for _ in 0..2 {
        let before = provider.requests().len();
        assert_eq!(turn(&mut device, "and are you still there").await, "Here I am.");
        let refused =
            |asked: &RecordedRequest| asked.body.get("max_tokens").is_some() || roles(&asked.body).contains(&"system");
        assert!(!provider.requests()[before..].iter().any(refused));
    }
    assert!(device.seen_of_type("error").is_empty());
    let remedies =
        metric_value(&server, "modehost_model_remedies_total{alias=\"default\",remedy=\"system_into_user\"}").await;
    assert_eq!(remedies, 1.0);
    server.wait_output("adapted for a day").await;
}

#[tokio::test]
async fn a_model_that_thinks_too_long_for_its_tokens_answers() {
    let provider = Provider::start();
    provider.default_reply(Reply::with(|asked: &RecordedRequest| match asked.body["max_tokens"].as_u64() {
        Some(..2000) => Reply::raw_events(events(&[json!({ "reasoning_content": "purple plan" })], "length")),
        _ => Reply::raw_events(events(
            &[json!({ "reasoning_content": "purple" }), json!({ "content": "Seven." })],
            "stop",
        )),
    }));
    let server = Server::start(with(&provider, json!({}))).await;
    let mut device = join(&server, "dev-1").await;
    assert_eq!(turn(&mut device, "how many are there").await, "Seven.");
    let chats = |from: usize| {
        let asked = provider.requests();
        asked[from..]
            .iter()
            .filter(|asked| asked.is_streamed())
            .map(|asked| asked.body["max_tokens"].as_u64())
            .collect::<Vec<_>>()
    };
    let first = chats(0);
    assert!(first.len() == 2 && first[0] < Some(2000) && first[1] > Some(2000), "{first:?}");
    let before = provider.requests().len();
    assert_eq!(turn(&mut device, "and how many are there now").await, "Seven.");
    assert_eq!(chats(before), [first[1]], "the second request has enough tokens from the start");
    assert!(!received(&device).contains("purple") && device.seen_of_type("error").is_empty());
}

#[tokio::test]
async fn a6_a_provider_that_fails_for_good_is_not_asked_at_the_rate_of_speech() {
    let provider = Provider::start();
    provider.default_reply(Reply::status(401));
    let server = Server::start(with(&provider, json!({ "api_key": "the-old-key" }))).await;
    let mut device = join(&server, "dev-1").await;
    for _ in 0..12 {
        turn(&mut device, "is there anybody there").await;
    }
    assert!((1..10).contains(&provider.requests().len()), "{} requests in twelve turns", provider.requests().len());
    let labels = "{service=\"llm\",provider=\"default\"}";
    assert_eq!(metric_value(&server, &format!("modehost_breaker_open{labels}")).await, 1.0);
    assert!(metric_value(&server, &format!("modehost_breaker_rejected_total{labels}")).await >= 1.0);
    let lines = |phrase: &str| server.output().lines().filter(|line| line.contains(phrase)).count();
    assert_eq!((lines("circuit breaker opened"), lines("circuit breaker closed")), (1, 0), "{}", server.output());

    // The operator fixes it, and nobody has to wait.
    provider.default_reply(Reply::text("Here I am."));
    server.configure(&with(&provider, json!({ "api_key": "the-new-key" })));
    server.wait_output("circuit breaker closed").await;
    assert_eq!(turn(&mut device, "and is there somebody now").await, "Here I am.");
    let open = async || metric_value(&server, &format!("modehost_breaker_open{labels}")).await;
    wait::until("the breaker is closed", wait::TIMEOUT, open, |open| *open == 0.0).await;
    assert_eq!((lines("circuit breaker opened"), lines("circuit breaker closed")), (1, 1));
    assert!(!server.output().contains("-key"), "a key is in the log");
}
