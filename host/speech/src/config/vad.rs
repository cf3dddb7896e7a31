//! The section `vad`: what counts as speech, and where an utterance begins and ends.

use std::time::Duration;

use crate::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `vad`: voice activity. Hot: from the next utterance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct VadConfig {
    /// How sure the detector must be that something is speech, 0.05 to 0.95. Default 0.6; white noise
    /// reaches 0.63 now and then, speech 0.9. While a button is held, three fifths of it are voice enough for
    /// a recogniser to be asked.
    #[garde(range(min = 0.05, max = 0.95))]
    pub threshold: f32,
    /// Speech of this length begins an utterance, in ms, 16 to 1000. Default 96.
    #[garde(range(min = 16, max = 1000))]
    pub start_ms: u64,
    /// Silence of this length ends an utterance, in ms, 100 to 5000. Default 700.
    #[garde(range(min = 100, max = 5000))]
    pub end_silence_ms: u64,
    /// Where silence ended an utterance, an answer begins this long after the last speech at the earliest, in ms,
    /// 0 to 5000: whoever only pauses may go on until then. Default 1200.
    #[garde(range(max = 5000))]
    pub answer_after_ms: u64,
    /// Sound from before the first speech that the recogniser is given too, in ms, 0 to 2000, so that
    /// the first syllable is not cut. Default 300.
    #[garde(range(max = 2000))]
    pub pre_roll_ms: u64,
    /// An utterance is cut here, in s, 1 to 300. Default 30.
    #[garde(range(min = 1, max = 300))]
    pub max_utterance_s: u64,
    /// In manual listening without a boundary of the device for this long, voice activity sets the
    /// boundaries until the device does again; in ms, 500 to 600000. Default 5000. It has an older name,
    /// see `config.older_names`.
    #[garde(range(min = 500, max = 600_000))]
    pub manual_fallback_ms: u64,
    /// In realtime listening, speech of this length interrupts what is being said, in ms, 50 to 5000.
    /// Default 300.
    #[garde(range(min = 50, max = 5000))]
    pub barge_in_ms: u64,
}

impl Default for VadConfig {
    fn default() -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            threshold: limits::VOICE_THRESHOLD,
            start_ms: ms(limits::VOICE_START),
            end_silence_ms: ms(limits::VOICE_END),
            answer_after_ms: ms(limits::ANSWER_AFTER),
            pre_roll_ms: ms(limits::PRE_ROLL),
            max_utterance_s: limits::UTTERANCE.as_secs(),
            manual_fallback_ms: ms(limits::MANUAL_FALLBACK),
            barge_in_ms: ms(limits::BARGE_IN),
        }
    }
}
