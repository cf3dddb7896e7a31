//! L.1 to L.4: model providers, good and bad, behind a mode that asks them. Rule: the provider is scripted and its
//! requests are checked, and waits are for conditions; what the tests of `host/llm` cover is not
//! repeated here.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_provider::{Gate, Provider, Reply};
use modehost_tests::{Device, Server, Settings, server, wait};
use serde_json::{Value, json};

/// The bundled modes; the default one is granted `model`.
fn bundled() -> Settings {
    let grants = json!(["switch-mode", "model", "tools", "documents:conversation/"]);
    Settings::new().bundled().set("plugins.grants.conversation", grants)
}

/// An alias `default` for this provider, with these settings.
pub(crate) fn with(provider: &Provider, settings: Value) -> Settings {
    let two = bundled().set("llm.aliases.default.base_url", json!(provider.base_url()));
    let two = two.set("llm.aliases.default.model", json!("small"));
    let more = settings.as_object().cloned().unwrap_or_default();
    more.into_iter().fold(two, |all, (key, value)| all.set(&format!("llm.aliases.default.{key}"), value))
}

/// A device without MCP tools, so that nothing waits for its tool list.
pub(crate) async fn join(server: &Server, id: &str) -> Device {
    let mut device = Device::connect(server, id).await;
    device.hello().await;
    device
}

/// The next sentence.
pub(crate) async fn sentence(device: &mut Device) -> String {
    let text = device.expect("a sentence", |message| message["state"] == "sentence_start").await;
    text["text"].as_str().unwrap_or_default().to_owned()
}

/// A turn; returns the first sentence of its answer once the whole answer has been said.
pub(crate) async fn turn(device: &mut Device, text: &str) -> String {
    device.types(text).await;
    let text = sentence(device).await;
    device.expect("the end of the answer", |message| message["type"] == "tts" && message["state"] == "stop").await;
    text
}

/// The value of a metric's series; 0 if it is missing.
pub(crate) async fn metric_value(server: &Server, line: &str) -> f64 {
    let metrics = server.admin("GET", "/metrics", "").await.body;
    let value = metrics.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    value.unwrap_or_default()
}

/// Exit code and output of `modehost check` on a file with this text.
fn check(text: &str) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("mine.yaml");
    std::fs::write(&file, text).expect("write");
    let output = Command::new(server::binary()).arg("check").arg(&file).output().expect("the server's binary");
    let written = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&written).into_owned())
}

#[test]
fn l1_a_mistaken_address_is_refused_with_the_correction_at_its_line() {
    for (key, mistaken, correction) in [
        ("base_url", "https://api.example.org/v1/models", "must end before /models"),
        ("url", "https://api.example.org/v1/models", "must end before /models"),
        ("base_url", "https://api.example.org/v1/chat/completions", "must end before /chat/completions"),
        ("base_url", "https://api.example.org/v1/v1", "repeats the end of its path"),
        ("base_url", "api.example.org/v1", "has no scheme, and must begin with https://"),
        ("base_url", "https://api.example.org/v1?key=1", "must not contain `?`"),
    ] {
        let (code, written) = check(&format!("llm:\n  aliases:\n    default:\n      {key}: {mistaken}\n"));
        assert_eq!(code, Some(64), "{mistaken}: {written}");
        let position = format!("mine.yaml:4:{}: llm.aliases.default.{key}: ", 9 + key.len());
        assert!(written.contains(&position), "{position} is missing in: {written}");
        assert!(written.contains(correction) && written.contains("write https://api.example.org/v1\n"), "{written}");
    }
    let (code, written) =
        check("llm:\n  aliases:\n    default: { base_url: https://api.example.org/v1, model: small }\n");
    assert_eq!(code, Some(0), "{written}");
}

#[test]
fn l1_purposes_and_keys_are_checked_and_no_key_is_shown() {
    let (code, written) = check(
        "llm:\n  aliases:\n    default:\n      base_url: http://127.0.0.1:1/v1\n      api_key: a hush b\n  purposes:\n    summary: big\n",
    );
    assert_eq!(code, Some(64), "{written}");
    assert!(written.contains("mine.yaml:5:") && !written.contains("hush"), "{written}");
    assert!(written.contains("mine.yaml:7:") && written.contains("there are: default"), "{written}");
}

#[tokio::test]
async fn l1_a_mistaken_change_is_refused_while_the_old_goes_on() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("Yes."));
    let server = Server::start(with(&provider, json!({}))).await;
    let mut device = join(&server, "dev-1").await;
    assert_eq!(turn(&mut device, "is it so then").await, "Yes.");
    server.configure(&with(&provider, json!({ "base_url": format!("{}/models", provider.base_url()) })));
    server.wait_output("llm.aliases.default.base_url: must end before /models").await;
    server.wait_output(&format!("write {}", provider.base_url())).await;
    assert_eq!(turn(&mut device, "and is it still so").await, "Yes.");
}

