//! What is said to the device, in turns, and silence. Rule: whatever happens, what each connection
//! hears is balanced.

use std::time::Duration;

use modehost_session::Config;
use modehost_session::limits;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::host::{Device, StandingTime, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::Native;

/// Red, which is the default mode, and blue.
fn mock_modes(host: &TestHost) {
    host.catalog.publish(Native::new("red", 1, mock_mode));
    host.catalog.publish(Native::new("blue", 2, mock_mode));
}

fn talkative() -> TestHost {
    let host = TestHost::with(Config { default_mode: Some("red".into()), ..Config::default() }, |_| {});
    mock_modes(&host);
    host
}

/// What was heard of speech, in short: `start`, `stop`, and the sentences.
fn spoken(heard: &[Value]) -> Vec<&str> {
    let tts = heard.iter().filter(|message| message["type"] == "tts" && message["state"] != "sentence_end");
    tts.map(|message| message["text"].as_str().or(message["state"].as_str()).unwrap()).collect()
}

/// Silence comes before the news that the mode has ended.
fn silence_first(heard: &[Value]) -> bool {
    let place = |state: &str| heard.iter().position(|message| message["state"] == state).unwrap();
    place("stop") < place("end")
}

async fn heard(device: &mut Device) -> Vec<Value> {
    device.hears_up_to_now().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_an_answer_in_pieces_is_one_turn() {
    let host = talkative();
    let mut device = host.device("a");
    device.pulls("red", json!([{ "say": "one", "more": true }])).await;
    device.pulls("red", json!([{ "say": "two", "more": true }, { "say": "", "more": true }])).await;
    device.pulls("red", json!([{ "say": "three" }])).await;
    assert_eq!(spoken(&heard(&mut device).await), ["start", "one", "two", "three", "stop"]);
    // An empty text ends an answer, and is nothing where there is none.
    device.pulls("red", json!([{ "say": "one", "more": true }, { "say": "" }, { "say": "" }])).await;
    assert_eq!(spoken(&heard(&mut device).await), ["start", "one", "stop"]);
    // Each sentence has an end with the same text.
    device.pulls("red", json!([{ "say": "one" }])).await;
    let states: Vec<Value> = heard(&mut device).await.into_iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["start", "sentence_start", "sentence_end", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_an_interrupting_speech_and_another_speaker_begin_a_turn_of_their_own() {
    let host = talkative();
    let mut device = host.device("a");
    device.pulls("red", json!([{ "say": "one", "more": true }, { "say": "two", "interrupt": true }])).await;
    assert_eq!(spoken(&heard(&mut device).await), ["start", "one", "stop", "start", "two", "stop"]);
    device.pulls("red", json!([{ "say": "one", "more": true }])).await;
    // Nothing said by one plugin ends what another says, unless it is to interrupt.
    device.pulls("blue", json!([{ "say": "" }])).await;
    device.pulls("red", json!([{ "say": "two", "more": true }])).await;
    device.pulls("blue", json!([{ "say": "three" }])).await;
    device.pulls("red", json!([{ "say": "four", "more": true }])).await;
    device.pulls("blue", json!([{ "say": "", "interrupt": true }])).await;
    let expected = ["start", "one", "two", "stop", "start", "three", "stop", "start", "four", "stop"];
    assert_eq!(spoken(&heard(&mut device).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_an_abort_is_answered_with_one_stop_and_told_to_the_modes() {
    let host = talkative();
    let mut device = host.device("a");
    // Nobody speaks and nobody has begun: one stop, and no instance for it.
    device.say(json!({ "type": "abort" })).await;
    assert_eq!(spoken(&heard(&mut device).await), ["stop"]);
    assert_eq!(host.registry.sessions()[0].live_instances, 0);
    device.say(json!({ "type": "listen", "state": "detect", "text": "hello" })).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.pulls("blue", json!([{ "say": "one", "more": true }])).await;
    device.hears_all(|message| message["state"] == "sentence_end").await;
    device.say(json!({ "type": "abort", "reason": "wake_word_detected" })).await;
    let after = heard(&mut device).await;
    assert_eq!(spoken(&after), ["stop"]);
    let told: Vec<_> = after.iter().filter(|message| message["event"] == "aborted").collect();
    assert_eq!(told.len(), 2, "the default mode and the current one: {after:?}");
    assert!(told.iter().all(|one| one["reason"] == "wake_word_detected"));
    // The stop comes before anything that a mode does about it.
    assert_eq!(after[0]["state"], "stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_wakes_nobody_who_sleeps_with_nothing_open() {
    let config = Config { hibernate_after: Duration::from_millis(10), ..Config::default() };
    let host = TestHost::with(Config { default_mode: Some("red".into()), ..config }, |_| {});
    mock_modes(&host);
    let mut device = host.device("a");
    device.say(json!({ "type": "listen", "state": "detect", "text": "hello" })).await;
    device.is_told("transcript").await;
    // The instance is counted once its wake is over.
    heard(&mut device).await;
    let asleep = tokio::time::timeout(Duration::from_secs(10), async {
        while host.registry.sessions()[0].live_instances > 0 {
            tokio::task::yield_now().await;
        }
    });
    asleep.await.expect("the mode goes to sleep");
    device.say(json!({ "type": "abort" })).await;
    let after = heard(&mut device).await;
    assert!(after.iter().all(|message| message["event"] != "aborted"), "{after:?}");
    assert_eq!(host.registry.sessions()[0].live_instances, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_ends_with_the_fault_the_end_and_the_removal_of_who_speaks() {
    let host = talkative();
    let mut device = host.device("a");
    device.pulls("blue", json!([{ "say": "one", "more": true }])).await;
    device.pulls("blue", json!([{ "trap": true }])).await;
    let after = heard(&mut device).await;
    assert_eq!(spoken(&after), ["start", "one", "stop"]);
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.pulls("blue", json!([{ "say": "two", "more": true }])).await;
    device.say(json!({ "type": "mode", "state": "end", "mode": "blue" })).await;
    let after = heard(&mut device).await;
    assert_eq!(spoken(&after), ["start", "two", "stop"]);
    assert!(silence_first(&after), "{after:?}");
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.pulls("blue", json!([{ "say": "three", "more": true }])).await;
    heard(&mut device).await;
    host.catalog.remove("blue");
    host.registry.migrate().await;
    let after = heard(&mut device).await;
    assert_eq!(spoken(&after), ["stop"]);
    assert!(silence_first(&after), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nothing_follows_ends_by_itself() {
    let _time = StandingTime::new();
    let host = talkative();
    let mut device = host.device("a");
    device.pulls("red", json!([{ "say": "one", "more": true }])).await;
    heard(&mut device).await;
    tokio::time::advance(limits::SPEECH_GAP - Duration::from_secs(1)).await;
    device.pulls("red", json!([{ "say": "two", "more": true }])).await;
    assert_eq!(spoken(&heard(&mut device).await), ["two"]);
    tokio::time::advance(limits::SPEECH_GAP - Duration::from_secs(1)).await;
    assert_eq!(spoken(&heard(&mut device).await), Vec::<&str>::new());
    tokio::time::advance(Duration::from_secs(2)).await;
    device.hears(|message| message["state"] == "stop").await;
    device.pulls("red", json!([{ "say": "three" }])).await;
    assert_eq!(spoken(&heard(&mut device).await), ["start", "three", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_a_takeover_in_the_middle_of_an_answer_leaves_both_connections_balanced() {
    let host = talkative();
    let mut old = host.device("a");
    old.pulls("red", json!([{ "say": "one", "more": true }])).await;
    heard(&mut old).await;
    let mut new = host.device("a");
    new.greets(false).await;
    assert_eq!(spoken(&old.rest()), ["stop"], "the old one is told that the answer is over");
    new.pulls("red", json!([{ "say": "two", "more": true }, { "say": "three" }])).await;
    assert_eq!(spoken(&heard(&mut new).await), ["start", "two", "three", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_word_ends_what_is_being_said() {
    let config = Config { default_mode: Some("red".into()), wake_words: vec!["hey".into()], ..Config::default() };
    let host = TestHost::with(config, |_| {});
    mock_modes(&host);
    let mut device = host.device("a");
    device.pulls("red", json!([{ "say": "one", "more": true }])).await;
    device.say(json!({ "type": "listen", "state": "detect", "text": "Hey" })).await;
    assert_eq!(spoken(&heard(&mut device).await), ["start", "one", "stop"]);
}

/// Something that can happen to a session that speaks.
#[derive(Clone, Debug)]
enum Happening {
    Say { by: &'static str, text: &'static str, interrupt: bool, more: bool },
    Trap(&'static str),
    Abort,
    Typed,
    Mode { start: bool, mode: &'static str },
    Takeover,
    Vanish,
    Removal,
}

fn happening() -> impl Strategy<Value = Happening> {
    let who = || prop::sample::select(vec!["red", "blue"]);
    let text = prop::sample::select(vec!["one", "two", ""]);
    prop_oneof![
        8 => (who(), text, any::<bool>(), any::<bool>())
            .prop_map(|(by, text, interrupt, more)| Happening::Say { by, text, interrupt, more }),
        1 => who().prop_map(Happening::Trap),
        2 => Just(Happening::Abort),
        2 => Just(Happening::Typed),
        3 => (any::<bool>(), who()).prop_map(|(start, mode)| Happening::Mode { start, mode }),
        1 => Just(Happening::Takeover),
        1 => Just(Happening::Vanish),
        1 => Just(Happening::Removal),
    ]
}

/// What one connection has heard is balanced; gives whether it believes that somebody speaks.
fn balanced(heard: &[Value], aborts: usize) -> bool {
    let (mut speaking, mut sentence, mut extra) = (false, None::<&Value>, 0);
    for message in heard.iter().filter(|message| message["type"] == "tts") {
        match message["state"].as_str().unwrap() {
            "start" => {
                assert!(!speaking, "a start within a turn: {heard:?}");
                speaking = true;
            }
            "sentence_start" => {
                assert!(speaking && sentence.is_none(), "a sentence outside a turn: {heard:?}");
                sentence = Some(&message["text"]);
            }
            "sentence_end" => assert_eq!(sentence.take(), Some(&message["text"]), "{heard:?}"),
            "stop" => {
                assert!(sentence.is_none(), "a stop within a sentence: {heard:?}");
                extra += usize::from(!speaking);
                speaking = false;
            }
            state => panic!("{state}"),
        }
    }
    assert!(extra <= aborts, "{extra} stops without a turn, {aborts} aborts: {heard:?}");
    speaking
}

async fn live_through(happenings: &[Happening]) {
    let host = talkative();
    let mut device = host.device("a");
    device.greets(false).await;
    let (mut all, mut aborts) = (Vec::new(), 0);
    for happening in happenings {
        match happening {
            Happening::Say { by, text, interrupt, more } => {
                device.pulls(by, json!([{ "say": text, "interrupt": interrupt, "more": more }])).await;
            }
            Happening::Trap(by) => device.pulls(by, json!([{ "say": "x" }, { "trap": true }])).await,
            Happening::Abort => {
                device.say(json!({ "type": "abort" })).await;
                aborts += 1;
            }
            Happening::Typed => {
                let text = json!({ "do": [{ "say": "typed", "more": true }] }).to_string();
                device.say(json!({ "type": "listen", "state": "detect", "text": text })).await;
            }
            Happening::Mode { start, mode } => {
                let state = if *start { "start" } else { "end" };
                device.say(json!({ "type": "mode", "state": state, "mode": mode })).await;
            }
            Happening::Takeover => {
                all.extend(heard(&mut device).await);
                let mut old = std::mem::replace(&mut device, host.device("a"));
                device.greets(false).await;
                all.extend(old.rest());
                assert!(!balanced(&all, aborts), "left speaking by a takeover: {all:?}");
                (all, aborts) = (Vec::new(), 0);
            }
            Happening::Vanish => {
                all.extend(heard(&mut device).await);
                balanced(&all, aborts);
                device.vanish();
                (all, aborts) = (Vec::new(), 0);
                device = host.device("a");
                device.greets(false).await;
            }
            Happening::Removal => {
                host.catalog.remove("blue");
                host.registry.migrate().await;
                host.catalog.publish(Native::new("blue", fastrand::u64(3..), mock_mode));
            }
        }
    }
    device.say(json!({ "type": "abort" })).await;
    all.extend(heard(&mut device).await);
    assert!(!balanced(&all, aborts + 1), "left speaking by an abort: {all:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a8_speech_is_balanced_whatever_happens(happenings in prop::collection::vec(happening(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(live_through(&happenings));
    }
}
