//! What becomes of speech, questions and words at each boundary of the person (C.16), of words that go on
//! (A.10), and of a talk that ends (C.17). Rule: seen from the device, and from the model that is asked.

use modehost_contract::VoicePolicy;
use modehost_session::{Config, wake_word};
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::Native;
use crate::scripted::Script;

/// Red is the default mode, blue keeps what is said.
fn host(script: &Script) -> TestHost {
    let models = std::sync::Arc::new(script.clone());
    let config = Config {
        default_mode: Some("red".into()),
        wake_words: vec![wake_word("你好，小智")],
        greeting: Some("我在".to_owned()),
        ..Config::default()
    };
    let host = TestHost::with(config, |services| services.models = Some(models));
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut blue = Native::new("blue", 2, mock_mode);
    blue.manifest.voice = VoicePolicy::Exclusive;
    host.catalog.publish(blue);
    host
}

fn typed(text: &str) -> Value {
    json!({ "type": "listen", "state": "detect", "text": text })
}

fn listen(state: &str, mode: &str) -> Value {
    json!({ "type": "listen", "state": state, "mode": mode })
}

/// A boundary and how a device comes to it. Gives the device as it is connected then.
async fn cross(boundary: &str, host: &TestHost, mut device: Device) -> Device {
    match boundary {
        "detect" => device.say(typed("你好小智")).await,
        "press" => {
            device.say(listen("stop", "manual")).await;
            tokio::time::sleep(std::time::Duration::from_millis(320)).await;
            device.say(listen("start", "manual")).await;
        }
        "abort" => device.say(json!({ "type": "abort" })).await,
        "mode" => device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await,
        "hang-up" | "loss" => {
            if boundary == "loss" {
                device.vanish()
            } else {
                device.hangs_up()
            }
            while host.registry.sessions()[0].connected {
                tokio::task::yield_now().await;
            }
            device = host.device("a");
            device.greets(false).await;
        }
        "takeover" => {
            device = host.device("a");
            device.greets(false).await;
        }
        other => panic!("{other}"),
    }
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_talk_ends_at_a_boundary_and_work_goes_on() {
    for boundary in ["detect", "press", "abort", "hang-up", "takeover", "mode", "loss"] {
        let script = Script::default();
        let host = host(&script);
        let mut device = host.device("a");
        device.greets(false).await;
        let wishes = json!([
            { "ask": "talk", "spoken": true, "chunks": true, "request": 1 },
            { "ask": "work", "request": 2 },
            { "say": "one", "more": true },
        ]);
        device.say(typed(&json!({ "do": wishes }).to_string())).await;
        script.is_asked(2).await;
        device.hears(|message| message["state"] == "sentence_end").await;
        let mut device = cross(boundary, &host, device).await;
        let lost = boundary == "loss";
        if lost {
            script.writes(0, "goes on").await;
            device.is_told("model-chunk").await;
        } else {
            script.is_dropped(0).await;
        }
        script.answers(1, "done").await;
        let heard = device.hears_all(|message| message["event"] == "model-done").await;
        let aborted: Vec<&Value> = heard.iter().filter(|message| message["event"] == "aborted").collect();
        if lost {
            assert_eq!(aborted, Vec::<&Value>::new());
        } else {
            assert_eq!(aborted.len(), 1, "{boundary}: {heard:?}");
            assert_eq!(aborted[0]["heard"], "one", "{boundary}: what was captioned counts as heard");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_nothing_is_said_after_a_hang_up_and_what_was_typed_before_it_is_dropped() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.greets(false).await;
    device.pulls("red", json!([{ "ask": "talk", "spoken": true, "request": 1 }])).await;
    script.is_asked(1).await;
    device.hangs_up();
    script.is_dropped(0).await;
    let mut again = host.device("a");
    again.greets(false).await;
    let heard = again.hears_up_to_now().await;
    assert!(heard.iter().all(|message| message["type"] != "tts"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_what_a_mode_that_records_was_told_before_a_boundary_is_recorded() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.greets(false).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.hears(|message| message["type"] == "mode").await;
    let before = device.epoch();
    device.say(json!({ "type": "abort" })).await;
    device.is_understood_of(before, "said before").await;
    assert_eq!(device.is_told("transcript").await["text"], "said before");
    // In the default mode nobody hears it.
    device.say(json!({ "type": "mode", "state": "end", "mode": "blue" })).await;
    device.hears(|message| message["type"] == "mode").await;
    let before = device.epoch();
    device.say(json!({ "type": "abort" })).await;
    device.is_understood_of(before, "said before").await;
    device.is_understood("said now", true).await;
    assert_eq!(device.is_told("transcript").await["text"], "said now");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_wake_word_is_no_turn_and_may_be_greeted() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.greets(false).await;
    device.say(typed("你好，小智！")).await;
    let heard = device.hears_up_to_now().await;
    let shown: Vec<&str> = heard.iter().filter_map(|message| message["text"].as_str()).collect();
    assert_eq!(shown, ["你好，小智！", "我在", "我在"], "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_talk_that_has_ended_closes_once_all_is_said() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.greets(false).await;
    device.pulls("red", json!([{ "say": "bye" }, { "bye": true }])).await;
    let heard = device.hears_all(|message| message.get("closed").is_some()).await;
    assert_eq!(heard.last().map(|last| last["closed"].clone()), Some(1000.into()));
    assert!(heard.iter().any(|message| message["state"] == "stop"), "{heard:?}");
    // Whoever goes on talking has not ended it.
    let mut device = host.device("b");
    device.greets(false).await;
    device.pulls("red", json!([{ "say": "bye", "more": true }, { "bye": true }])).await;
    device.hears(|message| message["state"] == "sentence_end").await;
    device.say(typed("one more thing")).await;
    let heard = device.hears_up_to_now().await;
    assert!(heard.iter().all(|message| message.get("closed").is_none()), "{heard:?}");
    assert!(heard.iter().any(|message| message["event"] == "transcript"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_what_goes_on_is_asked_anew_with_all_of_it() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.greets(false).await;
    let asks = json!({ "do": [{ "ask": "?", "spoken": true, "request": 1 }] }).to_string();
    device.is_understood(&asks, true).await;
    script.is_asked(1).await;
    device.is_understood("and more", true).await;
    script.is_dropped(0).await;
    let transcripts = |heard: &[Value]| -> Vec<(String, u64)> {
        let told = heard.iter().filter(|message| message["event"] == "transcript");
        told.map(|one| (one["text"].as_str().expect("a text").to_owned(), one["segment"].as_u64().unwrap())).collect()
    };
    let heard = device.hears_up_to_now().await;
    assert_eq!(transcripts(&heard), [(asks.clone(), 1), (format!("{asks} and more"), 1)]);
    // The caption grows with it.
    let captions: Vec<&Value> = heard.iter().filter(|one| one["type"] == "stt").map(|one| &one["text"]).collect();
    assert_eq!(captions, [&json!(asks), &json!(format!("{asks} and more"))]);
    // Once something was said or done about it, words are a turn of their own.
    for done in [json!({ "say": "well", "more": true }), json!({ "call": "self.light", "with": {}, "request": 7 })] {
        device.is_understood(&json!({ "do": [done] }).to_string(), true).await;
        device.hears_up_to_now().await;
        device.is_understood("next", true).await;
        let told = transcripts(&device.hears_up_to_now().await);
        assert_eq!(told.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["next"]);
        device.say(json!({ "type": "abort" })).await;
    }
}
