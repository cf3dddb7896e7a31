//! Settings of the sections `asr`, `tts` and `vad`. Rule: validated settings can be used without further checks, and
//! neither `Debug` nor `Serialize` shows a key.

mod address;
mod asr;
mod key;
mod tts;
mod vad;

pub use self::asr::{AsrConfig, AsrProvider, DoubaoConfig, FunAsrConfig, FunAsrMode, LocalConfig, TranscriptionConfig};
pub use self::key::Key;
pub use self::tts::{EspeakConfig, SpeechConfig, SpeechFormat, TtsConfig, TtsProvider};
pub use self::vad::VadConfig;
