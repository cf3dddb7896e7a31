//! Text to sound. Rule: a speaker has no state of any session; dropping a stream ends the request.

use futures_util::stream::BoxStream;

use crate::fault::Fault;

/// A way to have text spoken; shared by all sessions.
pub trait Speaker: Send + Sync {
    /// Such as `espeak`; a label of figures.
    fn name(&self) -> &'static str;

    /// Of what `speak` gives, in Hz.
    fn sample_rate(&self) -> u32;

    /// The sound of a text, in pieces of any length as they come: PCM, signed 16 bit, mono. Ends
    /// after the first error.
    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>>;
}

pub fn speaker(_c: &crate::config::TtsConfig) -> Option<std::sync::Arc<dyn Speaker>> {
    None
}
