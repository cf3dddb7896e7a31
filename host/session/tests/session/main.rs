//! Paths through a session that no real component takes on demand: exact recovery, rollback, requests in flight, atomic
//! mode switches. Everything else is tested end to end, in `tests/`. Rule: each test drives a whole registry, and
//! observes it as a device or an operator does.
//!
//! # Layout
//! - here: recovery, rollback, swaps, starts and ends
//! - [`speech`], [`transcripts`]: speech output and transcripts; [`turns`]: the turn records
//! - [`ending`], [`hello`]: sessions that expire, and connections that start; [`faults`]: faults
//! - [`idle`]: idle devices; [`moving`]: sessions from before others have served their device
//! - [`device_tools`]: a device's MCP server
//! - [`delivery`], [`outcomes`]: messages to other devices; models, webhooks and archives without a device
//! - [`offers`]: what modes are told of the modes that there are
//! - [`host`], [`native`], [`mock_mode`], [`scripted`], [`spy_store`]: the test host, and scriptable modes and services

#![allow(clippy::unwrap_used)]

mod boundaries;
mod delivery;
mod device_tools;
mod ending;
mod faults;
mod hello;
mod host;
mod idle;
mod mock_mode;
mod moving;
mod native;
mod offers;
mod outcomes;
mod scripted;
mod speech;
mod spy_store;
mod transcripts;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use host::TestHost;
use modehost_contract::effect::{Call, ChatMessage, Local, ModelRequest, Output, Role};
use modehost_contract::{Effect, Event, Fault, ModelPart, Models};
use modehost_session::Config;
use native::NativeMode;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Counts messages; `{"do":"…"}` says what else.
fn count(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let Event::Message { body, .. } = event else { return Ok(vec![]) };
    let body: Value = serde_json::from_str(body).expect("json");
    *number += 1;
    match body["do"].as_str() {
        Some("trap") => Err(Fault::Trapped("on purpose".into())),
        Some("loop") => Ok(vec![Effect::Output(Output::Dispatch(r#"{"type":"red","do":"loop"}"#.into()))]),
        Some("timer") => Ok(vec![Effect::Local(Local::StartTimer { id: 1, delay_ms: 50 })]),
        _ => {
            Ok(vec![Effect::Output(Output::Send(json!({ "type": "red", "count": *number, "by": "one" }).to_string()))])
        }
    }
}

/// As `count`, and signs as the second version; reports timers and answers of models.
fn count_two(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Timer(id) => {
            Ok(vec![Effect::Output(Output::Send(json!({ "type": "red", "timer": id, "count": *number }).to_string()))])
        }
        Event::ModelDone(done) => {
            let answer = json!({ "type": "red", "answer": &*done.text, "request": done.request });
            Ok(vec![Effect::Output(Output::Send(answer.to_string()))])
        }
        Event::Message { .. } => {
            *number += 1;
            Ok(vec![Effect::Output(Output::Send(json!({ "type": "red", "count": *number, "by": "two" }).to_string()))])
        }
        _ => Ok(vec![]),
    }
}

/// As the second version, but traps on its third message.
fn fails_late(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    if matches!(event, Event::Message { .. }) && *number == 4 {
        return Err(Fault::Trapped("late".into()));
    }
    count_two(number, event)
}

async fn counted(device: &mut host::Device) -> (u64, String) {
    device.say(json!({ "type": "red" })).await;
    let received = device.expect_message(|message| message["count"].is_u64()).await;
    (received["count"].as_u64().unwrap(), received["by"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_poisoned_event_is_tried_twice_skipped_and_costs_no_state() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    for expected in 1..=40 {
        assert_eq!(counted(&mut device).await.0, expected);
        if expected % 10 == 0 {
            device.say(json!({ "type": "red", "do": "trap", "id": "p" })).await;
            let error = device.expect_message(|message| message["code"] == "MODE_FAULT").await;
            assert_eq!(error["ref"]["id"], "p");
        }
    }
    assert_eq!(host.catalog.count("faulted"), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_repeated_faults_stop_the_handler_with_back_off() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    for _ in 0..3 {
        device.say(json!({ "type": "red", "do": "trap" })).await;
        device.expect_message(|message| message["code"] == "MODE_FAULT").await;
    }
    device.say(json!({ "type": "red" })).await;
    let error = device.expect_message(|message| message["code"] == "MODE_FAULT").await;
    assert!(error["message"].as_str().unwrap().contains("is stopped for"), "{error}");
    // Another device is not affected.
    assert_eq!(counted(&mut host.device("b")).await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_session_goes_back_with_all_that_the_new_version_was_told() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    assert_eq!(counted(&mut device).await, (1, "one".into()));
    assert_eq!(counted(&mut device).await, (2, "one".into()));
    host.catalog.publish(NativeMode::new("red", 2, fails_late));
    host.registry.migrate().await;
    assert_eq!(counted(&mut device).await, (3, "two".into()));
    assert_eq!(counted(&mut device).await, (4, "two".into()));
    // The fifth traps in the new version: the old one gets it, with the third and fourth replayed.
    assert_eq!(counted(&mut device).await, (5, "one".into()));
    assert_eq!(host.catalog.count("went back"), 1);
    host.registry.migrate().await;
    assert_eq!(counted(&mut device).await, (6, "one".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_version_that_refuses_the_state_does_not_replace_the_running_one() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    counted(&mut device).await;
    host.catalog.publish(NativeMode { restores: false, ..NativeMode::new("red", 2, count_two) });
    host.registry.migrate().await;
    assert_eq!(counted(&mut device).await, (2, "one".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_timers_belong_to_the_session_and_survive_a_swap() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    device.say(json!({ "type": "red", "do": "timer" })).await;
    counted(&mut device).await;
    host.catalog.publish(NativeMode::new("red", 2, count_two));
    host.registry.migrate().await;
    let timer = device.expect_message(|message| message["timer"] == 1).await;
    assert_eq!(timer["count"], 2);
}

/// A model that answers when the test says so.
struct Slow(watch::Receiver<bool>);

impl Models for Slow {
    fn ask(&self, _: ModelRequest) -> BoxStream<'static, ModelPart> {
        let mut go = self.0.clone();
        futures_util::stream::once(async move {
            let _ = go.wait_for(|go| *go).await;
            ModelPart::Done { text: "42".into(), prompt_tokens: 0, completion_tokens: 0, tool_calls: vec![] }
        })
        .boxed()
    }
}

fn ask(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let Event::Message { .. } = event else { return Ok(vec![]) };
    let question = ChatMessage { role: Role::User, content: "?".into(), tool_calls: vec![], tool_call_id: None };
    let ask = ModelRequest {
        request: 7,
        purpose: "p".into(),
        messages: vec![question],
        max_tokens: 9,
        json: false,
        chunks: false,
        spoken: false,
        tools: vec![],
    };
    Ok(vec![
        Effect::Call(Call::AskModel(ask)),
        Effect::Output(Output::Send(json!({ "type": "red", "asked": true }).to_string())),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_model_call_in_flight_is_answered_to_the_new_version() {
    let (go, waiting) = watch::channel(false);
    let host = TestHost::with(Config::default(), |services| services.models = Some(Arc::new(Slow(waiting))));
    host.catalog.publish(NativeMode::new("red", 1, ask));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["asked"] == true).await;
    host.catalog.publish(NativeMode::new("red", 2, count_two));
    host.registry.migrate().await;
    go.send_replace(true);
    let answer = device.expect_message(|message| message["answer"] == "42").await;
    assert_eq!(answer["request"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_a_mode_that_fails_to_start_leaves_the_old_one_running() {
    fn refuses(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
        match event {
            Event::Started(start) if start.mode.is_some() => Err(Fault::Trapped("on purpose".into())),
            _ => Ok(vec![]),
        }
    }
    fn says_end(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
        let said = match event {
            Event::Started(start) if start.mode.is_some() => "begun",
            Event::Ended(_) => "ended",
            _ => return Ok(vec![]),
        };
        Ok(vec![Effect::Output(Output::Send(json!({ "type": "red", "said": said }).to_string()))])
    }
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, says_end));
    host.catalog.publish(NativeMode::new("blue", 2, refuses));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    // The reply comes first, then the effects of the mode.
    assert_eq!(device.next().await["status"], "ok");
    assert_eq!(device.next().await["said"], "begun");
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    let refused = device.next().await;
    assert_eq!((&refused["status"], &refused["code"]), (&json!("error"), &json!("MODE_FAULT")));
    // Idempotent: still in the first mode, which has not ended.
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    assert_eq!(device.next().await["status"], "ok");
    device.say(json!({ "type": "mode", "state": "end", "mode": "red" })).await;
    assert_eq!(device.next().await["status"], "ok");
    assert_eq!(device.next().await["said"], "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_that_set_each_other_off_come_to_an_end() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    device.say(json!({ "type": "red", "do": "loop" })).await;
    device.expect_message(|message| message["message"].as_str().is_some_and(|text| text.contains("in a loop"))).await;
    assert!(counted(&mut device).await.0 < 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_devices_keep_their_state_under_a_low_cap_of_live_instances() {
    let host = TestHost::with(Config { live_instances: 3, ..Config::default() }, |_| {});
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut devices: Vec<_> = (0..30).map(|number| host.device(&format!("d{number}"))).collect();
    for round in 1..=3 {
        for device in &mut devices {
            assert_eq!(counted(device).await.0, round);
        }
    }
    // A session releases its permit before it publishes that: its published state may be one event old.
    let live = || host.registry.sessions().iter().map(|session| session.live_instances).sum::<usize>();
    let within = tokio::time::timeout(Duration::from_secs(10), async {
        while live() > 3 {
            tokio::task::yield_now().await;
        }
    });
    within.await.unwrap_or_else(|_| panic!("{} live", live()));
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_session_outlives_its_connection_and_holds_what_is_said_meanwhile() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 2, count_two));
    host.catalog.publish(NativeMode::new("blue", 1, count));
    let mut device = host.device("a");
    counted(&mut device).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.expect_message(|message| message["status"] == "ok").await;
    device.lose_connection();
    let mut again = host.device("a");
    assert_eq!(counted(&mut again).await.0, 2);
    assert_eq!(host.registry.sessions()[0].mode.as_deref(), Some("red"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_a_session_whose_device_is_given_up_leaves_nothing() {
    let config = Config { resume_window: Duration::from_millis(20), ..Config::default() };
    let host = TestHost::with(config, |_| {});
    host.catalog.publish(NativeMode::new("red", 1, count));
    for number in 0..200 {
        let mut device = host.device(&format!("d{number}"));
        counted(&mut device).await;
    }
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while !host.registry.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("every session ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_removed_plugin_ends_its_mode_and_the_session_lives_on() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    host.catalog.publish(NativeMode::new("blue", 1, count));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.expect_message(|message| message["status"] == "ok").await;
    host.catalog.remove("red");
    host.registry.migrate().await;
    device.expect_message(|message| message["state"] == "end" && message["mode"] == "red").await;
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["code"] == "UNKNOWN_TYPE").await;
    device.say(json!({ "type": "blue" })).await;
    assert_eq!(device.expect_message(|message| message["count"].is_u64()).await["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_changed_groups_and_names_reach_live_sessions() {
    fn reports_device(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
        let Event::ConfigChanged { device, .. } = event else { return Ok(vec![]) };
        let reported = json!({ "type": "red", "alias": device.alias.as_deref(), "group": &*device.groups[0] });
        Ok(vec![Effect::Output(Output::Send(reported.to_string()))])
    }
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, reports_device));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.say(json!({ "type": "nothing" })).await;
    device.expect_message(|message| message["code"] == "UNKNOWN_TYPE").await;
    let groups = std::collections::BTreeMap::from([("team".into(), vec!["a".into()])]);
    let alias = std::collections::BTreeMap::from([("a".into(), "Ann".to_owned())]);
    let device_directory = modehost_session::DeviceDirectory::new(groups, alias);
    host.config.send_replace(Arc::new(Config { device_directory, ..Config::default() }));
    let reported = device.expect_message(|message| message["type"] == "red").await;
    assert_eq!((&reported["alias"], &reported["group"]), (&json!("Ann"), &json!("team")));
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_is_answered_before_anything_else_is_said() {
    fn greets(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
        let said = if matches!(event, Event::Attached(_)) { "attached" } else { return Ok(vec![]) };
        Ok(vec![Effect::Output(Output::Send(json!({ "type": "red", "said": said }).to_string()))])
    }
    let host = TestHost::new();
    let mut native = NativeMode::new("red", 1, greets);
    native.manifest.subscriptions.attachment = true;
    host.catalog.publish(native);
    let mut device = host.device("a");
    device.say(json!({ "type": "hello" })).await;
    assert_eq!(device.next().await["type"], "hello");
    assert_eq!(device.next().await["said"], "attached");
    // A device that sends no hello is served nevertheless.
    assert_eq!(host.device("b").next().await["said"], "attached");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_plugin_that_is_missing_at_start_waits_for_its_return() {
    let mut host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, count));
    let mut device = host.device("a");
    counted(&mut device).await;
    counted(&mut device).await;
    host.restart().await;
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["code"] == "UNKNOWN_TYPE").await;
    host.catalog.publish(NativeMode::new("red", 1, count));
    host.registry.migrate().await;
    assert_eq!(counted(&mut device).await.0, 3);
}
