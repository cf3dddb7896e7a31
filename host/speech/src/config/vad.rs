//! Settings of the section `vad`: what counts as speech, and where an utterance begins and ends. Rule: the defaults
//! come from the limits.

use std::time::Duration;

use crate::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `vad`: voice activity. Hot: from the next utterance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct VadConfig {
    /// Detector score, 0 to 1, from which audio counts as speech, 0.05 to 0.95. Default 0.6; white noise reaches 0.63
    /// now and then, speech 0.9. While a button is held, three fifths of it are enough voice for a recogniser to be
    /// called.
    #[garde(range(min = 0.05, max = 0.95))]
    pub threshold: f32,
    /// Speech of this length starts an utterance, in ms, 16 to 1000. Default 96.
    #[garde(range(min = 16, max = 1000))]
    pub start_ms: u64,
    /// Silence of this length ends an utterance, in ms, 100 to 5000. Default 700.
    #[garde(range(min = 100, max = 5000))]
    pub end_silence_ms: u64,
    /// Where silence ended an utterance, earliest start of an answer after the last speech, in ms, 0 to 5000: a person
    /// who only pauses may go on until then. Default 1200.
    #[garde(range(max = 5000))]
    pub answer_after_ms: u64,
    /// Audio before the first speech that goes to the recogniser, in ms, 0 to 2000, so that the first syllable is not
    /// cut. Default 300.
    #[garde(range(max = 2000))]
    pub pre_roll_ms: u64,
    /// Maximum length of an utterance, after which it is split, in s, 1 to 300. Default 30.
    #[garde(range(min = 1, max = 300))]
    pub max_utterance_s: u64,
    /// In manual mode without an endpoint of the device for this long, voice activity sets the endpoints until the
    /// device does again; in ms, 500 to 600000. Default 5000. It has an older name, see `config.older_names`.
    #[garde(range(min = 500, max = 600_000))]
    pub manual_fallback_ms: u64,
    /// In realtime mode, speech of this length interrupts playback, in ms, 50 to 5000. Default 300.
    #[garde(range(min = 50, max = 5000))]
    pub barge_in_ms: u64,
}

impl Default for VadConfig {
    fn default() -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            threshold: limits::VAD_THRESHOLD,
            start_ms: ms(limits::VAD_START),
            end_silence_ms: ms(limits::VAD_END),
            answer_after_ms: ms(limits::ANSWER_AFTER),
            pre_roll_ms: ms(limits::PRE_ROLL),
            max_utterance_s: limits::MAX_UTTERANCE.as_secs(),
            manual_fallback_ms: ms(limits::MANUAL_FALLBACK),
            barge_in_ms: ms(limits::BARGE_IN),
        }
    }
}
