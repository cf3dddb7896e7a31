//! M.1, M.9, M.10: modes and typed turns. Rule: everything is driven by the device's own messages.

use std::time::Duration;

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

use crate::board::is_board;

#[tokio::test]
async fn m1_start_and_end_are_acknowledged_and_idempotent() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let started = device.start_mode("working").await;
    assert_eq!((&started["state"], &started["mode"]), (&json!("start"), &json!("working")), "{started}");
    device.expect_type("listen").await;

    device.start_mode("Working ").await;
    device.settle().await;
    assert_eq!(device.seen_of_type("listen").len(), 1, "the second start did something: {:?}", device.seen());

    for _ in 0..2 {
        device.send(json!({ "type": "mode", "state": "end", "mode": "working" })).await;
        let ended = device.expect_type("mode").await;
        assert_eq!((&ended["status"], &ended["state"]), (&json!("ok"), &json!("end")), "{ended}");
    }
    device.start_mode("working").await;
    device.expect_type("listen").await;
}

#[tokio::test]
async fn m1_an_unknown_mode_names_those_there_are() {
    let server = Server::start(Settings::new().bundled().plugin("fixture", guest::fixture(&[]))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "mode", "state": "start", "mode": "dancing" })).await;
    let error = device.expect_type("mode").await;
    assert_eq!((&error["status"], &error["code"]), (&json!("error"), &json!("UNKNOWN_MODE")), "{error}");
    let mut modes: Vec<&str> = error["modes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    modes.sort_unstable();
    assert_eq!(modes, ["chat", "fixture", "working"]);
}

#[tokio::test]
async fn m1_switching_ends_one_mode_and_begins_the_other() {
    let server = Server::start(Settings::new().bundled().plugin("fixture", guest::fixture(&[]))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("fixture").await;
    device.start_mode("working").await;
    device.expect_type("listen").await;
    // Ending a mode that is not active changes nothing.
    device.send(json!({ "type": "mode", "state": "end", "mode": "fixture" })).await;
    device.expect_type("mode").await;
    device.settle().await;
    let sessions = server.admin("GET", "/api/v1/sessions", "").await.body;
    assert!(sessions.contains("\"working\""), "{sessions}");
}

/// The conversation is told of no mode but what the server has loaded.
#[tokio::test]
async fn m2_a_mode_begins_by_voice_from_its_installation_to_its_removal() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let is_answer = |message: &Value| message["type"] == "mode" || message["state"] == "sentence_start";
    device.types("测试模式").await;
    let answer = device.expect("an answer", is_answer).await;
    assert_eq!(answer["type"], "tts", "nobody offers it: {answer}");

    server.install("fixture", &guest::bundled("modehost-guests-next"));
    let listed = async || server.plugin("fixture").await;
    let row = wait::until("it is listed", wait::TIMEOUT, listed, |row| row["generation"].is_u64()).await;
    let offered = row["mode_offers"].clone();
    let expected = json!([{
        "name": "fixture", "aliases": [], "description": "Does what a message asks for.",
        "phrases": ["fixture mode", "测试模式"],
    }]);
    assert_eq!(offered, expected);
    device.types("测试模式").await;
    let begun = device.expect("the mode", |message| message["type"] == "mode").await;
    assert_eq!((&begun["status"], &begun["state"], &begun["mode"]), (&json!("ok"), &json!("start"), &json!("fixture")));
    device.send(json!({ "type": "mode", "state": "end", "mode": "fixture" })).await;
    device.expect("its end", |message| message["type"] == "mode" && message["state"] == "end").await;

    std::fs::remove_file(server.plugin_file("fixture")).expect("removed");
    wait::until("it is gone", wait::TIMEOUT, listed, Value::is_null).await;
    device.types("测试模式").await;
    let answer = device.expect("an answer", is_answer).await;
    assert_eq!(answer["type"], "tts", "it is gone: {answer}");
}

