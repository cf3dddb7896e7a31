//! What goes wrong within one session. Rule: it costs that session, or that mode, and nobody else; and
//! what is on disk is whole.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modehost_contract::effect::{ListenCommand, Local, Output, Query};
use modehost_contract::{Effect, Event, Fault};
use modehost_session::Config;
use modehost_storage::StorageError;
use modehost_task::run_blocking;
use serde_json::json;

use crate::host::TestHost;
use crate::mock_mode::{mock_mode, pull};
use crate::native::Native;
use crate::spied::Spied;

fn spied(config: Config) -> (TestHost, Spied) {
    let mut spied = None;
    let host = TestHost::with(config, |services| {
        let spy = Spied::new(services.sessions.clone());
        services.sessions = std::sync::Arc::new(spy.clone());
        spied = Some(spy);
    });
    (host, spied.expect("a spy"))
}

/// Asks again, and twice, whatever it is answered.
fn insists(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { .. } | Event::RequestFailed { .. } => pull(r#"{"do":[{"ask":"?"},{"ask":"?","request":2}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_mode_that_asks_again_at_every_refusal_comes_to_an_end() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, insists));
    host.catalog.publish(Native::new("blue", 2, mock_mode));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.hears(|message| message["code"] == "MODE_FAULT").await;
    device.pulls("blue", json!([{ "type": "alive" }])).await;
    device.hears(|message| message["type"] == "alive").await;
}

static WORKED: AtomicUsize = AtomicUsize::new(0);

/// Takes its time for every message.
fn slow(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    if matches!(event, Event::Message { .. }) {
        std::thread::sleep(Duration::from_millis(5));
        WORKED.fetch_add(1, Ordering::Relaxed);
    }
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_sessions_whose_modes_are_slow_take_turns_with_the_others() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, slow));
    let mut devices: Vec<_> = (0..4).map(|number| host.device(&format!("d{number}"))).collect();
    for device in &mut devices {
        device.greets(false).await;
    }
    let mut other = devices.pop().expect("four");
    for _ in 0..60 {
        for device in &devices {
            device.say(json!({ "type": "red" })).await;
        }
    }
    let busy = tokio::time::timeout(Duration::from_secs(10), async {
        while WORKED.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
    });
    busy.await.expect("they are at it");
    let before = WORKED.load(Ordering::Relaxed);
    other.hears_up_to_now().await;
    // There are two threads.
    let waited = WORKED.load(Ordering::Relaxed) - before;
    assert!(waited < 30, "after {waited} messages of others");
}

/// Breaks down, which the runtime of real modes never does.
fn breaks(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    assert!(!matches!(event, Event::Message { .. }), "on purpose");
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_a_device_whose_session_broke_down_is_served_anew_and_nobody_waits_for_the_old_one() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, breaks));
    let device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while !host.registry.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("the session is forgotten");
    host.device("a").greets(false).await;
    let drained = tokio::time::timeout(Duration::from_secs(5), host.registry.drain(1001, "stop"));
    drained.await.expect("nobody waits");
}

fn one(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    signed("one", number, event)
}

fn two(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    signed("two", number, event)
}

