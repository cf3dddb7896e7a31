//! The real espeak-ng. Rule: where it is not installed, these tests say so and check nothing, except on CI, where it is
//! required.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use modehost_speech::config::{EspeakConfig, TtsConfig, TtsProvider};
use modehost_speech::tts::{Speaker, speaker};

fn espeak() -> Option<Arc<dyn Speaker>> {
    let found = speaker(&TtsConfig { provider: TtsProvider::Espeak, ..TtsConfig::default() });
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "espeak-ng must be installed on this machine");
        eprintln!("skipped: espeak-ng is not installed");
    }
    found
}

async fn speak(espeak: &dyn Speaker, text: &str) -> Vec<i16> {
    let (mut pcm, mut sound) = (Vec::new(), espeak.speak(text));
    while let Some(chunk) = tokio::time::timeout(Duration::from_secs(60), sound.next()).await.expect("an end") {
        pcm.extend(chunk.expect("sound"));
    }
    pcm
}

fn seconds(espeak: &dyn Speaker, pcm: &[i16]) -> f64 {
    pcm.len() as f64 / f64::from(espeak.sample_rate())
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_espeak_speaks_english_and_chinese() {
    let Some(espeak) = espeak() else { return };
    let began = Instant::now();
    let mut sound = espeak.speak("The lesson begins at nine.");
    assert!(sound.next().await.expect("sound").is_ok());
    println!("espeak: first sound after {:?}", began.elapsed());
    for (text, least, most) in [("The lesson begins at nine.", 1.0, 3.0), ("今天讨论新版本的发布。", 2.0, 8.0)]
    {
        let pcm = speak(&*espeak, text).await;
        let loud = pcm.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
        let length = seconds(&*espeak, &pcm);
        assert!((least..most).contains(&length), "{text}: {length} s");
        assert!(loud * 10 > pcm.len(), "{text}: {loud} of {} samples are loud", pcm.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_text_is_never_an_option() {
    let Some(espeak) = espeak() else { return };
    for text in ["--version", "-f /etc/passwd", "\"; rm -rf /", "two\nlines", "\u{0}\u{1b}[2J hello"] {
        let pcm = speak(&*espeak, text).await;
        assert!(seconds(&*espeak, &pcm) > 0.2, "{text:?} is spoken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_many_at_once_wait_for_each_other() {
    let Some(espeak) = espeak() else { return };
    let all = (0..40).map(|_| speak(&*espeak, "one of many"));
    let lengths: Vec<usize> = futures_util::future::join_all(all).await.iter().map(Vec::len).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0] && *length > 10_000), "{lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_text_without_end_is_bounded() {
    let Some(espeak) = espeak() else { return };
    let pcm = speak(&*espeak, &"again and ".repeat(10_000)).await;
    assert!(pcm.len() <= 14 * 1024 * 1024 / 2 + 16 * 1024, "{}", pcm.len());
}

#[test]
fn c13_without_espeak_there_are_captions() {
    let missing = EspeakConfig { program: "no-such-program".to_owned(), ..EspeakConfig::default() };
    assert!(speaker(&TtsConfig { espeak: missing, ..TtsConfig::default() }).is_none());
}
