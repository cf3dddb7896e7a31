//! Devices that nothing is heard of (C.6), in virtual time. Rule: time stands still but for what a
//! test advances, so that every metric is exact.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use modehost_session::{Config, IdleConfig};
use serde_json::{Value, json};
use tokio::time::advance;

use crate::host::{Device, StandingTime, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::Native;
use crate::scripted::Script;

const S: Duration = Duration::from_secs(1);
/// Timers ring with a resolution of 1 ms.
const TICK: Duration = Duration::from_millis(1);

fn config() -> Config {
    let idle = IdleConfig { multiplier: BTreeMap::from([("blue".into(), 3)]), ..IdleConfig::default() };
    Config { default_mode: Some("red".into()), idle, ..Config::default() }
}

fn host() -> (TestHost, Script) {
    let script = Script::default();
    let models = script.clone();
    let host = TestHost::with(config(), |services| services.models = Some(Arc::new(models)));
    host.catalog.publish(Native::new("red", 1, mock_mode));
    host.catalog.publish(Native::new("blue", 2, mock_mode));
    (host, script)
}

/// What was said of silence up to now; asking for it is no sign of life.
async fn warnings(device: &mut Device) -> Vec<u64> {
    let heard = device.hears_up_to_now().await;
    let told = |message: &Value| (message["event"] == "timeout_warning").then(|| message["remaining_ms"].as_u64());
    heard.iter().filter_map(told).flatten().collect()
}

async fn is_closed(device: &mut Device) -> String {
    let closed = device.hears(|message| message.get("closed").is_some()).await;
    assert_eq!(closed["closed"], 1000);
    closed["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn c6_silence_is_warned_of_twice_and_then_the_connection_closes() {
    let _time = StandingTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.greets(false).await;
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    let warned = device.hears(|message| message["event"] == "timeout_warning").await;
    assert_eq!(warned, json!({ "type": "system", "event": "timeout_warning", "remaining_ms": 15_000 }));
    advance(5 * S).await;
    let warned = device.hears(|message| message["event"] == "timeout_warning").await;
    assert_eq!(warned["remaining_ms"], 10_000);
    advance(9 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S).await;
    assert_eq!(is_closed(&mut device).await, "nothing was heard from this device for 660 s");
}

#[tokio::test(start_paused = true)]
async fn c6_anything_heard_cancels_the_close_and_the_time_begins_anew() {
    let _time = StandingTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.greets(false).await;
    advance(645 * S + TICK).await;
    device.hears(|message| message["remaining_ms"] == 15_000).await;
    advance(14 * S).await;
    device.hears(|message| message["event"] == "timeout_warning").await;
    device.touches();
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    device.hears(|message| message["remaining_ms"] == 15_000).await;
}

#[tokio::test(start_paused = true)]
async fn c6_a_mode_may_wait_longer_and_leaving_it_closes_nobody_unwarned() {
    let _time = StandingTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.greets(false).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.hears(|message| message["status"] == "ok").await;
    advance(1844 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    device.hears(|message| message["remaining_ms"] == 15_000).await;
    device.touches();
    advance(1200 * S).await;
    // Of itself, with nothing heard: a mode may end by a timer.
    device.passes_on(json!({ "type": "mode", "state": "end", "mode": "blue" })).await;
    device.hears(|message| message["remaining_ms"] == 10_000).await;
    advance(10 * S + TICK).await;
    is_closed(&mut device).await;
}

#[tokio::test(start_paused = true)]
async fn c6_new_settings_hold_at_once_for_sessions_that_run() {
    let _time = StandingTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.greets(false).await;
    advance(100 * S).await;
    let idle = |idle: u64| IdleConfig { idle: Duration::from_secs(idle), ..IdleConfig::default() };
    host.config.send_replace(Arc::new(Config { idle: idle(0), ..config() }));
    warnings(&mut device).await;
    advance(10_000 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new(), "0 stands for ever");
    host.config.send_replace(Arc::new(Config { idle: idle(30), ..config() }));
    device.hears(|message| message["remaining_ms"] == 10_000).await;
    device.touches();
    advance(75 * S + TICK).await;
    device.hears(|message| message["remaining_ms"] == 15_000).await;
}

#[tokio::test(start_paused = true)]
async fn c6_nobody_is_closed_while_an_answer_is_on_its_way() {
    let _time = StandingTime::new();
    let (host, script) = host();
    let mut device = host.device("a");
    device.greets(false).await;
    device.pulls("red", json!([{ "ask": "a hard question" }])).await;
    script.is_asked(1).await;
    for _ in 0..3 {
        advance(661 * S).await;
        assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    }
    script.answers(0, "42").await;
    device.is_told("model-done").await;
    // The session is through with it when it has taken the next message.
    warnings(&mut device).await;
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new(), "it counts from the answer");
    advance(S + TICK).await;
    device.hears(|message| message["remaining_ms"] == 15_000).await;
}

#[tokio::test(start_paused = true)]
async fn c6_a_new_connection_begins_anew_and_a_device_that_is_away_is_not_looked_after() {
    let _time = StandingTime::new();
    let (host, _) = host();
    let mut device = host.device("a");
    device.greets(false).await;
    advance(600 * S).await;
    device.vanish();
    let mut device = host.device("a");
    device.greets(false).await;
    advance(644 * S).await;
    assert_eq!(warnings(&mut device).await, Vec::<u64>::new());
    advance(S + TICK).await;
    device.hears(|message| message["remaining_ms"] == 15_000).await;
}
