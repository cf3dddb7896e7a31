//! Speech synthesis (TTS). Rule: a speaker keeps no state of a session; dropping a stream cancels its request.

mod espeak;
mod openai;
mod sound;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use modehost_breaker::Breaker;

use self::espeak::Espeak;
use self::openai::OpenAi;
use self::sound::{AudioDecoder, Format};
use crate::config::{TtsConfig, TtsProvider};
use crate::fault::Fault;
use crate::limits;

/// A speech synthesiser; shared by all sessions.
pub trait Speaker: Send + Sync {
    /// Such as `espeak`; a label of metrics.
    fn name(&self) -> &'static str;

    /// Sample rate of the audio that `speak` returns, in Hz.
    fn sample_rate(&self) -> u32;

    /// Circuit breaker that limits calls while the provider fails; none for a speaker that calls no provider.
    fn breaker(&self) -> Option<&Arc<Breaker>> {
        None
    }

    /// Synthesises a text: a stream of chunks of any length, PCM, signed 16 bit, mono. Ends after the first error. To
    /// be polled within the runtime or on a work thread.
    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>>;
}

/// Says nothing: for turns that only play sounds, where no speaker is configured.
pub(crate) struct Mute;

impl Speaker for Mute {
    fn name(&self) -> &'static str {
        "none"
    }

    fn sample_rate(&self) -> u32 {
        limits::TTS_SAMPLE_RATE
    }

    fn speak(&self, _text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>> {
        stream::empty().boxed()
    }
}

/// The configured speaker, if any. Blocks for a moment to check whether espeak-ng is installed; where it is not, one
/// warning is logged.
pub fn speaker(config: &TtsConfig) -> Option<Arc<dyn Speaker>> {
    let espeak = || Espeak::find(config).map(|espeak| Arc::new(espeak) as Arc<dyn Speaker>);
    match (config.provider, &config.openai) {
        (TtsProvider::None, _) => None,
        (TtsProvider::OpenAi | TtsProvider::Auto, Some(service)) => Some(Arc::new(OpenAi::new(service, config))),
        (TtsProvider::OpenAi, None) => None,
        (TtsProvider::Auto | TtsProvider::Espeak, _) => espeak(),
    }
}

/// What is not recognised by its first bytes is refused, and not taken for samples.
const UNKNOWN: &str = "application/x-file";

/// Decodes a whole file to one channel at this rate. Blocks while it decodes.
pub(crate) fn decode_file(file: &[u8], sample_rate: u32) -> Result<Vec<i16>, Fault> {
    let mut decoder = AudioDecoder::new("the file", UNKNOWN, Format::mono(sample_rate));
    let mut pcm = Vec::new();
    // In pieces, as from a service: a small file may hold very long silence.
    for piece in file.chunks(limits::ESPEAK_READ_BYTES) {
        pcm.extend(decoder.push(piece)?);
        if decoder.is_full() {
            return Ok(pcm);
        }
    }
    pcm.extend(decoder.end()?);
    Ok(pcm)
}
