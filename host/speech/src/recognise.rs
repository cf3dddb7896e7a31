//! Sound to text. Rule: one utterance is one stream of one session; nothing of it is shared, and
//! dropping it ends it wherever it is.
//!
//! Sound is PCM throughout: signed 16 bit, mono, 16 kHz.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::fault::Fault;

/// A way to have sound recognised; shared by all sessions, and without any state of theirs.
pub trait Recogniser: Send + Sync {
    /// Such as `doubao`; the source of transcripts, and a label of figures.
    fn name(&self) -> &'static str;

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

/// The end of an attempt that reads the sound. (Filled in by the driver.)
pub struct SoundReader {}

/// The end of an attempt that tells what was found. (Filled in by the driver.)
pub struct Findings {}

pub struct Terms {
    pub timeout: std::time::Duration,
    pub retries: u32,
    pub max: std::time::Duration,
}
impl Clone for Terms {
    fn clone(&self) -> Self {
        *self
    }
}
impl Copy for Terms {}
pub struct Utterance {}
impl Utterance {
    pub fn begin(_r: Arc<dyn Recogniser>, _t: Terms) -> Self {
        Self {}
    }
    pub fn push(&self, _pcm: &[i16]) {}
    pub fn end(&self) {}
    pub async fn next(&mut self) -> Heard {
        std::future::pending().await
    }
}

pub fn recogniser(_c: &crate::config::AsrConfig) -> Option<Arc<dyn Recogniser>> {
    None
}
