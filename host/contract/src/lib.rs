//! What the host knows of modes: the words of the contract as Rust types, and the traits that a
//! runtime implements. Rule: nothing here knows how modes are run, and no mode by name.
//!
//! # Layout
//! - [`event`]: what a mode is told
//! - [`effect`]: what a mode wants done
//! - [`mode`]: instances and generations, with their faults
//! - [`service`]: models and webhooks, which modes ask for
//! - [`catalog`]: which generation serves whom, and the reports that decide about roll-back
//!
//! The types follow `wit/` case by case; each published track of the contract is converted to
//! these, so that the rest of the host has one set of words. See `wit/*.wit` for the meaning of
//! every case and field.

pub mod catalog;
pub mod effect;
pub mod event;
pub mod mode;
pub mod service;

pub use catalog::{Candidate, Catalog, Entry, Report, StateSamples, Table};
pub use effect::Effect;
pub use event::Event;
pub use mode::{Context, Fault, Generation, Instance, Manifest, Rejection, Snapshot, VoicePolicy};
pub use service::{Hooks, ModelPart, Models};
