//! Hearing and speaking: a device's sound to text, text to a device's sound.
//!
//! # Layout, in the order in which sound walks
//! - [`ear`]: what a device sends, in its order; decoding, voice activity and listening in one task
//! - [`decode`]: packets to PCM
//! - [`voice_activity`]: where somebody speaks
//! - [`listen`]: listening as one state machine
//! - [`recognise`]: an utterance to text, by a provider
//! - [`speak`]: text to sound, by a provider
//! - [`speakable`]: the gate before the voice
//! - [`mouth`]: a turn of speech on one connection, paced
//! - [`encode`]: PCM to packets
//! - [`resample`]: sound at another rate
//! - [`service`]: what sessions hear and speak with, replaced while the server runs
//! - `join`: texts put together
//! - `http`: calls of providers
//! - [`fault`]: what can go wrong with a provider
//! - `figures`: what the figures of this room mean
//! - [`config`]: the settings of this room
//!
//! Rule: nothing here knows modes or sessions; what a session needs of it are an ear and a mouth.

pub mod config;
pub mod decode;
pub mod ear;
pub mod encode;
pub mod fault;
mod figures;
mod http;
mod join;
pub mod listen;
pub mod mouth;
pub mod recognise;
pub mod resample;
pub mod service;
pub mod speak;
pub mod speakable;
pub mod voice_activity;

pub use ear::{Ear, Listener, Note, Report, Sound, Words};
pub use encode::{Downlink, DownlinkCodec};
pub use fault::{Fault, FaultKind};
pub use figures::describe_figures;
pub use join::join;
pub use mouth::{Heard, Speaking, Stage};
pub use service::{Parts, Speech};
pub use speakable::speakable;
