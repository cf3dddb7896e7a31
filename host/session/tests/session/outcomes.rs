//! Models, webhooks and archives: cancelled, interrupted, and answered without a device.
//!
//! Rule: each request gets one outcome, and a cancelled one none.

use std::sync::Arc;
use std::time::Duration;

use modehost_session::limits;
use modehost_session::{Config, Services};
use modehost_storage::traits::{Archives, Journals};
use serde_json::{Value, json};

use crate::host::{Device, PausedTime, TestHost};
use crate::mock_mode::{instructions, mock_mode};
use crate::native::NativeMode;
use crate::scripted::Script;
use modehost_contract::event::{EndReason, Failure};
use modehost_contract::{Effect, Event, Fault};

fn scripted_host(config: Config, script: &Script) -> TestHost {
    TestHost::with(config, |services| use_script(services, script))
}

fn use_script(services: &mut Services, script: &Script) {
    services.models = Some(Arc::new(script.clone()));
    services.hooks = Some(Arc::new(script.clone()));
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

async fn instruct_one(device: &mut Device, instruction: Value) {
    device.instruct("red", json!([instruction])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_chunks_of_a_cancelled_request_are_not_delivered() {
    let script = Script::default();
    let host = scripted_host(Config::default(), &script);
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut device = host.device("a");
    instruct_one(&mut device, json!({ "ask": "?", "chunks": true, "request": 7 })).await;
    script.wait_asked(1).await;
    script.send_chunk(0, "one").await;
    assert_eq!(device.expect_event("model-chunk").await["text"], "one");
    // Asked again under the same id at once: later chunks of the first answer are dropped.
    device.instruct("red", json!([{ "cancel": 1, "request": 7 }, { "ask": "?", "chunks": true, "request": 7 }])).await;
    script.wait_asked(2).await;
    script.wait_dropped(0).await;
    script.send_chunk(1, "two").await;
    script.send_answer(1, "end").await;
    let received = device.expect_through(|message| message["event"] == "model-done").await;
    let chunks: Vec<_> = received.iter().filter(|one| one["event"] == "model-chunk").map(|one| &one["text"]).collect();
    assert_eq!(chunks, [&json!("two")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_what_is_said_to_a_device_that_is_away_is_shown_on_its_return() {
    let script = Script::default();
    let host = scripted_host(Config::default(), &script);
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut other = host.device("b");
    other.say_hello(false).await;
    let mut device = host.device("a");
    device.instruct("red", json!([{ "say": "one", "more": true }, { "ask": "?" }])).await;
    script.wait_asked(1).await;
    device.lose_connection();
    while host.registry.sessions()[0].connected {
        tokio::task::yield_now().await;
    }
    let answer = json!({ "do": [
        { "say": "two", "more": true }, { "say": "three" }, { "type": "between" }, { "say": "four", "more": true },
        { "deliver": { "type": "x" }, "to": ["b"], "request": 2 },
    ] });
    script.send_answer(0, &answer.to_string()).await;
    other.expect_message(|message| message["type"] == "x").await;
    let mut again = host.device("a");
    again.say(json!({ "type": "hello" })).await;
    assert_eq!(again.next().await["type"], "hello");
    let received = again.received_so_far().await;
    let shown = received.iter().filter(|one| one["type"] != "told" && one["state"] != "sentence_end");
    let shown: Vec<_> = shown
        .map(|one| one["text"].as_str().or(one["state"].as_str()).or(one["type"].as_str()).unwrap_or_default())
        .collect();
    // Captions and no turn: `start` would take the microphone from a new question.
    assert_eq!(shown, ["two", "three", "between", "four"], "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_goes_whole_into_webhooks_and_archives_and_can_be_removed() {
    let script = Script::default();
    let mut kept: Option<(Arc<dyn Archives>, Arc<dyn Journals>)> = None;
    let host = TestHost::with(Config::default(), |services| {
        use_script(services, &script);
        kept = Some((services.archives.clone(), services.journals.clone()));
    });
    let (archives, journals) = kept.unwrap();
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut device = host.device("a");
    device.instruct("red", json!([{ "append": { "n": 1 }, "request": 1 }])).await;
    device.expect_event("request-done").await;
    // Entries appended by the same list are included.
    device
        .instruct(
            "red",
            json!([{ "post": { "event": "x" }, "journal": "j", "request": 2 }, { "append": { "n": 2 }, "request": 3 }]),
        )
        .await;
    let [hook, sender, body] = &script.wait_posted(1).await[0];
    assert_eq!((hook.as_str(), sender.as_str()), ("h", "Test"));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({ "event": "x", "entries": [{ "n": 1 }, { "n": 2 }] }));
    let done = device.expect_message(|message| message["event"] == "request-done" && message["request"] == 2).await;
    assert_eq!(done["value"], 204);
    device.instruct("red", json!([{ "archive": { "a": 1 }, "journal": "j", "request": 4 }])).await;
    device.expect_message(|message| message["event"] == "request-done" && message["request"] == 4).await;
    let archived = archives.list("kind", 10).await.unwrap();
    assert_eq!(archived[0].journal.as_ref().map(|part| &*part.journal), Some("j"));
    // Removing succeeds even where there is nothing.
    for (journal, request) in [("j", 5), ("nothing", 6)] {
        device.instruct("red", json!([{ "forget": journal, "request": request }])).await;
        device.expect_message(|message| message["event"] == "request-done" && message["request"] == request).await;
    }
    assert_eq!(journals.read("j", 0, 10).await.unwrap(), []);
}

/// Asks when it starts and whenever a question was interrupted; posts the answer.
fn retries_interrupted(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let ask = json!({ "do": [{ "ask": "?", "request": 1 }] }).to_string();
    match event {
        Event::Started(start) if start.mode.is_some() => instructions(&ask),
        Event::RequestFailed { reason: Failure::Interrupted, .. } => instructions(&ask),
        Event::ModelDone(done) => {
            let post = json!({ "do": [{ "append": { "answer": &*done.text }, "request": 2 },
                { "post": { "answer": &*done.text }, "request": 3 }] });
            instructions(&post.to_string())
        }
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_question_in_flight_at_a_kill_is_asked_again_and_ends_without_the_device() {
    let script = Script::default();
    let config = Config { resume_window: Duration::from_millis(50), ..Config::default() };
    let mut host = scripted_host(config, &script);
    host.catalog.publish(NativeMode::new("red", 1, retries_interrupted));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.expect_message(|message| message["status"] == "ok").await;
    script.wait_asked(1).await;
    // Twice, since the second process can be killed as well.
    for life in 1..=2 {
        let again = script.clone();
        host.crash(|services| use_script(services, &again)).await;
        host.catalog.publish(NativeMode::new("red", 1, retries_interrupted));
        host.registry.resume_unfinished().await;
        script.wait_asked(life + 1).await;
    }
    // The session expires while the model thinks.
    script.send_answer(2, "42").await;
    let posts = script.wait_posted(1).await;
    assert_eq!(posts[0][2], json!({ "answer": "42" }).to_string());
    wait_no_sessions(&host).await;
    assert_eq!(script.wait_posted(1).await.len(), 1, "once");
}

/// Asks when its session expires, and posts the answer; counts how often it gets `ended`.
fn asks_on_end(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(why) => {
            *count += 1;
            assert_eq!(*count, 1, "told the end twice");
            let asked = matches!(why, EndReason::Expired | EndReason::Requested);
            instructions(if asked { r#"{"do":[{"ask":"?","request":1}]}"# } else { "" })
        }
        Event::ModelDone(done) => instructions(&json!({ "do": [{ "post": &*done.text, "request": 2 }] }).to_string()),
        Event::Detached => instructions(r#"{"do":[{"deliver":{"type":"away"},"to":["b"],"request":3}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(start_paused = true)]
async fn a_mode_whose_device_is_gone_may_wait_for_a_slow_model() {
    let _time = PausedTime::new();
    let script = Script::default();
    let host = scripted_host(Config::default(), &script);
    let mut native = NativeMode::new("red", 1, asks_on_end);
    native.manifest.subscriptions.attachment = true;
    host.catalog.publish(native);
    let mut other = host.device("b");
    other.say_hello(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.expect_message(|message| message["status"] == "ok").await;
    device.lose_connection();
    other.expect_message(|message| message["type"] == "away").await;
    tokio::time::advance(limits::RESUME_WINDOW + Duration::from_secs(1)).await;
    script.wait_asked(1).await;
    tokio::time::advance(limits::LINGER - Duration::from_secs(60)).await;
    script.send_answer(0, "late").await;
    assert_eq!(script.wait_posted(1).await[0][2], "\"late\"");
    while host.registry.sessions().len() > 1 {
        tokio::task::yield_now().await;
    }
}

/// Reports to another device when its own session has expired.
fn reports_end(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => instructions(r#"{"do":[{"deliver":{"type":"gone"},"to":["b"]}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_has_ended_is_not_told_so_again_when_its_device_is_gone() {
    let script = Script::default();
    let config = Config { resume_window: Duration::from_millis(50), ..Config::default() };
    let host = scripted_host(config, &script);
    host.catalog.publish(NativeMode::new("red", 1, asks_on_end));
    host.catalog.publish(NativeMode::new("blue", 2, reports_end));
    let mut other = host.device("b");
    other.say_hello(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.say(json!({ "type": "mode", "state": "end", "mode": "red" })).await;
    device.say(json!({ "type": "blue" })).await;
    script.wait_asked(1).await;
    device.received_so_far().await;
    device.lose_connection();
    // By then both handlers have got `ended`, if both do.
    other.expect_message(|message| message["type"] == "gone").await;
    script.send_answer(0, "done").await;
    script.wait_posted(1).await;
    assert_eq!(script.asked(), 1);
    other.lose_connection();
    wait_no_sessions(&host).await;
}
