//! The speech providers that sessions use. Rule: replaced as a whole while the server runs; an utterance or a
//! turn in progress keeps the providers that it began with.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use modehost_task::WorkThreads;

use crate::asr::{AudioBudget, Recogniser, Terms, recogniser};
use crate::config::{AsrConfig, TtsConfig, VadConfig};
use crate::encode::{Downlink, DownlinkCodec};
use crate::playback::{Playback, PlaybackTarget};
use crate::tts::{Speaker, speaker};
use crate::vad::{Earshot, VoiceDetector};

/// The configured providers and settings.
pub struct Parts {
    /// None: speech is not recognised.
    pub recogniser: Option<Arc<dyn Recogniser>>,
    /// What an utterance may cost: lengths, waits and attempts.
    pub terms: Terms,
    /// How voice is found in sound.
    pub vad: VadConfig,
    /// None: answers are sent as captions only.
    pub speaker: Option<Arc<dyn Speaker>>,
    /// Audio format for devices that say hello from now on, except those that want PCM.
    pub downlink: Downlink,
    /// The settings that recogniser and speaker were made with.
    pub made_of: (AsrConfig, TtsConfig),
}

impl Parts {
    /// Providers for these settings. A provider of `before` with the same settings is reused, with its connections.
    /// Blocks while it checks whether a program is installed.
    pub fn of(asr: &AsrConfig, tts: &TtsConfig, vad: &VadConfig, before: Option<&Self>) -> Self {
        let hears = before.filter(|before| before.made_of.0 == *asr);
        let speaks = before.filter(|before| before.made_of.1 == *tts);
        let recogniser = hears.map_or_else(|| recogniser(asr), |before| before.recogniser.clone());
        let speaker = speaks.map_or_else(|| speaker(tts), |before| before.speaker.clone());
        if let Some(recogniser) = &recogniser {
            crate::metrics::begin_recogniser(recogniser.name());
        }
        if let Some(speaker) = &speaker {
            crate::metrics::begin_speaker(speaker.name());
        }
        Self {
            recogniser,
            terms: terms(asr, vad),
            vad: vad.clone(),
            speaker,
            downlink: downlink(tts),
            made_of: (asr.clone(), tts.clone()),
        }
    }

    /// No recogniser and no speaker.
    pub fn none() -> Self {
        let (asr, vad, tts) = (AsrConfig::default(), VadConfig::default(), TtsConfig::default());
        let (terms, downlink) = (terms(&asr, &vad), downlink(&tts));
        Self { recogniser: None, terms, vad, speaker: None, downlink, made_of: (asr, tts) }
    }
}

/// Timeout, retries and maximum length of an utterance.
pub fn terms(asr: &AsrConfig, vad: &VadConfig) -> Terms {
    Terms {
        timeout: Duration::from_secs(asr.timeout_s),
        retries: asr.retries,
        max: Duration::from_secs(vad.max_utterance_s) + Duration::from_millis(vad.pre_roll_ms),
    }
}

/// Audio format for devices.
pub fn downlink(tts: &TtsConfig) -> Downlink {
    let TtsConfig { sample_rate, frame_ms, bitrate, .. } = *tts;
    Downlink { codec: DownlinkCodec::Opus, sample_rate, frame_ms, bitrate }
}

/// ASR and TTS, shared by all sessions.
pub struct Speech {
    parts: ArcSwap<Parts>,
    threads: Arc<WorkThreads>,
    detector: fn() -> Box<dyn VoiceDetector>,
    /// Of the audio that all inputs buffer.
    budget: Arc<AudioBudget>,
}

impl Speech {
    /// `threads` decode and encode audio; nothing else should run on them.
    pub fn new(threads: Arc<WorkThreads>, parts: Parts) -> Arc<Self> {
        let budget = AudioBudget::of_cores(std::thread::available_parallelism().map_or(1, usize::from));
        Arc::new(Self { parts: ArcSwap::from_pointee(parts), threads, detector: || Box::<Earshot>::default(), budget })
    }

    pub(crate) fn audio_budget(&self) -> &Arc<AudioBudget> {
        &self.budget
    }

    /// Replaces the providers for utterances and turns that begin from now on.
    pub fn apply(&self, parts: Parts) {
        self.parts.store(Arc::new(parts));
    }

    /// What is configured at the moment.
    pub fn parts(&self) -> Guard<Arc<Parts>> {
        self.parts.load()
    }

    /// Begins a turn of speech; `None` without a speaker. See [`Playback::begin`].
    pub fn speak(&self, stage: PlaybackTarget, over: impl FnOnce() + Send + 'static) -> Option<Playback> {
        let speaker = self.parts().speaker.clone()?;
        Some(Playback::begin(speaker, &self.threads, stage, over))
    }

    pub(crate) fn threads(&self) -> &WorkThreads {
        &self.threads
    }

    pub(crate) fn detector(&self) -> Box<dyn VoiceDetector> {
        (self.detector)()
    }
}
