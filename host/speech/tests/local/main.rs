//! Local recognition: files that are not a model, and one that is. Rule: an invalid file never reaches whisper.cpp.

mod model;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_speech::asr::{AsrEvent, Recogniser, RecognitionPolicy, Utterance, recogniser};
use modehost_speech::config::{AsrConfig, AsrProvider};
use modehost_speech::vad::Voice;
use modehost_speech::{Fault, FaultKind};
use serde_json::json;
use tempfile::TempDir;

use self::model::{ModelKind, model};

const POLICY: RecognitionPolicy =
    RecognitionPolicy { timeout: Duration::from_secs(60), retries: 2, max_length: Duration::from_secs(30) };

fn recogniser_for(path: &Path, language: Option<&str>) -> Arc<dyn Recogniser> {
    let local = json!({ "model_path": path, "language": language, "threads": 1 });
    let local = Some(serde_json::from_value(local).expect("settings"));
    recogniser(&AsrConfig { provider: AsrProvider::Local, local, ..AsrConfig::default() }).expect("a recogniser")
}

fn say(recogniser: &Arc<dyn Recogniser>, ms: usize) -> Utterance {
    let utterance = Utterance::start(recogniser.clone(), POLICY);
    utterance.add_voice(Voice { clear: 16_000, faint: 16_000 });
    let pcm: Vec<i16> = (0..ms * 16).map(|at| (at % 200) as i16 * 100).collect();
    for chunk in pcm.chunks(960) {
        utterance.push(chunk);
    }
    utterance.end();
    utterance
}

async fn outcome(mut utterance: Utterance) -> AsrEvent {
    loop {
        match tokio::time::timeout(Duration::from_secs(90), utterance.next()).await.expect("an outcome") {
            AsrEvent::Partial(_) => {}
            event => return event,
        }
    }
}

async fn recognise(recogniser: &Arc<dyn Recogniser>) -> AsrEvent {
    outcome(say(recogniser, 1500)).await
}

fn hello() -> AsrEvent {
    AsrEvent::Final("hello world".into())
}

/// The permanent failure of a file, whose message names the file and the setting.
async fn expect_rejected(path: &Path) -> Fault {
    let began = Instant::now();
    let AsrEvent::Failed(fault) = recognise(&recogniser_for(path, None)).await else {
        panic!("recognised something without a model")
    };
    assert!(!fault.transient, "{fault}");
    assert!(began.elapsed() < Duration::from_secs(5), "tried again");
    assert!(fault.message.contains(path.to_str().expect("a path")), "{fault}");
    assert!(fault.message.contains("`asr.local.model_path`"), "{fault}");
    fault
}

