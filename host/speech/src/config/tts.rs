//! Settings of the section `tts`: the provider of speech, and the audio format for devices. Rule: the chosen provider
//! needs its section.

use crate::limits;
use garde::Validate;
use modehost_ids::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::is_base_url;
use super::key::{Key, is_key};

/// Provider of speech synthesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TtsProvider {
    /// `openai` where `tts.openai` is given, else `espeak` where it is installed, else none.
    #[default]
    Auto,
    /// Off: answers are sent as captions only.
    None,
    /// Any service with OpenAI's `/audio/speech`.
    OpenAi,
    /// The program espeak-ng on this machine.
    Espeak,
}

/// Section `tts`: speech synthesis. Hot: from the next answer, except `sample_rate` and `frame_ms`, which a device
/// receives when it says hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct TtsConfig {
    /// `auto`, `none`, `openai` or `espeak`. Default `auto`.
    #[garde(custom(self.is_configured()))]
    pub provider: TtsProvider,
    /// Sample rate of the audio for devices, in Hz: 8000, 12000, 16000, 24000 or 48000. Default 24000.
    #[garde(custom(is_opus_rate))]
    pub sample_rate: u32,
    /// Length of a frame, in ms: 20, 40 or 60. Default 60.
    #[garde(custom(is_frame))]
    pub frame_ms: u32,
    /// Bit rate of Opus for devices, in bit/s, 6000 to 128000. Default 24000.
    #[garde(range(min = 6000, max = 128_000))]
    pub bitrate: u32,
    /// Time from a sentence to its first audio, in s, 1 to 60. Default 10.
    #[garde(range(min = 1, max = 60))]
    pub timeout_s: u64,
    /// OpenAI-compatible speech. Default none.
    #[garde(dive)]
    pub openai: Option<SpeechConfig>,
    /// espeak-ng.
    #[garde(dive)]
    pub espeak: EspeakConfig,
}

impl Default for TtsConfig {
    fn default() -> Self {
        Self {
            provider: TtsProvider::Auto,
            sample_rate: limits::TTS_SAMPLE_RATE,
            frame_ms: limits::TTS_FRAME_MS,
            bitrate: limits::TTS_BITRATE,
            timeout_s: limits::TTS_TIMEOUT.as_secs(),
            openai: None,
            espeak: EspeakConfig::default(),
        }
    }
}

impl TtsConfig {
    fn is_configured(&self) -> impl FnOnce(&TtsProvider, &()) -> garde::Result {
        let there = self.provider != TtsProvider::OpenAi || self.openai.is_some();
        move |_, ()| {
            if there { Ok(()) } else { Err(garde::Error::new("`openai` needs the section `tts.openai`")) }
        }
    }
}

fn is_opus_rate(rate: &u32, _: &()) -> garde::Result {
    match rate {
        8000 | 12_000 | 16_000 | 24_000 | 48_000 => Ok(()),
        _ => Err(garde::Error::new("must be 8000, 12000, 16000, 24000 or 48000: Opus has no other rates")),
    }
}

fn is_frame(ms: &u32, _: &()) -> garde::Result {
    if matches!(ms, 20 | 40 | 60) { Ok(()) } else { Err(garde::Error::new("must be 20, 40 or 60")) }
}

/// A service with OpenAI's `/audio/speech`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct SpeechConfig {
    /// Base URL without `/audio/speech`, such as `https://api.example.org/v1`. Must be given.
    #[garde(custom(is_base_url))]
    pub base_url: Address,
    /// Sent as `Authorization: Bearer`. Default none.
    #[serde(default)]
    #[garde(inner(custom(is_key)))]
    pub api_key: Option<Key>,
    /// Model, as the provider names it. Must be given.
    #[garde(length(min = 1, max = 256))]
    pub model: String,
    /// Voice, as the provider names it. Default `alloy`.
    #[serde(default = "voice")]
    #[garde(length(min = 1, max = 256))]
    pub voice: String,
    /// Speed factor, 0.25 to 4. Default 1.
    #[serde(default = "speed")]
    #[garde(range(min = 0.25, max = 4.0))]
    pub speed: f64,
    /// Requested format: `pcm`, `wav`, `mp3` or `opus`; for services without PCM. The format of a response is detected.
    /// Default `pcm`.
    #[serde(default)]
    #[garde(skip)]
    pub response_format: SpeechFormat,
    /// Sample rate of PCM without a header, in Hz, 8000 to 48000; other formats carry it themselves. Default 24000.
    #[serde(default = "pcm_rate")]
    #[garde(range(min = 8000, max = 48_000))]
    pub pcm_rate: u32,
}

/// Format that is requested of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeechFormat {
    /// Samples of 16 bit, which need no decoding.
    #[default]
    Pcm,
    /// PCM with a RIFF header.
    Wav,
    /// MPEG layer III.
    Mp3,
    /// Opus in Ogg.
    Opus,
}

fn voice() -> String {
    "alloy".to_owned()
}

fn speed() -> f64 {
    1.0
}

fn pcm_rate() -> u32 {
    24_000
}

/// The program espeak-ng.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct EspeakConfig {
    /// Name or path of the program. Default `espeak-ng`.
    #[garde(length(min = 1, max = 4096))]
    pub program: String,
    /// Voice, as `espeak-ng --voices` lists them. Default none: `cmn` for a sentence with Chinese
    /// characters, `en-us` for others.
    #[garde(inner(length(min = 1, max = 64), ascii))]
    pub voice: Option<String>,
    /// Words per minute, 80 to 450. Default 175.
    #[garde(range(min = 80, max = 450))]
    pub rate: u32,
}

impl Default for EspeakConfig {
    fn default() -> Self {
        Self { program: "espeak-ng".to_owned(), voice: None, rate: 175 }
    }
}
