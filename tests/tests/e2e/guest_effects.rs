//! Effects and events that no bundled mode uses, in a real server. Rule: a component of the newest contract version asks
//! for each, and what a device or the component sees of it is what the contract says.

use modehost_tests::{Device, Server, Settings, guest};
use serde_json::{Value, json};

async fn server() -> Server {
    let grants = json!(["documents:fixture/", "broadcast"]);
    let settings = Settings::new()
        .set("groups", json!({ "home": ["dev-1", "dev-2"] }))
        .set("plugins.grants.fixture", grants)
        .plugin("fixture", guest::bundled("modehost-guests-next"));
    Server::start(settings).await
}

/// Sends the guest a wish.
async fn wish(device: &mut Device, what: &str, with: Value) {
    let mut message = json!({ "type": "fixture", "do": what });
    message.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
    device.send(message).await;
}

async fn reporting(server: &Server, id: &str) -> Device {
    let mut device = Device::join(server, id).await;
    wish(&mut device, "report", json!({})).await;
    device.expect("it reports", |message| message["reports"] == true).await;
    device
}

/// The next report of an event of this name.
async fn told(device: &mut Device, name: &str) -> String {
    let is_it = |message: &Value| message["event"].as_str().is_some_and(|event| event.starts_with(name));
    device.expect(name, is_it).await["event"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_watched_document_is_told_to_whoever_watches_until_they_do_not() {
    let server = server().await;
    let (mut one, mut two) = (reporting(&server, "dev-1").await, reporting(&server, "dev-2").await);
    wish(&mut one, "watch-document", json!({ "key": "fixture/k" })).await;
    let first = told(&mut one, "Event::Document").await;
    assert!(first.contains("request: Some(7)") && first.contains("version: 0") && first.contains("None"), "{first}");
    wish(&mut two, "write-document", json!({ "key": "fixture/k", "value": "[1]" })).await;
    let done = told(&mut two, "Event::WriteDone").await;
    assert!(done.contains("fixture/k"), "{done}");
    let changed = told(&mut one, "Event::Document").await;
    assert!(changed.contains("request: None") && changed.contains("[1]"), "{changed}");
    wish(&mut two, "write-document", json!({ "key": "fixture/k", "value": "[2]" })).await;
    let conflict = told(&mut two, "Event::WriteConflict").await;
    assert!(conflict.contains("[1]"), "{conflict}");

    wish(&mut one, "unwatch-document", json!({ "key": "fixture/k" })).await;
    // Answered after the effect before it.
    one.settle().await;
    let version = conflict.split("version: ").nth(1).and_then(|rest| rest.split([',', ' ']).next()).expect("a version");
    let version: u64 = version.parse().expect("a number");
    one.clear_seen();
    wish(&mut two, "write-document", json!({ "key": "fixture/k", "expected": version, "value": "[3]" })).await;
    told(&mut two, "Event::WriteDone").await;
    wish(&mut one, "read-document", json!({ "key": "fixture/k" })).await;
    let read = told(&mut one, "Event::Document").await;
    assert!(read.contains("request: Some(7)") && read.contains("[3]"), "nothing of the change came before: {read}");
}

#[tokio::test]
async fn a_device_is_told_how_to_listen() {
    let server = server().await;
    let mut device = reporting(&server, "dev-1").await;
    for (mode, expected) in [("automatic", "auto"), ("realtime", "realtime"), ("manual", "manual")] {
        wish(&mut device, "listen", json!({ "mode": mode })).await;
        let listen = device.expect_type("listen").await;
        assert_eq!((&listen["state"], &listen["mode"]), (&json!("start"), &json!(expected)), "{listen}");
    }
    wish(&mut device, "listen", json!({})).await;
    let listen = device.expect_type("listen").await;
    assert_eq!(listen["state"], "stop", "{listen}");
}

#[tokio::test]
async fn a_broadcast_may_leave_out_its_own_device() {
    let server = server().await;
    let (mut one, mut two) = (reporting(&server, "dev-1").await, reporting(&server, "dev-2").await);
    let news = |number: u64| json!({ "type": "fixture", "news": number }).to_string();
    wish(&mut one, "broadcast", json!({ "group": "home", "body": news(1), "self": false })).await;
    wish(&mut one, "broadcast", json!({ "group": "home", "body": news(2), "self": true })).await;
    let is_news = |message: &Value| message["news"].is_u64();
    assert_eq!(one.expect("news", is_news).await["news"], 2, "not the first one");
    assert_eq!(two.expect("news", is_news).await["news"], 1);
    assert_eq!(two.expect("news", is_news).await["news"], 2);
}

#[tokio::test]
async fn an_extension_that_is_not_known_fails_as_unsupported() {
    let server = server().await;
    let mut device = reporting(&server, "dev-1").await;
    wish(&mut device, "extension", json!({ "name": "owner/thing", "payload": "{}" })).await;
    let failed = device.expect("a failure", |message| message["reason"].is_string()).await;
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.ends_with("Unsupported")), "{failed}");
}

#[tokio::test]
async fn a_component_is_told_when_its_device_leaves_and_comes_back() {
    let server = server().await;
    let device = reporting(&server, "dev-1").await;
    device.vanish();
    server.wait_disconnected("dev-1").await;
    let mut device = Device::join(&server, "dev-1").await;
    let gone = told(&mut device, "Event::Detached").await;
    assert_eq!(gone, "Event::Detached");
    let back = told(&mut device, "Event::Attached").await;
    assert!(back.contains("dev-1") && back.contains("home"), "{back}");
}
