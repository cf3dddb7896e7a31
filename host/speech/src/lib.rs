//! Speech: device audio to text (ASR), text to device audio (TTS).
//!
//! # Layout, in the order in which audio flows
//! - [`audio_input`]: packets of a device, in their order; decoding, VAD and endpointing in one task
//! - [`decode`]: packets to PCM
//! - [`vad`]: voice activity detection
//! - [`endpointing`]: where an utterance begins and ends, as one state machine
//! - [`asr`]: an utterance to text, by a provider
//! - [`tts`]: text to audio, by a provider
//! - [`mod@speakable`]: the part of an answer that is spoken
//! - [`playback`]: TTS playback of one turn on one connection, paced
//! - [`encode`]: PCM to packets
//! - [`resample`]: PCM at another sample rate
//! - [`mod@sound`]: recordings as files
//! - [`provider_test`]: one utterance or sentence for a provider, for operators
//! - [`service`]: the providers that sessions use, replaced while the server runs
//! - `join`: joins texts
//! - `http`: requests to providers
//! - [`fault`]: provider failures
//! - `metrics`: descriptions of this crate's metrics
//! - [`config`]: this crate's settings
//!
//! Rule: nothing here knows modes or sessions. A session uses one [`AudioInput`] and one [`Playback`] per turn.
#![warn(missing_docs)]

pub mod asr;
pub mod audio_input;
pub mod config;
pub mod decode;
pub mod encode;
pub mod endpointing;
pub mod fault;
mod http;
mod join;
/// Default timeouts, queue depths and sizes.
pub mod limits;
mod metrics;
pub mod playback;
pub mod provider_test;
pub mod resample;
pub mod service;
pub mod sound;
pub mod speakable;
pub mod tts;
pub mod vad;

pub use self::metrics::describe_metrics;
pub use audio_input::{AsrResult, AudioEvent, AudioInput, InputEvent, InputListener, InputState};
pub use encode::{Downlink, DownlinkCodec};
pub use fault::{Fault, FaultKind};
pub use join::join;
pub use playback::{Playback, PlaybackTarget, PlayedText};
pub use service::{Providers, Speech};
pub use sound::Sound;
pub use speakable::speakable;
