//! A.6: recognisers and TTS services that fail persistently, over real sockets. Rule: they are not called at the rate
//! of speech, and are used again once they are repaired or replaced in the configuration.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modehost_provider::{Provider, Reply};
use modehost_recogniser::{Kind, Service, Step, doubao};
use modehost_tests::sound::{recording, silence};
use modehost_tests::{Device, Server, Settings};
use serde_json::{Value, json};

use crate::asr::{UTTERANCE_GAP, listen, utterance, with_recogniser};

/// A port that closes every connection at once, and the number of connections.
fn closing_port() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let counted = Arc::new(AtomicUsize::new(0));
    let counts = counted.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            counts.fetch_add(1, Ordering::SeqCst);
            drop(socket);
        }
    });
    (url, counted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_one_sentence_makes_three_attempts_and_one_error() {
    for provider in ["doubao", "funasr"] {
        let (url, counted) = closing_port();
        let settings = Settings::new().bundled().set("asr.provider", json!(provider)).set(
            &format!("asr.{provider}"),
            match provider {
                "doubao" => json!({ "url": url, "app_key": "app", "access_key": "access" }),
                _ => json!({ "url": url }),
            },
        );
        let server = Server::start(settings.clone()).await;
        let mut device = Device::join(&server, "dev-1").await;
        listen(&mut device, "start", Some("auto")).await;
        // In real time: long enough for dozens of attempts.
        device.speaks_in_real_time(&[recording("weather"), silence(1000)].concat()).await;
        let error = device.expect_error("ASR_UNAVAILABLE").await;
        assert!(error["message"].as_str().is_some_and(|message| message.contains("connection")), "{error}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        device.ping().await;
        assert_eq!(device.seen_of_type("error").len(), 1, "{provider}: {:#?}", device.seen());
        assert_eq!(counted.load(Ordering::SeqCst), 3, "{provider}");
        // Utterances of another device cause no attempts, either.
        let mut other = Device::join(&server, "dev-2").await;
        utterance(&mut other, "manual", 1).await;
        other.expect("a failure", |message| message["type"] == "error").await;
        assert_eq!(counted.load(Ordering::SeqCst), 3, "{provider}: no further attempts");
        server.wait_output("circuit breaker").await;
        // A newly configured recogniser is called at once.
        let service =
            Service::start(Kind::Doubao, vec![Step::ReceiveEnd, Step::SendBinary(doubao::last_result("wieder da"))]);
        server.configure(&with_recogniser(&service, Kind::Doubao, settings));
        for _ in 0..30 {
            tokio::time::sleep(UTTERANCE_GAP).await;
            utterance(&mut device, "manual", 1).await;
            device.ping().await;
            if !service.received().is_empty() {
                break;
            }
        }
        // It may have come before the pong.
        if device.seen_of_type("stt").is_empty() {
            device.expect_type("stt").await;
        }
        assert_eq!(device.seen_of_type("stt")[0]["text"], "wieder da", "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_voice_that_refuses_is_asked_once_and_the_answers_are_captions() {
    let (model, voice) = (Provider::start(), Provider::start());
    model.default_reply(Reply::text("One sentence. Another one. A third one. The last of them."));
    voice.default_reply(Reply::status(403));
    let alias = json!({ "base_url": model.base_url(), "model": "test", "retries": 0 });
    let settings = Settings::new()
        .bundled()
        .set("llm.aliases.default", alias)
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }));
    let server = Server::start(settings).await;
    let stop = |message: &Value| message["type"] == "tts" && message["state"] == "stop";
    for id in ["dev-1", "dev-2"] {
        let mut device = Device::join(&server, id).await;
        device.types("tell me").await;
        device.expect("the end", stop).await;
        let is_sentence = |message: &&Value| message["state"] == "sentence_start";
        let sentences: Vec<&str> = device
            .seen_of_type("tts")
            .into_iter()
            .filter(is_sentence)
            .filter_map(|message| message["text"].as_str())
            .collect();
        assert!(
            sentences.len() > 1 && sentences.concat().contains("The last of them."),
            "{id}: all is shown: {sentences:?}"
        );
    }
    assert_eq!(voice.requests().len(), 1);
}