#[tokio::test]
async fn l2_a_change_reaches_the_next_question_without_a_reconnect() {
    let (old, new) = (Provider::start(), Provider::start());
    let gate = Gate::new();
    old.default_reply(Reply::chunks(&["This is old. ", "Quite so."]).until_open_after(1, &gate));
    new.default_reply(Reply::text("This is new."));
    let server = Server::start(with(&old, json!({ "api_key": "the-first-key" }))).await;
    let mut running = join(&server, "dev-1").await;
    let mut other = join(&server, "dev-2").await;
    running.types("tell me how old it is").await;
    assert_eq!(sentence(&mut running).await, "This is old.");

    server.configure(&with(&new, json!({ "api_key": "the-second-key", "model": "large" })));
    let end = Instant::now() + wait::TIMEOUT;
    while new.requests().is_empty() {
        assert!(Instant::now() < end, "the change does not arrive");
        // Until then, the old model answers.
        other.types("tell me something new").await;
        sentence(&mut other).await;
        other.send(json!({ "type": "abort" })).await;
    }
    let asked = &new.requests()[0];
    assert_eq!(asked.model, "large");
    assert_eq!(asked.headers["authorization"], "Bearer the-second-key");

    // A request in flight ends as it began; the next one uses the new settings.
    gate.open();
    assert_eq!(sentence(&mut running).await, "Quite so.");
    running.expect("the end of the answer", |message| message["state"] == "stop").await;
    assert_eq!(turn(&mut running, "and how old is it now").await, "This is new.");
    for device in [&running, &other] {
        assert_eq!(device.seen_of_type("hello").len(), 1, "a connection was lost");
    }
    let output = server.output();
    assert!(!output.contains("-key") && !output.contains("This is"), "a key or an answer is in the log: {output}");
}

#[tokio::test]
async fn l3_so_many_are_asked_at_once_and_all_are_answered() {
    let provider = Provider::start();
    let gate = Gate::new();
    provider.default_reply(Reply::text("In turn.").until_open(&gate));
    let server = Server::start(with(&provider, json!({ "max_concurrent": 2 }))).await;
    let ids: Vec<String> = (0..6).map(|number| format!("dev-{number}")).collect();
    let mut devices = join_all(ids.iter().map(|id| join(&server, id))).await;
    for device in &mut devices {
        device.types("what is it that you say").await;
    }
    let waiting = async || metric_value(&server, "modehost_model_waiting{alias=\"default\"}").await;
    wait::until("four requests are queued", wait::TIMEOUT, waiting, |waiting| *waiting == 4.0).await;
    assert_eq!(provider.requests_in_flight(), 2);
    gate.open();
    for device in &mut devices {
        assert_eq!(sentence(device).await, "In turn.");
    }
    assert_eq!((provider.max_in_flight(), provider.requests().len()), (2, 6));
}

#[tokio::test]
async fn l3_what_may_pass_is_tried_again_and_unseen() {
    let provider = Provider::start();
    let server = Server::start(with(&provider, json!({}))).await;
    let mut device = join(&server, "dev-1").await;
    provider.queue(Reply::status(429).retry_after(1));
    provider.queue(Reply::text("").garbled());
    provider.queue(Reply::text("At last."));
    assert_eq!(turn(&mut device, "what is it that you say").await, "At last.");
    assert_eq!(provider.requests().len(), 3);
    assert!(device.seen_of_type("error").is_empty());
    assert_eq!(metric_value(&server, "modehost_model_retries_total{alias=\"default\"}").await, 2.0);
}

#[tokio::test]
async fn l3_a_silent_provider_costs_its_time_and_no_more() {
    let provider = Provider::start();
    let server = Server::start(with(&provider, json!({ "first_token_timeout_s": 1 }))).await;
    let mut device = join(&server, "dev-1").await;
    provider.queue(Reply::text("").never());
    let asked = Instant::now();
    turn(&mut device, "what is it that you say").await;
    assert!(asked.elapsed() >= Duration::from_secs(1));
    let error = device.seen_of_type("error");
    assert_eq!((error.len(), &error[0]["degraded"]), (1, &json!(true)));
    provider.wait_in_flight(0).await;
    // The device was served meanwhile, and still is.
    device.ping().await;
    assert_eq!(turn(&mut device, "and what do you say now").await, "OK");
}