#[tokio::test]
async fn m9_a_start_is_ok_first_and_then_listens_by_hand() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("working").await;
    let listen = device.expect_type("listen").await;
    assert_eq!((&listen["state"], &listen["mode"]), (&json!("start"), &json!("manual")), "{listen}");
    // Turn after turn, without limit.
    for _ in 0..20 {
        device.types("刷新列表").await;
        device.expect("an answer", |message| message["type"] == "workflow" || message["type"] == "tts").await;
    }
}

#[tokio::test]
async fn m10_a_typed_command_changes_the_board_on_two_devices() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut one = Device::join(&server, "dev-1").await;
    let mut two = Device::join(&server, "dev-2").await;
    for (id, title) in [("t-1", "写周报"), ("t-2", "修打印机")] {
        one.send(json!({ "type": "workflow", "event": "update", "task": { "id": id, "title": title } })).await;
        one.expect("ok", |message| message["status"] == "ok" && message["id"] == id).await;
    }
    one.start_mode("working").await;
    one.expect_type("listen").await;

    let task = |message: &Value, id: &str| {
        let tasks = message["tasks"].as_array().cloned().unwrap_or_default();
        tasks.into_iter().find(|task| task["id"] == id).unwrap_or(Value::Null)
    };
    one.types("认领任务 第二个").await;
    two.expect("t-2 is taken", |message| {
        is_board(message) && task(message, "t-2")["owner"].as_str().is_some_and(|owner| owner.contains("dev-1"))
    })
    .await;
    one.types("做完了").await;
    for device in [&mut one, &mut two] {
        device.expect("t-2 is done", |message| is_board(message) && task(message, "t-2")["status"] == "done").await;
    }
    one.types("mark done 写周报").await;
    two.expect("t-1 is done", |message| is_board(message) && task(message, "t-1")["status"] == "done").await;
}

/// Starts the mode and waits until it has announced itself (M.19).
async fn begin_working(device: &mut Device) {
    device.start_mode("working").await;
    device.expect("its beginning", |message| message["text"] == "工作模式开始。").await;
    device.expect("the end of it", |message| message["type"] == "tts" && message["state"] == "stop").await;
}

#[tokio::test]
async fn m10_an_ambiguous_command_is_asked_back() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    for id in ["t-1", "t-2", "t-3"] {
        device.send(json!({ "type": "workflow", "event": "update", "task": { "id": id, "title": id } })).await;
        device.expect("ok", |message| message["status"] == "ok" && message["id"] == id).await;
    }
    begin_working(&mut device).await;
    device.types("我来做").await;
    let question = device.expect("a question", |message| message["state"] == "sentence_start").await;
    assert!(question["text"].as_str().is_some_and(|text| text.contains("t-2")), "{question}");
    device.types("第二个").await;
    let board = device
        .expect("t-2 is taken", |message| is_board(message) && message["tasks"].to_string().contains("dev-1"))
        .await;
    let taken: Vec<&Value> =
        board["tasks"].as_array().into_iter().flatten().filter(|task| !task["owner"].is_null()).collect();
    assert_eq!(taken.len(), 1, "{board}");
    assert_eq!(taken[0]["id"], "t-2", "{board}");
}

#[tokio::test]
async fn m10_everything_else_goes_on_to_conversation() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.types("你好").await;
    let alone = device.expect("an answer", |message| message["state"] == "sentence_start").await;
    begin_working(&mut device).await;
    device.types("你好").await;
    let within = device.expect("an answer", |message| message["state"] == "sentence_start").await;
    assert_eq!(within["text"], alone["text"]);
}

#[tokio::test]
async fn a_typed_turn_without_any_mode_is_no_harm() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.types("anybody there").await;
    device.send(json!({ "type": "abort" })).await;
    device
        .expect("tts stop, as firmware needs", |message| message["type"] == "tts" && message["state"] == "stop")
        .await;
    device.settle().await;
    assert!(device.next_within(Duration::from_millis(200)).await.is_none(), "{:?}", device.seen());
}
