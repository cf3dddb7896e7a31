//! Speech synthesis (TTS). Rule: a speaker keeps no state of a session; dropping a stream cancels its request.

mod espeak;
mod openai;
mod sound;

use std::sync::Arc;

use futures_util::stream::BoxStream;

use self::espeak::Espeak;
use self::openai::OpenAi;
use crate::config::{TtsConfig, TtsProvider};
use crate::fault::Fault;

/// A speech synthesiser; shared by all sessions.
pub trait Speaker: Send + Sync {
    /// Such as `espeak`; a label of metrics.
    fn name(&self) -> &'static str;

    /// Sample rate of the audio that `speak` returns, in Hz.
    fn sample_rate(&self) -> u32;

    /// Synthesises a text: a stream of chunks of any length, PCM, signed 16 bit, mono. Ends after the first error. To
    /// be polled within the runtime or on a work thread.
    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>>;
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