/// A device in the middle of an answer of which the provider withholds the rest.
async fn in_the_middle(provider: &Provider, server: &Server, id: &str) -> Device {
    provider.queue(Reply::chunks(&["One is said. ", "Two is not."]).until_open_after(1, &Gate::new()));
    let mut device = join(server, id).await;
    device.types("count for me if you can").await;
    assert_eq!(sentence(&mut device).await, "One is said.");
    provider.wait_in_flight(1).await;
    device
}

#[tokio::test]
async fn l3_a_question_ends_with_its_session() {
    let provider = Provider::start();
    let server = Server::start(with(&provider, json!({})).set("session.resume_window_s", json!(1))).await;
    in_the_middle(&provider, &server, "dev-1").await.vanish();
    provider.wait_in_flight(0).await;
    let cancelled = async || server.output().contains("a question was cancelled");
    wait::until("the log says so", wait::TIMEOUT, cancelled, |cancelled| *cancelled).await;
}

#[tokio::test]
async fn l3_a_question_ends_with_its_mode() {
    let provider = Provider::start();
    let server = Server::start(with(&provider, json!({}))).await;
    let mut device = in_the_middle(&provider, &server, "dev-1").await;
    std::fs::remove_file(server.plugin_file("conversation")).expect("the plugin was there");
    provider.wait_in_flight(0).await;
    device.ping().await;
}

#[tokio::test]
async fn l3_a_stop_of_the_server_waits_for_no_provider() {
    let provider = Provider::start();
    let mut server = Server::start(with(&provider, json!({}))).await;
    let _device = in_the_middle(&provider, &server, "dev-1").await;
    let asked = Instant::now();
    assert!(server.terminate().await.success());
    assert!(asked.elapsed() < Duration::from_secs(10), "took {:?}", asked.elapsed());
    provider.wait_in_flight(0).await;
}

#[tokio::test]
async fn l4_without_a_model_the_device_is_told_until_two_values_are_set() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("Roses are red."));
    let server = Server::start(bundled()).await;
    let mut device = join(&server, "dev-1").await;
    assert!(!turn(&mut device, "write me a poem").await.is_empty());
    let error = device.seen_of_type("error");
    assert_eq!((error.len(), &error[0]["code"], &error[0]["degraded"]), (1, &json!("LLM_UNAVAILABLE"), &json!(true)));

    let two = bundled()
        .set("llm.aliases.default.base_url", json!(provider.base_url()))
        .set("llm.aliases.default.model", json!("small"));
    server.configure(&two);
    let end = Instant::now() + wait::TIMEOUT;
    while turn(&mut device, "write me another poem").await != "Roses are red." {
        assert!(Instant::now() < end, "no model answers: {:#?}", device.seen());
    }
    assert_eq!(device.seen_of_type("hello").len(), 1);
}

#[tokio::test]
async fn calls_are_measured_and_logged_without_a_word_of_them() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("Golden giraffes do.").usage(21, 5));
    let settings = with(&provider, json!({ "api_key": "hush-hush" })).set("llm.purposes.chat", json!("default"));
    // Everything that a request passes through; the component compiler would flood the log.
    let crates = ["modehost", "modehost_gateway", "modehost_session", "modehost_plugin", "modehost_storage"];
    let libraries = ["modehost_llm", "modehost_task", "reqwest", "hyper", "hyper_util"];
    let traced: String = crates.iter().chain(&libraries).map(|name| format!(",{name}=trace")).collect();
    let server = Server::start(settings.set("log.level", json!(format!("info{traced}")))).await;
    let mut device = join(&server, "dev-1").await;
    turn(&mut device, "who likes purple elephants").await;
    let labels = "{alias=\"default\",purpose=\"chat\",outcome=\"ok\"}";
    let answered = async || metric_value(&server, &format!("modehost_model_requests_total{labels}")).await;
    wait::until("the call is counted", wait::TIMEOUT, answered, |count| *count == 1.0).await;
    assert_eq!(metric_value(&server, "modehost_model_tokens_total{alias=\"default\",kind=\"prompt\"}").await, 21.0);
    assert_eq!(metric_value(&server, "modehost_model_seconds_count{alias=\"default\"}").await, 1.0);
    assert_eq!(metric_value(&server, "modehost_model_first_token_seconds_count{alias=\"default\"}").await, 1.0);
    server.wait_output("a model has answered").await;
    let output = server.output();
    for phrase in ["giraffe", "elephant", "hush"] {
        let line = output.lines().find(|line| line.contains(phrase));
        assert_eq!(line, None, "{phrase} is in the log");
    }
}
