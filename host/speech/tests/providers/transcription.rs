//! Any service with OpenAI's `/audio/transcriptions`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_provider::{Provider, Reply};
use modehost_speech::FaultKind;
use modehost_speech::config::{AsrConfig, AsrProvider};
use modehost_speech::recognise::{Heard, Recogniser, Terms, Utterance, recogniser};
use serde_json::json;

const TERMS: Terms = Terms { timeout: Duration::from_secs(10), retries: 2, max: Duration::from_secs(30) };

fn of(provider: &Provider) -> Arc<dyn Recogniser> {
    let openai = json!({
        "base_url": provider.base_url(), "model": "ears", "api_key": "a-key", "language": "zh", "prompt": "modehost",
    });
    let openai = Some(serde_json::from_value(openai).expect("settings"));
    recogniser(&AsrConfig { provider: AsrProvider::OpenAi, openai, ..AsrConfig::default() }).expect("a recogniser")
}

async fn hear(provider: &Provider, ms: usize, terms: Terms) -> Heard {
    let mut utterance = Utterance::begin(of(provider), terms);
    let pcm: Vec<i16> = (0..ms * 16).map(|at| at as i16).collect();
    for piece in pcm.chunks(960) {
        utterance.push(piece);
    }
    utterance.end();
    loop {
        match tokio::time::timeout(Duration::from_secs(20), utterance.next()).await.expect("an outcome") {
            Heard::Draft(_) => {}
            heard => return heard,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_hears_an_utterance() {
    let provider = Provider::start();
    provider.require_key("a-key");
    provider.always(Reply::text(" 今天开会。"));
    let began = Instant::now();
    assert_eq!(hear(&provider, 500, TERMS).await, Heard::Final("今天开会。".into()));
    println!("openai: {:?} from the end to the text", began.elapsed());
    let asked = &provider.asked()[0];
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
    assert_eq!(hear(&provider, 90, TERMS).await, Heard::Final("".into()));
    assert!(provider.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_is_tried_again_where_that_may_help() {
    for bad in
        [Reply::status(500), Reply::status(503), Reply::status(429).retry_after(1), Reply::text("x").cut_after(0)]
    {
        let provider = Provider::start();
        provider.next(bad);
        provider.always(Reply::text("doch"));
        assert_eq!(hear(&provider, 300, TERMS).await, Heard::Final("doch".into()));
        let asked = provider.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].file, asked[1].file, "the same sound");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_failures_are_told_for_what_they_are() {
    for (reply, kind, times) in [
        (Reply::status(401), FaultKind::Unauthorized, 1),
        (Reply::status(403), FaultKind::Unauthorized, 1),
        (Reply::status(400), FaultKind::Refused, 1),
        (Reply::status(302), FaultKind::Refused, 1),
        (Reply::status(500), FaultKind::Connection, 3),
        (Reply::raw("no json"), FaultKind::Garbled, 3),
        (Reply::raw("{\"text\": 7}"), FaultKind::Garbled, 3),
        (Reply::endless("viel "), FaultKind::Garbled, 3),
    ] {
        let provider = Provider::start();
        provider.always(reply.clone());
        match hear(&provider, 300, TERMS).await {
            Heard::Failed(fault) => assert_eq!(fault.kind, kind, "{reply:?}"),
            other => panic!("{reply:?}: {other:?}"),
        }
        assert_eq!(provider.asked().len(), times, "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_openai_that_never_answers_is_given_up() {
    let provider = Provider::start();
    provider.always(Reply::text("never").never());
    let terms = Terms { timeout: Duration::from_millis(600), ..TERMS };
    match hear(&provider, 300, terms).await {
        Heard::Failed(fault) => assert_eq!(fault.kind, FaultKind::TimedOut),
        other => panic!("{other:?}"),
    }
}
