//! M.14 to M.17: the shared board. Rule: assertions are made on the board that devices receive.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_tests::{Device, Seen, Server, Settings};
use serde_json::{Value, json};

fn in_groups() -> Settings {
    Settings::new().bundled().set("groups", json!({ "a": ["a-1", "a-2"], "b": ["b-1"] }))
}

/// Requests the board and returns its tasks.
pub async fn tasks(device: &mut Device) -> Vec<Value> {
    device.send(json!({ "type": "workflow", "event": "refresh" })).await;
    device.expect("the acknowledgement", |message| message["event"] == "refresh" && message["status"] == "ok").await;
    // The board may have come before or after the acknowledgement, so look at what was received first.
    let seen = device.seen_of_type("workflow");
    let last = seen.iter().rev().find(|message| message["tasks"].is_array()).map(|message| (*message).clone());
    let board = match last {
        Some(board) => board,
        None => device.expect("a board", is_board).await,
    };
    board["tasks"].as_array().cloned().unwrap_or_default()
}

pub fn is_board(message: &Value) -> bool {
    message["type"] == "workflow" && message["event"] == "update" && message["tasks"].is_array()
}

/// Sends a change and waits for its acknowledgement or error.
async fn change(device: &mut Device, message: Value) -> Value {
    let event = message["event"].clone();
    device.send(message).await;
    device
        .expect(&format!("{event} is acknowledged"), |answer| {
            answer["type"] == "error" || answer["status"] == "ok" && answer["event"] == event
        })
        .await
}

fn update(id: &str, title: &str) -> Value {
    json!({ "type": "workflow", "event": "update", "task": { "id": id, "title": title } })
}

#[tokio::test]
async fn m14_a_change_reaches_every_device_of_the_group() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut one = Device::join(&server, "dev-1").await;
    let mut two = Device::join(&server, "dev-2").await;
    one.send(json!({
        "type": "workflow", "event": " Update ",
        "task": { "id": "t-1", "title": "写周报", "priority": "high", "colour": { "of": ["our", "own"] } },
    }))
    .await;
    let shown = two.expect("the task", |message| is_board(message) && message["tasks"][0]["id"] == "t-1").await;
    let task = &shown["tasks"][0];
    assert_eq!(task["title"], "写周报");
    assert_eq!(task["status"], "open");
    assert_eq!(task["priority"], "high");
    assert_eq!(task["colour"], json!({ "of": ["our", "own"] }), "unknown members are kept");
    assert!(task["updatedAt"].is_number() || task["updatedAt"].is_string(), "{task}");
    assert!(shown["groupKey"].is_string() && shown["rev"].is_number(), "{shown}");
    let acknowledged = one.expect("the acknowledgement", |message| message["status"] == "ok").await;
    assert_eq!((&acknowledged["event"], &acknowledged["id"]), (&json!("update"), &json!("t-1")));

    change(&mut two, json!({ "type": "workflow", "event": "assign", "id": "t-1" })).await;
    one.expect("its owner", |message| is_board(message) && owner_of(message, "t-1").contains("dev-2")).await;
    change(&mut two, json!({ "type": "workflow", "event": "complete", "id": "t-1" })).await;
    one.expect("it is done", |message| is_board(message) && message["tasks"][0]["status"] == "done").await;
}

