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

/// A way to have sound recognised; shared by all sessions, and without any state of theirs.
pub trait Recogniser: Send + Sync {
    /// Such as `doubao`; the source of transcripts, and a label of metrics.
    fn name(&self) -> &'static str;

    /// What keeps it from being asked at the rate of speech while it fails; none where nobody else is
    /// asked. One for all sessions, replaced with the configuration.
    fn breaker(&self) -> Option<&Arc<Breaker>> {
        None
    }

    /// One attempt at an utterance: reads `sound` to its end and writes to `results`. Returns `Ok` once
    /// the whole text has been written. Cancelling ends the attempt at once.
    ///
    /// # Errors
    /// If it came to nothing; what has been told as settled until then stays.
    fn attempt<'a>(
        &'a self,
        sound: &'a mut AudioReader,
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

/// How long and how often it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From the end of the utterance to its text, with all attempts.
    pub timeout: Duration,
    /// Further attempts after a failure that may pass.
    pub retries: u32,
    /// Longest utterance; what is beyond it is dropped and counted.
    pub max: Duration,
}

/// One utterance. Dropping it closes the connection to the provider.
pub struct Utterance {
    buffer: Arc<AudioBuffer>,
    sink: Arc<ResultSink>,
    _attempts: IoTask<()>,
}

impl Utterance {
    /// Begins one with an unlimited audio budget. Must be called within the runtime.
    pub fn begin(recogniser: Arc<dyn Recogniser>, terms: Terms) -> Self {
        Self::begin_in(AudioBudget::new(usize::MAX), recogniser, terms)
    }

    /// Begins one whose buffered audio counts against this budget. Must be called within the runtime.
    pub fn begin_in(budget: Arc<AudioBudget>, recogniser: Arc<dyn Recogniser>, terms: Terms) -> Self {
        let (buffer, sink) = (Arc::new(AudioBuffer::new(terms.max, budget)), Arc::default());
        let attempts = drive::drive(recogniser, buffer.clone(), Arc::clone(&sink), terms);
        Self { buffer, sink, _attempts: spawn_io(attempts) }
    }

    /// Adds sound. Never waits.
    pub fn push(&self, pcm: &[i16]) {
        self.buffer.push(pcm);
    }

    /// So much more voice is in the sound that was pushed. Without any, nobody is asked.
    pub fn voice(&self, voice: Voice) {
        self.buffer.voice(voice);
    }

    /// Whether there is not even a trace of a voice in it so far.
    pub fn is_silent(&self) -> bool {
        duration(self.buffer.voice_so_far().0.faint) < limits::FAINT_VOICE
    }

    /// The last sound has been pushed: the recogniser is told at once.
    pub fn end(&self) {
        self.buffer.end();
    }

    /// The next event: the newest partial result, or the outcome. Cancel safe. Pending for ever after
    /// the outcome.
    pub async fn next(&mut self) -> AsrEvent {
        self.sink.next().await
    }

    /// Why nothing follows, where it is over and what was heard is not all of it.
    pub fn fault(&self) -> Option<Fault> {
        self.sink.fault()
    }
}

/// The circuit breaker of a recogniser; each attempt is a call.
fn breaker(provider: &str) -> Arc<Breaker> {
    Breaker::new("asr", provider, Policy::default())
}

/// The recogniser that is configured, if one is.
pub fn recogniser(config: &AsrConfig) -> Option<Arc<dyn Recogniser>> {
    match config.provider {
        AsrProvider::None => None,
        AsrProvider::OpenAi => Some(Arc::new(OpenAi::new(config.openai.as_ref()?))),
        AsrProvider::Doubao => Some(Arc::new(Doubao::new(config.doubao.as_ref()?))),
        AsrProvider::FunAsr => Some(Arc::new(FunAsr::new(config.funasr.as_ref()?))),
        #[cfg(feature = "whisper")]
        AsrProvider::Local => Some(Arc::new(Local::new(config.local.as_ref()?))),
        // The settings do not allow it in such a build.
        #[cfg(not(feature = "whisper"))]
        AsrProvider::Local => None,
    }
}
