//! Local recognition with whisper.cpp. Rule: the model is shared and immutable, and each utterance has its own state;
//! nothing of it runs on the IO threads, and concurrency is bounded by the number of processors.
//!
//! Logging of whisper.cpp is disabled: its messages may contain recognised text.

mod model;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join};
use modehost_task::run_blocking;
use tokio::sync::{Mutex, Semaphore};
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError, get_lang_id, get_lang_str,
    install_logging_hooks,
};

use self::model::ModelError;
use super::{AsrResults, AudioReader, Recogniser};
use crate::config::LocalConfig;
use crate::fault::{Fault, FaultKind};

const NAME: &str = "local";

/// A model that is loaded on first use.
pub(super) struct Local {
    path: PathBuf,
    /// Invalid settings.
    fault: Option<Fault>,
    /// Cloned for each utterance. whisper-rs never frees the strings behind it, so it is built once.
    params: FullParams<'static, 'static>,
    /// Parameters for a model that knows English only.
    english: FullParams<'static, 'static>,
    /// None until it is loaded; locked during the load.
    model: Arc<Mutex<Option<Arc<WhisperContext>>>>,
    /// Bounds the utterances that are recognised at the same time.
    permits: Arc<Semaphore>,
}

impl Local {
    pub(super) fn new(config: &LocalConfig) -> Self {
        // Discards all log messages.
        install_logging_hooks();
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let english = params(config.threads);
        let mut params = english.clone();
        let language = config.language.as_deref().map(language).transpose();
        if let Ok(language) = language {
            params.set_language(language);
        }
        Self {
            path: config.model_path.clone(),
            fault: language.err(),
            params,
            english,
            model: Arc::default(),
            permits: Arc::new(Semaphore::new((processors / usize::from(config.threads.max(1))).max(1))),
        }
    }

    /// Returns the model, loading it if needed. If this is cancelled, a started load still completes, for the next
    /// utterance. A failure is not cached, so a repaired file is picked up.
    async fn model(&self) -> Result<Arc<WhisperContext>, Fault> {
        let mut slot = self.model.clone().lock_owned().await;
        if let Some(model) = &*slot {
            return Ok(model.clone());
        }
        let path = self.path.clone();
        let work = move || {
            let model = Arc::new(load(&path)?);
            *slot = Some(model.clone());
            Ok(model)
        };
        run_blocking(work).await.unwrap_or_else(|| Err(failed()))
    }

    async fn transcribe(&self, audio: &mut AudioReader) -> Result<String, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        // Loads while the person is still speaking.
        let (model, pcm) = try_join(self.model(), audio.read_to_end().map(Ok)).await?;
        if pcm.len() < limits::MIN_AUDIO {
            return Ok(String::new());
        }
        let params = if model.is_multilingual() { self.params.clone() } else { self.english.clone() };
        // Held until the work is over, not only until the caller stops waiting.
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| failed())?;
        let cancel = CancelOnDrop::default();
        let cancelled = cancel.0.clone();
        let work = move || {
            let _permit = permit;
            CANCELLED.set(Some(cancelled));
            recognise(&model, params, &pcm)
        };
        run_blocking(work).await.and_then(Result::ok).ok_or_else(failed)
    }
}

impl Recogniser for Local {
    fn name(&self) -> &'static str {
        NAME
    }

    fn attempt<'a>(
        &'a self,
        audio: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let text = self.transcribe(audio).await?;
            results.confirm(&text, None);
            Ok(())
        }
        .boxed()
    }
}

thread_local! {
    /// Cancellation flag of the utterance that this thread recognises.
    static CANCELLED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Cancels the work when it is dropped.
#[derive(Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// whisper.cpp calls this after each pass over the audio and each token, on the thread that called it.
fn is_cancelled() -> bool {
    CANCELLED.with_borrow(|cancelled| cancelled.as_ref().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed)))
}

fn params(threads: u16) -> FullParams<'static, 'static> {
    // One candidate: latency matters more than the last bit of accuracy.
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(threads.into());
    params.set_no_context(true);
    params.set_no_timestamps(true);
    // No non-speech tokens such as "[music]" or "(coughs)".
    params.set_suppress_nst(true);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    // Boxed here, because the callback of whisper-rs casts its user data to a box of this type.
    let callback: Box<dyn FnMut() -> bool> = Box::new(is_cancelled);
    params.set_abort_callback_safe(callback);
    params
}

/// The language code of whisper.cpp: `zh` for `zh-CN`.
fn language(tag: &str) -> Result<&'static str, Fault> {
    let name = tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
    // Letters only: a NUL byte would panic.
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase());
    let language = if letters { get_lang_id(&name).and_then(get_lang_str) } else { None };
    let message = || format!("whisper.cpp knows no language {tag:?}: correct `asr.local.language`");
    language.ok_or_else(|| Fault::permanent(FaultKind::Rejected, message()))
}

/// Blocks while the file is read.
fn load(path: &Path) -> Result<WhisperContext, Fault> {
    model::validate(path).map_err(|error| unusable(path, &error))?;
    // The file has changed since, or contains something that the check does not know.
    let invalid = |_| unusable(path, &ModelError::Invalid("tensors"));
    WhisperContext::new_with_params(path, WhisperContextParameters::default()).map_err(invalid)
}

/// Blocks until the utterance is recognised.
fn recognise(model: &WhisperContext, params: FullParams<'_, '_>, pcm: &[i16]) -> Result<String, WhisperError> {
    // The permit may have come after cancellation.
    if is_cancelled() {
        return Ok(String::new());
    }
    let audio: Vec<f32> = pcm.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    let mut state = model.create_state()?;
    state.full(params, &audio)?;
    // A segment may end inside a UTF-8 character.
    let mut text = Vec::new();
    for segment in state.as_iter() {
        text.extend_from_slice(segment.to_bytes()?);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn unusable(path: &Path, error: &ModelError) -> Fault {
    let (kind, advice) = match error {
        ModelError::Unreadable(ErrorKind::NotFound) => (FaultKind::Connection, "put it there, or correct"),
        ModelError::Unreadable(_) => (FaultKind::Connection, "let the server read it, or correct"),
        ModelError::Truncated => (FaultKind::Malformed, "fetch it once more, or correct"),
        _ => (FaultKind::Malformed, "put a model of whisper.cpp (`ggml-….bin`) there, or correct"),
    };
    let path = path.display();
    Fault::permanent(kind, format!("the model {path} cannot be used: {error}; {advice} `asr.local.model_path`"))
}

fn failed() -> Fault {
    Fault::transient(FaultKind::Malformed, "whisper.cpp returned no result")
}
