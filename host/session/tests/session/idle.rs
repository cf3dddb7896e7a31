//! Idle devices (C.6), in virtual time. Rule: time is paused except for what a test advances, so that every time is
//! exact.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use modehost_session::{Config, IdleConfig};
use serde_json::{Value, json};
use tokio::time::advance;

use crate::host::{Device, PausedTime, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::NativeMode;
use crate::scripted::Script;

const S: Duration = Duration::from_secs(1);
/// Timers fire with a resolution of 1 ms.
const TICK: Duration = Duration::from_millis(1);

fn config() -> Config {
    let idle = IdleConfig { multiplier: BTreeMap::from([("blue".into(), 3)]), ..IdleConfig::default() };
    Config { default_mode: Some("red".into()), idle, ..Config::default() }
}

fn host() -> (TestHost, Script) {
    let script = Script::default();
    let models = script.clone();
    let host = TestHost::with(config(), |services| services.models = Some(Arc::new(models)));
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    host.catalog.publish(NativeMode::new("blue", 2, mock_mode));
    (host, script)
}

/// The warnings received so far; asking for them does not count as activity.
async fn warnings(device: &mut Device) -> Vec<u64> {
    let received = device.received_so_far().await;
    let reported = |message: &Value| (message["event"] == "timeout_warning").then(|| message["remaining_ms"].as_u64());
    received.iter().filter_map(reported).flatten().collect()
}

async fn is_closed(device: &mut Device) -> String {
    let closed = device.expect_message(|message| message.get("closed").is_some()).await;
    assert_eq!(closed["closed"], 1000);
    closed["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn c6_silence_is_warned_of_twice_and_then_the_connection_closes() {
    let _time = PausedTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    let warned = device.expect_message(|message| message["event"] == "timeout_warning").await;
    assert_eq!(warned, json!({ "type": "system", "event": "timeout_warning", "remaining_ms": 15_000 }));
    advance(5 * S).await;
    let warned = device.expect_message(|message| message["event"] == "timeout_warning").await;
    assert_eq!(warned["remaining_ms"], 10_000);
    advance(9 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S).await;
    assert_eq!(is_closed(&mut device).await, "nothing was heard from this device for 660 s");
}

#[tokio::test(start_paused = true)]
async fn c6_anything_heard_cancels_the_close_and_the_time_begins_anew() {
    let _time = PausedTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    advance(645 * S + TICK).await;
    device.expect_message(|message| message["remaining_ms"] == 15_000).await;
    advance(14 * S).await;
    device.expect_message(|message| message["event"] == "timeout_warning").await;
    device.touch();
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    device.expect_message(|message| message["remaining_ms"] == 15_000).await;
}

#[tokio::test(start_paused = true)]
async fn c6_a_mode_may_wait_longer_and_leaving_it_closes_nobody_unwarned() {
    let _time = PausedTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.expect_message(|message| message["status"] == "ok").await;
    advance(1844 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    device.expect_message(|message| message["remaining_ms"] == 15_000).await;
    device.touch();
    advance(1200 * S).await;
    // Without activity of the user: a mode may end by a timer.
    device.say_inactive(json!({ "type": "mode", "state": "end", "mode": "blue" })).await;
    device.expect_message(|message| message["remaining_ms"] == 10_000).await;
    advance(10 * S + TICK).await;
    is_closed(&mut device).await;
}

#[tokio::test(start_paused = true)]
async fn c6_new_settings_hold_at_once_for_sessions_that_run() {
    let _time = PausedTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    advance(100 * S).await;
    let idle = |idle: u64| IdleConfig { idle: Duration::from_secs(idle), ..IdleConfig::default() };
    host.config.send_replace(Arc::new(Config { idle: idle(0), ..config() }));
    warnings(&mut device).await;
    advance(10_000 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new(), "0 stands for ever");
    host.config.send_replace(Arc::new(Config { idle: idle(30), ..config() }));
    device.expect_message(|message| message["remaining_ms"] == 10_000).await;
    device.touch();
    advance(75 * S + TICK).await;
    device.expect_message(|message| message["remaining_ms"] == 15_000).await;
}

#[tokio::test(start_paused = true)]
async fn c6_nobody_is_closed_while_an_answer_is_on_its_way() {
    let _time = PausedTime::new();
    let (host, script) = host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.instruct("red", json!([{ "ask": "a hard question" }])).await;
    script.wait_asked(1).await;
    for _ in 0..3 {
        advance(661 * S).await;
        assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    }
    script.send_answer(0, "42").await;
    device.expect_event("model-done").await;
    // The session has finished with it once it handles the next message.
    warnings(&mut device).await;
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new(), "it counts from the answer");
    advance(S + TICK).await;
    device.expect_message(|message| message["remaining_ms"] == 15_000).await;
}

#[tokio::test(start_paused = true)]
async fn c6_a_new_connection_begins_anew_and_a_device_that_is_away_is_not_looked_after() {
    let _time = PausedTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    advance(600 * S).await;
    device.lose_connection();
    let mut device = host.device("a");
    device.say_hello(false).await;
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    device.expect_message(|message| message["remaining_ms"] == 15_000).await;
}
