//! Models, webhooks and archives: cancelled, interrupted, and answered without a device.

use std::sync::Arc;
use std::time::Duration;

use modehost_session::limits;
use modehost_session::{Config, Services};
use modehost_storage::traits::{Archives, Journals};
use serde_json::{Value, json};

use crate::host::{Device, StandingTime, TestHost};
use crate::mock_mode::{mock_mode, pull};
use crate::native::Native;
use crate::scripted::Script;
use modehost_contract::event::{EndReason, Failure};
use modehost_contract::{Effect, Event, Fault};

fn scripted(config: Config, script: &Script) -> TestHost {
    TestHost::with(config, |services| use_script(services, script))
}

fn use_script(services: &mut Services, script: &Script) {
    services.models = Some(Arc::new(script.clone()));
    services.hooks = Some(Arc::new(script.clone()));
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

async fn asks(device: &mut Device, wish: Value) {
    device.pulls("red", json!([wish])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_chunks_of_a_cancelled_request_are_not_delivered() {
    let script = Script::default();
    let host = scripted(Config::default(), &script);
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut device = host.device("a");
    asks(&mut device, json!({ "ask": "?", "chunks": true, "request": 7 })).await;
    script.is_asked(1).await;
    script.writes(0, "one").await;
    assert_eq!(device.is_told("model-chunk").await["text"], "one");
    // Asked again under the same id at once: what the first still writes is nobody's.
    device.pulls("red", json!([{ "cancel": 1, "request": 7 }, { "ask": "?", "chunks": true, "request": 7 }])).await;
    script.is_asked(2).await;
    script.is_dropped(0).await;
    script.writes(1, "two").await;
    script.answers(1, "end").await;
    let heard = device.hears_all(|message| message["event"] == "model-done").await;
    let chunks: Vec<_> = heard.iter().filter(|one| one["event"] == "model-chunk").map(|one| &one["text"]).collect();
    assert_eq!(chunks, [&json!("two")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_what_is_said_to_a_device_that_is_away_is_shown_on_its_return() {
    let script = Script::default();
    let host = scripted(Config::default(), &script);
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut other = host.device("b");
    other.greets(false).await;
    let mut device = host.device("a");
    device.pulls("red", json!([{ "say": "one", "more": true }, { "ask": "?" }])).await;
    script.is_asked(1).await;
    device.vanish();
    while host.registry.sessions()[0].connected {
        tokio::task::yield_now().await;
    }
    let answer = json!({ "do": [
        { "say": "two", "more": true }, { "say": "three" }, { "type": "between" }, { "say": "four", "more": true },
        { "deliver": { "type": "x" }, "to": ["b"], "request": 2 },
    ] });
    script.answers(0, &answer.to_string()).await;
    other.hears(|message| message["type"] == "x").await;
    let mut again = host.device("a");
    again.say(json!({ "type": "hello" })).await;
    assert_eq!(again.next().await["type"], "hello");
    let heard = again.hears_up_to_now().await;
    let shown = heard.iter().filter(|one| one["type"] != "told" && one["state"] != "sentence_end");
    let shown: Vec<_> = shown
        .map(|one| one["text"].as_str().or(one["state"].as_str()).or(one["type"].as_str()).unwrap_or_default())
        .collect();
    // Captions and no turn: `start` would take the microphone from a new question.
    assert_eq!(shown, ["two", "three", "between", "four"], "{heard:?}");
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
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut device = host.device("a");
    device.pulls("red", json!([{ "append": { "n": 1 }, "request": 1 }])).await;
    device.is_told("request-done").await;
    // What is appended in the same list is in it.
    device
        .pulls(
            "red",
            json!([{ "post": { "event": "x" }, "journal": "j", "request": 2 }, { "append": { "n": 2 }, "request": 3 }]),
        )
        .await;
    let [hook, sender, body] = &script.is_posted(1).await[0];
    assert_eq!((hook.as_str(), sender.as_str()), ("h", "Test"));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({ "event": "x", "entries": [{ "n": 1 }, { "n": 2 }] }));
    let done = device.hears(|message| message["event"] == "request-done" && message["request"] == 2).await;
    assert_eq!(done["value"], 204);
    device.pulls("red", json!([{ "archive": { "a": 1 }, "journal": "j", "request": 4 }])).await;
    device.hears(|message| message["event"] == "request-done" && message["request"] == 4).await;
    let archived = archives.list("kind", 10).await.unwrap();
    assert_eq!(archived[0].journal.as_ref().map(|part| &*part.journal), Some("j"));
    // Removing is done also where there is nothing.
    for (journal, request) in [("j", 5), ("nothing", 6)] {
        device.pulls("red", json!([{ "forget": journal, "request": request }])).await;
        device.hears(|message| message["event"] == "request-done" && message["request"] == request).await;
    }
    assert_eq!(journals.read("j", 0, 10).await.unwrap(), []);
}

/// Asks when it begins and whenever a question was interrupted; posts the answer.
fn persistent(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let ask = json!({ "do": [{ "ask": "?", "request": 1 }] }).to_string();
    match event {
        Event::Started(start) if start.mode.is_some() => pull(&ask),
        Event::RequestFailed { reason: Failure::Interrupted, .. } => pull(&ask),
        Event::ModelDone(done) => {
            let post = json!({ "do": [{ "append": { "answer": &*done.text }, "request": 2 },
                { "post": { "answer": &*done.text }, "request": 3 }] });
            pull(&post.to_string())
        }
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_question_in_flight_at_a_kill_is_asked_again_and_ends_without_the_device() {
    let script = Script::default();
    let config = Config { resume_window: Duration::from_millis(50), ..Config::default() };
    let mut host = scripted(config, &script);
    host.catalog.publish(Native::new("red", 1, persistent));
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.hears(|message| message["status"] == "ok").await;
    script.is_asked(1).await;
    // Twice, since the second process can be killed as well.
    for life in 1..=2 {
        let again = script.clone();
        host.crash(|services| use_script(services, &again)).await;
        host.catalog.publish(Native::new("red", 1, persistent));
        host.registry.resume_unfinished().await;
        script.is_asked(life + 1).await;
    }
    // Its device is given up while the model thinks.
    script.answers(2, "42").await;
    let posts = script.is_posted(1).await;
    assert_eq!(posts[0][2], json!({ "answer": "42" }).to_string());
    nobody_left(&host).await;
    assert_eq!(script.is_posted(1).await.len(), 1, "once");
}

/// Asks when its device is given up, and posts the answer; counts how often it is told the end.
fn heir(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(why) => {
            *count += 1;
            assert_eq!(*count, 1, "told the end twice");
            let asked = matches!(why, EndReason::Expired | EndReason::Requested);
            pull(if asked { r#"{"do":[{"ask":"?","request":1}]}"# } else { "" })
        }
        Event::ModelDone(done) => pull(&json!({ "do": [{ "post": &*done.text, "request": 2 }] }).to_string()),
        Event::Detached => pull(r#"{"do":[{"deliver":{"type":"away"},"to":["b"],"request":3}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(start_paused = true)]
async fn a_mode_whose_device_is_gone_may_wait_for_a_slow_model() {
    let _time = StandingTime::new();
    let script = Script::default();
    let host = scripted(Config::default(), &script);
    let mut native = Native::new("red", 1, heir);
    native.manifest.subscriptions.attachment = true;
    host.catalog.publish(native);
    let mut other = host.device("b");
    other.greets(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.hears(|message| message["status"] == "ok").await;
    device.vanish();
    other.hears(|message| message["type"] == "away").await;
    tokio::time::advance(limits::RESUME_WINDOW + Duration::from_secs(1)).await;
    script.is_asked(1).await;
    tokio::time::advance(limits::LINGER - Duration::from_secs(60)).await;
    script.answers(0, "late").await;
    assert_eq!(script.is_posted(1).await[0][2], "\"late\"");
    while host.registry.sessions().len() > 1 {
        tokio::task::yield_now().await;
    }
}

/// Tells another device when its own is gone.
fn mourner(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Ended(_) => pull(r#"{"do":[{"deliver":{"type":"gone"},"to":["b"]}]}"#),
        _ => Ok(vec![]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_has_ended_is_not_told_so_again_when_its_device_is_gone() {
    let script = Script::default();
    let config = Config { resume_window: Duration::from_millis(50), ..Config::default() };
    let host = scripted(config, &script);
    host.catalog.publish(Native::new("red", 1, heir));
    host.catalog.publish(Native::new("blue", 2, mourner));
    let mut other = host.device("b");
    other.greets(false).await;
    let mut device = host.device("a");
    device.say(json!({ "type": "mode", "state": "start", "mode": "red" })).await;
    device.say(json!({ "type": "mode", "state": "end", "mode": "red" })).await;
    device.say(json!({ "type": "blue" })).await;
    script.is_asked(1).await;
    device.hears_up_to_now().await;
    device.vanish();
    // Both handlers have been told by then, if both are.
    other.hears(|message| message["type"] == "gone").await;
    script.answers(0, "done").await;
    script.is_posted(1).await;
    assert_eq!(script.asked(), 1);
    other.vanish();
    nobody_left(&host).await;
}
