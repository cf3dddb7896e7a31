//! Faults within one session. Rule: a fault costs that session, or that mode, and nothing else; and the data on disk is
//! consistent.

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
use crate::mock_mode::{instructions, mock_mode};
use crate::native::NativeMode;
use crate::spy_store::SpyStore;

fn spied_host(config: Config) -> (TestHost, SpyStore) {
    let mut store = None;
    let host = TestHost::with(config, |services| {
        let spy = SpyStore::new(services.sessions.clone());
        services.sessions = std::sync::Arc::new(spy.clone());
        store = Some(spy);
    });
    (host, store.expect("a spy"))
}

/// Asks again, twice, after whatever outcome.
fn retries_on_failure(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { .. } | Event::RequestFailed { .. } => {
            instructions(r#"{"do":[{"ask":"?"},{"ask":"?","request":2}]}"#)
        }
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_mode_that_asks_again_at_every_refusal_comes_to_an_end() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, retries_on_failure));
    host.catalog.publish(NativeMode::new("blue", 2, mock_mode));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["code"] == "MODE_FAULT").await;
    device.instruct("blue", json!([{ "type": "alive" }])).await;
    device.expect_message(|message| message["type"] == "alive").await;
}

static WORKED: AtomicUsize = AtomicUsize::new(0);

/// Takes some time for every message.
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
    host.catalog.publish(NativeMode::new("red", 1, slow));
    let mut devices: Vec<_> = (0..4).map(|number| host.device(&format!("d{number}"))).collect();
    for device in &mut devices {
        device.say_hello(false).await;
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
    other.received_so_far().await;
    // There are two threads.
    let waited = WORKED.load(Ordering::Relaxed) - before;
    assert!(waited < 30, "after {waited} messages of others");
}

/// Panics, which the runtime of real modes never does.
fn panics(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    assert!(!matches!(event, Event::Message { .. }), "on purpose");
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_a_device_whose_session_broke_down_is_served_anew_and_nobody_waits_for_the_old_one() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, panics));
    let device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while !host.registry.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("the session is forgotten");
    host.device("a").say_hello(false).await;
    let drained = tokio::time::timeout(Duration::from_secs(5), host.registry.drain(1001, "stop"));
    drained.await.expect("nobody waits");
}

fn one(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    count_as("one", number, event)
}

fn two(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    count_as("two", number, event)
}

fn count_as(by: &str, number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let Event::Message { body, .. } = event else { return Ok(vec![]) };
    *number = number.saturating_add(1);
    let reported = json!({ "type": "red", "count": *number, "by": by });
    if body.contains("heavy") {
        // More than a snapshot may hold.
        *number = u64::MAX;
    }
    Ok(vec![Effect::Output(Output::Send(reported.to_string()))])
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_live_instance_does_not_keep_the_terms_that_it_was_opened_under() {
    let host = TestHost::new();
    let code = || "same".to_owned();
    host.catalog.publish(NativeMode { code: code(), ..NativeMode::new("red", 1, one) });
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    assert_eq!(device.expect_message(|message| message["count"] == 1).await["by"], "one");
    host.catalog.publish(NativeMode { code: code(), ..NativeMode::new("red", 2, two) });
    host.registry.migrate().await;
    device.say(json!({ "type": "red" })).await;
    assert_eq!(device.expect_message(|message| message["count"] == 2).await["by"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_version_whose_state_cannot_be_kept_is_left_again() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, one));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["count"] == 1).await;
    host.catalog.publish(NativeMode::new("red", 2, two));
    host.registry.migrate().await;
    device.say(json!({ "type": "red", "what": "heavy" })).await;
    let mut last = device.expect_message(|message| message["by"] == "two").await;
    for _ in 0..16 {
        device.say(json!({ "type": "red", "what": "heavy" })).await;
        last = device.expect_message(|message| message["count"].is_u64()).await;
    }
    assert_eq!(host.catalog.count("went back"), 1, "{last}");
    assert_eq!(last["by"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_mode_whose_state_cannot_be_kept_is_told_no_more_than_can_be_replayed() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, one));
    let mut device = host.device("a");
    let refused = async {
        for _ in 0..100 {
            device.say(json!({ "type": "red", "what": "heavy" })).await;
            let received =
                device.expect_message(|message| message["count"].is_u64() || message["code"] == "MODE_FAULT").await;
            if received["code"] == "MODE_FAULT" {
                return true;
            }
        }
        false
    };
    assert!(refused.await, "everything was taken, and something of it forgotten");
    assert!(host.catalog.count("faulted") > 0);
}

