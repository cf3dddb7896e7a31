//! Startup log lines about language model, ASR and TTS. Rule: what is missing is named with its effect for users and
//! with the setting that changes it; no key and no address with a password is shown.

use modehost_speech::Providers;

use crate::settings::Settings;

/// Logs one line each for model, ASR and TTS.
pub fn log(settings: &Settings, speech: &Providers) {
    match model(settings) {
        Some(model) => tracing::info!(model, "model: questions are answered by it"),
        None => tracing::info!(
            "model: none; questions are answered by rules or not at all, summaries are made by rules; set llm.aliases.default"
        ),
    }
    match &speech.recogniser {
        Some(recogniser) => tracing::info!(provider = recogniser.name(), "recogniser: what is said is understood"),
        None => {
            tracing::info!("recogniser: none; what is said is not understood, typed turns work; set asr.provider");
        }
    }
    match &speech.synthesiser {
        Some(speaker) => tracing::info!(provider = speaker.name(), "voice: answers are spoken"),
        None => tracing::info!("voice: none; answers are shown as text and not spoken; set tts.provider"),
    }
}

/// Something that is not configured and that users would miss.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// `model`, `recogniser` or `voice`.
    pub what: &'static str,
    /// The setting that changes it.
    pub setting: &'static str,
    /// What it means for users, in one sentence.
    pub effect: &'static str,
}

/// What is not configured, in the order in which users miss it.
pub fn missing(settings: &Settings, speech: &Providers) -> Vec<Missing> {
    let absent = [
        (
            speech.recogniser.is_none(),
            Missing {
                what: "recogniser",
                setting: "asr.provider",
                effect: "What people say is not understood; typed turns work.",
            },
        ),
        (
            model(settings).is_none(),
            Missing {
                what: "model",
                setting: "llm.aliases.default",
                effect: "Questions are answered by rules or not at all; summaries are made by rules.",
            },
        ),
        (
            speech.synthesiser.is_none(),
            Missing { what: "voice", setting: "tts.provider", effect: "Answers are shown as text and not spoken." },
        ),
    ];
    absent.into_iter().filter_map(|(is_absent, missing)| is_absent.then_some(missing)).collect()
}

/// The provider's name of the model behind the alias `default`; else the names of the other aliases.
fn model(settings: &Settings) -> Option<String> {
    let aliases = &settings.llm.aliases;
    match aliases.get("default") {
        Some(alias) => Some(alias.model.clone().unwrap_or_else(|| "default".to_owned())),
        None if aliases.is_empty() => None,
        None => Some(aliases.keys().cloned().collect::<Vec<_>>().join(", ")),
    }
}
