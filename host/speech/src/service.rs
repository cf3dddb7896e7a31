//! What sessions hear and speak with. Rule: replaced as a whole while the server runs; an utterance
//! or an answer that has begun ends as it began.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use modehost_task::WorkThreads;

use crate::config::{AsrConfig, TtsConfig, VadConfig};
use crate::encode::{Downlink, DownlinkCodec};
use crate::mouth::{Speaking, Stage};
use crate::recognise::{Recogniser, Terms, recogniser};
use crate::speak::{Speaker, speaker};
use crate::voice_activity::{Earshot, VoiceDetector};

/// What is configured at the moment.
pub struct Parts {
    /// None: nobody makes words of sound.
    pub recogniser: Option<Arc<dyn Recogniser>>,
    pub terms: Terms,
    pub vad: VadConfig,
    /// None: nobody speaks, and what is said goes out as captions.
    pub speaker: Option<Arc<dyn Speaker>>,
    /// What devices are sent, but for those that want PCM.
    pub downlink: Downlink,
}

impl Parts {
    /// What these settings ask for. Blocks while it is found out whether a program is installed.
    pub fn of(asr: &AsrConfig, tts: &TtsConfig, vad: &VadConfig) -> Self {
        Self {
            recogniser: recogniser(asr),
            terms: terms(asr, vad),
            vad: vad.clone(),
            speaker: speaker(tts),
            downlink: downlink(tts),
        }
    }

    /// Nobody hears and nobody speaks.
    pub fn none() -> Self {
        let (asr, vad, tts) = (AsrConfig::default(), VadConfig::default(), TtsConfig::default());
        Self { recogniser: None, terms: terms(&asr, &vad), vad, speaker: None, downlink: downlink(&tts) }
    }
}

/// How an utterance is recognised.
pub fn terms(asr: &AsrConfig, vad: &VadConfig) -> Terms {
    Terms {
        timeout: Duration::from_secs(asr.timeout_s),
        retries: asr.retries,
        max: Duration::from_secs(vad.max_utterance_s) + Duration::from_millis(vad.pre_roll_ms),
    }
}

/// What devices are sent.
pub fn downlink(tts: &TtsConfig) -> Downlink {
    let TtsConfig { sample_rate, frame_ms, bitrate, .. } = *tts;
    Downlink { codec: DownlinkCodec::Opus, sample_rate, frame_ms, bitrate }
}

/// Hearing and speaking, shared by all sessions.
pub struct Speech {
    parts: ArcSwap<Parts>,
    threads: Arc<WorkThreads>,
    detector: fn() -> Box<dyn VoiceDetector>,
}

impl Speech {
    /// `threads` decode what is heard; they should be no others' threads.
    pub fn new(threads: Arc<WorkThreads>, parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts: ArcSwap::from_pointee(parts), threads, detector: || Box::<Earshot>::default() })
    }

    /// From now on.
    pub fn apply(&self, parts: Parts) {
        self.parts.store(Arc::new(parts));
    }

    /// What is configured at the moment.
    pub fn parts(&self) -> Guard<Arc<Parts>> {
        self.parts.load()
    }

    /// Begins a turn of speech; `None` where nobody speaks. See [`Speaking::begin`].
    pub fn speak(&self, stage: Stage, over: impl FnOnce() + Send + 'static) -> Option<Speaking> {
        let speaker = self.parts().speaker.clone()?;
        Some(Speaking::begin(speaker, &self.threads, stage, over))
    }

    pub(crate) fn threads(&self) -> &WorkThreads {
        &self.threads
    }

    pub(crate) fn detector(&self) -> Box<dyn VoiceDetector> {
        (self.detector)()
    }
}
