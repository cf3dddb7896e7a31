//! M.11 to M.13 and L.4 through the real server: logs in, insights out, with models that are slow, broken or absent.
//! Rule: what must not wait for the model is timed against a provider that does not answer.

use std::path::Path;
use std::time::{Duration, Instant};

use modehost_provider::{Gate, Provider, Reply};
use modehost_tests::server::workspace_root;
use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

const ERROR: &str = "error[E0308]: mismatched types\n  --> src/session.rs:212:34\n";
const ANSWER: &str = r#"{"insights":["A duration is returned as a number"],"risks":["The build is blocked"],
    "actions":["Return the Duration itself"],"nextSteps":["Run cargo check"]}"#;

/// The server with this mode, using this provider.
fn settings(provider: Option<&Provider>) -> Settings {
    let settings = Settings::new().bundled().plugin("coding", guest::bundled("coding"));
    let settings = settings.set("plugins.grants.coding", json!(["model"]));
    match provider {
        None => settings,
        Some(provider) => settings
            .set("llm.aliases.default.base_url", json!(provider.base_url()))
            .set("llm.aliases.default.model", json!("small")),
    }
}

fn coding(event: &str) -> Value {
    json!({ "type": "coding", "event": event })
}

fn log(text: &str) -> Value {
    json!({ "type": "coding", "event": "log", "text": text })
}

async fn insight(device: &mut Device) -> Value {
    device.expect("an insight", |message| message["event"] == "insight").await
}

async fn final_insight(device: &mut Device) -> Value {
    device.expect("the final insight", |message| message["event"] == "insight" && message["final"] == true).await
}

fn golden(name: &str) -> String {
    let file = workspace_root().join(Path::new("plugins/coding/tests/golden")).join(name);
    std::fs::read_to_string(file).expect("a log")
}

fn filled(insight: &Value) -> bool {
    let lists = ["insights", "risks", "actions", "nextSteps"];
    lists
        .iter()
        .all(|key| insight[key].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string)))
}

