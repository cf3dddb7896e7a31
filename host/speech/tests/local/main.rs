//! The recogniser on this machine: files that are no model, and one that is.

mod model;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_speech::asr::{AsrEvent, Recogniser, Terms, Utterance, recogniser};
use modehost_speech::config::{AsrConfig, AsrProvider};
use modehost_speech::vad::Voice;
use modehost_speech::{Fault, FaultKind};
use serde_json::json;
use tempfile::TempDir;

use self::model::{Tongue, model};

const TERMS: Terms = Terms { timeout: Duration::from_secs(60), retries: 2, max: Duration::from_secs(30) };

fn of(path: &Path, language: Option<&str>) -> Arc<dyn Recogniser> {
    let local = json!({ "model_path": path, "language": language, "threads": 1 });
    let local = Some(serde_json::from_value(local).expect("settings"));
    recogniser(&AsrConfig { provider: AsrProvider::Local, local, ..AsrConfig::default() }).expect("a recogniser")
}

fn say(recogniser: &Arc<dyn Recogniser>, ms: usize) -> Utterance {
    let utterance = Utterance::begin(recogniser.clone(), TERMS);
    utterance.voice(Voice { clear: 16_000, faint: 16_000 });
    let pcm: Vec<i16> = (0..ms * 16).map(|at| (at % 200) as i16 * 100).collect();
    for piece in pcm.chunks(960) {
        utterance.push(piece);
    }
    utterance.end();
    utterance
}

async fn outcome(mut utterance: Utterance) -> AsrEvent {
    loop {
        match tokio::time::timeout(Duration::from_secs(90), utterance.next()).await.expect("an outcome") {
            AsrEvent::Partial(_) => {}
            heard => return heard,
        }
    }
}

async fn hear(recogniser: &Arc<dyn Recogniser>) -> AsrEvent {
    outcome(say(recogniser, 1500)).await
}

fn hello() -> AsrEvent {
    AsrEvent::Final("hello world".into())
}

/// What it fails with: for good, and the operator learns where and what.
async fn refused(path: &Path) -> Fault {
    let began = Instant::now();
    let AsrEvent::Failed(fault) = hear(&of(path, None)).await else { panic!("heard something without a model") };
    assert!(!fault.passing, "{fault}");
    assert!(began.elapsed() < Duration::from_secs(5), "tried again");
    assert!(fault.message.contains(path.to_str().expect("a path")), "{fault}");
    assert!(fault.message.contains("`asr.local.model_path`"), "{fault}");
    fault
}

fn file(folder: &TempDir, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.path().join("ggml-test.bin");
    fs::write(&path, bytes).expect("written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_missing_is_named_and_found_once_it_is_there() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("ggml-test.bin");
    let fault = refused(&path).await;
    assert_eq!(fault.kind, FaultKind::Connection);
    assert!(fault.message.contains("put it there"), "{fault}");

    let recogniser = of(&path, Some("zh"));
    assert!(matches!(hear(&recogniser).await, AsrEvent::Failed(_)));
    fs::write(&path, model(Tongue::Many).0).expect("written");
    assert_eq!(hear(&recogniser).await, hello(), "the file is there now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_no_model() {
    let folder = TempDir::new().expect("a folder");
    let fault = refused(folder.path()).await;
    assert!(fault.message.contains("it is no file"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_model() {
    let folder = TempDir::new().expect("a folder");
    for garbage in [&b""[..], b"lm", b"lmgG and so on", &[0xff; 100_000]] {
        let fault = refused(&file(&folder, garbage)).await;
        assert!(fault.message.contains("no model in ggml format"), "{fault}");
    }
    // The right beginning, and noise.
    for seed in 0..20 {
        let mut noise = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> =
            b"lmgg".iter().copied().chain(std::iter::repeat_with(|| noise.u8(..)).take(9999)).collect();
        refused(&file(&folder, &bytes)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_breaks_off_is_told_from_garbage() {
    let folder = TempDir::new().expect("a folder");
    let (whole, [filters, words, tensors]) = model(Tongue::Many);
    // Within each part, and between them; a model of no tensors is one that whisper.cpp takes.
    let places = [4, 20, filters, filters + 100, words, words + 4, words + 1001, tensors, tensors + 5, tensors + 1000];
    for place in places.into_iter().chain([whole.len() / 2, whole.len() - 4 * 64, whole.len() - 1]) {
        let fault = refused(&file(&folder, &whole[..place])).await;
        assert_eq!(fault.kind, FaultKind::Garbled);
        assert!(fault.message.contains("breaks off"), "at {place}: {fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_figure_of_a_model_is_believed() {
    let folder = TempDir::new().expect("a folder");
    let (whole, [filters, words, tensors]) = model(Tongue::Many);
    // All figures but the last: the format says how numbers are kept, with a version that does not matter.
    let figures = (4..filters - 4).step_by(4);
    let others = [filters, filters + 4, words, words + 4, tensors, tensors + 4, tensors + 8, tensors + 12];
    for place in figures.chain(others) {
        for wrong in [0, 1_u32 << 20, 0x7fff_ffff, u32::MAX] {
            let mut bytes = whole.clone();
            bytes[place..place + 4].copy_from_slice(&wrong.to_le_bytes());
            if bytes != whole && !(place == words + 4 && wrong == 0) {
                refused(&file(&folder, &bytes)).await;
            }
        }
    }
    // No word of one blank, which whisper.cpp cannot do without.
    let mut bytes = whole;
    bytes[words + 8] = b'x';
    refused(&file(&folder, &bytes)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_utterance_is_heard_to_its_end() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, &model(Tongue::Many).0);
    for language in [None, Some("zh"), Some("zh-CN"), Some("en")] {
        let began = Instant::now();
        assert_eq!(hear(&of(&path, language)).await, hello(), "{language:?}");
        println!("local: {:?} with the loading, language {language:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_english_hears_whatever_the_language() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, &model(Tongue::English).0);
    for language in [None, Some("zh"), Some("en")] {
        assert_eq!(hear(&of(&path, language)).await, hello(), "{language:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_no_utterance() {
    let folder = TempDir::new().expect("a folder");
    let recogniser = of(&file(&folder, &model(Tongue::Many).0), None);
    assert_eq!(outcome(say(&recogniser, 90)).await, AsrEvent::Final("".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_loaded_once_and_utterances_do_not_meet() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, &model(Tongue::Many).0);
    let recogniser = of(&path, Some("zh"));
    let utterances: Vec<_> = (0..6).map(|_| say(&recogniser, 700)).collect();
    // Those that leave give their turn back.
    let left: Vec<_> = (0..6).map(|_| say(&recogniser, 29_000)).collect();
    for utterance in utterances {
        assert_eq!(outcome(utterance).await, hello());
    }
    drop(left);
    fs::remove_file(&path).expect("removed");
    assert_eq!(hear(&recogniser).await, hello(), "without its file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_that_nobody_speaks_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, &model(Tongue::Many).0);
    for language in ["xx", "\0\0", "-", "  "] {
        let AsrEvent::Failed(fault) = hear(&of(&path, Some(language))).await else { panic!("heard {language:?}") };
        assert!(!fault.passing && fault.message.contains("`asr.local.language`"), "{fault}");
    }
}
