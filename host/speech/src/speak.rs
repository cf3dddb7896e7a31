//! Text to sound. Rule: a speaker has no state of any session; dropping a stream ends the request.

mod espeak;
mod openai;
mod wav;

use std::sync::Arc;

use futures_util::stream::BoxStream;

use self::espeak::Espeak;
use self::openai::OpenAi;
use crate::config::{TtsConfig, TtsProvider};
use crate::fault::Fault;

/// A way to have text spoken; shared by all sessions.
pub trait Speaker: Send + Sync {
    /// Such as `espeak`; a label of figures.
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

/// Bytes as samples, little-endian, however they are cut.
#[derive(Default)]
struct Samples {
    odd: Option<u8>,
}

impl Samples {
    fn take(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut pcm = Vec::with_capacity(bytes.len() / 2 + 1);
        let mut bytes = bytes;
        if let (Some(low), Some((high, rest))) = (self.odd, bytes.split_first()) {
            pcm.push(i16::from_le_bytes([low, *high]));
            (self.odd, bytes) = (None, rest);
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        pcm.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
        self.odd = self.odd.or(rest.first().copied());
        pcm
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn samples_are_the_same_however_they_are_cut() {
        let pcm: Vec<i16> = (-50..50).map(|value| value * 321).collect();
        let bytes: Vec<u8> = pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        for piece in [1, 2, 3, 7, 200] {
            let mut samples = Samples::default();
            let taken: Vec<i16> = bytes.chunks(piece).flat_map(|piece| samples.take(piece)).collect();
            assert_eq!(taken, pcm, "{piece}");
        }
    }
}
