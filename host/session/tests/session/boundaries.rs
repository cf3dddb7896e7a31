//! What becomes of speech, questions and transcripts at each dialogue boundary (C.16), of continued utterances
//! (A.10), and of a dialogue that ends (C.17). Rule: observed from the device, and from the model that is asked.

use modehost_contract::VoicePolicy;
use modehost_session::{Config, wake_word};
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::NativeMode;
use crate::scripted::Script;

/// Red is the default mode, blue records.
fn host(script: &Script) -> TestHost {
    let models = std::sync::Arc::new(script.clone());
    let config = Config {
        default_mode: Some("red".into()),
        wake_words: vec![wake_word("你好，小智")],
        greeting: Some("我在".to_owned()),
        ..Config::default()
    };
    let host = TestHost::with(config, |services| services.models = Some(models));
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut blue = NativeMode::new("blue", 2, mock_mode);
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

/// Crosses a boundary the way a device does. Returns the device as it is connected afterwards.
async fn cross_boundary(boundary: &str, host: &TestHost, mut device: Device) -> Device {
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
                device.lose_connection()
            } else {
                device.hang_up()
            }
            while host.registry.sessions()[0].connected {
                tokio::task::yield_now().await;
            }
            device = host.device("a");
            device.say_hello(false).await;
        }
        "takeover" => {
            device = host.device("a");
            device.say_hello(false).await;
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
        device.say_hello(false).await;
        let instructions = json!([
            { "ask": "talk", "spoken": true, "chunks": true, "request": 1 },
            { "ask": "work", "request": 2 },
            { "say": "one", "more": true },
        ]);
        device.say(typed(&json!({ "do": instructions }).to_string())).await;
        script.wait_asked(2).await;
        device.expect_message(|message| message["state"] == "sentence_end").await;
        let mut device = cross_boundary(boundary, &host, device).await;
        let lost = boundary == "loss";
        if lost {
            script.send_chunk(0, "goes on").await;
            device.expect_event("model-chunk").await;
        } else {
            script.wait_dropped(0).await;
        }
        script.send_answer(1, "done").await;
        let received = device.expect_through(|message| message["event"] == "model-done").await;
        let aborted: Vec<&Value> = received.iter().filter(|message| message["event"] == "aborted").collect();
        if lost {
            assert_eq!(aborted, Vec::<&Value>::new());
        } else {
            assert_eq!(aborted.len(), 1, "{boundary}: {received:?}");
            assert_eq!(aborted[0]["heard"], "one", "{boundary}: what was captioned counts as heard");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_nothing_is_said_after_a_hang_up_and_what_was_typed_before_it_is_dropped() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.instruct("red", json!([{ "ask": "talk", "spoken": true, "request": 1 }])).await;
    script.wait_asked(1).await;
    device.hang_up();
    script.wait_dropped(0).await;
    let mut again = host.device("a");
    again.say_hello(false).await;
    let received = again.received_so_far().await;
    assert!(received.iter().all(|message| message["type"] != "tts"), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_what_a_mode_that_records_was_told_before_a_boundary_is_recorded() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.say(json!({ "type": "mode", "state": "start", "mode": "blue" })).await;
    device.expect_message(|message| message["type"] == "mode").await;
    let before = device.epoch();
    device.say(json!({ "type": "abort" })).await;
    device.transcribe_at_epoch(before, "said before").await;
    assert_eq!(device.expect_event("transcript").await["text"], "said before");
    // In the default mode the result is dropped.
    device.say(json!({ "type": "mode", "state": "end", "mode": "blue" })).await;
    device.expect_message(|message| message["type"] == "mode").await;
    let before = device.epoch();
    device.say(json!({ "type": "abort" })).await;
    device.transcribe_at_epoch(before, "said before").await;
    device.transcribe("said now", true).await;
    assert_eq!(device.expect_event("transcript").await["text"], "said now");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_wake_word_is_no_turn_and_may_be_greeted() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.say(typed("你好，小智！")).await;
    let received = device.received_so_far().await;
    let shown: Vec<&str> = received.iter().filter_map(|message| message["text"].as_str()).collect();
    assert_eq!(shown, ["你好，小智！", "我在", "我在"], "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_talk_that_has_ended_closes_once_all_is_said() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.instruct("red", json!([{ "say": "bye" }, { "bye": true }])).await;
    let received = device.expect_through(|message| message.get("closed").is_some()).await;
    assert_eq!(received.last().map(|last| last["closed"].clone()), Some(1000.into()));
    assert!(received.iter().any(|message| message["state"] == "stop"), "{received:?}");
    // A user who continues talking cancels the hang-up.
    let mut device = host.device("b");
    device.say_hello(false).await;
    device.instruct("red", json!([{ "say": "bye", "more": true }, { "bye": true }])).await;
    device.expect_message(|message| message["state"] == "sentence_end").await;
    device.say(typed("one more thing")).await;
    let received = device.received_so_far().await;
    assert!(received.iter().all(|message| message.get("closed").is_none()), "{received:?}");
    assert!(received.iter().any(|message| message["event"] == "transcript"), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_what_goes_on_is_asked_anew_with_all_of_it() {
    let script = Script::default();
    let host = host(&script);
    let mut device = host.device("a");
    device.say_hello(false).await;
    let asks = json!({ "do": [{ "ask": "?", "spoken": true, "request": 1 }] }).to_string();
    device.transcribe(&asks, true).await;
    script.wait_asked(1).await;
    device.transcribe("and more", true).await;
    script.wait_dropped(0).await;
    let transcripts = |received: &[Value]| -> Vec<(String, u64)> {
        let reported = received.iter().filter(|message| message["event"] == "transcript");
        reported
            .map(|one| (one["text"].as_str().expect("a text").to_owned(), one["segment"].as_u64().unwrap()))
            .collect()
    };
    let received = device.received_so_far().await;
    assert_eq!(transcripts(&received), [(asks.clone(), 1), (format!("{asks} and more"), 1)]);
    // The caption grows with it.
    let captions: Vec<&Value> = received.iter().filter(|one| one["type"] == "stt").map(|one| &one["text"]).collect();
    assert_eq!(captions, [&json!(asks), &json!(format!("{asks} and more"))]);
    // Once an answer has started or an irreversible effect has followed, text is a turn of its own.
    for done in [json!({ "say": "well", "more": true }), json!({ "call": "self.light", "with": {}, "request": 7 })] {
        device.transcribe(&json!({ "do": [done] }).to_string(), true).await;
        device.received_so_far().await;
        device.transcribe("next", true).await;
        let reported = transcripts(&device.received_so_far().await);
        assert_eq!(reported.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["next"]);
        device.say(json!({ "type": "abort" })).await;
    }
}
