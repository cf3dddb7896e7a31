//! How a session ends for good. Rule: whatever happens around the end, every role is told it, and
//! nothing stays behind.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use modehost_contract::effect::{Local, Output};
use modehost_contract::{Effect, Event, Fault};
use modehost_session::Config;
use modehost_task::run_blocking;
use serde_json::json;

use crate::host::TestHost;
use crate::mock_mode::{mock_mode, pull};
use crate::native::Native;
use crate::scripted::Script;

fn given_up_at_once() -> Config {
    Config { resume_window: Duration::ZERO, ..Config::default() }
}

/// Waits until the server has no session any more.
async fn nobody_left(host: &TestHost) {
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while !host.registry.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("every session ends");
}

static HELD: Barrier = Barrier::new(2);

/// Is held up by one message while the others and the loss of the device come, and by the next
/// until the device has been given up; lets go of its question when it ends.
fn busy(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { body, .. } if body.contains("hold") => {
            HELD.wait();
            HELD.wait();
            Ok(vec![])
        }
        Event::Message { body, .. } if body.contains("slow") => {
            std::thread::sleep(Duration::from_millis(50));
            Ok(vec![])
        }
        Event::Message { body, .. } => pull(body),
        Event::Ended(_) => Ok(vec![Effect::Local(Local::Cancel(1))]),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_what_was_sent_before_the_loss_is_done_and_then_the_session_ends() {
    let script = Script::default();
    let host = TestHost::with(given_up_at_once(), |services| services.models = Some(Arc::new(script.clone())));
    host.catalog.publish(Native::new("red", 1, busy));
    let mut other = host.device("b");
    other.greets(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "red", "what": "hold" })).await;
    run_blocking(|| HELD.wait()).await;
    device.say(json!({ "type": "red", "what": "slow" })).await;
    let last = json!({ "deliver": { "type": "last" }, "to": ["b"], "request": 2 });
    device.pulls("red", json!([last, { "ask": "?", "request": 1 }])).await;
    device.vanish();
    run_blocking(|| HELD.wait()).await;
    other.hears(|message| message["type"] == "last").await;
    other.vanish();
    nobody_left(&host).await;
}

/// Wakes another plugin with its last wish.
fn heavy_hearted(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => Ok(vec![Effect::Output(Output::Dispatch(json!({ "type": "blue" }).to_string()))]),
        _ => Ok(vec![]),
    }
}

/// Answers the end with another message to the one that woke it.
fn echo(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => Ok(vec![Effect::Output(Output::Dispatch(json!({ "type": "red" }).to_string()))]),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_who_is_woken_by_the_end_of_another_is_told_the_end_too() {
    let host = TestHost::with(given_up_at_once(), |_| {});
    host.catalog.publish(Native::new("red", 1, heavy_hearted));
    host.catalog.publish(Native::new("blue", 2, echo));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.hears_up_to_now().await;
    device.vanish();
    nobody_left(&host).await;
}

/// Wants another mode when it ends.
fn restless(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => Ok(vec![Effect::Output(Output::SwitchMode(Some("blue".to_owned())))]),
        _ => Ok(vec![]),
    }
}

/// Tells another device that it has begun.
fn announced(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Started(_) => pull(r#"{"do":[{"deliver":{"type":"begun"},"to":["b"]}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_no_mode_begins_once_its_device_has_been_given_up() {
    let host = TestHost::with(given_up_at_once(), |_| {});
    host.catalog.publish(Native::new("red", 1, restless));
    host.catalog.publish(Native::new("blue", 2, announced));
    let mut other = host.device("b");
    other.greets(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.hears_up_to_now().await;
    device.vanish();
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while host.registry.sessions().len() > 1 {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("its session ends");
    let heard = other.hears_up_to_now().await;
    assert!(heard.iter().all(|message| message["type"] != "begun"), "{heard:?}");
}

static GIVEN_UP: Barrier = Barrier::new(2);

/// As `busy`, held up by its last message while the device is being given up.
fn called_back(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { body, .. } if body.contains("hold") => {
            GIVEN_UP.wait();
            GIVEN_UP.wait();
        }
        Event::Message { body, .. } if body.contains("slow") => std::thread::sleep(Duration::from_millis(50)),
        _ => {}
    }
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_who_returns_while_it_is_being_given_up_is_answered() {
    let host = TestHost::with(given_up_at_once(), |_| {});
    host.catalog.publish(Native::new("red", 1, called_back));
    let mut device = host.device("a");
    device.say(json!({ "type": "red", "what": "hold" })).await;
    run_blocking(|| GIVEN_UP.wait()).await;
    for what in ["slow", "hold"] {
        device.say(json!({ "type": "red", "what": what })).await;
    }
    device.vanish();
    run_blocking(|| GIVEN_UP.wait()).await;
    run_blocking(|| GIVEN_UP.wait()).await;
    let mut again = host.device("a");
    again.say(json!({ "type": "hello" })).await;
    run_blocking(|| GIVEN_UP.wait()).await;
    again.hears(|message| message["type"] == "hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_no_mode_has_anything_in_is_not_kept_in_a_crowd() {
    let host = TestHost::with(Config { sessions_at_ease: 1, ..Config::default() }, |_| {});
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut used = host.device("used");
    used.greets(false).await;
    used.pulls("red", json!([{ "type": "alive" }])).await;
    used.hears(|message| message["type"] == "alive").await;
    for number in 0..20 {
        let mut device = host.device(&format!("made-up-{number}"));
        device.greets(false).await;
        device.vanish();
    }
    let left = || host.registry.sessions().into_iter().map(|session| session.device).collect::<Vec<_>>();
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    // The window is two minutes.
    while left() != ["used"] {
        assert!(tokio::time::Instant::now() < end, "{:?}", left());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
