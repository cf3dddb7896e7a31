//! The contract with modes as Rust types, and the traits that a runtime implements. Rule: nothing here knows how modes
//! are run, and no mode by name.
//!
//! # Layout
//! - [`event`]: events that modes get
//! - [`effect`]: effects that modes return
//! - [`id`]: numbers by which modes name what they ask for
//! - [`mode`]: instances and generations, with their faults; [`mode_info`]: a mode as its plugin describes it
//! - [`service`]: models and webhooks, which modes call through the host
//! - [`catalog`]: which generation serves which session, and the reports that decide about rollback
//!
//! The types follow `wit/` variant by variant; each published contract version is converted to these, so that the rest
//! of the host has one vocabulary. See `wit/*.wit` for the meaning of every variant and field.

#![warn(missing_docs)]

pub mod catalog;
pub mod effect;
pub mod event;
pub mod id;
pub mod mode;
pub mod mode_info;
pub mod service;

pub use catalog::{Candidate, Catalog, CatalogEntry, CatalogTable, GenerationReport, StateSamples};
pub use effect::Effect;
pub use event::Event;
pub use mode::{Context, Fault, Generation, Instance, Manifest, Rejection, Snapshot, VoicePolicy};
pub use service::{Hooks, ModelPart, Models};
