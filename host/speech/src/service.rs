//! What sessions hear and speak with. Rule: replaced as a whole while the server runs; an utterance
//! or an answer that has begun ends as it began.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use modehost_task::WorkThreads;

use crate::config::{AsrConfig, TtsConfig, VadConfig};
use crate::encode::{Downlink, DownlinkCodec};
use crate::mouth::{Speaking, Stage};
use crate::recognise::{Recogniser, SoundRoom, Terms, recogniser};
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
    /// What devices are sent that say hello from now on, but for those that want PCM.
    pub downlink: Downlink,
    /// What recogniser and speaker were made of.
    pub made_of: (AsrConfig, TtsConfig),
}

impl Parts {
    /// What these settings ask for. What was made of the same settings `before` is used on, with its
    /// connections. Blocks while it is found out whether a program is installed.
    pub fn of(asr: &AsrConfig, tts: &TtsConfig, vad: &VadConfig, before: Option<&Self>) -> Self {
        let hears = before.filter(|before| before.made_of.0 == *asr);
        let speaks = before.filter(|before| before.made_of.1 == *tts);
        Self {
            recogniser: hears.map_or_else(|| recogniser(asr), |before| before.recogniser.clone()),
            terms: terms(asr, vad),
            vad: vad.clone(),
            speaker: speaks.map_or_else(|| speaker(tts), |before| before.speaker.clone()),
            downlink: downlink(tts),
            made_of: (asr.clone(), tts.clone()),
        }
    }

    /// Nobody hears and nobody speaks.
    pub fn none() -> Self {
        let (asr, vad, tts) = (AsrConfig::default(), VadConfig::default(), TtsConfig::default());
        let (terms, downlink) = (terms(&asr, &vad), downlink(&tts));
        Self { recogniser: None, terms, vad, speaker: None, downlink, made_of: (asr, tts) }
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
    /// Of the sound that all ears hold.
    room: Arc<SoundRoom>,
}

impl Speech {
    /// `threads` decode what is heard; they should be no others' threads.
    pub fn new(threads: Arc<WorkThreads>, parts: Parts) -> Arc<Self> {
        let room = SoundRoom::of_cores(std::thread::available_parallelism().map_or(1, usize::from));
        Arc::new(Self { parts: ArcSwap::from_pointee(parts), threads, detector: || Box::<Earshot>::default(), room })
    }

    pub(crate) fn room(&self) -> &Arc<SoundRoom> {
        &self.room
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
