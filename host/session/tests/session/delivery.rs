//! Messages of a mode to other devices, and their delivery guarantees.
//!
//! Rule: a message is sent, queued or failed, and the sender learns which.

use std::collections::BTreeMap;
use std::sync::Arc;

use modehost_session::{Config, DeviceDirectory};
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::NativeMode;
use crate::spy_store::SpyStore;

/// A group of a, b and c; d has an alias; e is not configured.
fn delivery_host() -> TestHost {
    let groups = BTreeMap::from([("team".into(), vec!["a".into(), "b".into(), "c".into()])]);
    let device_directory = DeviceDirectory::new(groups, BTreeMap::from([("d".into(), "Dora".to_owned())]));
    let host = TestHost::with(Config { device_directory, ..Config::default() }, |_| {});
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    host
}

/// Connects devices, and waits until each can be reached directly.
async fn connect_all(host: &TestHost, names: &[&str]) -> Vec<Device> {
    let mut devices = Vec::new();
    for name in names {
        let mut device = host.device(name);
        device.say_hello(false).await;
        // Until its queue has been read, messages that may be queued go behind it.
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        let probe = json!({ "deliver": { "type": "probe" }, "to": [name], "ttl": 60_000 });
        while delivered(&mut device, probe.clone()).await.0 != json!([name]) {
            assert!(tokio::time::Instant::now() < end, "{name} is not reached directly");
        }
        devices.push(device);
    }
    devices
}

