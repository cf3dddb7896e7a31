//! Log events of a device's connection and turns, as machines read them. Rule: every line on standard error is one
//! JSON object, numbers are JSON numbers, and no line contains what was said.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use modehost_provider::{Gate, Provider, Reply};
use modehost_tests::{Device, Server, Settings, http, wait};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::asr::{utterance, with_transcription};

fn in_json(settings: Settings) -> Settings {
    settings.set("log.format", json!("json"))
}

fn with_model(provider: &Provider, settings: Settings) -> Settings {
    let model = json!({ "base_url": provider.base_url(), "model": "test", "retries": 0 });
    in_json(settings.bundled()).set("llm.aliases.default", model)
}

/// All output lines; each must be a JSON object.
fn lines(output: &str) -> Vec<Value> {
    let parse = |line: &str| match serde_json::from_str(line) {
        Ok(Value::Object(object)) => Value::Object(object),
        other => panic!("no JSON object: {line}: {other:?}"),
    };
    output.lines().map(parse).collect()
}

/// The lines with this message, once there are at least `count`.
async fn lines_with(server: &Server, message: &str, count: usize) -> Vec<Value> {
    let probe = async || {
        let lines = lines(&server.output());
        lines.into_iter().filter(|line| line["message"] == message).collect::<Vec<_>>()
    };
    wait::until(&format!("{count} lines: {message}"), wait::TIMEOUT, probe, |lines| lines.len() >= count).await
}

async fn turns(server: &Server, count: usize) -> Vec<Value> {
    lines_with(server, "a turn has ended", count).await
}

fn is_stop(message: &Value) -> bool {
    message["type"] == "tts" && message["state"] == "stop"
}

#[tokio::test(flavor = "multi_thread")]
async fn each_turn_is_one_line_and_lines_of_what_worked_for_it_name_it() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::chunks(&["好的。", "一只zebra。"]));
    provider.queue(Reply::chunks(&["很久很久以前，", "有一个国王。"]).until_open_after(1, &gate));
    let server = Server::start(with_model(&provider, Settings::new())).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    device.types("讲个故事").await;
    device.expect("the end", is_stop).await;
    let first = turns(&server, 1).await.remove(0);
    for (field, value) in [
        ("device", json!("dev-1")),
        ("session", json!(device.session_id())),
        ("turn", json!(1)),
        ("kind", json!("typed")),
        ("plugin", json!("conversation")),
        ("outcome", json!("answered")),
        ("level", json!("INFO")),
        ("first_sound_ms", Value::Null),
        ("recognition_ms", Value::Null),
        ("why", Value::Null),
    ] {
        assert_eq!(first[field], value, "{field} of {first}");
    }
    assert!(first["generation"].is_u64(), "{first}");
    let ms = |name: &str| first[name].as_u64().unwrap_or_else(|| panic!("{name} is no number: {first}"));
    assert!(ms("model_first_ms") <= ms("model_ms") && ms("model_ms") <= ms("total_ms"), "{first}");
    let model = lines_with(&server, "a model has answered", 1).await.remove(0);
    assert_eq!((&model["device"], &model["session"], &model["turn"]), (&first["device"], &first["session"], &json!(1)));
    assert!(model["ms"].is_u64() && model["question_bytes"].is_u64(), "{model}");

    // Interrupted by the user.
    device.types("再讲一个").await;
    provider.wait_requests(2).await;
    device.send(json!({ "type": "abort", "reason": "wake_word_detected" })).await;
    let second = turns(&server, 2).await.remove(1);
    assert_eq!((&second["turn"], &second["outcome"]), (&json!(2), &json!("interrupted")));
    assert_eq!(second["why"], "wake_word_detected");
    // Logged by the session or by the provider's client, whichever drops the request first.
    let probe = async || lines(&server.output()).into_iter().find(|line| line["outcome"] == "cancelled");
    let cancelled = wait::until("a cancelled question", wait::TIMEOUT, probe, Option::is_some).await.expect("a line");
    assert_eq!((&cancelled["device"], &cancelled["turn"]), (&json!("dev-1"), &json!(2)), "{cancelled}");
    gate.open();

    // Failed by the model, whatever the mode answers.
    provider.default_reply(Reply::status(401));
    device.types("还有吗").await;
    let third = turns(&server, 3).await.remove(2);
    assert_eq!((&third["turn"], &third["outcome"]), (&json!(3), &json!("failed")), "{third}");
    assert!(third["why"].as_str().is_some_and(|why| why.starts_with("model ")), "{third}");
    let output = server.output();
    assert!(!output.contains("故事") && !output.contains("zebra"), "the dialogue was logged");
}

