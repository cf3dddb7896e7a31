//! A.8: speech output over real sockets, by a mock TTS service that sends a tone. Rule: `tts` messages are balanced in
//! every test, and no audio follows a `stop`.

use std::time::Duration;

use modehost_provider::{Provider, Reply};
use modehost_tests::sound::{played, recording, silence};
use modehost_tests::{Device, Seen, Server, Settings};
use serde_json::{Value, json};

use crate::asr::with_transcription;

/// A model, a recogniser and a TTS service.
fn with(model: &Provider, asr: &Provider, voice: &Provider) -> Settings {
    let alias = json!({ "base_url": model.base_url(), "model": "test", "retries": 0 });
    with_transcription(asr, Settings::new().bundled())
        .set("llm.aliases.default", alias)
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }))
}

fn is_stop(message: &Value) -> bool {
    message["type"] == "tts" && message["state"] == "stop"
}

fn frames(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| matches!(seen, Seen::Binary(_))).count()
}

/// Waits until `count` audio frames have been received.
async fn wait_frames(device: &mut Device, count: usize) {
    while frames(device.seen()) < count {
        device.next_within(Duration::from_secs(20)).await.expect("a frame");
    }
}

/// Asserts that audio is between the start and the end of a sentence, and sentences between start and stop.
fn assert_balanced(device: &Device) {
    let (mut speaking, mut sentence) = (false, None::<String>);
    for seen in device.seen() {
        match seen {
            Seen::Binary(_) => assert!(sentence.is_some(), "sound outside of a sentence: {:#?}", states(device)),
            Seen::Json(message) if message["type"] == "tts" => {
                let text = message["text"].as_str().map(str::to_owned);
                match message["state"].as_str().unwrap_or_default() {
                    "start" => assert!(!std::mem::replace(&mut speaking, true), "{:#?}", states(device)),
                    "sentence_start" => assert!(speaking && sentence.replace(text.expect("a text")).is_none()),
                    "sentence_end" => assert_eq!(sentence.take(), text, "{:#?}", states(device)),
                    "stop" => {
                        assert!(std::mem::replace(&mut speaking, false) && sentence.is_none(), "{:#?}", states(device));
                    }
                    other => panic!("{other}"),
                }
            }
            _ => {}
        }
    }
    assert!(!speaking, "{:#?}", states(device));
}

