//! P.1, P.2, P.4, P.5: messages from device to device. Rule: assertions are made on what the receivers have, and each
//! sender's receipt must agree with it.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_provider::{Provider, Reply};
use modehost_tests::guest::bundled;
use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Server, Settings};
use serde_json::{Value, json};

const CLOSED: &str = "not allowed by the access rules";

fn settings(section: Value) -> Settings {
    Settings::new()
        .plugin("peers", bundled("peers"))
        .set("plugins.grants.peers", json!(["deliver", "model"]))
        .set("plugins.share.peers", json!(["groups", "device_alias"]))
        .set("groups", json!({ "red": ["red-1", "red-2", "red-3"], "blue": ["blue-1"] }))
        .set("device_alias", json!({ "red-2": "Desk" }))
        .set("peers", section)
}

fn with_model(settings: Settings, provider: &Provider) -> Settings {
    settings.set("llm.aliases.default", json!({ "base_url": provider.base_url(), "model": "m", "retries": 0 }))
}

async fn send_peer(device: &mut Device, id: &str, to: Value) {
    device.send(json!({ "type": "peer", "id": id, "to": to, "category": " Chat ", "payload": { "text": id } })).await;
}

async fn send_relay(device: &mut Device, id: &str, to: Value) {
    let payload = json!({ "text": "a very long story" });
    let send_relay = json!({ "instruction": "make it short" });
    device.send(json!({ "type": "peer", "id": id, "to": to, "payload": payload, "relay": send_relay })).await;
}

async fn message(device: &mut Device, id: &str) -> Value {
    device.expect(&format!("the message {id}"), |seen| seen["event"] == "message" && seen["id"] == id).await
}

async fn receipt(device: &mut Device, id: &str) -> Value {
    device.expect(&format!("the receipt of {id}"), |seen| seen["event"] == "receipt" && seen["id"] == id).await
}

/// Sends a message and waits for the receipt.
async fn send_for_receipt(device: &mut Device, id: &str, to: Value) -> Value {
    send_peer(device, id, to).await;
    receipt(device, id).await
}

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names
}