/// Reads a document when it starts, and again when it ends.
fn reads_document(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
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
    let (host, spy) = spied_host(Config::default());
    host.catalog.publish(NativeMode::new("red", 1, reads_document));
    let mut device = host.device("a");
    for state in ["start", "end"] {
        device.say(json!({ "type": "mode", "state": state, "mode": "red" })).await;
        device.expect_message(|message| message["status"] == "ok").await;
    }
    let saved = spy.saved();
    let begun = saved.iter().find(|record| record.mode.is_some()).expect("the beginning was saved");
    assert_eq!((&begun.handlers[0].requests[..], begun.handlers[0].timers.len()), (&[1][..], 1), "{begun:?}");
    let ended = saved.iter().find(|record| record.handlers.iter().any(|one| one.ending)).expect("the end was saved");
    assert_eq!((&ended.handlers[0].requests[..], ended.handlers[0].timers.len()), (&[2][..], 0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_a_device_is_let_go_only_when_its_record_is_gone() {
    let (host, spy) = spied_host(Config { resume_window: Duration::ZERO, ..Config::default() });
    host.catalog.publish(NativeMode::new("red", 1, reads_document));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.expect_message(|message| message["status"] == "ok").await;
    spy.allow_removal(false);
    device.lose_connection();
    spy.wait_remove_attempt().await;
    assert_eq!(host.registry.sessions().len(), 1, "another session could begin with what this one left");
    let mut again = host.device("a");
    spy.allow_removal(true);
    again.say_hello(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_storage_that_is_busy_for_a_moment_costs_no_state() {
    let (mut host, spy) = spied_host(Config { checkpoint: Duration::from_millis(1), ..Config::default() });
    host.catalog.publish(NativeMode::new("red", 1, one));
    let mut device = host.device("a");
    // A failed background save is retried.
    let full = || StorageError::Unavailable("the disk is full".into());
    spy.fail_saves([full(), full()]);
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["count"] == 1).await;
    let tried = tokio::time::timeout(Duration::from_secs(10), async {
        while spy.saved().len() < 3 {
            tokio::task::yield_now().await;
        }
    });
    tried.await.expect("saved in the end");
    // So are the last save, and the first read of a stored record.
    spy.fail_saves([StorageError::Overloaded, StorageError::Overloaded]);
    host.registry.drain(1001, "stop").await;
    // It holds the directory open.
    drop(spy);
    host.crash(|services| {
        let spy = SpyStore::new(services.sessions.clone());
        spy.fail_loads([StorageError::Overloaded, full()]);
        services.sessions = std::sync::Arc::new(spy);
    })
    .await;
    host.catalog.publish(NativeMode::new("red", 1, one));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["count"] == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_a_list_as_long_as_lists_may_be_is_stored_whole() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut device = host.device("a");
    let mut wanted: Vec<_> = (1..=60).map(|number| json!({ "append": number, "request": number })).collect();
    wanted.push(json!({ "type": "shown" }));
    device.instruct("red", json!(wanted)).await;
    device.expect_message(|message| message["type"] == "shown").await;
    for _ in 1..=60 {
        let reported = device.expect_message(|message| message["type"] == "told").await;
        assert_eq!(reported["event"], "request-done", "{reported}");
    }
}

/// Stops the microphone on a message, and reports transcripts.
fn stops_listening(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Message { .. } => Ok(vec![Effect::Output(Output::Listen(ListenCommand::Stop))]),
        Event::Transcript(transcript) => Ok(vec![Effect::Output(Output::Send(
            json!({ "type": "red", "segment": transcript.segment, "text": &*transcript.text }).to_string(),
        ))]),
        _ => Ok(vec![]),
    }
}

static CLOSING: Barrier = Barrier::new(2);

/// Blocks while it ends, and reports transcripts.
fn blocks_on_end(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    if matches!(event, Event::Ended(_)) {
        CLOSING.wait();
        CLOSING.wait();
    }
    stops_listening(&mut 0, event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_words_that_waited_while_their_mode_ended_are_for_no_other() {
    let host = TestHost::with(Config { default_mode: Some("blue".into()), ..Config::default() }, |_| {});
    host.catalog.publish(NativeMode::new("red", 1, blocks_on_end));
    host.catalog.publish(NativeMode::new("blue", 2, stops_listening));
    let mut device = host.device("a");
    for state in ["start", "end"] {
        device.say(json!({ "type": "mode", "state": state, "mode": "red" })).await;
    }
    run_blocking(|| CLOSING.wait()).await;
    device.transcribe("late", true).await;
    run_blocking(|| CLOSING.wait()).await;
    let received = device.received_so_far().await;
    assert!(received.iter().all(|message| message["text"] != "late"), "{received:?}");
    device.transcribe("anew", true).await;
    device.expect_message(|message| message["type"] == "red" && message["text"] == "anew").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_words_behind_forgotten_sound_are_another_segment() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, stops_listening));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.transcribe("half", false).await;
    assert_eq!(device.expect_message(|message| message["type"] == "red").await["segment"], 1);
    device.say(json!({ "type": "red" })).await;
    device.expect_message(|message| message["type"] == "listen").await;
    device.transcribe("another", true).await;
    assert_eq!(device.expect_message(|message| message["type"] == "red").await["segment"], 2);
}

/// Restarts a timer without delay each time it fires, and reports how often that was until another one fired.
fn restarts_timer(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
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
    host.catalog.publish(NativeMode::new("red", 1, restarts_timer));
    let mut device = host.device("a");
    device.say(json!({ "type": "red" })).await;
    let rang = device.expect_message(|message| message["type"] == "rang").await["times"].as_u64().expect("a number");
    assert!((1..=26).contains(&rang), "{rang} times within half a second");
}
