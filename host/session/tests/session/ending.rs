//! The end of a session. Rule: whatever happens around the end, every role gets `ended`, and nothing stays behind.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use modehost_contract::effect::{Local, Output};
use modehost_contract::{Effect, Event, Fault};
use modehost_session::Config;
use modehost_task::run_blocking;
use serde_json::json;

use crate::host::TestHost;
use crate::mock_mode::{instructions, mock_mode};
use crate::native::NativeMode;
use crate::scripted::Script;

fn config_without_resume() -> Config {
    Config { resume_window: Duration::ZERO, ..Config::default() }
}

/// Waits until the registry has no session left.
async fn wait_no_sessions(host: &TestHost) {
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while !host.registry.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("every session ends");
}

static BLOCKED: Barrier = Barrier::new(2);

/// Blocks on one message while others and the loss of the device arrive, and on the next until the session has expired;
/// cancels its question when it ends.
fn blocks_and_cancels(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { body, .. } if body.contains("hold") => {
            BLOCKED.wait();
            BLOCKED.wait();
            Ok(vec![])
        }
        Event::Message { body, .. } if body.contains("slow") => {
            std::thread::sleep(Duration::from_millis(50));
            Ok(vec![])
        }
        Event::Message { body, .. } => instructions(body),
        Event::Ended(_) => Ok(vec![Effect::Local(Local::Cancel(1))]),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_what_was_sent_before_the_loss_is_done_and_then_the_session_ends() {
    let script = Script::default();
    let host = TestHost::with(config_without_resume(), |services| services.models = Some(Arc::new(script.clone())));
    host.catalog.publish(NativeMode::new("red", 1, blocks_and_cancels));
    let mut other = host.device("b");
    other.say_hello(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "red", "what": "hold" })).await;
    run_blocking(|| BLOCKED.wait()).await;
    device.say(json!({ "type": "red", "what": "slow" })).await;
    let last = json!({ "deliver": { "type": "last" }, "to": ["b"], "request": 2 });
    device.instruct("red", json!([last, { "ask": "?", "request": 1 }])).await;
    device.lose_connection();
    run_blocking(|| BLOCKED.wait()).await;
    other.expect_message(|message| message["type"] == "last").await;
    other.lose_connection();
    wait_no_sessions(&host).await;
}

/// Wakes another plugin with its last effect.
fn dispatches_on_end(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => Ok(vec![Effect::Output(Output::Dispatch(json!({ "type": "blue" }).to_string()))]),
        _ => Ok(vec![]),
    }
}

/// Answers `ended` with a message to the plugin that woke it.
fn dispatches_back(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => Ok(vec![Effect::Output(Output::Dispatch(json!({ "type": "red" }).to_string()))]),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_who_is_woken_by_the_end_of_another_is_told_the_end_too() {
    let host = TestHost::with(config_without_resume(), |_| {});
    host.catalog.publish(NativeMode::new("red", 1, dispatches_on_end));
    host.catalog.publish(NativeMode::new("blue", 2, dispatches_back));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.received_so_far().await;
    device.lose_connection();
    wait_no_sessions(&host).await;
}

/// Switches to another mode when it ends.
fn switches_on_end(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => Ok(vec![Effect::Output(Output::SwitchMode(Some("blue".to_owned())))]),
        _ => Ok(vec![]),
    }
}

/// Reports to another device that it has started.
fn reports_start(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Started(_) => instructions(r#"{"do":[{"deliver":{"type":"begun"},"to":["b"]}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_no_mode_begins_once_its_device_has_been_given_up() {
    let host = TestHost::with(config_without_resume(), |_| {});
    host.catalog.publish(NativeMode::new("red", 1, switches_on_end));
    host.catalog.publish(NativeMode::new("blue", 2, reports_start));
    let mut other = host.device("b");
    other.say_hello(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.received_so_far().await;
    device.lose_connection();
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while host.registry.sessions().len() > 1 {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("its session ends");
    let received = other.received_so_far().await;
    assert!(received.iter().all(|message| message["type"] != "begun"), "{received:?}");
}

static EXPIRING: Barrier = Barrier::new(2);

/// As `blocks_and_cancels`, blocking on its last message while the session expires.
fn blocks_twice(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { body, .. } if body.contains("hold") => {
            EXPIRING.wait();
            EXPIRING.wait();
        }
        Event::Message { body, .. } if body.contains("slow") => std::thread::sleep(Duration::from_millis(50)),
        _ => {}
    }
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_who_returns_while_it_is_being_given_up_is_answered() {
    let host = TestHost::with(config_without_resume(), |_| {});
    host.catalog.publish(NativeMode::new("red", 1, blocks_twice));
    let mut device = host.device("a");
    device.say(json!({ "type": "red", "what": "hold" })).await;
    run_blocking(|| EXPIRING.wait()).await;
    for what in ["slow", "hold"] {
        device.say(json!({ "type": "red", "what": what })).await;
    }
    device.lose_connection();
    run_blocking(|| EXPIRING.wait()).await;
    run_blocking(|| EXPIRING.wait()).await;
    let mut again = host.device("a");
    again.say(json!({ "type": "hello" })).await;
    run_blocking(|| EXPIRING.wait()).await;
    again.expect_message(|message| message["type"] == "hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_no_mode_has_anything_in_is_not_kept_in_a_crowd() {
    let host = TestHost::with(Config { idle_sessions_soft_limit: 1, ..Config::default() }, |_| {});
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut used = host.device("used");
    used.say_hello(false).await;
    used.instruct("red", json!([{ "type": "alive" }])).await;
    used.expect_message(|message| message["type"] == "alive").await;
    for number in 0..20 {
        let mut device = host.device(&format!("made-up-{number}"));
        device.say_hello(false).await;
        device.lose_connection();
    }
    let left = || host.registry.sessions().into_iter().map(|session| session.device).collect::<Vec<_>>();
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    // The resume window is two minutes.
    while left() != ["used"] {
        assert!(tokio::time::Instant::now() < end, "{:?}", left());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