#[tokio::test]
async fn a_turn_that_rules_answer_where_no_model_is_configured_is_answered() {
    let server = Server::start(in_json(Settings::new().bundled())).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    device.types("what can you do").await;
    device.expect("the end", is_stop).await;
    let turn = turns(&server, 1).await.remove(0);
    assert_eq!((&turn["outcome"], &turn["why"]), (&json!("answered"), &Value::Null), "{turn}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_turn_says_how_long_recognition_and_the_first_sound_took() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    model.default_reply(Reply::chunks(&["One sentence. ", "Another one."]));
    asr.default_reply(Reply::text("明天天气怎么样"));
    let tts = json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } });
    let settings = with_transcription(&asr, with_model(&model, Settings::new())).set("tts", tts);
    let server = Server::start(settings).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    utterance(&mut device, "manual", 1).await;
    device.expect("the end", is_stop).await;
    let turn = turns(&server, 1).await.remove(0);
    assert_eq!((&turn["kind"], &turn["outcome"]), (&json!("utterance"), &json!("answered")), "{turn}");
    let ms = |name: &str| turn[name].as_u64().unwrap_or_else(|| panic!("{name} is no number: {turn}"));
    assert!(ms("recognition_ms") <= ms("first_sound_ms") && ms("first_sound_ms") < ms("total_ms"), "{turn}");

    // An utterance that could not be recognised is a failed turn.
    asr.default_reply(Reply::status(401));
    utterance(&mut device, "manual", 1).await;
    let failed = turns(&server, 2).await.remove(1);
    assert_eq!((&failed["turn"], &failed["outcome"]), (&json!(2), &json!("failed")), "{failed}");
    assert!(failed["why"].as_str().is_some_and(|why| why.starts_with("recogniser ")), "{failed}");
    let output = lines(&server.output());
    let warned = output.iter().find(|line| {
        line["message"].as_str().is_some_and(|message| message.starts_with("an utterance was not recognised"))
    });
    let warned = warned.expect("the line of the recogniser");
    assert_eq!(
        (&warned["device"], &warned["session"], &warned["turn"]),
        (&json!("dev-1"), &failed["session"], &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_begins_and_ends_with_a_line() {
    let server = Server::start(in_json(Settings::new().bundled())).await;
    let asks = [("Device-Id", "dev-1"), ("Client-Id", "c"), ("User-Agent", "bread-compact/1.9.0 \u{202e}")];
    let body = json!({ "application": { "name": "xiaozhi", "version": "1.9.0" } }).to_string();
    http::request(server.http(), "POST", "/xiaozhi/ota/", &asks, &body).await.expect("an answer");
    let headers = [("device-id", "dev-1"), ("protocol-version", "3")];
    let mut device = Device::try_connect(&server, "/xiaozhi/v1/", &headers).await.expect("accepted");
    device.hello().await;
    let connected = lines_with(&server, "a device has connected", 1).await.remove(0);
    for (field, value) in [
        ("device", json!("dev-1")),
        ("address", json!("127.0.0.1")),
        ("agent", json!("bread-compact/1.9.0")),
        ("firmware", json!("1.9.0")),
        ("protocol", json!(3)),
    ] {
        assert_eq!(connected[field], value, "{field} of {connected}");
    }
    device.ping().await;
    device.send_message(Message::Binary(vec![1; 50].into())).await;
    device.ping().await;
    let session = device.session_id().to_owned();
    device.close().await;
    let ended = lines_with(&server, "the connection of a device has ended", 1).await.remove(0);
    assert_eq!((&ended["device"], &ended["session"]), (&json!("dev-1"), &json!(session)), "{ended}");
    assert_eq!((&ended["connection"], &ended["code"]), (&connected["connection"], &json!(1000)), "{ended}");
    // Hello and two pings, and their answers.
    assert_eq!((&ended["messages_in"], &ended["sound_in_bytes"]), (&json!(3), &json!(50)), "{ended}");
    assert!(ended["messages_out"].as_u64() >= Some(3) && ended["sound_out_bytes"] == 0, "{ended}");
    assert!(ended["seconds"].is_u64(), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_json_nothing_stands_between_the_lines_and_numbers_are_numbers() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("zwei"));
    let settings = with_model(&provider, Settings::new());
    let mut server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.types("eins").await;
    device.expect("the end", is_stop).await;
    turns(&server, 1).await;
    server.configure(&settings.clone().set("session.nonsense", json!(17)));
    let refused = server.admin("POST", "/api/v1/config/reload", "").await;
    assert_ne!(refused.status, 200, "{refused:?}");
    assert_eq!(server.terminate().await.code(), Some(0));
    server.configure(&settings.clone().set("session.nonsense", json!([])));
    server.launch();
    let status = server.wait_exit(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(64), "the start fails");
    let output = server.output();
    let lines = lines(&output);
    let says = |what: &str| lines.iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains(what)));
    for what in ["settings from", "is ready after", "devices    ws://", "nonsense"] {
        assert!(says(what), "{what}: {output}");
    }
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
        for (name, value) in line.as_object().expect("an object") {
            // A digest may consist of decimal digits only.
            let is_number = value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
            assert!(!is_number || name.ends_with("sha8"), "{name} is a text: {line}");
        }
    }
}

#[tokio::test]
async fn the_journal_is_told_priorities_and_neither_times_nor_colours() {
    for (format, begins) in [("text", "INFO modehost"), ("json", "{\"timestamp\"")] {
        for named in [true, false] {
            let mut server = Server::prepare(&Settings::new().set("log.format", json!(format)));
            let journal = server.data_dir().with_file_name("journal");
            let file = std::fs::File::create(&journal).expect("a file");
            let stream = file.metadata().expect("metadata");
            let (device, inode) = (stream.dev(), stream.ino() + u64::from(!named));
            server.set_variable("JOURNAL_STREAM", &format!("{device}:{inode}"));
            server.launch_with_output(|| file.try_clone().expect("a second handle").into());
            server.ready().await;
            Device::join(&server, "dev-1").await.close().await;
            assert_eq!(server.terminate().await.code(), Some(0));
            let text = std::fs::read_to_string(&journal).expect("lines");
            let lines: Vec<&str> = text.lines().filter(|line| line.contains("a device has connected")).collect();
            assert_eq!(lines.len(), 1, "{text}");
            assert_eq!(lines[0].starts_with(&format!("<6>{begins}")), named, "{format}: {text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}
