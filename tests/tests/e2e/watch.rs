//! What operators see of devices while it happens, and have them say: `plugin watch`, the feed, `device say`. Rule: texts
//! and states are seen only where the operator has switched that on, and nobody who watches can hold up a device.

use std::time::Duration;

use modehost_tests::lines::Lines;
use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

const WATCH: &str = "/api/v1/plugins/fixture/watch";

fn with_fixture(shown: bool) -> Settings {
    Settings::new().plugin("fixture", guest::fixture_version("1.0.0")).set("operators.show_dialogue", json!(shown))
}

fn is_message(line: &Value) -> bool {
    line["type"] == "call" && line["event"] == "message"
}

#[tokio::test]
async fn a_call_is_shown_with_event_effects_time_memory_and_state() {
    let server = Server::start(with_fixture(false)).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    let mut lines = Lines::open(server.http(), WATCH, &[]).await;
    assert_eq!(lines.status, 200, "{}", lines.head);
    assert_eq!(lines.next().await, Some(json!({"type": "begin", "dialogue": false})));
    device.count().await;
    let call = lines.expect("the call", is_message).await;
    assert_eq!((&call["device"], &call["plugin"]), (&json!("dev-1"), &json!("fixture")), "{call}");
    assert_eq!(call["effects"], json!(["send"]), "{call}");
    assert_eq!(
        (&call["outcome"], &call["fault"], &call["version"]),
        (&json!("handled"), &Value::Null, &json!("1.0.0"))
    );
    for figure in ["at", "took_us", "memory_bytes", "state_bytes", "generation"] {
        assert!(call[figure].as_u64().is_some_and(|figure| figure > 0), "{figure}: {call}");
    }
    // Neither the message nor the state is there.
    assert_eq!(call.get("content"), None, "{call}");
    // Each watch is in the audit.
    server.wait_output(&format!("path=\"{WATCH}\"")).await;
}

#[tokio::test]
async fn what_is_said_is_shown_where_the_operator_has_switched_it_on() {
    let server = Server::start(with_fixture(true)).await;
    let mut lines = Lines::open(server.http(), WATCH, &[]).await;
    assert_eq!(lines.next().await, Some(json!({"type": "begin", "dialogue": true})));
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    let call = lines.expect("the call", is_message).await;
    let body = call["content"]["event"]["message"]["body"].as_str().expect("the message");
    assert_eq!(serde_json::from_str::<Value>(body).expect("JSON")["do"], "count", "{call}");
    let sent = call["content"]["effects"][0]["send"].as_str().expect("the answer");
    assert_eq!(serde_json::from_str::<Value>(sent).expect("JSON")["count"], 1, "{call}");
    // The fixture keeps a state that is no JSON.
    assert_eq!(call["content"]["state"], "8 bytes", "{call}");
}

#[tokio::test]
async fn a_person_reads_what_was_said_and_what_has_changed() {
    let server = Server::start(Settings::new().bundled().set("operators.show_dialogue", json!(true))).await;
    let mut device = Device::join(&server, "dev-1").await;
    let command = ["plugin", "watch", "conversation", "--device", "dev-1", "--calls", "4"];
    let dialogue = async {
        // The command is there once its line is in the audit.
        server.wait_output("path=\"/api/v1/plugins/conversation/watch\"").await;
        device.types("what can you do").await;
    };
    let ((code, shown, notes), ()) = tokio::join!(server.run(&command), dialogue);
    assert_eq!(code, 0, "{shown}{notes}");
    assert!(notes.contains("watching conversation; Ctrl-C ends"), "{notes}");
    assert!(shown.contains(" dev-1 transcript -> "), "{shown}");
    assert!(shown.contains("\n  > what can you do\n"), "{shown}");
    assert!(shown.contains("\n  = state.turn"), "only what changes of a state: {shown}");
}

#[tokio::test]
async fn a_fault_is_shown_in_the_plugins_own_words_with_its_source_line() {
    let server = Server::start(with_fixture(false)).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    let mut lines = Lines::open(server.http(), "/api/v1/devices/DEV-1/watch", &[]).await;
    device.send(json!({"type": "fixture", "do": "trap"})).await;
    let call = lines.expect("the fault", |line| is_message(line) && line["fault"].is_string()).await;
    let fault = call["fault"].as_str().unwrap_or_default();
    assert!(fault.contains("panicked at ") && fault.contains(".rs:"), "{fault}");
    assert_eq!((&call["outcome"], &call["effects"]), (&json!("skipped"), &json!([])), "{call}");
    assert_eq!(device.count().await.0, 2, "the state before the fault is kept");
}