fn owner_of(board: &Value, id: &str) -> String {
    let tasks = board["tasks"].as_array().cloned().unwrap_or_default();
    let task = tasks.iter().find(|task| task["id"] == id).cloned().unwrap_or(Value::Null);
    task["owner"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn m14_changes_at_the_same_time_lose_nothing() {
    const DEVICES: usize = 8;
    const EACH: usize = 10;
    let server = Server::start(Settings::new().bundled()).await;
    let devices = join_all((0..DEVICES).map(|index| {
        let server = &server;
        async move { Device::join(server, &format!("dev-{index}")).await }
    }))
    .await;
    let answers = join_all(devices.into_iter().enumerate().map(|(index, mut device)| async move {
        let mut answers = Vec::new();
        for number in 0..EACH {
            let id = format!("t-{index}-{number}");
            answers.push(change(&mut device, update(&id, &id)).await);
        }
        (device, answers)
    }))
    .await;
    let mut device = None;
    for (joined, answers) in answers {
        assert!(answers.iter().all(|answer| answer["status"] == "ok"), "{answers:?}");
        device = Some(joined);
    }
    let tasks = tasks(&mut device.expect("a device")).await;
    assert_eq!(tasks.len(), DEVICES * EACH, "{tasks:?}");
}

#[tokio::test]
async fn m14_fifty_changes_at_once_are_all_made_and_answered() {
    let server = Server::start(Settings::new().bundled()).await;
    let (mut device, mut other) = (Device::join(&server, "dev-1").await, Device::join(&server, "dev-2").await);
    let ids: Vec<String> = (0..50).map(|number| format!("t-{number}")).collect();
    for id in &ids {
        device.send(update(id, id)).await;
    }
    for id in &ids {
        let answered = |answer: &Value| {
            let about = if answer["type"] == "error" { &answer["ref"] } else { answer };
            about["id"] == *id && (answer["type"] == "error" || answer["status"] == "ok")
        };
        let answer = device.expect(&format!("an answer to {id}"), answered).await;
        assert_eq!(answer["status"], "ok", "{answer}");
    }
    assert_eq!(tasks(&mut device).await.len(), 50);
    other
        .expect("the whole board", |message| is_board(message) && message["tasks"].as_array().map(Vec::len) == Some(50))
        .await;
}

#[tokio::test]
async fn m20_a_stale_task_does_not_revert_what_another_device_did() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut one = Device::join(&server, "dev-1").await;
    let mut two = Device::join(&server, "dev-2").await;
    assert_eq!(change(&mut one, update("t-1", "as it was")).await["status"], "ok");
    let old = tasks(&mut one).await[0].clone();
    let renamed = json!({ "id": "t-1", "title": "as it is", "rev": old["rev"] });
    let renamed = json!({ "type": "workflow", "event": "update", "task": renamed });
    assert_eq!(change(&mut two, renamed).await["status"], "ok");
    let mut mine = old.clone();
    mine["priority"] = json!("high");
    let refused = change(&mut one, json!({ "type": "workflow", "event": "update", "task": mine })).await;
    assert_eq!(refused["code"], "STALE_REV", "{refused}");
    assert_eq!((&refused["task"]["id"], &refused["task"]["title"]), (&json!("t-1"), &json!("as it is")), "{refused}");
    // Rebased on the current revision and sent again.
    let mut mine = refused["task"].clone();
    mine["priority"] = json!("high");
    assert_eq!(change(&mut one, json!({ "type": "workflow", "event": "update", "task": mine })).await["status"], "ok");
    let task = tasks(&mut two).await[0].clone();
    two.ping().await;
    assert_eq!(task["title"], "as it is");
}

#[tokio::test]
async fn m14_the_board_outlives_the_process() {
    let mut server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(change(&mut device, update("t-1", "keep me")).await["status"], "ok");
    server.kill9();
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-9").await;
    assert_eq!(tasks(&mut device).await[0]["title"], "keep me");
}

#[tokio::test]
async fn c10_the_board_says_exactly_what_is_wrong() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let wrong = change(&mut device, json!({ "type": "workflow", "event": "dance" })).await;
    assert_eq!(wrong["code"], "SCHEMA_INVALID", "{wrong}");
    assert_eq!(wrong["message"], "event must be one of: update, complete, assign, refresh", "{wrong}");
    for (message, code) in [
        (json!({ "type": "workflow" }), "SCHEMA_INVALID"),
        (json!({ "type": "workflow", "event": "update" }), "SCHEMA_INVALID"),
        (json!({ "type": "workflow", "event": "update", "task": { "id": "x", "title": 7 } }), "SCHEMA_INVALID"),
        (json!({ "type": "workflow", "event": "complete" }), "SCHEMA_INVALID"),
        (json!({ "type": "workflow", "event": "complete", "id": "nowhere" }), "TASK_NOT_FOUND"),
    ] {
        let error = change(&mut device, message.clone()).await;
        assert_eq!(error["code"], code, "{message} gave {error}");
        assert_eq!(error["ref"]["type"], "workflow", "{error}");
    }
    device.ping().await;
}

