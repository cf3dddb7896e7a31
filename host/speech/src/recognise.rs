//! Sound to text. Rule: one utterance is one stream of one session; nothing of it is shared, and
//! dropping it ends it wherever it is.
//!
//! Sound is PCM throughout: signed 16 bit, mono, 16 kHz. An [`Utterance`] keeps it on a tape until the
//! recogniser has acknowledged it, so that another attempt loses nothing and repeats nothing. It is told
//! how much voice there is in the sound: the first attempt begins with the first trace of one, and an
//! utterance without any is nothing that anybody is asked about (A.9).

pub mod doubao;
mod drive;
mod filter;
mod findings;
mod funasr;
#[cfg(feature = "whisper")]
mod local;
mod openai;
mod socket;
mod tape;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use modehost_breaker::{Breaker, Policy};
use modehost_limits::sound as limits;
use modehost_task::{IoTask, spawn_io};

use self::doubao::Doubao;
pub use self::findings::Findings;
use self::findings::Slot;
use self::funasr::FunAsr;
#[cfg(feature = "whisper")]
use self::local::Local;
use self::openai::OpenAi;
use self::tape::Tape;
pub use self::tape::{Chunk, SoundReader, SoundRoom};
use crate::config::{AsrConfig, AsrProvider};
use crate::fault::Fault;
use crate::voice_activity::{Voice, duration};

/// A way to have sound recognised; shared by all sessions, and without any state of theirs.
pub trait Recogniser: Send + Sync {
    /// Such as `doubao`; the source of transcripts, and a label of figures.
    fn name(&self) -> &'static str;

    /// What keeps it from being asked at the rate of speech while it fails; none where nobody else is
    /// asked. One for all sessions, replaced with the configuration.
    fn breaker(&self) -> Option<&Arc<Breaker>> {
        None
    }

    /// One attempt at an utterance: reads `sound` to its end and tells `findings`. Ends with `Ok` once
    /// the whole text has been told. Cancelling ends the attempt at once.
    ///
    /// # Errors
    /// If it came to nothing; what has been told as settled until then stays.
    fn attempt<'a>(
        &'a self,
        sound: &'a mut SoundReader,
        findings: &'a mut Findings,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// What is known of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// All of it so far, as it seems.
    Draft(Arc<str>),
    /// All of it; empty where nothing was said. Nothing follows.
    Final(Arc<str>),
    /// It came to nothing. Nothing follows.
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
    tape: Arc<Tape>,
    slot: Arc<Slot>,
    _attempts: IoTask<()>,
}

impl Utterance {
    /// Begins one that has a room of its own. Must be called within the runtime.
    pub fn begin(recogniser: Arc<dyn Recogniser>, terms: Terms) -> Self {
        Self::begin_in(SoundRoom::new(usize::MAX), recogniser, terms)
    }

    /// Begins one whose sound takes of this room. Must be called within the runtime.
    pub fn begin_in(room: Arc<SoundRoom>, recogniser: Arc<dyn Recogniser>, terms: Terms) -> Self {
        let (tape, slot) = (Arc::new(Tape::new(terms.max, room)), Arc::default());
        let attempts = drive::drive(recogniser, tape.clone(), Arc::clone(&slot), terms);
        Self { tape, slot, _attempts: spawn_io(attempts) }
    }

    /// Adds sound. Never waits.
    pub fn push(&self, pcm: &[i16]) {
        self.tape.push(pcm);
    }

    /// So much more voice is in the sound that was pushed. Without any, nobody is asked.
    pub fn voice(&self, voice: Voice) {
        self.tape.voice(voice);
    }

    /// Whether there is not even a trace of a voice in it so far.
    pub fn is_silent(&self) -> bool {
        duration(self.tape.voice_so_far().0.faint) < limits::FAINT_VOICE
    }

    /// The last sound has been pushed: the recogniser is told at once.
    pub fn end(&self) {
        self.tape.end();
    }

    /// What is known next: the newest draft, or the outcome. Waits for it; cancelling loses nothing.
    /// After the outcome it waits for ever.
    pub async fn next(&mut self) -> Heard {
        self.slot.next().await
    }

    /// Why nothing follows, where it is over and what was heard is not all of it.
    pub fn fault(&self) -> Option<Fault> {
        self.slot.fault()
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
