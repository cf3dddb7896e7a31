//! Recognition on this machine, by whisper.cpp. Rule: the model is shared and never changes, the state
//! is the utterance's own; nothing of it runs on the IO threads, and no more at once than there are
//! processors.
//!
//! whisper.cpp says nothing of what it does: its messages may hold recognised text.

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

use self::model::Flaw;
use super::{AsrResults, AudioReader, Recogniser};
use crate::config::LocalConfig;
use crate::fault::{Fault, FaultKind};

const NAME: &str = "local";

/// A model, once it has been needed.
pub(super) struct Local {
    path: PathBuf,
    /// What is wrong with the settings.
    fault: Option<Fault>,
    /// Each utterance gets a copy: whisper-rs never frees what these point to, so it is made once.
    params: FullParams<'static, 'static>,
    /// For a model that knows no other language.
    english: FullParams<'static, 'static>,
    /// Empty until it has been loaded; held while it is.
    model: Arc<Mutex<Option<Arc<WhisperContext>>>>,
    /// Utterances that may be recognised at once.
    turns: Arc<Semaphore>,
}

impl Local {
    pub(super) fn new(config: &LocalConfig) -> Self {
        // To nowhere.
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
            turns: Arc::new(Semaphore::new((processors / usize::from(config.threads.max(1))).max(1))),
        }
    }

    /// The model. If this is cancelled, a load that has begun still comes to its end, for the next
    /// utterance. A failure is not kept: a file that has been put right is found.
    async fn model(&self) -> Result<Arc<WhisperContext>, Fault> {
        let mut place = self.model.clone().lock_owned().await;
        if let Some(model) = &*place {
            return Ok(model.clone());
        }
        let path = self.path.clone();
        let work = move || {
            let model = Arc::new(load(&path)?);
            *place = Some(model.clone());
            Ok(model)
        };
        run_blocking(work).await.unwrap_or_else(|| Err(broken()))
    }

    async fn ask(&self, sound: &mut AudioReader) -> Result<String, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        // Loaded while somebody speaks.
        let (model, pcm) = try_join(self.model(), sound.whole().map(Ok)).await?;
        if pcm.len() < limits::LEAST_SOUND {
            return Ok(String::new());
        }
        let params = if model.is_multilingual() { self.params.clone() } else { self.english.clone() };
        // Kept until the work is over, not only until nobody waits for it.
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| broken())?;
        let leaving = Leaving::default();
        let left = leaving.0.clone();
        let work = move || {
            let _turn = turn;
            LEFT.set(Some(left));
            recognise(&model, params, &pcm)
        };
        run_blocking(work).await.and_then(Result::ok).ok_or_else(broken)
    }
}

impl Recogniser for Local {
    fn name(&self) -> &'static str {
        NAME
    }

    fn attempt<'a>(
        &'a self,
        sound: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let text = self.ask(sound).await?;
            results.confirm(&text, None);
            Ok(())
        }
        .boxed()
    }
}

thread_local! {
    /// Whether the utterance that this thread recognises is still waited for.
    static LEFT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Dropping it tells the work that nobody waits for it.
#[derive(Default)]
struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// whisper.cpp asks after each pass over the sound and each token, on the thread that it was called on.
fn is_left() -> bool {
    LEFT.with_borrow(|left| left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed)))
}

fn params(threads: u16) -> FullParams<'static, 'static> {
    // One candidate: an answer that is late is none.
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(threads.into());
    params.set_no_context(true);
    params.set_no_timestamps(true);
    // Neither "[music]" nor "(coughs)": nobody said that.
    params.set_suppress_nst(true);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    // Boxed here, because whisper-rs takes whatever it gets for a box of this type when it calls it.
    let question: Box<dyn FnMut() -> bool> = Box::new(is_left);
    params.set_abort_callback_safe(question);
    params
}

/// The language as whisper.cpp calls it: `zh` for `zh-CN`.
fn language(tag: &str) -> Result<&'static str, Fault> {
    let name = tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
    // Letters only: a zero byte would be a panic.
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase());
    let language = if letters { get_lang_id(&name).and_then(get_lang_str) } else { None };
    let message = || format!("whisper.cpp knows no language {tag:?}: correct `asr.local.language`");
    language.ok_or_else(|| Fault::lasting(FaultKind::Refused, message()))
}

/// Blocks for as long as the file takes to be read.
fn load(path: &Path) -> Result<WhisperContext, Fault> {
    model::check(path).map_err(|flaw| unusable(path, &flaw))?;
    // Changed since, or of a kind that is not known here.
    let refused = |_| unusable(path, &Flaw::Odd("tensors"));
    WhisperContext::new_with_params(path, WhisperContextParameters::default()).map_err(refused)
}

/// Blocks for as long as it takes.
fn recognise(model: &WhisperContext, params: FullParams<'_, '_>, pcm: &[i16]) -> Result<String, WhisperError> {
    // The turn may have come late.
    if is_left() {
        return Ok(String::new());
    }
    let sound: Vec<f32> = pcm.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    let mut state = model.create_state()?;
    state.full(params, &sound)?;
    // A segment may end within a character.
    let mut text = Vec::new();
    for segment in state.as_iter() {
        text.extend_from_slice(segment.to_bytes()?);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn unusable(path: &Path, flaw: &Flaw) -> Fault {
    let (kind, advice) = match flaw {
        Flaw::Unreadable(ErrorKind::NotFound) => (FaultKind::Connection, "put it there, or correct"),
        Flaw::Unreadable(_) => (FaultKind::Connection, "let the server read it, or correct"),
        Flaw::Truncated => (FaultKind::Garbled, "fetch it once more, or correct"),
        _ => (FaultKind::Garbled, "put a model of whisper.cpp (`ggml-….bin`) there, or correct"),
    };
    let path = path.display();
    Fault::lasting(kind, format!("no use of the model {path}: {flaw}; {advice} `asr.local.model_path`"))
}

fn broken() -> Fault {
    Fault::passing(FaultKind::Garbled, "whisper.cpp came to no end")
}
