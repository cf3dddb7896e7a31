//! The ASR and TTS providers that sessions use. Rule: they are replaced as a whole while the server runs; an utterance
//! or a turn in progress keeps the providers that it started with.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use modehost_task::WorkThreads;

use crate::asr::{AudioBudget, Recogniser, RecognitionPolicy, recogniser};
use crate::config::{AsrConfig, TtsConfig, VadConfig};
use crate::encode::{Downlink, DownlinkCodec};
use crate::playback::{Playback, PlaybackTarget};
use crate::tts::{Mute, Speaker, speaker};
use crate::vad::{Earshot, VoiceDetector};

/// The configured providers and their settings.
pub struct Providers {
    /// None: speech recognition is off.
    pub recogniser: Option<Arc<dyn Recogniser>>,
    /// Timeout, retries and maximum length of an utterance.
    pub recognition_policy: RecognitionPolicy,
    /// Settings of voice activity detection.
    pub vad: VadConfig,
    /// None: answers are sent as captions only.
    pub synthesiser: Option<Arc<dyn Speaker>>,
    /// Audio format announced to devices that say hello from now on, except those that ask for PCM.
    pub downlink: Downlink,
    /// The settings that the recogniser and the speaker were built from.
    pub built_from: (AsrConfig, TtsConfig),
}

impl Providers {
    /// Providers for these settings. A provider of `previous` whose settings are unchanged is reused, with its
    /// connections. Blocks while it checks whether a program is installed.
    pub fn new(asr: &AsrConfig, tts: &TtsConfig, vad: &VadConfig, previous: Option<&Self>) -> Self {
        let same_asr = previous.filter(|previous| previous.built_from.0 == *asr);
        let same_tts = previous.filter(|previous| previous.built_from.1 == *tts);
        let recogniser = same_asr.map_or_else(|| recogniser(asr), |previous| previous.recogniser.clone());
        let speaker = same_tts.map_or_else(|| speaker(tts), |previous| previous.synthesiser.clone());
        if let Some(recogniser) = &recogniser {
            crate::metrics::register_recogniser(recogniser.name());
        }
        if let Some(speaker) = &speaker {
            crate::metrics::register_speaker(speaker.name());
        }
        Self {
            recogniser,
            recognition_policy: recognition_policy(asr, vad),
            vad: vad.clone(),
            synthesiser: speaker,
            downlink: downlink(tts),
            built_from: (asr.clone(), tts.clone()),
        }
    }

    /// No recogniser and no speaker.
    pub fn none() -> Self {
        let (asr, vad, tts) = (AsrConfig::default(), VadConfig::default(), TtsConfig::default());
        let (recognition_policy, downlink) = (recognition_policy(&asr, &vad), downlink(&tts));
        Self { recogniser: None, recognition_policy, vad, synthesiser: None, downlink, built_from: (asr, tts) }
    }
}

/// Timeout, retries and maximum length of an utterance.
pub fn recognition_policy(asr: &AsrConfig, vad: &VadConfig) -> RecognitionPolicy {
    RecognitionPolicy {
        timeout: Duration::from_secs(asr.timeout_s),
        retries: asr.retries,
        max_length: Duration::from_secs(vad.max_utterance_s) + Duration::from_millis(vad.pre_roll_ms),
    }
}

/// Audio format for devices.
pub fn downlink(tts: &TtsConfig) -> Downlink {
    let TtsConfig { sample_rate, frame_ms, bitrate, .. } = *tts;
    Downlink { codec: DownlinkCodec::Opus, sample_rate, frame_ms, bitrate }
}

/// ASR and TTS, shared by all sessions.
pub struct Speech {
    parts: ArcSwap<Providers>,
    threads: Arc<WorkThreads>,
    detector: fn() -> Box<dyn VoiceDetector>,
    /// Shared by the audio buffers of all inputs.
    budget: Arc<AudioBudget>,
}

impl Speech {
    /// `threads` decode and encode audio; nothing else should run on them.
    pub fn new(threads: Arc<WorkThreads>, parts: Providers) -> Arc<Self> {
        let budget = AudioBudget::of_cores(std::thread::available_parallelism().map_or(1, usize::from));
        Arc::new(Self { parts: ArcSwap::from_pointee(parts), threads, detector: || Box::<Earshot>::default(), budget })
    }

    pub(crate) fn audio_budget(&self) -> &Arc<AudioBudget> {
        &self.budget
    }

    /// Replaces the providers for utterances and turns that begin from now on.
    pub fn apply(&self, parts: Providers) {
        self.parts.store(Arc::new(parts));
    }

    /// The current configuration.
    pub fn providers(&self) -> Guard<Arc<Providers>> {
        self.parts.load()
    }

    /// Starts a turn of speech; `None` without a speaker. See [`Playback::begin`].
    pub fn begin_turn(&self, target: PlaybackTarget, on_end: impl FnOnce() + Send + 'static) -> Option<Playback> {
        let speaker = self.providers().synthesiser.clone()?;
        Some(Playback::begin(speaker, &self.threads, target, on_end))
    }

    /// Starts a turn that plays sounds, and speaks if a speaker is configured. See [`Playback::begin`].
    pub fn begin_sounds(&self, target: PlaybackTarget, on_end: impl FnOnce() + Send + 'static) -> Playback {
        let speaker = self.providers().synthesiser.clone().unwrap_or_else(|| Arc::new(Mute));
        Playback::begin(speaker, &self.threads, target, on_end)
    }

    pub(crate) fn threads(&self) -> &WorkThreads {
        &self.threads
    }

    pub(crate) fn detector(&self) -> Box<dyn VoiceDetector> {
        (self.detector)()
    }
}