#[tokio::test]
async fn m11_an_error_is_told_within_a_second_of_a_model_that_takes_ten() {
    let provider = Provider::start();
    let gate = Gate::new();
    provider.default_reply(Reply::text(ANSWER).until_open(&gate));
    let server = Server::start(settings(Some(&provider))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("coding-insight").await;
    device.send(coding("start")).await;
    let asked = Instant::now();
    device.send(log(ERROR)).await;
    let first = insight(&mut device).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!((&first["refined"], &first["degraded"], &first["final"]), (&json!(false), &json!(false), &json!(false)));
    assert!(
        filled(&first) && first["insights"][0].as_str().is_some_and(|text| text.contains("src/session.rs:212")),
        "{first}"
    );
    assert_eq!(first["stats"]["errorCount"], 1);
    // However long it takes: other insights are sent in the meantime, and only one request is in flight.
    device.send(json!({ "type": "coding", "event": "step", "name": "lint", "status": "failed" })).await;
    assert_eq!(insight(&mut device).await["stats"]["lastStep"], "lint");
    assert_eq!(provider.wait_requests(1).await.len(), 1);
    gate.open();
    let refined = device.expect("a refined insight", |message| message["refined"] == true).await;
    assert!(filled(&refined), "{refined}");
    let answer = refined["insights"].to_string();
    assert!(answer.contains("A duration is returned as a number"), "{answer}");
    let request = &provider.requests()[0].body;
    assert_eq!(request["max_tokens"], 512);
    assert!(request["messages"].to_string().contains("src/session.rs:212"), "{request}");
    server.wait_output("[Coding Insight] final=false insights=").await;
    assert!(!server.output().contains("mismatched types"), "pasted logs are not logged");
}

#[tokio::test]
async fn m11_the_final_insight_comes_in_time_and_once() {
    let provider = Provider::start();
    let gate = Gate::new();
    provider.default_reply(Reply::text(ANSWER).until_open(&gate));
    let server = Server::start(settings(Some(&provider)).set("coding.final_wait_ms", json!(500))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(log(ERROR)).await;
    let asked = Instant::now();
    device.send(coding("stop")).await;
    let last = final_insight(&mut device).await;
    assert!(asked.elapsed() >= Duration::from_millis(400), "{:?}", asked.elapsed());
    assert_eq!((&last["degraded"], &last["refined"]), (&json!(true), &json!(false)));
    assert!(filled(&last), "{last}");
    gate.open();
    device.send(coding("stop")).await;
    assert_eq!(device.expect_error("NOT_READY").await["ref"]["type"], "coding");
    let finals = device.seen_of_type("coding").iter().filter(|message| message["final"] == true).count();
    assert_eq!(finals, 1);
}

#[tokio::test]
async fn m13_a_final_insight_is_refined_where_the_model_is_quick() {
    let provider = Provider::start();
    provider.default_reply(Reply::text(&format!("Here you are:\n```json\n{ANSWER}\n```\nGood luck!")));
    let server = Server::start(settings(Some(&provider))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(log(&golden("rustc.log"))).await;
    device.send(coding("stop")).await;
    let last = final_insight(&mut device).await;
    assert_eq!(
        (&last["degraded"], &last["refined"]),
        (&json!(false), &json!(true)),
        "prose around JSON is ignored: {last}"
    );
    assert_eq!(last["stats"]["errorCount"], 4);
}

#[tokio::test]
async fn l4_bad_models_and_none_leave_it_to_the_rules() {
    let replies = [
        ("no JSON", Reply::text("I am afraid that I cannot do this.")),
        ("an empty object", Reply::text("{}")),
        ("an echo", Reply::text(r#"{"insights":["at Foo.bar(Foo.java:1)"],"risks":[]}"#)),
        ("not allowed", Reply::status(401)),
    ];
    for (what, reply) in replies {
        let provider = Provider::start();
        provider.default_reply(reply);
        let server = Server::start(settings(Some(&provider))).await;
        let mut device = Device::join(&server, "dev-1").await;
        device.send(log(ERROR)).await;
        let answer = device.expect(what, |message| message["degraded"] == true).await;
        assert!(filled(&answer) && answer["refined"] == false, "{what}: {answer}");
        assert!(answer["insights"][0].as_str().is_some_and(|text| text.contains("E0308")), "{what}: {answer}");
    }
    let server = Server::start(settings(None)).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(log(&golden("cargo.log"))).await;
    device.send(coding("stop")).await;
    let last = final_insight(&mut device).await;
    assert_eq!(last["degraded"], true, "{last}");
    assert!(filled(&last) && last["stats"]["testsFailed"] == 2, "{last}");
}

#[tokio::test]
async fn m12_logs_cut_anywhere_and_of_any_size_are_read() {
    let server = Server::start(settings(None)).await;
    let mut device = Device::join(&server, "dev-1").await;
    for name in ["junit.log", "tap.log", "vitest.log"] {
        device.send(coding("start")).await;
        let text = golden(name);
        let letters: Vec<char> = text.chars().collect();
        for part in letters.chunks(701) {
            device.send(log(&part.iter().collect::<String>())).await;
        }
        device.send(coding("stop")).await;
        let last = final_insight(&mut device).await;
        let expected: Value = serde_json::from_str(&golden(&name.replace(".log", ".json"))).expect("JSON");
        for key in ["insights", "risks", "actions", "nextSteps", "stats"] {
            assert_eq!(last[key], expected[key], "{name}");
        }
    }
    // As much as one message can hold, of the most expensive kind: the call stays within its deadline.
    device.send(coding("start")).await;
    let flood: String = (0..18_000).map(|n| format!("src/f{n}.c:{n}:1: error: ‘v{n}’ undeclared\n")).collect();
    device.send(log(&flood)).await;
    device.send(coding("stop")).await;
    let last = final_insight(&mut device).await;
    assert!(last["stats"]["errorCount"].as_u64().is_some_and(|count| count >= 4096), "{last}");
    device.send(log(&"x".repeat(2 * 1024 * 1024))).await;
    device.expect_close().await;
}

#[tokio::test]
async fn c10_bad_messages_are_refused_with_what_is_wrong() {
    let server = Server::start(settings(None)).await;
    let mut device = Device::join(&server, "dev-1").await;
    for (message, sentence) in [
        (coding("pause"), "event must be one of: start, stop, clear, phase, log, step"),
        (coding("log"), "missing: text or lines"),
        (coding("step"), "missing: name,status"),
        (json!({ "type": "coding", "event": "log", "lines": [1] }), "lines must be array of strings"),
    ] {
        device.send(message).await;
        assert_eq!(device.expect_error("SCHEMA_INVALID").await["message"], sentence);
    }
    device.send(coding("stop")).await;
    device.expect_error("NOT_READY").await;
    device.send(log(ERROR)).await;
    assert_eq!(insight(&mut device).await["stats"]["errorCount"], 1);
}

#[tokio::test]
async fn h2_a_run_survives_a_swap_and_a_kill() {
    let provider = Provider::start();
    let gate = Gate::new();
    provider.default_reply(Reply::text(ANSWER).until_open(&gate));
    let mut server = Server::start(settings(Some(&provider)).set("session.checkpoint_ms", json!(50))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(coding("start")).await;
    device.send(log(ERROR)).await;
    insight(&mut device).await;
    provider.wait_requests(1).await;
    // New content under the same version number is a new generation.
    let mut bytes = guest::bundled("coding");
    bytes.extend_from_slice(&[0, 4, 3, b'n', b'e', b'w']);
    let before = server.plugin("coding").await;
    server.install("coding", &bytes);
    let swapped = async || server.plugin("coding").await != before;
    wait::until("the new generation serves", wait::TIMEOUT, swapped, |swapped| *swapped).await;
    device.send(log("src/a.c:3:1: error: ‘x’ undeclared\n")).await;
    device.expect("both errors", |message| message["stats"]["errorCount"] == 2).await;
    server.kill9();
    server.launch();
    server.ready().await;
    // The request and the run were on disk; both go on without the device.
    provider.wait_requests(2).await;
    gate.open();
    let mut device = Device::join(&server, "dev-1").await;
    device.send(coding("stop")).await;
    let last = final_insight(&mut device).await;
    assert!(last["stats"]["errorCount"].as_u64().is_some_and(|count| count >= 1), "{last}");
}
