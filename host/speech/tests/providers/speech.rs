//! Any service with OpenAI's `/audio/speech`. Rule: the service is a scripted HTTP server.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use modehost_provider::{Provider, Reply};
use modehost_speech::config::{TtsConfig, TtsProvider};
use modehost_speech::tts::{Speaker, speaker};
use modehost_speech::{Fault, FaultKind};
use serde_json::json;

fn speaker_for(provider: &Provider, timeout_s: u64) -> Arc<dyn Speaker> {
    let openai = json!({ "base_url": provider.base_url(), "model": "mouth", "voice": "nova", "api_key": "a-key" });
    let openai = Some(serde_json::from_value(openai).expect("settings"));
    let config = TtsConfig { provider: TtsProvider::Auto, openai, timeout_s, ..TtsConfig::default() };
    speaker(&config).expect("a speaker")
}

async fn speak(provider: &Provider, text: &str) -> (Vec<i16>, Option<Fault>) {
    let (mut pcm, mut sound) = (Vec::new(), speaker_for(provider, 2).speak(text));
    loop {
        match tokio::time::timeout(Duration::from_secs(20), sound.next()).await.expect("an end") {
            Some(Ok(chunk)) => pcm.extend(chunk),
            Some(Err(fault)) => return (pcm, Some(fault)),
            None => return (pcm, None),
        }
    }
}

/// The audio of the service for a text of ten characters.
fn tone() -> Vec<i16> {
    let value = |at: usize| ((at as f64 / 24_000.0 * 440.0 * std::f64::consts::TAU).sin() * 12_000.0) as i16;
    (0..14_400).map(value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_openai_speaks_and_no_sample_is_lost_at_odd_cuts() {
    let provider = Provider::start();
    provider.require_key("a-key");
    provider.default_reply(Reply::text("").between_chunks(Duration::from_millis(2)));
    let (pcm, fault) = speak(&provider, "0123456789").await;
    assert_eq!((pcm == tone(), fault), (true, None));
    let asked = &provider.requests()[0].body;
    assert_eq!(asked["response_format"], "pcm");
    assert_eq!(
        (&asked["model"], &asked["voice"], &asked["input"]),
        (&json!("mouth"), &json!("nova"), &json!("0123456789"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_openai_is_tried_once_more_before_the_first_sound() {
    for bad in [Reply::status(500), Reply::status(429).retry_after(1), Reply::text("").cut_after(0)] {
        let provider = Provider::start();
        provider.queue(bad);
        provider.default_reply(Reply::text(""));
        let (pcm, fault) = speak(&provider, "0123456789").await;
        assert_eq!((pcm.len(), fault), (14_400, None));
        assert_eq!(provider.requests().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_openai_cut_in_the_middle_is_not_begun_anew() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("").cut_after(3).between_chunks(Duration::from_millis(20)));
    let (pcm, fault) = speak(&provider, "0123456789").await;
    assert_eq!(fault.map(|fault| fault.kind), Some(FaultKind::Connection));
    assert!(!pcm.is_empty() && pcm[..] == tone()[..pcm.len()], "{} samples", pcm.len());
    assert_eq!(provider.requests().len(), 1, "no retry after the first audio");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_openai_failures_are_told_for_what_they_are() {
    for (reply, kind) in [
        (Reply::status(401), FaultKind::Unauthorized),
        (Reply::status(404), FaultKind::Rejected),
        (Reply::status(302), FaultKind::Rejected),
        (Reply::status(503), FaultKind::Busy),
        (Reply::raw("{\"audio\":\"none\"}"), FaultKind::Malformed),
        (Reply::text("").never(), FaultKind::TimedOut),
    ] {
        let provider = Provider::start();
        provider.default_reply(reply.clone());
        let (pcm, fault) = speak(&provider, "0123456789").await;
        assert_eq!((pcm.len(), fault.map(|fault| fault.kind)), (0, Some(kind)), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_endless_sound_ends() {
    let provider = Provider::start();
    provider.default_reply(Reply::endless("on and on"));
    let (pcm, fault) = speak(&provider, "never ending").await;
    assert_eq!(fault, None);
    assert!(pcm.len() <= 14 * 1024 * 1024 / 2, "{}", pcm.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_who_stops_listening_ends_the_request() {
    let provider = Provider::start();
    provider.default_reply(Reply::endless("on and on").between_chunks(Duration::from_millis(1)));
    let mut sound = speaker_for(&provider, 2).speak("never ending");
    assert!(sound.next().await.expect("sound").is_ok());
    assert_eq!(provider.requests_in_flight(), 1);
    drop(sound);
    let ended = async {
        while provider.requests_in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
}

/// The number of samples of a sentence.
async fn sentence(speaker: &dyn Speaker, text: &str) -> Result<usize, Fault> {
    let (mut samples, mut sound) = (0, speaker.speak(text));
    while let Some(chunk) = sound.next().await {
        samples += chunk?.len();
    }
    Ok(samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_voice_that_fails_is_not_asked_again_for_each_sentence() {
    for (reply, kind, times) in [
        (Reply::status(401), FaultKind::Unauthorized, 1),
        (Reply::status(400), FaultKind::Rejected, 1),
        (Reply::status(500), FaultKind::Connection, 2),
        (Reply::raw_as("audio/flac", &b"fLaC\0\0\0\x22"[..]), FaultKind::Malformed, 1),
    ] {
        let provider = Provider::start();
        provider.default_reply(reply.clone());
        let voice = speaker_for(&provider, 2);
        assert_eq!(sentence(&*voice, "one").await.map_err(|fault| fault.kind), Err(kind), "{reply:?}");
        for text in ["two", "three", "four"] {
            let fault = sentence(&*voice, text).await.map_err(|fault| fault.kind);
            assert_eq!(fault, Err(FaultKind::BreakerOpen), "{reply:?}");
        }
        assert_eq!(provider.requests().len(), times, "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_voice_that_was_repaired_speaks_again() {
    let provider = Provider::start();
    provider.queue(Reply::status(401));
    provider.default_reply(Reply::text(""));
    let voice = speaker_for(&provider, 2);
    assert!(sentence(&*voice, "one").await.is_err());
    let again = async {
        while sentence(&*voice, "0123456789").await != Ok(14_400) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("it is called again");
    assert_eq!(provider.requests().len(), 2, "once that failed, and the trial");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_voice_that_is_busy_is_asked_for_each_sentence() {
    let provider = Provider::start();
    provider.default_reply(Reply::status(429));
    let voice = speaker_for(&provider, 2);
    for text in ["one", "two"] {
        assert_eq!(sentence(&*voice, text).await.map_err(|fault| fault.kind), Err(FaultKind::Busy));
    }
    assert_eq!(provider.requests().len(), 4);
}
