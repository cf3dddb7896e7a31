//! Text to sound. Rule: a speaker has no state of any session; dropping a stream ends the request.

mod espeak;
mod openai;
mod sound;

use std::sync::Arc;

use futures_util::stream::BoxStream;

use self::espeak::Espeak;
use self::openai::OpenAi;
use crate::config::{TtsConfig, TtsProvider};
use crate::fault::Fault;

/// A way to have text spoken; shared by all sessions.
pub trait Speaker: Send + Sync {
    /// Such as `espeak`; a label of metrics.
    fn name(&self) -> &'static str;

    /// Of what `speak` gives, in Hz.
    fn sample_rate(&self) -> u32;

    /// The sound of a text, in pieces of any length as they come: PCM, signed 16 bit, mono. Ends
    /// after the first error. To be polled within the runtime or on a work thread.
    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>>;
}

/// The speaker that is configured, if there is one. Blocks for a moment where it has to be found out
/// whether espeak-ng is installed; where it is not, that is told with one warning.
pub fn speaker(config: &TtsConfig) -> Option<Arc<dyn Speaker>> {
    let espeak = || Espeak::find(config).map(|espeak| Arc::new(espeak) as Arc<dyn Speaker>);
    match (config.provider, &config.openai) {
        (TtsProvider::None, _) => None,
        (TtsProvider::OpenAi | TtsProvider::Auto, Some(service)) => Some(Arc::new(OpenAi::new(service, config))),
        (TtsProvider::OpenAi, None) => None,
        (TtsProvider::Auto | TtsProvider::Espeak, _) => espeak(),
    }
}
