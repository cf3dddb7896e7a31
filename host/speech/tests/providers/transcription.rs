//! Any service with OpenAI's `/audio/transcriptions`. Rule: the service is a scripted HTTP server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_provider::{Provider, Reply};
use modehost_speech::FaultKind;
use modehost_speech::asr::{AsrEvent, Recogniser, RecognitionPolicy, Utterance, recogniser};
use modehost_speech::config::{AsrConfig, AsrProvider};
use modehost_speech::vad::Voice;
use serde_json::json;

const POLICY: RecognitionPolicy =
    RecognitionPolicy { timeout: Duration::from_secs(10), retries: 2, max_length: Duration::from_secs(30) };

fn recogniser_for(provider: &Provider) -> Arc<dyn Recogniser> {
    let openai = json!({
        "base_url": provider.base_url(), "model": "ears", "api_key": "a-key", "language": "zh", "prompt": "modehost",
    });
    let openai = Some(serde_json::from_value(openai).expect("settings"));
    recogniser(&AsrConfig { provider: AsrProvider::OpenAi, openai, ..AsrConfig::default() }).expect("a recogniser")
}

async fn recognise(provider: &Provider, ms: usize, policy: RecognitionPolicy) -> AsrEvent {
    let mut utterance = Utterance::start(recogniser_for(provider), policy);
    utterance.add_voice(Voice { clear: 16_000, faint: 16_000 });
    let pcm: Vec<i16> = (0..ms * 16).map(|at| at as i16).collect();
    for chunk in pcm.chunks(960) {
        utterance.push(chunk);
    }
    utterance.end();
    loop {
        match tokio::time::timeout(Duration::from_secs(20), utterance.next()).await.expect("an outcome") {
            AsrEvent::Partial(_) => {}
            event => return event,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_hears_an_utterance() {
    let provider = Provider::start();
    provider.require_key("a-key");
    provider.default_reply(Reply::text(" 今天开会。"));
    let began = Instant::now();
    assert_eq!(recognise(&provider, 500, POLICY).await, AsrEvent::Final("今天开会。".into()));
    println!("openai: {:?} from the end to the text", began.elapsed());
    let asked = &provider.requests()[0];
    assert_eq!(
        (&*asked.model, &asked.body["language"], &asked.body["prompt"]),
        ("ears", &json!("zh"), &json!("modehost"))
    );
    assert_eq!(asked.body["response_format"], "json");
    let mut wav = hound::WavReader::new(&asked.file[..]).expect("a WAV file");
    assert_eq!((wav.spec().sample_rate, wav.spec().channels, wav.spec().bits_per_sample), (16_000, 1, 16));
    let pcm: Vec<i16> = wav.samples().map(|sample| sample.expect("a sample")).collect();
    assert_eq!(pcm, (0..8000).collect::<Vec<i16>>(), "every sample, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_is_not_asked_about_a_click() {
    let provider = Provider::start();
    assert_eq!(recognise(&provider, 90, POLICY).await, AsrEvent::Final("".into()));
    assert!(provider.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_is_tried_again_where_that_may_help() {
    for bad in
        [Reply::status(500), Reply::status(503), Reply::status(429).retry_after(1), Reply::text("x").cut_after(0)]
    {
        let provider = Provider::start();
        provider.queue(bad);
        provider.default_reply(Reply::text("doch"));
        assert_eq!(recognise(&provider, 300, POLICY).await, AsrEvent::Final("doch".into()));
        let asked = provider.requests();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].file, asked[1].file, "the same sound");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_failures_are_told_for_what_they_are() {
    for (reply, kind, times) in [
        (Reply::status(401), FaultKind::Unauthorized, 1),
        (Reply::status(403), FaultKind::Unauthorized, 1),
        (Reply::status(400), FaultKind::Rejected, 1),
        (Reply::status(302), FaultKind::Rejected, 1),
        (Reply::status(500), FaultKind::Connection, 3),
        (Reply::raw("{\"id\":\"x\"}"), FaultKind::Malformed, 3),
        (Reply::raw("{\"text\": \"half of an ans"), FaultKind::Malformed, 3),
        (Reply::raw("<!DOCTYPE html><html><body>502</body></html>"), FaultKind::Malformed, 3),
        (Reply::text("").garbled(), FaultKind::Malformed, 3),
        (Reply::raw("{\"error\":{\"message\":\"invalid api key\"}}"), FaultKind::Unauthorized, 1),
        (Reply::raw("{\"error\":{\"message\":\"overloaded\"}}"), FaultKind::Busy, 3),
        (Reply::raw("{\"code\":40001,\"message\":\"bad audio\"}"), FaultKind::Rejected, 1),
        (Reply::endless("viel "), FaultKind::Malformed, 3),
    ] {
        let provider = Provider::start();
        provider.default_reply(reply.clone());
        match recognise(&provider, 300, POLICY).await {
            AsrEvent::Failed(fault) => assert_eq!(fault.kind, kind, "{reply:?}"),
            other => panic!("{reply:?}: {other:?}"),
        }
        assert_eq!(provider.requests().len(), times, "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_that_never_answers_is_given_up() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("never").never());
    let policy = RecognitionPolicy { timeout: Duration::from_millis(600), ..POLICY };
    match recognise(&provider, 300, policy).await {
        AsrEvent::Failed(fault) => assert_eq!(fault.kind, FaultKind::TimedOut),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_openai_answers_of_many_shapes_are_read() {
    let events = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"今天\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"今天开会。\"}\n\ndata: [DONE]\n\n";
    for (reply, text) in [
        (Reply::raw_as("text/plain; charset=utf-8", "今天开会。\n"), "今天开会。"),
        (Reply::raw("今天开会。"), "今天开会。"),
        (Reply::raw_as("text/plain", "{\"text\":\"今天开会。\"}"), "今天开会。"),
        (Reply::raw_as("application/octet-stream", "\u{feff}{\"result\":\"今天开会。\"}"), "今天开会。"),
        (Reply::raw("{\"segments\":[{\"text\":\"今天\"},{\"text\":\"开会。\"}]}"), "今天开会。"),
        (Reply::raw_as("application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\n今天开会。\n"), "今天开会。"),
        (Reply::raw_events(events), "今天开会。"),
        (Reply::raw("null"), ""),
        (Reply::raw("\"\""), ""),
        (Reply::raw("{\"text\":null}"), ""),
        (Reply::raw(""), ""),
        (Reply::raw_as("text/plain", "[BLANK_AUDIO]\n"), ""),
    ] {
        let provider = Provider::start();
        provider.default_reply(reply.clone());
        assert_eq!(recognise(&provider, 300, POLICY).await, AsrEvent::Final(text.into()), "{reply:?}");
        assert_eq!(provider.requests().len(), 1, "{reply:?}");
    }
}