/// Ids of all messages that the device has received, in order.
fn ids(device: &Device) -> Vec<String> {
    let messages = device.seen_of_type("peer").into_iter().filter(|seen| seen["event"] == "message");
    messages.map(|message| message["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until the server has noticed that the device is disconnected: until a message with a TTL of 0 fails.
async fn wait_disconnected(sender: &mut Device, device: &str) {
    for attempt in 0.. {
        let id = format!("probe-{device}-{attempt}");
        let probe = json!({ "type": "peer", "id": id, "to": device, "payload": { "probe": true }, "ttl_ms": 0 });
        sender.send(probe).await;
        if receipt(sender, &id).await["failed"][0]["to"] == device {
            return;
        }
        assert!(attempt < 5_000, "{device} is never noticed as disconnected");
    }
}

#[tokio::test]
async fn p1_one_several_a_group_and_everyone() {
    let server = Server::start(settings(json!({}))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut others = join_all(["red-2", "blue-1", "free-1"].map(|id| Device::join(&server, id))).await;

    let payload = json!({ "text": "你好", "n": 0.5, "deep": { "list": [1, null] } });
    sender.send(json!({ "type": "peer", "id": 7, "to": " DESK ", "category": " Task ", "payload": payload })).await;
    let received = others[0].expect("the message", |seen| seen["event"] == "message").await;
    assert_eq!(
        (&received["from"], &received["category"], &received["payload"]),
        (&json!("red-1"), &json!("task"), &payload)
    );
    assert_eq!((&received["id"], &received["offline"]), (&json!(7), &json!(false)));
    assert!(received["ts"].as_u64().is_some_and(|ts| ts > 1_600_000_000_000), "{received}");
    let first = sender.expect("the receipt", |seen| seen["event"] == "receipt" && seen["id"] == 7).await;
    assert_eq!((&first["delivered"], &first["queued"], &first["failed"]), (&json!(["red-2"]), &json!([]), &json!([])));

    let several = send_for_receipt(&mut sender, "several", json!(["blue-1", "free-1", "blue-1"])).await;
    assert_eq!(names(&several["delivered"]), ["blue-1", "free-1"]);
    let group = send_for_receipt(&mut sender, "group", json!({ "group": "red" })).await;
    assert_eq!((names(&group["delivered"]), names(&group["queued"])), (vec!["red-2"], vec!["red-3"]));
    let everyone = send_for_receipt(&mut sender, "everyone", json!("*")).await;
    assert_eq!(names(&everyone["delivered"]), ["blue-1", "free-1", "red-2"]);
    assert_eq!(names(&everyone["queued"]), ["red-3"], "messages to a configured device are queued");

    for (device, expected) in others.iter_mut().zip([vec!["", "group"], vec!["several"], vec!["several"]]) {
        message(device, "everyone").await;
        let expected: Vec<&str> = expected.into_iter().chain(["everyone"]).collect();
        assert_eq!(ids(device), expected);
    }
    sender.ping().await;
    assert_eq!(ids(&sender), [] as [&str; 0], "a sender does not receive its own message");
}

#[tokio::test]
async fn p1_failed_targets_have_their_reason() {
    let server = Server::start(settings(json!({}))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let group = send_for_receipt(&mut sender, "g", json!({ "group": "green" })).await;
    assert_eq!(group["failed"], json!([{ "to": "group:green", "reason": "no such group" }]));
    sender.send(json!({ "type": "peer", "id": "now", "to": "away-1", "payload": {}, "ttl_ms": 0 })).await;
    let now = receipt(&mut sender, "now").await;
    assert_eq!((&now["failed"][0]["to"], &now["queued"]), (&json!("away-1"), &json!([])));
    assert!(now["failed"][0]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
}

#[tokio::test]
async fn p1_access_rules_come_before_any_model() {
    let provider = Provider::start();
    let rules = json!({ "acl": [
        { "from": "red-2", "allow": true },
        { "to": ["blue-1", "group:blue"], "category": "CHAT", "allow": false },
        { "from": "free-1", "allow": false },
    ] });
    let server = Server::start(with_model(settings(rules), &provider)).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut boss = Device::join(&server, "red-2").await;
    let mut blue = Device::join(&server, "blue-1").await;
    let mut free = Device::join(&server, "free-1").await;

    let list = send_for_receipt(&mut sender, "list", json!(["blue-1", "red-2"])).await;
    assert_eq!(list["failed"], json!([{ "to": "blue-1", "reason": CLOSED }]));
    assert_eq!(names(&list["delivered"]), ["red-2"]);
    let group = send_for_receipt(&mut sender, "group", json!({ "group": "blue" })).await;
    assert_eq!(group["failed"], json!([{ "to": "blue-1", "reason": CLOSED }]));
    let everyone = send_for_receipt(&mut sender, "everyone", json!("*")).await;
    assert_eq!(everyone["failed"], json!([{ "to": "blue-1", "reason": CLOSED }]));
    assert_eq!(names(&everyone["delivered"]), ["free-1", "red-2"]);

    send_relay(&mut free, "relayed", json!(["red-1", "red-2"])).await;
    let relayed = receipt(&mut free, "relayed").await;
    assert_eq!(relayed["failed"].as_array().map(Vec::len), Some(2));
    assert_eq!(provider.requests().len(), 0, "no allowed receiver, so no model request");

    send_for_receipt(&mut boss, "boss", json!("blue-1")).await;
    message(&mut blue, "boss").await;
    assert_eq!(ids(&blue), ["boss"]);
}

#[tokio::test]
async fn p1_a_change_of_the_rules_takes_effect_while_devices_are_connected() {
    let server = Server::start(settings(json!({}))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut other = Device::join(&server, "red-2").await;
    send_for_receipt(&mut sender, "before", json!("red-2")).await;
    server.configure(&settings(json!({ "acl": [{ "allow": false }] })));
    for attempt in 0.. {
        let id = format!("after-{attempt}");
        let after = send_for_receipt(&mut sender, &id, json!("red-2")).await;
        if after["failed"] == json!([{ "to": "red-2", "reason": CLOSED }]) {
            break;
        }
        assert!(attempt < 500, "{after}");
    }
    message(&mut other, "before").await;
}

#[tokio::test]
async fn p1_bad_messages_are_refused_with_what_is_missing() {
    let server = Server::start(settings(json!({ "categories": ["Chat", "task"] }))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let cases = [
        (json!({}), "missing: to,payload"),
        (json!({ "to": "red-2" }), "missing: payload"),
        (json!({ "to": [], "payload": {} }), "to must have 1 to 64 items"),
        (json!({ "to": "red-2", "payload": "x" }), "payload must be an object"),
        (json!({ "to": "red-2", "payload": {}, "category": "joke" }), "category must be one of: chat, task"),
        (
            json!({ "to": "red-2", "payload": {}, "relay": {} }),
            "relay must be {instruction}: missing one of instruction",
        ),
    ];
    for (mut body, expected) in cases {
        body["type"] = json!("peer");
        body["id"] = json!("bad");
        sender.send(body).await;
        let error = sender.expect_error("SCHEMA_INVALID").await;
        assert_eq!(error["message"], expected);
        assert_eq!(error["ref"], json!({ "type": "peer", "id": "bad" }));
    }
    sender.send(json!({ "type": "peer", "id": "big", "to": "x", "payload": { "x": "y".repeat(40_000) } })).await;
    sender.expect_error("TOO_LARGE").await;
    assert_eq!(names(&send_for_receipt(&mut sender, "good", json!("red-2")).await["queued"]), ["red-2"]);
}

#[tokio::test]
async fn p2_broadcasts_keep_their_distance_across_connections_and_processes() {
    let mut server = Server::start(settings(json!({ "broadcast_interval_s": 3600 }))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut other = Device::join(&server, "red-2").await;
    send_for_receipt(&mut sender, "first", json!("*")).await;
    send_peer(&mut sender, "second", json!("*")).await;
    let error = sender.expect_error("RATE_LIMITED").await;
    assert_eq!(error["ref"], json!({ "type": "peer", "id": "second" }));
    assert!(error["retry_after_ms"].as_u64().is_some_and(|ms| ms > 3_500_000 && ms <= 3_600_000), "{error}");
    // Each device has its own interval, and only messages to everyone count.
    send_for_receipt(&mut other, "other", json!("*")).await;
    send_for_receipt(&mut sender, "direct", json!("red-2")).await;
    sender.vanish();
    let mut sender = Device::join(&server, "red-1").await;
    send_peer(&mut sender, "third", json!("*")).await;
    sender.expect_error("RATE_LIMITED").await;
    server.kill9();
    server.launch();
    server.ready().await;
    let mut sender = Device::join(&server, "red-1").await;
    send_peer(&mut sender, "fourth", json!("*")).await;
    sender.expect_error("RATE_LIMITED").await;
}

#[tokio::test]
async fn p2_after_the_interval_a_broadcast_goes_out() {
    let server = Server::start(settings(json!({ "broadcast_interval_s": 1 }))).await;
    let mut sender = Device::join(&server, "red-1").await;
    send_for_receipt(&mut sender, "first", json!("*")).await;
    send_peer(&mut sender, "early", json!("*")).await;
    let wait = sender.expect_error("RATE_LIMITED").await["retry_after_ms"].as_u64().unwrap_or_default();
    assert!((1..=1000).contains(&wait));
    tokio::time::sleep(Duration::from_millis(wait)).await;
    assert!(!names(&send_for_receipt(&mut sender, "late", json!("*")).await["queued"]).is_empty());
}

#[tokio::test]
async fn p4_what_waited_comes_in_order_and_the_senders_hear_of_it() {
    const EACH: usize = 10;
    let server = Server::start(settings(json!({}))).await;
    let mut one = Device::join(&server, "red-1").await;
    let mut two = Device::join(&server, "red-2").await;
    let target = Device::join(&server, "red-3").await;
    target.vanish();
    wait_disconnected(&mut one, "red-3").await;
    for number in 0..EACH {
        let receipt = send_for_receipt(&mut one, &format!("one-{number}"), json!("red-3")).await;
        assert_eq!((&receipt["queued"], &receipt["delivered"]), (&json!(["red-3"]), &json!([])));
        send_for_receipt(&mut two, &format!("two-{number}"), json!("red-3")).await;
    }
    let mut target = Device::join(&server, "red-3").await;
    message(&mut target, &format!("two-{}", EACH - 1)).await;
    let expected: Vec<String> = (0..EACH).flat_map(|n| [format!("one-{n}"), format!("two-{n}")]).collect();
    assert_eq!(ids(&target), expected);
    assert!(target.seen_of_type("peer").iter().all(|message| message["offline"] == true));
    for sender in [&mut one, &mut two] {
        let notice = sender.expect("the notice", |seen| seen["event"] == "redelivered").await;
        assert_eq!((&notice["type"], &notice["to"], &notice["count"]), (&json!("peer"), &json!("red-3"), &json!(EACH)));
    }
    // Exactly once: the next connection gets none of them again.
    target.vanish();
    wait_disconnected(&mut one, "red-3").await;
    let mut target = Device::join(&server, "red-3").await;
    send_for_receipt(&mut one, "fresh", json!("red-3")).await;
    message(&mut target, "fresh").await;
    assert_eq!(ids(&target), ["fresh"]);
}

#[tokio::test]
async fn p4_what_waited_survives_a_kill_and_a_sender_that_is_away_is_told_later() {
    let mut server = Server::start(settings(json!({}))).await;
    let mut sender = Device::join(&server, "red-1").await;
    send_for_receipt(&mut sender, "kept", json!("red-3")).await;
    server.kill9();
    server.launch();
    server.ready().await;
    let mut target = Device::join(&server, "red-3").await;
    assert_eq!(message(&mut target, "kept").await["offline"], true);
    let mut sender = Device::join(&server, "red-1").await;
    let notice = sender.expect("the notice", |seen| seen["event"] == "redelivered").await;
    assert_eq!((&notice["to"], &notice["count"]), (&json!("red-3"), &json!(1)));
}

#[tokio::test]
async fn p3_many_senders_at_once_lose_nothing() {
    const SENDERS: usize = 50;
    let server = Server::start(settings(json!({}))).await;
    let answers = join_all((0..SENDERS).map(|number| {
        let server = &server;
        async move {
            let mut sender = Device::join(server, &format!("free-{number}")).await;
            send_for_receipt(&mut sender, &format!("m-{number}"), json!("red-3")).await
        }
    }))
    .await;
    assert!(answers.iter().all(|receipt| receipt["queued"] == json!(["red-3"])));
    let mut target = Device::join(&server, "red-3").await;
    let mut expected: Vec<String> = (0..SENDERS).map(|number| format!("m-{number}")).collect();
    for _ in 0..SENDERS {
        target.expect("one of the messages", |seen| seen["event"] == "message").await;
    }
    let mut found = ids(&target);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn p3_the_oldest_goes_beyond_the_limit_which_changes_while_the_server_runs() {
    let limited = |most: u32| {
        settings(json!({ "offline": { "max_per_device": most } })).set("session.unknown_receivers", json!("keep"))
    };
    let server = Server::start(limited(3)).await;
    let mut sender = Device::join(&server, "red-1").await;
    for number in 0..5 {
        send_for_receipt(&mut sender, &format!("m-{number}"), json!("red-3")).await;
    }
    let mut target = Device::join(&server, "red-3").await;
    message(&mut target, "m-4").await;
    assert_eq!(ids(&target), ["m-2", "m-3", "m-4"]);
    server.configure(&limited(1));
    // The new limit takes effect at some message: pairs of messages to a separate receiver show when.
    let mut attempt = 0;
    loop {
        let device = format!("later-{attempt}");
        send_for_receipt(&mut sender, "old", json!(device)).await;
        send_for_receipt(&mut sender, "new", json!(device)).await;
        let mut later = Device::join(&server, &device).await;
        message(&mut later, "new").await;
        if ids(&later) == ["new"] {
            return;
        }
        attempt += 1;
        assert!(attempt < 200, "the new limit is never applied");
    }
}

#[tokio::test]
async fn p3_a_file_takes_over_where_the_database_has_no_room() {
    const MESSAGES: usize = 50;
    let server = Server::start(settings(json!({})).set("storage.max_mib", json!(1))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let long = "x".repeat(30_000);
    for number in 0..MESSAGES {
        let id = format!("m-{number}");
        sender.send(json!({ "type": "peer", "id": id, "to": "red-3", "payload": { "text": long } })).await;
        assert_eq!(names(&receipt(&mut sender, &id).await["queued"]), ["red-3"]);
    }
    let file = server.data_dir().join("offline_queue.json");
    assert!(file.exists(), "{MESSAGES} messages of 30 KB do not fit into 1 MiB");
    let mut target = Device::join(&server, "red-3").await;
    message(&mut target, &format!("m-{}", MESSAGES - 1)).await;
    assert_eq!(ids(&target), (0..MESSAGES).map(|number| format!("m-{number}")).collect::<Vec<_>>());
    until("the file goes when it is empty", TIMEOUT, || async { file.exists() }, |there| !there).await;
    let notice = sender.expect("the notice", |seen| seen["event"] == "redelivered").await;
    assert_eq!(notice["count"], MESSAGES);
}

#[tokio::test]
async fn p5_a_model_rewrites_the_message_first() {
    let provider = Provider::start();
    let server = Server::start(with_model(settings(json!({})), &provider)).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut other = Device::join(&server, "red-2").await;
    provider.queue(Reply::text("Sure! Here you are: {\"text\": \"a story\"}"));
    send_relay(&mut sender, "prose-around", json!("red-2")).await;
    let received = message(&mut other, "prose-around").await;
    assert_eq!((&received["payload"], &received["relayed"]), (&json!({ "text": "a story" }), &json!(true)));
    assert_eq!(names(&receipt(&mut sender, "prose-around").await["delivered"]), ["red-2"]);
    assert!(provider.requests()[0].last_message().contains("make it short"));
}

#[tokio::test]
async fn p5_whatever_the_model_does_the_message_arrives() {
    let provider = Provider::start();
    let slow = settings(json!({ "relay": { "timeout_s": 1 } }));
    let server = Server::start(with_model(slow, &provider)).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut other = Device::join(&server, "red-2").await;
    let cases = [
        ("prose", Reply::text("I would rather not."), "LLM_OUTPUT_NOT_JSON"),
        ("neither", Reply::text("{\"answer\": 7}"), "LLM_OUTPUT_NOT_JSON"),
        ("broken", Reply::status(500), "LLM_UNAVAILABLE"),
        ("refused", Reply::status(401), "LLM_UNAVAILABLE"),
        ("slow", Reply::text("{}").never(), "LLM_UNAVAILABLE"),
    ];
    for (id, reply, code) in cases {
        provider.queue(reply);
        send_relay(&mut sender, id, json!("red-2")).await;
        let error = sender.expect_error(code).await;
        assert_eq!(error["ref"], json!({ "type": "peer", "id": id }));
        let received = message(&mut other, id).await;
        assert_eq!(received["payload"], json!({ "text": "a very long story" }), "{id}");
        assert!(received.get("relayed").is_none());
        assert_eq!(names(&receipt(&mut sender, id).await["delivered"]), ["red-2"]);
    }
}

#[tokio::test]
async fn p5_without_a_model_the_message_arrives_as_it_was() {
    let server = Server::start(settings(json!({}))).await;
    let mut sender = Device::join(&server, "red-1").await;
    let mut other = Device::join(&server, "red-2").await;
    send_relay(&mut sender, "plain", json!("red-2")).await;
    sender.expect_error("LLM_UNAVAILABLE").await;
    assert_eq!(message(&mut other, "plain").await["payload"], json!({ "text": "a very long story" }));
}

#[tokio::test]
async fn p5_a_kill_while_the_model_works_loses_nothing() {
    let provider = Provider::start();
    let settings = with_model(settings(json!({})), &provider);
    let mut server = Server::start(settings).await;
    let mut sender = Device::join(&server, "red-1").await;
    provider.queue(Reply::text("{}").never());
    provider.queue(Reply::text("{\"text\": \"short\"}"));
    send_relay(&mut sender, "kept", json!("red-2")).await;
    until("the model has been asked", TIMEOUT, || async { provider.requests().len() }, |asked| *asked == 1).await;
    server.kill9();
    server.launch();
    server.ready().await;
    // The sender does not come back; the server repeats the request by itself.
    until("the model has been asked again", TIMEOUT, || async { provider.requests().len() }, |asked| *asked == 2).await;
    let mut other = Device::join(&server, "red-2").await;
    assert_eq!(message(&mut other, "kept").await["payload"], json!({ "text": "short" }));
}