#[tokio::test]
async fn m15_only_changed_groups_are_told() {
    let server = Server::start(in_groups()).await;
    let mut one = Device::join(&server, "a-1").await;
    let mut two = Device::join(&server, "a-2").await;
    let mut other = Device::join(&server, "b-1").await;
    assert_eq!(change(&mut one, update("t-a", "of a")).await["status"], "ok");
    two.expect("the task", |message| is_board(message) && message["tasks"][0]["id"] == "t-a").await;

    let explicit = json!({
        "type": "workflow", "event": "update", "groupKey": "b", "task": { "id": "t-b", "title": "of b" },
    });
    assert_eq!(change(&mut one, explicit).await["status"], "ok");
    let shown = other.expect("the task", |message| is_board(message) && message["tasks"][0]["id"] == "t-b").await;
    assert_eq!(shown["groupKey"], "b");
    assert_eq!(shown["tasks"].as_array().map(Vec::len), Some(1), "{shown}");
    // The sender gets the board of its own group, its neighbour gets nothing.
    let own = one.expect("its own board", is_board).await;
    assert_eq!(own["groupKey"], "a", "{own}");
    two.settle().await;
    assert!(two.seen_of_type("workflow").iter().all(|message| message["groupKey"] != "b"), "{:?}", two.seen());

    // Without an explicit group key, another group's task cannot be addressed.
    let denied = change(&mut one, json!({ "type": "workflow", "event": "complete", "id": "t-b" })).await;
    assert!(denied["code"] == "TASK_NOT_FOUND" || denied["code"] == "CROSS_GROUP_DENIED", "{denied}");
    // A task's own group takes precedence over the message's.
    let both = json!({
        "type": "workflow", "event": "update", "groupKey": "a",
        "task": { "id": "t-c", "title": "c", "groupKey": "b" },
    });
    assert_eq!(change(&mut one, both).await["status"], "ok");
    other.expect("the task", |message| message.to_string().contains("t-c")).await;
}

#[tokio::test]
async fn m16_snapshots_are_merged() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut writer = Device::join(&server, "dev-0").await;
    assert_eq!(change(&mut writer, update("t-1", "x")).await["status"], "ok");
    let joining = Instant::now();
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("working").await;
    let mut snapshots = 0;
    if device.seen().iter().any(|seen| matches!(seen, Seen::Json(message) if is_board(message))) {
        snapshots += 1;
    }
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        device.send(json!({ "type": "hello" })).await;
        while let Some(seen) = device.next_within(Duration::from_millis(100)).await {
            if matches!(&seen, Seen::Json(message) if is_board(message)) {
                snapshots += 1;
            }
        }
    }
    // The intervals at which they are read say little on a busy machine; the count does: unmerged
    // there would be one for each of some forty hellos.
    let most = joining.elapsed().as_millis() as usize / 1500 + 2;
    assert!((1..=most).contains(&snapshots), "{snapshots} snapshots, at most {most} are due");
}

#[tokio::test]
async fn m17_owners_show_with_their_alias() {
    let settings = Settings::new().bundled().set("device_alias", json!({ "dev-1": "小明" }));
    let server = Server::start(settings.set("workflow.device_alias", json!({ "dev-2": "Anna" }))).await;
    let mut one = Device::join(&server, "dev-1").await;
    let mut two = Device::join(&server, "dev-2").await;
    // A board from before the change may still be in flight.
    let shows = |message: &Value, id: &str, shown: &str| {
        let tasks = message["tasks"].as_array();
        tasks.is_some_and(|tasks| tasks.iter().any(|task| task["id"] == id && task["owner"] == shown))
    };
    for (id, device, shown) in [("t-1", &mut one, "小明|dev-1"), ("t-2", &mut two, "Anna|dev-2")] {
        assert_eq!(change(device, update(id, id)).await["status"], "ok");
        assert_eq!(change(device, json!({ "type": "workflow", "event": "assign", "id": id })).await["status"], "ok");
        device.send(json!({ "type": "workflow", "event": "refresh" })).await;
        device.expect("the owner's name", |message| shows(message, id, shown)).await;
    }
    // The owner's alias is shown whoever assigns.
    assert_eq!(change(&mut two, update("t-3", "t-3")).await["status"], "ok");
    let assign = json!({ "type": "workflow", "event": "assign", "id": "t-3", "owner": "dev-1" });
    assert_eq!(change(&mut two, assign).await["status"], "ok");
    two.send(json!({ "type": "workflow", "event": "refresh" })).await;
    two.expect("the name of the other", |message| shows(message, "t-3", "小明|dev-1")).await;
}
