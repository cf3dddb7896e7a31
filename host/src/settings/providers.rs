//! The providers of speech as an operator knows them. Rule: what is in use counts, not what is written: `auto` may have found a
//! program, and a provider without its section is none.

use modehost_speech::Providers;
use modehost_speech::config::{AsrProvider, TtsProvider};

use super::Settings;

/// What a provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Speech to text.
    Recogniser,
    /// Text to speech.
    Voice,
    /// Text to text.
    Model,
}

/// A provider that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What it is for.
    pub kind: ProviderKind,
    /// Such as `doubao`, or an alias.
    pub name: String,
    /// The model that it is asked for.
    pub model: Option<String>,
    /// Scheme, host and port; none for what runs on this machine.
    pub address: Option<String>,
    /// The section of its settings.
    pub setting: String,
}

/// The recogniser and the voice in use.
pub fn of_speech(settings: &Settings, in_use: &Providers) -> Vec<Provider> {
    let recogniser = in_use.recogniser.as_ref().map(|one| recogniser(settings, one.name()));
    let voice = in_use.synthesiser.as_ref().map(|one| voice(settings, one.name()));
    recogniser.into_iter().chain(voice).collect()
}

fn recogniser(settings: &Settings, name: &str) -> Provider {
    let asr = &settings.asr;
    let (model, address) = match asr.provider {
        AsrProvider::Doubao => {
            let doubao = asr.doubao.as_ref();
            (doubao.map(|one| one.resource_id.clone()), doubao.map(|one| one.url.to_string()))
        }
        AsrProvider::FunAsr => (None, asr.funasr.as_ref().map(|one| one.url.to_string())),
        AsrProvider::OpenAi => {
            let openai = asr.openai.as_ref();
            (openai.map(|one| one.model.clone()), openai.map(|one| one.base_url.to_string()))
        }
        AsrProvider::None | AsrProvider::Local => (None, None),
    };
    let setting = format!("asr.{name}");
    Provider { kind: ProviderKind::Recogniser, name: name.to_owned(), model, address, setting }
}

fn voice(settings: &Settings, name: &str) -> Provider {
    let openai = settings.tts.openai.as_ref().filter(|_| settings.tts.provider != TtsProvider::Espeak);
    let model = openai.map(|one| format!("{}, {}", one.model, one.voice));
    let address = openai.map(|one| one.base_url.to_string());
    Provider { kind: ProviderKind::Voice, name: name.to_owned(), model, address, setting: format!("tts.{name}") }
}
