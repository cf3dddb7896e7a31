//! Settings of the section `asr`: the recogniser and how it is reached. Rule: the chosen provider needs its section.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::limits;
use garde::Validate;
use modehost_ids::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::{is_base_url, is_socket};
use super::key::{Key, is_key};

/// Provider of speech recognition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AsrProvider {
    /// Off: only typed text is processed.
    #[default]
    None,
    /// Volcengine (Doubao) streaming.
    Doubao,
    /// A FunASR runtime.
    FunAsr,
    /// Any service with OpenAI's `/audio/transcriptions`.
    OpenAi,
    /// On this machine, without a service.
    Local,
}

/// Section `asr`: speech recognition. Hot: from the next utterance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct AsrConfig {
    /// `none`, `doubao`, `funasr`, `openai` or `local`. Default `none`.
    #[garde(custom(self.is_configured()))]
    pub provider: AsrProvider,
    /// Time from the end of an utterance to its text, including retries, in s, 1 to 120. Default 10.
    #[garde(range(min = 1, max = 120))]
    pub timeout_s: u64,
    /// Retries after a transient failure, 0 to 10; each gets the audio that has not been acknowledged. Default 2.
    #[garde(range(max = 10))]
    pub retries: u32,
    /// Volcengine (Doubao) streaming. Default none.
    #[garde(dive)]
    pub doubao: Option<DoubaoConfig>,
    /// FunASR runtime. Default none.
    #[garde(dive)]
    pub funasr: Option<FunAsrConfig>,
    /// OpenAI-compatible transcription. Default none.
    #[garde(dive)]
    pub openai: Option<TranscriptionConfig>,
    /// On this machine. Default none.
    #[garde(dive)]
    pub local: Option<LocalConfig>,
}

impl Default for AsrConfig {
    fn default() -> Self {
        Self {
            provider: AsrProvider::None,
            timeout_s: limits::RECOGNITION.as_secs(),
            retries: limits::RECOGNITION_RETRIES,
            doubao: None,
            funasr: None,
            openai: None,
            local: None,
        }
    }
}

impl AsrConfig {
    /// The chosen provider needs its section.
    fn is_configured(&self) -> impl FnOnce(&AsrProvider, &()) -> garde::Result {
        let there = match self.provider {
            AsrProvider::None => true,
            AsrProvider::Doubao => self.doubao.is_some(),
            AsrProvider::FunAsr => self.funasr.is_some(),
            AsrProvider::OpenAi => self.openai.is_some(),
            AsrProvider::Local => self.local.is_some(),
        };
        move |provider, ()| match (there, provider) {
            (true, AsrProvider::Local) if !cfg!(feature = "whisper") => Err(garde::Error::new(
                "this build has no local recogniser; build with `--features whisper`, or choose another provider",
            )),
            (true, _) => Ok(()),
            (false, provider) => {
                let name = format!("{provider:?}").to_lowercase();
                Err(garde::Error::new(format!("`{name}` needs the section `asr.{name}`")))
            }
        }
    }
}

/// Volcengine (Doubao) streaming recognition, API v3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct DoubaoConfig {
    /// Default `wss://openspeech.bytedance.com/api/v3/sauc/bigmodel_async`.
    #[serde(default = "doubao_url")]
    #[garde(custom(is_socket))]
    pub url: Address,
    /// Sent as `X-Api-App-Key`. Must be given.
    #[garde(custom(is_key))]
    pub app_key: Key,
    /// Sent as `X-Api-Access-Key`. Must be given.
    #[garde(custom(is_key))]
    pub access_key: Key,
    /// Sent as `X-Api-Resource-Id`. Default `volc.bigasr.sauc.duration`.
    #[serde(default = "doubao_resource")]
    #[garde(length(min = 1, max = 128), ascii)]
    pub resource_id: String,
    /// Such as `zh-CN`. Default none: the provider decides.
    #[serde(default)]
    #[garde(inner(length(min = 2, max = 32), ascii))]
    pub language: Option<String>,
    /// Silence that closes a sentence at the provider, in ms, 200 to 10000. Default 800.
    #[serde(default = "doubao_window")]
    #[garde(range(min = 200, max = 10_000))]
    pub end_window_ms: u64,
}

fn doubao_url() -> Address {
    "wss://openspeech.bytedance.com/api/v3/sauc/bigmodel_async".into()
}

fn doubao_resource() -> String {
    "volc.bigasr.sauc.duration".to_owned()
}

fn doubao_window() -> u64 {
    800
}

/// Mode of a FunASR runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FunAsrMode {
    /// Partial results during speech, then a better result for each sentence.
    #[default]
    #[serde(rename = "2pass")]
    TwoPass,
    /// Partial results only, with the lowest latency; the last one is the text.
    #[serde(rename = "online")]
    Online,
    /// One result per sentence, after its end; no partial results.
    #[serde(rename = "offline")]
    Offline,
}

/// A FunASR runtime's WebSocket service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct FunAsrConfig {
    /// Such as `ws://127.0.0.1:10095/`. Must be given.
    #[garde(custom(is_socket))]
    pub url: Address,
    /// `2pass`, `online` or `offline`. Default `2pass`.
    #[serde(default)]
    #[garde(skip)]
    pub mode: FunAsrMode,
    /// Words to recognise preferably, with their weights, 1 to 100. Default none.
    #[serde(default)]
    #[garde(length(max = 1000))]
    pub hotwords: BTreeMap<String, u32>,
    /// Accept any certificate: the runtime creates a self-signed one. Default false.
    #[serde(default)]
    #[garde(skip)]
    pub accept_invalid_certificates: bool,
}

/// A service with OpenAI's `/audio/transcriptions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct TranscriptionConfig {
    /// Base URL without `/audio/transcriptions`, such as `https://api.example.org/v1`. Must be given.
    #[garde(custom(is_base_url))]
    pub base_url: Address,
    /// Sent as `Authorization: Bearer`. Default none.
    #[serde(default)]
    #[garde(inner(custom(is_key)))]
    pub api_key: Option<Key>,
    /// Model, as the provider names it. Must be given.
    #[garde(length(min = 1, max = 256))]
    pub model: String,
    /// Such as `zh`. Default none: the provider detects it.
    #[serde(default)]
    #[garde(inner(length(min = 2, max = 32), ascii))]
    pub language: Option<String>,
    /// Words and names to expect. Default none.
    #[serde(default)]
    #[garde(inner(length(max = 2000)))]
    pub prompt: Option<String>,
}

/// Recognition on this machine, by whisper.cpp; only in builds with the feature `whisper`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// File of a model in whisper.cpp's ggml format. Must be given.
    #[garde(skip)]
    pub model_path: PathBuf,
    /// Such as `zh`. Default none: the language is detected.
    #[serde(default)]
    #[garde(inner(length(min = 2, max = 32), ascii))]
    pub language: Option<String>,
    /// Threads for one utterance, 1 to 64. Default 2.
    #[serde(default = "local_threads")]
    #[garde(range(min = 1, max = 64))]
    pub threads: u16,
}

fn local_threads() -> u16 {
    2
}