/// Makes the first device deliver, and returns the result: sent, queued, failed.
async fn delivered(device: &mut Device, instruction: Value) -> (Value, Value, Value) {
    device.instruct("red", json!([instruction])).await;
    let reported = device.expect_event("delivered").await;
    (reported["now"].clone(), reported["queued"].clone(), reported["failed"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_delivery_reaches_devices_a_group_or_everyone() {
    let host = delivery_host();
    let mut devices = connect_all(&host, &["a", "b", "e"]).await;
    let delivery = |to: Value| json!({ "deliver": { "type": "x" }, "to": to, "ttl": 60_000 });
    let a = &mut devices[0];
    // By id: each once, the sender included; an invalid id fails.
    let reported = delivered(a, delivery(json!(["a", "b", "b", "c", ""]))).await;
    assert_eq!(reported, (json!(["a", "b"]), json!(["c"]), json!([["", "not a device id"]])));
    let reported = delivered(a, delivery(json!("team"))).await;
    assert_eq!(reported, (json!(["b"]), json!(["c"]), json!([])));
    // Devices in no group that are connected or configured.
    let reported = delivered(a, delivery(json!("default"))).await;
    assert_eq!(reported, (json!(["e"]), json!(["d"]), json!([])));
    let reported = delivered(a, delivery(json!("crew"))).await;
    assert_eq!(reported, (json!([]), json!([]), json!([["crew", "there is no such group"]])));
    let reported = delivered(a, delivery(Value::Null)).await;
    assert_eq!(reported, (json!(["b", "e"]), json!(["c", "d"]), json!([])));
    // Without queueing, and with exceptions.
    let delivery = json!({ "deliver": { "type": "x" }, "to": null, "except": ["b", "d"] });
    assert_eq!(delivered(a, delivery).await, (json!(["e"]), json!([]), json!([["c", "not connected"]])));
    let received = devices[1].received_so_far().await;
    assert_eq!(received.iter().filter(|message| message["type"] == "x").count(), 3, "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_what_waited_says_so_and_the_sender_hears_of_the_hand_over() {
    let host = delivery_host();
    let mut devices = connect_all(&host, &["a"]).await;
    let delivery = json!({
        "deliver": { "type": "x", "late": false }, "to": ["b"], "late": { "type": "x", "late": true },
        "notice": { "type": "handed" }, "ttl": 60_000,
    });
    let a = &mut devices[0];
    assert_eq!(delivered(a, delivery.clone()).await.1, json!(["b"]));
    assert_eq!(delivered(a, delivery).await.1, json!(["b"]));
    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    let received = b.expect_message(|message| message["type"] == "x").await;
    assert_eq!(received["late"], true);
    // Reading on acknowledges what was read.
    b.expect_message(|message| message["type"] == "x").await;
    b.received_so_far().await;
    let notice = a.expect_message(|message| message["type"] == "handed").await;
    assert_eq!((&notice["to"], &notice["count"]), (&json!("b"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_who_drops_in_mid_delivery_gets_the_rest_in_order_and_nothing_overtakes_it() {
    let host = delivery_host();
    let mut devices = connect_all(&host, &["a"]).await;
    let a = &mut devices[0];
    let delivery = |number: u32| {
        let body = json!({ "type": "x", "n": number });
        json!({ "deliver": body, "to": ["b"], "late": body, "notice": { "type": "handed" }, "ttl": 60_000 })
    };
    for number in 1..=4 {
        assert_eq!(delivered(a, delivery(number)).await.1, json!(["b"]));
    }
    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    // Reading the second acknowledges the first; the second itself is not acknowledged.
    assert_eq!(b.expect_message(|message| message["type"] == "x").await["n"], 1);
    assert_eq!(b.next().await["n"], 2);
    assert_eq!(delivered(a, delivery(5)).await.1, json!(["b"]), "what comes meanwhile goes behind the rest");
    let now = json!({ "deliver": { "type": "now" }, "to": ["b"] });
    assert_eq!(delivered(a, now).await.0, json!(["b"]), "what may not be kept does not wait");
    drop(b);
    let notice = a.expect_message(|message| message["type"] == "handed").await;
    assert_eq!((&notice["to"], &notice["count"]), (&json!("b"), &json!(1)));

    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    for number in 2..=5 {
        assert_eq!(b.expect_message(|message| message["type"] == "x").await["n"], number);
    }
    b.received_so_far().await;
    let notice = a.expect_message(|message| message["type"] == "handed").await;
    assert_eq!(notice["count"], 4);
    // The queue is empty: direct again, and nothing is sent twice.
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    for number in 6.. {
        if delivered(a, delivery(number)).await.0 == json!(["b"]) {
            break;
        }
        b.received_so_far().await;
        assert!(tokio::time::Instant::now() < end, "the queue is empty, and still everything is queued");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_new_connection_does_not_wait_for_ever_for_what_the_old_one_has_to_say() {
    let host = delivery_host();
    let mut devices = connect_all(&host, &["a"]).await;
    let a = &mut devices[0];
    let body = json!({ "type": "x" });
    delivered(a, json!({ "deliver": body, "to": ["b"], "late": body, "ttl": 60_000 })).await;
    let mut stuck = host.device("b");
    stuck.say(json!({ "type": "hello" })).await;
    stuck.expect_message(|message| message["type"] == "x").await;
    // Its Wi-Fi is gone unnoticed; the device reconnects.
    let mut b = host.device("b");
    b.say(json!({ "type": "hello" })).await;
    b.expect_message(|message| message["type"] == "x").await;
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_list_is_delivered_or_said_when_a_write_of_it_fails() {
    let mut spy = None;
    // Messages are queued for a device that connects later.
    let device_directory = DeviceDirectory::new(BTreeMap::new(), BTreeMap::from([("c".into(), "Carl".to_owned())]));
    let host = TestHost::with(Config { device_directory, ..Config::default() }, |services| {
        let store = SpyStore::new(services.sessions.clone());
        store.fail_writes(true);
        services.sessions = Arc::new(store.clone());
        spy = Some(store);
    });
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut devices = connect_all(&host, &["a", "b"]).await;
    let list = json!([
        { "say": "seen" }, { "deliver": { "type": "x" }, "to": ["b", "c"], "ttl": 60_000, "request": 1 },
        { "append": {}, "request": 2 }, { "type": "seen" },
    ]);
    devices[0].instruct("red", list.clone()).await;
    let reported =
        devices[0].expect_through(|message| message["event"] == "request-failed" && message["request"] == 1).await;
    let failed: Vec<_> = reported.iter().filter(|message| message["event"] == "request-failed").collect();
    assert_eq!(failed.len(), 2, "{reported:?}");
    assert!(reported.iter().any(|message| message["code"] == "STORAGE_UNAVAILABLE"), "{reported:?}");
    assert!(reported.iter().all(|message| message["type"] != "seen" && message["type"] != "tts"), "{reported:?}");
    let received = devices[1].received_so_far().await;
    assert!(received.iter().all(|message| message["type"] != "x"), "{received:?}");
    spy.expect("a spy").fail_writes(false);
    devices[0].instruct("red", list).await;
    devices[1].expect_message(|message| message["type"] == "x").await;
    devices[0].expect_message(|message| message["type"] == "seen").await;
    // Queued once, by the list that was committed.
    let mut c = host.device("c");
    c.say_hello(false).await;
    c.expect_message(|message| message["type"] == "x").await;
    let received = c.received_so_far().await;
    assert!(received.iter().all(|message| message["type"] != "x"), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_device_that_was_never_here_is_kept_nothing_and_one_that_was_is() {
    let host = delivery_host();
    let mut devices = connect_all(&host, &["a", "e"]).await;
    let delivery = |to: &str| json!({ "deliver": { "type": "x" }, "to": [to], "ttl": 60_000 });
    let reported = delivered(&mut devices[0], delivery("made-up")).await;
    let reason = "no device with this id has ever connected, so no message is queued for it";
    assert_eq!(reported, (json!([]), json!([]), json!([["made-up", reason]])));
    // Configured, and seen before.
    assert_eq!(delivered(&mut devices[0], delivery("d")).await, (json!([]), json!(["d"]), json!([])));
    devices.pop().expect("e").lose_connection();
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while delivered(&mut devices[0], delivery("e")).await != (json!([]), json!(["e"]), json!([])) {
        assert!(tokio::time::Instant::now() < end, "nothing is ever kept for e");
    }
}