#[tokio::test]
async fn watching_what_is_not_there_is_refused_in_a_sentence() {
    let server = Server::start(with_fixture(false)).await;
    let refused = server.admin("GET", "/api/v1/plugins/other/watch", "").await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.json()["error"], "there is no plugin `other`; the server has fixture");
    let (code, _, err) = server.run(&["plugin", "watch", "other"]).await;
    assert_eq!((code, err.trim()), (1, "modehost: there is no plugin `other`; the server has fixture"));
    // Places are bounded, and come back when a reader leaves.
    let mut all = Vec::new();
    loop {
        let lines = Lines::open(server.http(), WATCH, &[]).await;
        if lines.status == 503 {
            break;
        }
        all.push(lines);
        assert!(all.len() < 100, "there is no bound");
    }
    all.clear();
    let again = async || Lines::open(server.http(), WATCH, &[]).await.status;
    wait::until("a place is free again", Duration::from_secs(60), again, |status| *status == 200).await;
}

#[tokio::test]
async fn a_watch_ends_with_the_server_and_holds_it_up_in_no_way() {
    let mut server = Server::start(with_fixture(false)).await;
    let mut lines = Lines::open(server.http(), WATCH, &[]).await;
    assert_eq!(lines.next().await.expect("its first line")["type"], "begin");
    // One that reads nothing.
    let _deaf = Lines::open(server.http(), WATCH, &[]).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(lines.next().await, Some(json!({"type": "end", "why": "the server is stopping"})));
    assert_eq!(lines.next().await, None);
}

#[tokio::test]
async fn the_feed_shows_figures_turns_and_plugins_as_they_change() {
    let server = Server::start(with_fixture(false).bundled()).await;
    let mut feed = Lines::open(server.http(), "/api/v1/feed", &[]).await;
    let plugins = feed.expect("the plugins", |line| line["type"] == "plugins").await;
    let generation = |plugins: &Value| {
        let rows = plugins["plugins"].as_array().expect("a list");
        let row = rows.iter().find(|row| row["id"] == "fixture" && row["state"] != "fallback");
        row.expect("the plugin")["generation"].as_u64()
    };
    let before = generation(&plugins);
    let mut device = Device::join(&server, "dev-1").await;
    let figures = feed.expect("the device", |line| line["type"] == "overview" && line["connected"] == 1).await;
    assert_eq!((&figures["sessions"], &figures["turns"]), (&json!(1), &json!(0)), "{figures}");
    device.types("what can you do").await;
    device.expect_type("tts").await;
    device.send(json!({"type": "abort"})).await;
    let turn = feed.expect("the turn", |line| line["type"] == "turn").await;
    assert_eq!((&turn["device"], &turn["record"]["kind"]), (&json!("dev-1"), &json!("typed")), "{turn}");
    assert!(!turn.to_string().contains("what can you do"), "no text: {turn}");
    feed.expect("the count", |line| line["type"] == "overview" && line["turns"].as_u64() > Some(0)).await;
    server.install("fixture", &guest::fixture_version("2.0.0"));
    let swapped = |line: &Value| line["type"] == "plugins" && generation(line) > before;
    feed.expect("the new version", swapped).await;
    device.close().await;
    feed.expect("it is away", |line| line["type"] == "overview" && line["connected"] == 0).await;
}

#[tokio::test]
async fn an_operator_has_a_device_speak_or_show_a_notice() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let (code, out, err) = server.run(&["device", "say", "dev-1", "Dinner is ready."]).await;
    assert_eq!((code, out.trim()), (0, "dev-1 gets it now"), "{err}");
    device.expect("the sentence", |message| message["text"] == "Dinner is ready.").await;
    device.expect("its end", |message| message["type"] == "tts" && message["state"] == "stop").await;
    server.run(&["device", "notify", "dev-1", "The door is open."]).await;
    let notice = device.expect_type("alert").await;
    assert_eq!(notice["message"], "The door is open.", "{notice}");

    // Away: what is said waits as a notice.
    device.close().await;
    server.wait_disconnected("dev-1").await;
    let (code, out, err) = server.run(&["device", "say", "dev-1", "Welcome back."]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.trim(), "dev-1 is away; it is shown when the device connects within 3600 s");
    let (code, _, err) = server.run(&["device", "say", "dev-1", "Only now.", "--ttl", "0"]).await;
    assert_eq!((code, err.trim()), (1, "modehost: dev-1 is not connected now"));
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.expect_type("alert").await["message"], "Welcome back.");
    device.expect_silence(Duration::from_millis(300)).await;

    // Bounded, and in the audit without its text.
    let call = async || server.admin("POST", "/api/v1/devices/dev-1/say", r#"{"text":"once more"}"#).await.status;
    let mut said = 0;
    while call().await == 200 {
        said += 1;
        assert!(said < 100, "there is no bound");
    }
    assert_eq!(call().await, 429);
    let output = server.output();
    assert!(output.contains("method=POST path=\"/api/v1/devices/dev-1/say\" outcome=\"ok\""), "{output}");
    for text in ["Dinner", "door is open", "Welcome back", "once more"] {
        assert!(!output.contains(text), "{text}");
    }
}