fn states(device: &Device) -> Vec<String> {
    device
        .seen()
        .iter()
        .map(|seen| if let Seen::Json(message) = seen { message.to_string() } else { "♪".to_owned() })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_an_answer_is_spoken_sentence_by_sentence_while_the_model_still_writes() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    model.default_reply(
        Reply::chunks(&["One sentence. ", "Another one. ", "The last."]).between_chunks(Duration::from_millis(150)),
    );
    for version in [1, 2, 3] {
        let (id, text) = (format!("dev-{version}"), version.to_string());
        let headers = [("device-id", &*id), ("protocol-version", &*text)];
        let mut device = Device::try_connect(&server, "/xiaozhi/v1/", &headers).await.expect("a connection");
        device.send(json!({ "type": "hello", "version": version, "features": { "modehost": true } })).await;
        let hello = device.expect_type("hello").await;
        assert_eq!(hello["audio_params"]["sample_rate"], 24_000);
        device.types("tell me").await;
        device.expect("the end", is_stop).await;
        assert_balanced(&device);
        let pcm = played(version, device.seen());
        let characters: usize = ["One sentence.", "Another one.", "The last."].iter().map(|text| text.len()).sum();
        assert!(pcm.len().abs_diff(characters * 1440) <= 3 * 1440, "{} frames", pcm.len() / 1440);
        let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        let hertz = crossings as f64 / (pcm.len() as f64 / 24_000.0);
        assert!((hertz - 440.0).abs() < 40.0, "version {version}: {hertz} Hz");
    }
    let asked: Vec<String> = voice.requests().iter().map(|asked| asked.body["input"].to_string()).collect();
    assert_eq!(asked[0], "\"One sentence.\"", "the answer is not sent as one request: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_abort_silences_within_one_frame_and_nothing_stale_follows() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    model.default_reply(Reply::chunks(&[
        "A very long sentence that goes on and on and on. ",
        "And another one of the kind.",
    ]));
    let mut device = Device::join(&server, "dev-1").await;
    device.types("tell me").await;
    wait_frames(&mut device, 8).await;
    let before = frames(device.seen());
    device.send(json!({ "type": "abort" })).await;
    device.expect("the stop", is_stop).await;
    assert!(frames(device.seen()) - before <= 2, "{} frames after the abort", frames(device.seen()) - before);
    let after = frames(device.seen());
    device.ping().await;
    device.expect_silence(Duration::from_millis(400)).await;
    assert_eq!(frames(device.seen()), after, "nothing stale");
    assert_balanced(&device);
    // An abort while nothing is being said is answered all the same.
    device.send(json!({ "type": "abort", "reason": "wake_word_detected" })).await;
    device.expect("a stop", is_stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_speech_over_speech_interrupts_in_realtime() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    model.queue(Reply::text("A sentence that is so long that somebody has to say stop, and then it goes on."));
    model.default_reply(Reply::text("Fine."));
    asr.default_reply(Reply::text("what about tomorrow"));
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "listen", "state": "start", "mode": "realtime" })).await;
    device.types("tell me").await;
    wait_frames(&mut device, 8).await;
    let interrupt = [silence(200), recording("refresh-tasks"), silence(900)].concat();
    device.speaks(&interrupt).await;
    device.expect("silence", is_stop).await;
    let caption =
        device.expect("the caption", |message| message["type"] == "stt" && message["text"] == "what about tomorrow");
    caption.await;
    let answer = |message: &Value| message["state"] == "sentence_start" && message["text"] == "Fine.";
    device.expect("the next answer", answer).await;
    device.expect("its end", is_stop).await;
    assert_balanced(&device);
    let spoken = frames(device.seen());
    assert!(spoken < 60, "the long sentence was broken off: {spoken} frames");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_false_interruption_resumes() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    let sentence = "A sentence of fifty characters in all, more or less.";
    model.default_reply(Reply::text(sentence));
    asr.default_reply(Reply::text(""));
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "listen", "state": "start", "mode": "realtime" })).await;
    device.types("tell me").await;
    wait_frames(&mut device, 8).await;
    device.speaks(&[recording("refresh-tasks"), silence(900)].concat()).await;
    device.expect("the end", is_stop).await;
    assert_balanced(&device);
    let pcm = played(1, device.seen());
    // 60 ms for each character, except for the blank at which the answer is split.
    let played_frames = pcm.len() / 1440;
    assert!(played_frames + 1 >= sentence.len(), "all of it is played: {played_frames} frames of {}", sentence.len());
    assert_eq!(asr.requests().len(), 1, "the interruption was recognised");
    assert_eq!(device.seen_of_type("stt").len(), 1, "only the typed turn was answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_voice_that_fails_leaves_captions() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    model.default_reply(Reply::text("One. Two. Three."));
    voice.default_reply(Reply::status(401));
    let mut device = Device::join(&server, "dev-1").await;
    device.types("tell me").await;
    device.expect_error("TTS_UNAVAILABLE").await;
    device.expect("the end", is_stop).await;
    assert_balanced(&device);
    assert_eq!(device.seen_of_type("error").len(), 1, "reported once");
    assert!(
        device.seen().iter().any(|seen| matches!(seen, Seen::Json(message) if message["state"] == "sentence_start"))
    );
    assert_eq!(frames(device.seen()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_the_rest_of_an_answer_is_shown_after_the_return() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    model.default_reply(Reply::text("The first sentence, which is heard. The second one that nobody has heard yet."));
    let mut device = Device::join(&server, "dev-1").await;
    device.types("tell me").await;
    wait_frames(&mut device, 2).await;
    device.vanish();
    server.wait_disconnected("dev-1").await;
    let mut again = Device::join(&server, "dev-1").await;
    let second =
        |message: &Value| message["state"] == "sentence_start" && message["text"].to_string().contains("second");
    again.expect("the second sentence", second).await;
    again.expect("its end", |message| message["state"] == "sentence_end").await;
    again.expect_silence(Duration::from_millis(400)).await;
    // A caption: `start` would take the microphone from a user who asks something new (C.16).
    let is_turn = |message: &&&Value| matches!(message["state"].as_str(), Some("start" | "stop"));
    let turns = again.seen_of_type("tts").iter().filter(is_turn).count();
    assert_eq!((frames(again.seen()), turns), (0, 0), "{:#?}", states(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_another_connection_ends_the_answer_and_hears_nothing_of_it() {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &asr, &voice)).await;
    model.default_reply(Reply::text("The first sentence, which is heard. The second one that nobody has heard yet."));
    let mut old = Device::join(&server, "dev-1").await;
    old.types("tell me").await;
    wait_frames(&mut old, 2).await;
    let mut new = Device::join(&server, "dev-1").await;
    old.expect("its end on the old connection", is_stop).await;
    assert_balanced(&old);
    new.expect_silence(Duration::from_millis(600)).await;
    assert_eq!((frames(new.seen()), new.seen_of_type("tts").len()), (0, 0), "{:#?}", states(&new));
}
