//! Speech recognition. Rule: one utterance is one stream of one session; streams share no state, and
//! dropping an utterance ends its stream.
//!
//! Audio is PCM: signed 16 bit, mono, 16 kHz. An [`Utterance`] buffers it until the recogniser has
//! acknowledged it, so a retry neither loses nor repeats audio. The first attempt starts when the VAD
//! has detected a trace of voice; an utterance without voice is never sent to a provider (A.9).

mod buffer;
pub mod doubao;
mod drive;
mod filter;
mod funasr;
#[cfg(feature = "whisper")]
mod local;
mod openai;
mod results;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_breaker::{Breaker, Policy};
use modehost_task::{IoTask, spawn_io};

use self::buffer::AudioBuffer;
pub use self::buffer::{AudioBudget, AudioReader, Chunk};
use self::doubao::Doubao;
use self::funasr::FunAsr;
#[cfg(feature = "whisper")]
use self::local::Local;
use self::openai::OpenAi;
pub use self::results::AsrResults;
use self::results::ResultSink;
use crate::config::{AsrConfig, AsrProvider};
use crate::fault::Fault;
use crate::vad::{Voice, duration};

/// A speech recogniser; shared by all sessions, without state of any of them.
pub trait Recogniser: Send + Sync {
    /// Such as `doubao`; the source of transcripts, and a label of metrics.
    fn name(&self) -> &'static str;

    /// Circuit breaker that limits calls while the provider fails; none for a recogniser that calls no provider. One
    /// for all sessions, replaced with the configuration.
    fn breaker(&self) -> Option<&Arc<Breaker>> {
        None
    }

    /// One attempt at an utterance: reads `audio` to its end and writes to `results`. Returns `Ok` once the whole text
    /// has been written. Cancelling ends the attempt at once.
    ///
    /// # Errors
    /// If the attempt failed; text confirmed until then stays.
    fn attempt<'a>(
        &'a self,
        audio: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// A result of one utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsrEvent {
    /// The whole text so far; later events may change it.
    Partial(Arc<str>),
    /// The whole text; empty where nothing was said. The last event.
    Final(Arc<str>),
    /// Recognition failed. The last event.
    Failed(Fault),
}

/// Timeout, retries and length of an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecognitionPolicy {
    /// From the end of the utterance to its text, including all attempts.
    pub timeout: Duration,
    /// Retries after a transient failure.
    pub retries: u32,
    /// Maximum length; audio beyond it is dropped and counted.
    pub max_length: Duration,
}

/// One utterance. Dropping it closes the connection to the provider.
pub struct Utterance {
    buffer: Arc<AudioBuffer>,
    sink: Arc<ResultSink>,
    _attempts: IoTask<()>,
}

impl Utterance {
    /// Starts an utterance with an unlimited audio budget. Must be called within the runtime.
    pub fn start(recogniser: Arc<dyn Recogniser>, policy: RecognitionPolicy) -> Self {
        Self::start_with_budget(AudioBudget::new(usize::MAX), recogniser, policy)
    }

    /// Starts an utterance whose buffered audio counts against this budget. Must be called within the runtime.
    pub fn start_with_budget(
        budget: Arc<AudioBudget>,
        recogniser: Arc<dyn Recogniser>,
        policy: RecognitionPolicy,
    ) -> Self {
        let (buffer, sink) = (Arc::new(AudioBuffer::new(policy.max_length, budget)), Arc::default());
        let attempts = drive::drive(recogniser, buffer.clone(), Arc::clone(&sink), policy);
        Self { buffer, sink, _attempts: spawn_io(attempts) }
    }

    /// Adds audio. Never waits.
    pub fn push(&self, pcm: &[i16]) {
        self.buffer.push(pcm);
    }

    /// Adds to the amount of voice in the pushed audio. Without voice, no provider is called.
    pub fn add_voice(&self, voice: Voice) {
        self.buffer.add_voice(voice);
    }

    /// Whether the audio so far contains no trace of voice.
    pub fn is_silent(&self) -> bool {
        duration(self.buffer.voice().0.faint) < limits::MIN_FAINT_VOICE
    }

    /// No audio follows: the recogniser learns of the end at once.
    pub fn end(&self) {
        self.buffer.end();
    }

    /// The next event: the newest partial result, or the outcome. Cancel safe. Pending for ever after the outcome.
    pub async fn next(&mut self) -> AsrEvent {
        self.sink.next().await
    }

    /// The failure of an utterance that has ended, even where confirmed text was delivered.
    pub fn fault(&self) -> Option<Fault> {
        self.sink.fault()
    }
}

/// The circuit breaker of a recogniser; each attempt is a call.
fn breaker(provider: &str) -> Arc<Breaker> {
    Breaker::new("asr", provider, Policy::default())
}

/// The configured recogniser, if any.
pub fn recogniser(config: &AsrConfig) -> Option<Arc<dyn Recogniser>> {
    match config.provider {
        AsrProvider::None => None,
        AsrProvider::OpenAi => Some(Arc::new(OpenAi::new(config.openai.as_ref()?))),
        AsrProvider::Doubao => Some(Arc::new(Doubao::new(config.doubao.as_ref()?))),
        AsrProvider::FunAsr => Some(Arc::new(FunAsr::new(config.funasr.as_ref()?))),
        #[cfg(feature = "whisper")]
        AsrProvider::Local => Some(Arc::new(Local::new(config.local.as_ref()?))),
        // Validation rejects this setting in such a build.
        #[cfg(not(feature = "whisper"))]
        AsrProvider::Local => None,
    }
}
