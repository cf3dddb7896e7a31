//! A.9: silence and non-speech, over real sockets, in real Opus. Rule: silence causes no caption, no turn and no
//! request to a paid service; later speech is recognised as usual.

use std::time::Duration;

use modehost_provider::{Provider, Reply};
use modehost_recogniser::{Kind, Service, Step, doubao, funasr};
use modehost_tests::sound::silence;
use modehost_tests::{Device, Server, Settings};
use serde_json::json;

use crate::asr::{UTTERANCE_GAP, caption, listen, utterance, with_recogniser, with_transcription};

/// A model that is asked about each turn.
fn with_model(model: &Provider, settings: Settings) -> Settings {
    let alias = json!({ "base_url": model.base_url(), "model": "test", "retries": 0 });
    settings.set("llm.aliases.default", alias)
}

/// Captions received so far.
fn captions(device: &Device) -> Vec<String> {
    device.seen_of_type("stt").iter().map(|caption| caption["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_silent_press_is_nothing() {
    let (asr, model) = (Provider::start(), Provider::start());
    asr.default_reply(Reply::text("Thanks for watching!"));
    let server = Server::start(with_model(&model, with_transcription(&asr, Settings::new().bundled()))).await;
    let mut device = Device::join(&server, "dev-1").await;
    let fan: Vec<i16> = (0..1800 * 16).map(|at: i32| (at.wrapping_mul(7919) % 211 - 105) as i16).collect();
    let no_speech = "modehost_asr_recognitions_total{provider=\"openai\",outcome=\"no_voice\"}";
    let mut examined = 0;
    for quiet in [silence(1800), fan] {
        listen(&mut device, "start", Some("manual")).await;
        device.speaks(&quiet).await;
        tokio::time::sleep(UTTERANCE_GAP).await;
        listen(&mut device, "stop", None).await;
        tokio::time::sleep(UTTERANCE_GAP).await;
        // Wait until this press has been examined: the next press would drop it.
        examined += 1;
        let line = format!("{no_speech} {examined}");
        let metrics = async || server.admin("GET", "/metrics", "").await.body;
        let is_there = |metrics: &String| metrics.lines().any(|one| one == line);
        modehost_tests::wait::until("the press had no speech", Duration::from_secs(10), metrics, is_there).await;
    }
    // Utterances are handled in order: this one comes after the two.
    utterance(&mut device, "manual", 1).await;
    assert_eq!(caption(&mut device).await, "Thanks for watching!", "the transcript of real speech is shown");
    assert_eq!(captions(&device), ["Thanks for watching!"]);
    assert_eq!(asr.requests().len(), 1, "silence is not sent to the recogniser");
    assert_eq!(model.wait_requests(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_marks_of_a_recogniser_are_neither_captions_nor_turns() {
    let texts =
        ["。", "[BLANK_AUDIO]", "（笑声）", "(upbeat music)", "🎼", "<|nospeech|>", "<|zh|><|NEUTRAL|>今天天气怎么样"];
    for kind in [None, Some(Kind::Doubao), Some(Kind::FunAsr)] {
        let (asr, model) = (Provider::start(), Provider::start());
        let service = Service::start(kind.unwrap_or(Kind::Doubao), vec![]);
        for text in texts {
            asr.queue(Reply::text(text));
            service.queue_script(match kind {
                Some(Kind::FunAsr) => vec![Step::ReceiveEnd, Step::SendText(funasr::offline(text)), Step::Close],
                _ => vec![Step::ReceiveEnd, Step::SendBinary(doubao::last_result(text))],
            });
        }
        let settings = Settings::new().bundled();
        let settings = match kind {
            None => with_transcription(&asr, settings),
            Some(kind) => with_recogniser(&service, kind, settings),
        };
        let server = Server::start(with_model(&model, settings)).await;
        let mut device = Device::join(&server, "dev-1").await;
        for _ in texts {
            utterance(&mut device, "manual", 1).await;
            tokio::time::sleep(UTTERANCE_GAP).await;
        }
        assert_eq!(caption(&mut device).await, "今天天气怎么样", "{kind:?}");
        let asked = model.wait_requests(1).await;
        assert_eq!(asked[0].last_message(), "今天天气怎么样", "{kind:?}");
        device.ping().await;
        assert_eq!((captions(&device).len(), model.requests().len()), (1, 1), "{kind:?}: {:#?}", device.seen());
        assert!(device.seen_of_type("error").is_empty(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_runtime_that_never_answers_is_a_fault_and_one_that_answers_nothing_is_silence() {
    let service = Service::start(Kind::FunAsr, vec![Step::ReceiveEnd]);
    service.queue_script(vec![Step::ReceiveEnd, Step::SendText(funasr::offline(""))]);
    let settings = with_recogniser(&service, Kind::FunAsr, Settings::new().bundled()).set("asr.retries", json!(0));
    let server = Server::start(settings).await;
    let mut device = Device::join(&server, "dev-1").await;
    utterance(&mut device, "manual", 1).await;
    tokio::time::sleep(UTTERANCE_GAP).await;
    utterance(&mut device, "manual", 1).await;
    let error = device.expect_error("ASR_UNAVAILABLE").await;
    assert!(error["message"].as_str().is_some_and(|message| message.contains("timeout")), "{error}");
    device.ping().await;
    assert_eq!(device.seen_of_type("error").len(), 1, "the second utterance, not the first");
    assert!(captions(&device).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_answers_of_careless_transcription_services_are_read_or_told() {
    let asr = Provider::start();
    let server = Server::start(with_transcription(&asr, Settings::new().bundled())).await;
    let mut device = Device::join(&server, "dev-1").await;
    let events = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"今天\"}\n\n\
                  data: {\"type\":\"transcript.text.delta\",\"delta\":\"开会\"}\n\ndata: [DONE]\n\n";
    for reply in [
        Reply::raw_as("text/plain; charset=utf-8", "今天开会\n"),
        Reply::raw_as("text/html", "\u{feff}{\"text\":\"今天开会\"}"),
        Reply::raw("{\"text\":null,\"segments\":[{\"text\":\"今天\"},{\"text\":\"开会\"}]}"),
        Reply::raw("1\n00:00:00,000 --> 00:00:01,000\n今天开会\n"),
        Reply::raw_events(events),
    ] {
        asr.queue(Reply::raw("null"));
        asr.queue(reply.clone());
        utterance(&mut device, "manual", 1).await;
        tokio::time::sleep(UTTERANCE_GAP).await;
        utterance(&mut device, "manual", 1).await;
        assert_eq!(caption(&mut device).await, "今天开会", "{reply:?}");
        tokio::time::sleep(UTTERANCE_GAP).await;
    }
    assert_eq!(captions(&device).len(), 5, "null is an empty transcript each time");
    asr.default_reply(Reply::raw("{\"error\":{\"message\":\"invalid api key\",\"code\":\"invalid_api_key\"}}"));
    utterance(&mut device, "manual", 1).await;
    let error = device.expect("a failure", |message| message["code"] == "ASR_UNAVAILABLE").await;
    assert!(error["message"].as_str().is_some_and(|message| message.contains("unauthorized")), "{error}");
}
