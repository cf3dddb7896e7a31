//! Speech output in turns, and interruption. Rule: whatever happens, each connection receives a balanced sequence.

use std::time::Duration;

use modehost_session::Config;
use modehost_session::limits;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::host::{Device, PausedTime, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::NativeMode;

/// Red, which is the default mode, and blue.
fn mock_modes(host: &TestHost) {
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    host.catalog.publish(NativeMode::new("blue", 2, mock_mode));
}

fn speech_host() -> TestHost {
    let host = TestHost::with(Config { default_mode: Some("red".into()), ..Config::default() }, |_| {});
    mock_modes(&host);
    host
}

/// The speech messages in short: `start`, `stop`, and the sentences.
fn spoken(messages: &[Value]) -> Vec<&str> {
    let tts = messages.iter().filter(|message| message["type"] == "tts" && message["state"] != "sentence_end");
    tts.map(|message| message["text"].as_str().or(message["state"].as_str()).unwrap()).collect()
}

/// `stop` comes before the message that the mode has ended.
fn stop_precedes_end(messages: &[Value]) -> bool {
    let index = |state: &str| messages.iter().position(|message| message["state"] == state).unwrap();
    index("stop") < index("end")
}

async fn received(device: &mut Device) -> Vec<Value> {
    device.received_so_far().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_an_answer_in_pieces_is_one_turn() {
    let host = speech_host();
    let mut device = host.device("a");
    device.instruct("red", json!([{ "say": "one", "more": true }])).await;
    device.instruct("red", json!([{ "say": "two", "more": true }, { "say": "", "more": true }])).await;
    device.instruct("red", json!([{ "say": "three" }])).await;
    assert_eq!(spoken(&received(&mut device).await), ["start", "one", "two", "three", "stop"]);
    // Empty text ends an answer, and does nothing where there is none.
    device.instruct("red", json!([{ "say": "one", "more": true }, { "say": "" }, { "say": "" }])).await;
    assert_eq!(spoken(&received(&mut device).await), ["start", "one", "stop"]);
    // Each sentence has an end with the same text.
    device.instruct("red", json!([{ "say": "one" }])).await;
    let states: Vec<Value> = received(&mut device).await.into_iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["start", "sentence_start", "sentence_end", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_an_interrupting_speech_and_another_speaker_begin_a_turn_of_their_own() {
    let host = speech_host();
    let mut device = host.device("a");
    device.instruct("red", json!([{ "say": "one", "more": true }, { "say": "two", "interrupt": true }])).await;
    assert_eq!(spoken(&received(&mut device).await), ["start", "one", "stop", "start", "two", "stop"]);
    device.instruct("red", json!([{ "say": "one", "more": true }])).await;
    // Empty text of one plugin does not end another's speech, unless it interrupts.
    device.instruct("blue", json!([{ "say": "" }])).await;
    device.instruct("red", json!([{ "say": "two", "more": true }])).await;
    device.instruct("blue", json!([{ "say": "three" }])).await;
    device.instruct("red", json!([{ "say": "four", "more": true }])).await;
    device.instruct("blue", json!([{ "say": "", "interrupt": true }])).await;
    let expected = ["start", "one", "two", "stop", "start", "three", "stop", "start", "four", "stop"];
    assert_eq!(spoken(&received(&mut device).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_an_abort_is_answered_with_one_stop_and_told_to_the_modes() {
    let host = speech_host();
    let mut device = host.device("a");
    // No speech and no handler: one stop, and no instance is opened for it.
    device.say(json!({ "type": "abort" })).await;
    assert_eq!(spoken(&received(&mut device).await), ["stop"]);
    assert_eq!(host.registry.sessions()[0].live_instances, 0);
    device.say(json!({ "type": "listen", "state": "detect", "text": "hello" })).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.instruct("blue", json!([{ "say": "one", "more": true }])).await;
    device.expect_through(|message| message["state"] == "sentence_end").await;
    device.say(json!({ "type": "abort", "reason": "wake_word_detected" })).await;
    let after = received(&mut device).await;
    assert_eq!(spoken(&after), ["stop"]);
    let reported: Vec<_> = after.iter().filter(|message| message["event"] == "aborted").collect();
    assert_eq!(reported.len(), 2, "the default mode and the current one: {after:?}");
    assert!(reported.iter().all(|one| one["reason"] == "wake_word_detected"));
    // The stop comes before any effect of a mode.
    assert_eq!(after[0]["state"], "stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_wakes_nobody_who_sleeps_with_nothing_open() {
    let config = Config { hibernate_after: Duration::from_millis(10), ..Config::default() };
    let host = TestHost::with(Config { default_mode: Some("red".into()), ..config }, |_| {});
    mock_modes(&host);
    let mut device = host.device("a");
    device.say(json!({ "type": "listen", "state": "detect", "text": "hello" })).await;
    device.expect_event("transcript").await;
    // The instance is counted once its event is over.
    received(&mut device).await;
    let asleep = tokio::time::timeout(Duration::from_secs(10), async {
        while host.registry.sessions()[0].live_instances > 0 {
            tokio::task::yield_now().await;
        }
    });
    asleep.await.expect("the mode goes to sleep");
    device.say(json!({ "type": "abort" })).await;
    let after = received(&mut device).await;
    assert!(after.iter().all(|message| message["event"] != "aborted"), "{after:?}");
    assert_eq!(host.registry.sessions()[0].live_instances, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_ends_with_the_fault_the_end_and_the_removal_of_who_speaks() {
    let host = speech_host();
    let mut device = host.device("a");
    device.instruct("blue", json!([{ "say": "one", "more": true }])).await;
    device.instruct("blue", json!([{ "trap": true }])).await;
    let after = received(&mut device).await;
    assert_eq!(spoken(&after), ["start", "one", "stop"]);
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.instruct("blue", json!([{ "say": "two", "more": true }])).await;
    device.say(json!({ "type": "mode", "state": "end", "mode": "blue" })).await;
    let after = received(&mut device).await;
    assert_eq!(spoken(&after), ["start", "two", "stop"]);
    assert!(stop_precedes_end(&after), "{after:?}");
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.instruct("blue", json!([{ "say": "three", "more": true }])).await;
    received(&mut device).await;
    host.catalog.remove("blue");
    host.registry.migrate().await;
    let after = received(&mut device).await;
    assert_eq!(spoken(&after), ["stop"]);
    assert!(stop_precedes_end(&after), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nothing_follows_ends_by_itself() {
    let _time = PausedTime::new();
    let host = speech_host();
    let mut device = host.device("a");
    device.instruct("red", json!([{ "say": "one", "more": true }])).await;
    received(&mut device).await;
    tokio::time::advance(limits::SPEECH_GAP - Duration::from_secs(1)).await;
    device.instruct("red", json!([{ "say": "two", "more": true }])).await;
    assert_eq!(spoken(&received(&mut device).await), ["two"]);
    tokio::time::advance(limits::SPEECH_GAP - Duration::from_secs(1)).await;
    assert_eq!(spoken(&received(&mut device).await), Vec::<&str>::new());
    tokio::time::advance(Duration::from_secs(2)).await;
    device.expect_message(|message| message["state"] == "stop").await;
    device.instruct("red", json!([{ "say": "three" }])).await;
    assert_eq!(spoken(&received(&mut device).await), ["start", "three", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_a_takeover_in_the_middle_of_an_answer_leaves_both_connections_balanced() {
    let host = speech_host();
    let mut old = host.device("a");
    old.instruct("red", json!([{ "say": "one", "more": true }])).await;
    received(&mut old).await;
    let mut new = host.device("a");
    new.say_hello(false).await;
    assert_eq!(spoken(&old.buffered()), ["stop"], "the old one is told that the answer is over");
    new.instruct("red", json!([{ "say": "two", "more": true }, { "say": "three" }])).await;
    assert_eq!(spoken(&received(&mut new).await), ["start", "two", "three", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_word_ends_what_is_being_said() {
    let config = Config { default_mode: Some("red".into()), wake_words: vec!["hey".into()], ..Config::default() };
    let host = TestHost::with(config, |_| {});
    mock_modes(&host);
    let mut device = host.device("a");
    device.instruct("red", json!([{ "say": "one", "more": true }])).await;
    device.say(json!({ "type": "listen", "state": "detect", "text": "Hey" })).await;
    assert_eq!(spoken(&received(&mut device).await), ["start", "one", "stop"]);
}

/// Something that can happen to a session that speaks.
#[derive(Clone, Debug)]
enum Step {
    Say { by: &'static str, text: &'static str, interrupt: bool, more: bool },
    Trap(&'static str),
    Abort,
    Typed,
    Mode { start: bool, mode: &'static str },
    Takeover,
    Vanish,
    Removal,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop::sample::select(vec!["red", "blue"]);
    let text = prop::sample::select(vec!["one", "two", ""]);
    prop_oneof![
        8 => (who(), text, any::<bool>(), any::<bool>())
            .prop_map(|(by, text, interrupt, more)| Step::Say { by, text, interrupt, more }),
        1 => who().prop_map(Step::Trap),
        2 => Just(Step::Abort),
        2 => Just(Step::Typed),
        3 => (any::<bool>(), who()).prop_map(|(start, mode)| Step::Mode { start, mode }),
        1 => Just(Step::Takeover),
        1 => Just(Step::Vanish),
        1 => Just(Step::Removal),
    ]
}

/// Asserts that the messages of one connection are balanced; returns whether the device is still in its speaking state.
fn assert_balanced(messages: &[Value], aborts: usize) -> bool {
    let (mut speaking, mut sentence, mut extra) = (false, None::<&Value>, 0);
    for message in messages.iter().filter(|message| message["type"] == "tts") {
        match message["state"].as_str().unwrap() {
            "start" => {
                assert!(!speaking, "a start within a turn: {messages:?}");
                speaking = true;
            }
            "sentence_start" => {
                assert!(speaking && sentence.is_none(), "a sentence outside a turn: {messages:?}");
                sentence = Some(&message["text"]);
            }
            "sentence_end" => assert_eq!(sentence.take(), Some(&message["text"]), "{messages:?}"),
            "stop" => {
                assert!(sentence.is_none(), "a stop within a sentence: {messages:?}");
                extra += usize::from(!speaking);
                speaking = false;
            }
            state => panic!("{state}"),
        }
    }
    assert!(extra <= aborts, "{extra} stops without a turn, {aborts} aborts: {messages:?}");
    speaking
}

async fn run_steps(steps: &[Step]) {
    let host = speech_host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    let (mut all, mut aborts) = (Vec::new(), 0);
    for step in steps {
        match step {
            Step::Say { by, text, interrupt, more } => {
                device.instruct(by, json!([{ "say": text, "interrupt": interrupt, "more": more }])).await;
            }
            Step::Trap(by) => device.instruct(by, json!([{ "say": "x" }, { "trap": true }])).await,
            Step::Abort => {
                device.say(json!({ "type": "abort" })).await;
                aborts += 1;
            }
            Step::Typed => {
                let text = json!({ "do": [{ "say": "typed", "more": true }] }).to_string();
                device.say(json!({ "type": "listen", "state": "detect", "text": text })).await;
            }
            Step::Mode { start, mode } => {
                let state = if *start { "start" } else { "end" };
                device.say(json!({ "type": "mode", "state": state, "mode": mode })).await;
            }
            Step::Takeover => {
                all.extend(received(&mut device).await);
                let mut old = std::mem::replace(&mut device, host.device("a"));
                device.say_hello(false).await;
                all.extend(old.buffered());
                assert!(!assert_balanced(&all, aborts), "left speaking by a takeover: {all:?}");
                (all, aborts) = (Vec::new(), 0);
            }
            Step::Vanish => {
                all.extend(received(&mut device).await);
                assert_balanced(&all, aborts);
                device.lose_connection();
                (all, aborts) = (Vec::new(), 0);
                device = host.device("a");
                device.say_hello(false).await;
            }
            Step::Removal => {
                host.catalog.remove("blue");
                host.registry.migrate().await;
                host.catalog.publish(NativeMode::new("blue", fastrand::u64(3..), mock_mode));
            }
        }
    }
    device.say(json!({ "type": "abort" })).await;
    all.extend(received(&mut device).await);
    assert!(!assert_balanced(&all, aborts + 1), "left speaking by an abort: {all:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a8_speech_is_balanced_whatever_happens(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run_steps(&steps));
    }
}
