//! The sections `asr`, `tts` and `vad`, as the speech services of sessions.

use modehost_config::Loaded;
use modehost_speech::Providers;
use modehost_speech::config::VadConfig;

use super::Settings;
use super::document::from_older_name;

/// The speech services to use from now on, in place of `before`. Blocks while it checks whether a program is installed.
pub fn speech_parts(loaded: &Loaded<Settings>, before: Option<&Providers>) -> Providers {
    Providers::new(&loaded.document.asr, &loaded.document.tts, &vad(loaded), before)
}

/// The manual fallback may be set under an older name that its users know.
fn vad(loaded: &Loaded<Settings>) -> VadConfig {
    let mut vad = loaded.document.vad.clone();
    if let Some((name, value)) = from_older_name(loaded, "vad.manual_fallback_ms") {
        match value.as_u64() {
            Some(ms @ 500..=600_000) => vad.manual_fallback_ms = ms,
            _ => tracing::warn!("{name} must be 500 to 600000; {} is used", vad.manual_fallback_ms),
        }
    }
    vad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::BUILT_IN;

    #[test]
    fn a2_the_fallback_has_an_older_name() {
        let fallback = |text: &str| {
            let source = modehost_config::Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
            vad(&source.load_text::<Settings>("c.yaml", text).expect("a document")).manual_fallback_ms
        };
        let older = "config: { older_names: { old.fallback: vad.manual_fallback_ms } }\n";
        assert_eq!(fallback(older), 5000);
        assert_eq!(fallback(&format!("{older}old: {{ fallback: 3000 }}\n")), 3000);
        assert_eq!(fallback(&format!("{older}old: {{ fallback: 3 }}\n")), 5000);
        assert_eq!(fallback(&format!("{older}old: {{ fallback: 3000 }}\nvad: {{ manual_fallback_ms: 900 }}\n")), 900);
    }
}