fn signed(by: &str, number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let Event::Message { body, .. } = event else { return Ok(vec![]) };
    *number = number.saturating_add(1);
    let told = json!({ "type": "red", "count": *number, "by": by });
    if body.contains("heavy") {
        // More than a snapshot may hold.
        *number = u64::MAX;
    }
    Ok(vec![Effect::Output(Output::Send(told.to_string()))])
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_live_instance_does_not_keep_the_terms_that_it_was_opened_under() {
    let host = TestHost::new();
    let code = || "same".to_owned();
    host.catalog.publish(Native { code: code(), ..Native::new("red", 1, one) });
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    assert_eq!(device.hears(|message| message["count"] == 1).await["by"], "one");
    host.catalog.publish(Native { code: code(), ..Native::new("red", 2, two) });
    host.registry.migrate().await;
    device.say(json!({ "type": "red" })).await;
    assert_eq!(device.hears(|message| message["count"] == 2).await["by"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_version_whose_state_cannot_be_kept_is_left_again() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, one));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.hears(|message| message["count"] == 1).await;
    host.catalog.publish(Native::new("red", 2, two));
    host.registry.migrate().await;
    device.say(json!({ "type": "red", "what": "heavy" })).await;
    let mut last = device.hears(|message| message["by"] == "two").await;
    for _ in 0..16 {
        device.say(json!({ "type": "red", "what": "heavy" })).await;
        last = device.hears(|message| message["count"].is_u64()).await;
    }
    assert_eq!(host.catalog.count("went back"), 1, "{last}");
    assert_eq!(last["by"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_mode_whose_state_cannot_be_kept_is_told_no_more_than_can_be_replayed() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, one));
    let mut device = host.device("a");
    let refused = async {
        for _ in 0..100 {
            device.say(json!({ "type": "red", "what": "heavy" })).await;
            let heard = device.hears(|message| message["count"].is_u64() || message["code"] == "MODE_FAULT").await;
            if heard["code"] == "MODE_FAULT" {
                return true;
            }
        }
        false
    };
    assert!(refused.await, "everything was taken, and something of it forgotten");
    assert!(host.catalog.count("faulted") > 0);
}

/// Reads something as it begins, and again as it ends.
fn reads(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let key = || "k".into();
    match event {
        Event::Started(start) if start.mode.is_some() => Ok(vec![
            Effect::Query(Query::ReadDocument { request: 1, key: key() }),
            Effect::Local(Local::StartTimer { id: 1, delay_ms: 60_000 }),
        ]),
        Event::Ended(_) => {
            Ok(vec![Effect::Local(Local::StopTimer(1)), Effect::Query(Query::ReadDocument { request: 2, key: key() })])
        }
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_no_record_knows_of_a_role_without_what_it_waits_for() {
    let (host, spy) = spied(Config::default());
    host.catalog.publish(Native::new("red", 1, reads));
    let mut device = host.device("a");
    for state in ["start", "end"] {
        device.say(json!({ "type": "mode", "state": state, "mode": "red" })).await;
        device.hears(|message| message["status"] == "ok").await;
    }
    let saved = spy.saved();
    let begun = saved.iter().find(|record| record.mode.is_some()).expect("the beginning was saved");
    assert_eq!((&begun.handlers[0].requests[..], begun.handlers[0].timers.len()), (&[1][..], 1), "{begun:?}");
    let ended = saved.iter().find(|record| record.handlers.iter().any(|one| one.ending)).expect("the end was saved");
    assert_eq!((&ended.handlers[0].requests[..], ended.handlers[0].timers.len()), (&[2][..], 0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_a_device_is_let_go_only_when_its_record_is_gone() {
    let (host, spy) = spied(Config { resume_window: Duration::ZERO, ..Config::default() });
    host.catalog.publish(Native::new("red", 1, reads));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.hears(|message| message["status"] == "ok").await;
    spy.removes(false);
    device.vanish();
    spy.is_removing().await;
    assert_eq!(host.registry.sessions().len(), 1, "another session could begin with what this one left");
    let mut again = host.device("a");
    spy.removes(true);
    again.greets(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_storage_that_is_busy_for_a_moment_costs_no_state() {
    let (mut host, spy) = spied(Config { checkpoint: Duration::from_millis(1), ..Config::default() });
    host.catalog.publish(Native::new("red", 1, one));
    let mut device = host.device("a");
    // The record that nobody waits for is tried again.
    let full = || StorageError::Unavailable("the disk is full".into());
    spy.fail_saves([full(), full()]);
    device.say(json!({ "type": "red" })).await;
    device.hears(|message| message["count"] == 1).await;
    let tried = tokio::time::timeout(Duration::from_secs(10), async {
        while spy.saved().len() < 3 {
            tokio::task::yield_now().await;
        }
    });
    tried.await.expect("saved in the end");
    // So is the last one, and the first look at what an earlier process left.
    spy.fail_saves([StorageError::Overloaded, StorageError::Overloaded]);
    host.registry.drain(1001, "stop").await;
    // It holds the folder.
    drop(spy);
    host.crash(|services| {
        let spy = Spied::new(services.sessions.clone());
        spy.fail_loads([StorageError::Overloaded, full()]);
        services.sessions = std::sync::Arc::new(spy);
    })
    .await;
    host.catalog.publish(Native::new("red", 1, one));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.hears(|message| message["count"] == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_a_list_as_long_as_lists_may_be_is_stored_whole() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut device = host.device("a");
    let mut wanted: Vec<_> = (1..=60).map(|number| json!({ "append": number, "request": number })).collect();
    wanted.push(json!({ "type": "shown" }));
    device.pulls("red", json!(wanted)).await;
    device.hears(|message| message["type"] == "shown").await;
    for _ in 1..=60 {
        let told = device.hears(|message| message["type"] == "told").await;
        assert_eq!(told["event"], "request-done", "{told}");
    }
}

/// A draft, and then the microphone is closed.
fn closes(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { .. } => Ok(vec![Effect::Output(Output::Listen(ListenCommand::Stop))]),
        Event::Transcript(said) => Ok(vec![Effect::Output(Output::Send(
            json!({ "type": "red", "segment": said.segment, "text": &*said.text }).to_string(),
        ))]),
        _ => Ok(vec![]),
    }
}

static CLOSING: Barrier = Barrier::new(2);

/// Takes its time to end, and tells what it hears.
fn lingers(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    if matches!(event, Event::Ended(_)) {
        CLOSING.wait();
        CLOSING.wait();
    }
    closes(&mut 0, event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_words_that_waited_while_their_mode_ended_are_for_no_other() {
    let host = TestHost::with(Config { default_mode: Some("blue".into()), ..Config::default() }, |_| {});
    host.catalog.publish(Native::new("red", 1, lingers));
    host.catalog.publish(Native::new("blue", 2, closes));
    let mut device = host.device("a");
    for state in ["start", "end"] {
        device.say(json!({ "type": "mode", "state": state, "mode": "red" })).await;
    }
    run_blocking(|| CLOSING.wait()).await;
    device.is_understood("late", true).await;
    run_blocking(|| CLOSING.wait()).await;
    let heard = device.hears_up_to_now().await;
    assert!(heard.iter().all(|message| message["text"] != "late"), "{heard:?}");
    device.is_understood("anew", true).await;
    device.hears(|message| message["type"] == "red" && message["text"] == "anew").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_words_behind_forgotten_sound_are_another_segment() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, closes));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.is_understood("half", false).await;
    assert_eq!(device.hears(|message| message["type"] == "red").await["segment"], 1);
    device.say(json!({ "type": "red" })).await;
    device.hears(|message| message["type"] == "listen").await;
    device.is_understood("another", true).await;
    assert_eq!(device.hears(|message| message["type"] == "red").await["segment"], 2);
}

/// Starts a timer without delay anew each time it rings, and tells how often that was within another's time.
fn restless(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let again = Effect::Local(Local::StartTimer { id: 1, delay_ms: 0 });
    match event {
        Event::Message { .. } => Ok(vec![
            again,
            Effect::Local(Local::StartTimer { id: 2, delay_ms: 500 }),
            Effect::Local(Local::StartTimer { id: 3, delay_ms: u64::MAX }),
        ]),
        Event::Timer(1) => {
            *count += 1;
            Ok(vec![again])
        }
        Event::Timer(_) => {
            Ok(vec![Effect::Output(Output::Send(json!({ "type": "rang", "times": *count }).to_string()))])
        }
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_without_delay_does_not_spin() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, restless));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    let rang = device.hears(|message| message["type"] == "rang").await["times"].as_u64().expect("a number");
    assert!((1..=26).contains(&rang), "{rang} times within half a second");
}