fn file(directory: &TempDir, bytes: &[u8]) -> std::path::PathBuf {
    let path = directory.path().join("ggml-test.bin");
    fs::write(&path, bytes).expect("written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_missing_is_named_and_found_once_it_is_there() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("ggml-test.bin");
    let fault = expect_rejected(&path).await;
    assert_eq!(fault.kind, FaultKind::Connection);
    assert!(fault.message.contains("put it there"), "{fault}");

    let recogniser = recogniser_for(&path, Some("zh"));
    assert!(matches!(recognise(&recogniser).await, AsrEvent::Failed(_)));
    fs::write(&path, model(ModelKind::Multilingual).0).expect("written");
    assert_eq!(recognise(&recogniser).await, hello(), "the file is there now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_no_model() {
    let directory = TempDir::new().expect("a directory");
    let fault = expect_rejected(directory.path()).await;
    assert!(fault.message.contains("it is no file"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_model() {
    let directory = TempDir::new().expect("a directory");
    for garbage in [&b""[..], b"lm", b"lmgG and so on", &[0xff; 100_000]] {
        let fault = expect_rejected(&file(&directory, garbage)).await;
        assert!(fault.message.contains("no model in ggml format"), "{fault}");
    }
    // A valid magic, followed by noise.
    for seed in 0..20 {
        let mut noise = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> =
            b"lmgg".iter().copied().chain(std::iter::repeat_with(|| noise.u8(..)).take(9999)).collect();
        expect_rejected(&file(&directory, &bytes)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_breaks_off_is_told_from_garbage() {
    let directory = TempDir::new().expect("a directory");
    let (whole, [filters, vocabulary, tensors]) = model(ModelKind::Multilingual);
    // Inside each part, and at the boundaries; whisper.cpp accepts a model without tensors.
    let offsets = [
        4,
        20,
        filters,
        filters + 100,
        vocabulary,
        vocabulary + 4,
        vocabulary + 1001,
        tensors,
        tensors + 5,
        tensors + 1000,
    ];
    for offset in offsets.into_iter().chain([whole.len() / 2, whole.len() - 4 * 64, whole.len() - 1]) {
        let fault = expect_rejected(&file(&directory, &whole[..offset])).await;
        assert_eq!(fault.kind, FaultKind::Malformed);
        assert!(fault.message.contains("is truncated"), "at {offset}: {fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_figure_of_a_model_is_believed() {
    let directory = TempDir::new().expect("a directory");
    let (whole, [filters, vocabulary, tensors]) = model(ModelKind::Multilingual);
    // All hyperparameters except the last: the format with a version, which does not matter.
    let hyperparameters = (4..filters - 4).step_by(4);
    let others = [filters, filters + 4, vocabulary, vocabulary + 4, tensors, tensors + 4, tensors + 8, tensors + 12];
    for offset in hyperparameters.chain(others) {
        for wrong in [0, 1_u32 << 20, 0x7fff_ffff, u32::MAX] {
            let mut bytes = whole.clone();
            bytes[offset..offset + 4].copy_from_slice(&wrong.to_le_bytes());
            if bytes != whole && !(offset == vocabulary + 4 && wrong == 0) {
                expect_rejected(&file(&directory, &bytes)).await;
            }
        }
    }
    // The vocabulary lacks the token of a single blank, which whisper.cpp requires.
    let mut bytes = whole;
    bytes[vocabulary + 8] = b'x';
    expect_rejected(&file(&directory, &bytes)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_utterance_is_heard_to_its_end() {
    let directory = TempDir::new().expect("a directory");
    let path = file(&directory, &model(ModelKind::Multilingual).0);
    for language in [None, Some("zh"), Some("zh-CN"), Some("en")] {
        let began = Instant::now();
        assert_eq!(recognise(&recogniser_for(&path, language)).await, hello(), "{language:?}");
        println!("local: {:?} with the loading, language {language:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_english_hears_whatever_the_language() {
    let directory = TempDir::new().expect("a directory");
    let path = file(&directory, &model(ModelKind::English).0);
    for language in [None, Some("zh"), Some("en")] {
        assert_eq!(recognise(&recogniser_for(&path, language)).await, hello(), "{language:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_no_utterance() {
    let directory = TempDir::new().expect("a directory");
    let recogniser = recogniser_for(&file(&directory, &model(ModelKind::Multilingual).0), None);
    assert_eq!(outcome(say(&recogniser, 90)).await, AsrEvent::Final("".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_loaded_once_and_utterances_do_not_meet() {
    let directory = TempDir::new().expect("a directory");
    let path = file(&directory, &model(ModelKind::Multilingual).0);
    let recogniser = recogniser_for(&path, Some("zh"));
    let utterances: Vec<_> = (0..6).map(|_| say(&recogniser, 700)).collect();
    // Dropped utterances release their permits.
    let dropped: Vec<_> = (0..6).map(|_| say(&recogniser, 29_000)).collect();
    for utterance in utterances {
        assert_eq!(outcome(utterance).await, hello());
    }
    drop(dropped);
    fs::remove_file(&path).expect("removed");
    assert_eq!(recognise(&recogniser).await, hello(), "without its file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_that_nobody_speaks_is_named() {
    let directory = TempDir::new().expect("a directory");
    let path = file(&directory, &model(ModelKind::Multilingual).0);
    for language in ["xx", "\0\0", "-", "  "] {
        let AsrEvent::Failed(fault) = recognise(&recogniser_for(&path, Some(language))).await else {
            panic!("recognised {language:?}")
        };
        assert!(!fault.transient && fault.message.contains("`asr.local.language`"), "{fault}");
    }
}
