//! Messages of a mode for other devices, and the promise that comes with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use modehost_session::{Config, DeviceDirectory};
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::Native;
use crate::spied::Spied;

/// The team a, b, c; d has a name; e is nowhere.
fn post_office() -> TestHost {
    let groups = BTreeMap::from([("team".into(), vec!["a".into(), "b".into(), "c".into()])]);
    let device_directory = DeviceDirectory::new(groups, BTreeMap::from([("d".into(), "Dora".to_owned())]));
    let host = TestHost::with(Config { device_directory, ..Config::default() }, |_| {});
    host.catalog.publish(Native::new("red", 1, mock_mode));
    host
}

/// Connects devices, and waits until each can be reached.
async fn present(host: &TestHost, names: &[&str]) -> Vec<Device> {
    let mut devices = Vec::new();
    for name in names {
        let mut device = host.device(name);
        device.greets(false).await;
        // Until its queue has been looked at, what may be kept goes behind what is.
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        let probe = json!({ "deliver": { "type": "probe" }, "to": [name], "ttl": 60_000 });
        while delivered(&mut device, probe.clone()).await.0 != json!([name]) {
            assert!(tokio::time::Instant::now() < end, "{name} is not reached directly");
        }
        devices.push(device);
    }
    devices
}

/// Has the first device deliver, and gives what it was told: now, queued, failed.
async fn delivered(device: &mut Device, wish: Value) -> (Value, Value, Value) {
    device.pulls("red", json!([wish])).await;
    let told = device.is_told("delivered").await;
    (told["now"].clone(), told["queued"].clone(), told["failed"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_delivery_reaches_devices_a_group_or_everyone() {
    let host = post_office();
    let mut devices = present(&host, &["a", "b", "e"]).await;
    let letter = |to: Value| json!({ "deliver": { "type": "x" }, "to": to, "ttl": 60_000 });
    let a = &mut devices[0];
    // Named ones, each once, its own too; what is no id fails.
    let told = delivered(a, letter(json!(["a", "b", "b", "c", ""]))).await;
    assert_eq!(told, (json!(["a", "b"]), json!(["c"]), json!([["", "not a device id"]])));
    let told = delivered(a, letter(json!("team"))).await;
    assert_eq!(told, (json!(["b"]), json!(["c"]), json!([])));
    // In no group: connected or named.
    let told = delivered(a, letter(json!("default"))).await;
    assert_eq!(told, (json!(["e"]), json!(["d"]), json!([])));
    let told = delivered(a, letter(json!("crew"))).await;
    assert_eq!(told, (json!([]), json!([]), json!([["crew", "there is no such group"]])));
    let told = delivered(a, letter(Value::Null)).await;
    assert_eq!(told, (json!(["b", "e"]), json!(["c", "d"]), json!([])));
    // Without keeping, and with exceptions.
    let letter = json!({ "deliver": { "type": "x" }, "to": null, "except": ["b", "d"] });
    assert_eq!(delivered(a, letter).await, (json!(["e"]), json!([]), json!([["c", "not connected"]])));
    let got = devices[1].hears_up_to_now().await;
    assert_eq!(got.iter().filter(|message| message["type"] == "x").count(), 3, "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_what_waited_says_so_and_the_sender_hears_of_the_hand_over() {
    let host = post_office();
    let mut devices = present(&host, &["a"]).await;
    let letter = json!({
        "deliver": { "type": "x", "late": false }, "to": ["b"], "late": { "type": "x", "late": true },
        "notice": { "type": "handed" }, "ttl": 60_000,
    });
    let a = &mut devices[0];
    assert_eq!(delivered(a, letter.clone()).await.1, json!(["b"]));
    assert_eq!(delivered(a, letter).await.1, json!(["b"]));
    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    let got = b.hears(|message| message["type"] == "x").await;
    assert_eq!(got["late"], true);
    // Reads on: what it has not read has not arrived.
    b.hears(|message| message["type"] == "x").await;
    b.hears_up_to_now().await;
    let notice = a.hears(|message| message["type"] == "handed").await;
    assert_eq!((&notice["to"], &notice["count"]), (&json!("b"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_who_drops_in_mid_delivery_gets_the_rest_in_order_and_nothing_overtakes_it() {
    let host = post_office();
    let mut devices = present(&host, &["a"]).await;
    let a = &mut devices[0];
    let letter = |number: u32| {
        let body = json!({ "type": "x", "n": number });
        json!({ "deliver": body, "to": ["b"], "late": body, "notice": { "type": "handed" }, "ttl": 60_000 })
    };
    for number in 1..=4 {
        assert_eq!(delivered(a, letter(number)).await.1, json!(["b"]));
    }
    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    // With the second, it is known that the first has arrived; the second itself may not have.
    assert_eq!(b.hears(|message| message["type"] == "x").await["n"], 1);
    assert_eq!(b.next().await["n"], 2);
    assert_eq!(delivered(a, letter(5)).await.1, json!(["b"]), "what comes meanwhile goes behind the rest");
    let now = json!({ "deliver": { "type": "now" }, "to": ["b"] });
    assert_eq!(delivered(a, now).await.0, json!(["b"]), "what may not be kept does not wait");
    drop(b);
    let notice = a.hears(|message| message["type"] == "handed").await;
    assert_eq!((&notice["to"], &notice["count"]), (&json!("b"), &json!(1)));

    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    for number in 2..=5 {
        assert_eq!(b.hears(|message| message["type"] == "x").await["n"], number);
    }
    b.hears_up_to_now().await;
    let notice = a.hears(|message| message["type"] == "handed").await;
    assert_eq!(notice["count"], 4);
    // Nothing waits any more: live again, without a detour, and nothing comes twice.
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    for number in 6.. {
        if delivered(a, letter(number)).await.0 == json!(["b"]) {
            break;
        }
        b.hears_up_to_now().await;
        assert!(tokio::time::Instant::now() < end, "the queue is empty, and still everything is queued");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_new_connection_does_not_wait_for_ever_for_what_the_old_one_has_to_say() {
    let host = post_office();
    let mut devices = present(&host, &["a"]).await;
    let a = &mut devices[0];
    let body = json!({ "type": "x" });
    delivered(a, json!({ "deliver": body, "to": ["b"], "late": body, "ttl": 60_000 })).await;
    let mut stuck = host.device("b");
    stuck.say(json!({ "type": "hello" })).await;
    stuck.hears(|message| message["type"] == "x").await;
    // Its Wi-Fi is gone, and nobody knows; it comes back elsewhere.
    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    b.hears(|message| message["type"] == "x").await;
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_list_is_delivered_or_said_when_a_write_of_it_fails() {
    let mut spy = None;
    // It keeps messages for a device that comes later.
    let device_directory = DeviceDirectory::new(BTreeMap::new(), BTreeMap::from([("c".into(), "Carl".to_owned())]));
    let host = TestHost::with(Config { device_directory, ..Config::default() }, |services| {
        let spied = Spied::new(services.sessions.clone());
        spied.refuses_writes(true);
        services.sessions = Arc::new(spied.clone());
        spy = Some(spied);
    });
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut devices = present(&host, &["a", "b"]).await;
    let list = json!([
        { "say": "seen" }, { "deliver": { "type": "x" }, "to": ["b", "c"], "ttl": 60_000, "request": 1 },
        { "append": {}, "request": 2 }, { "type": "seen" },
    ]);
    devices[0].pulls("red", list.clone()).await;
    let told = devices[0].hears_all(|message| message["event"] == "request-failed" && message["request"] == 1).await;
    let failed: Vec<_> = told.iter().filter(|message| message["event"] == "request-failed").collect();
    assert_eq!(failed.len(), 2, "{told:?}");
    assert!(told.iter().any(|message| message["code"] == "STORAGE_UNAVAILABLE"), "{told:?}");
    assert!(told.iter().all(|message| message["type"] != "seen" && message["type"] != "tts"), "{told:?}");
    let got = devices[1].hears_up_to_now().await;
    assert!(got.iter().all(|message| message["type"] != "x"), "{got:?}");
    spy.expect("a spy").refuses_writes(false);
    devices[0].pulls("red", list).await;
    devices[1].hears(|message| message["type"] == "x").await;
    devices[0].hears(|message| message["type"] == "seen").await;
    // Kept once, by the list that went through.
    let mut c = host.device("c");
    c.greets(false).await;
    c.hears(|message| message["type"] == "x").await;
    let got = c.hears_up_to_now().await;
    assert!(got.iter().all(|message| message["type"] != "x"), "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_device_that_was_never_here_is_kept_nothing_and_one_that_was_is() {
    let host = post_office();
    let mut devices = present(&host, &["a", "e"]).await;
    let letter = |to: &str| json!({ "deliver": { "type": "x" }, "to": [to], "ttl": 60_000 });
    let told = delivered(&mut devices[0], letter("made-up")).await;
    let reason = "no device of this id has ever been here, so nothing is kept for it";
    assert_eq!(told, (json!([]), json!([]), json!([["made-up", reason]])));
    // Named by the configuration, and seen before.
    assert_eq!(delivered(&mut devices[0], letter("d")).await, (json!([]), json!(["d"]), json!([])));
    devices.pop().expect("e").vanish();
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while delivered(&mut devices[0], letter("e")).await != (json!([]), json!(["e"]), json!([])) {
        assert!(tokio::time::Instant::now() < end, "nothing is ever kept for e");
    }
}
