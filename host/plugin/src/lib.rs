//! The plugin runtime: WASM components in, modes out. Rule: the only crate that names wasmtime;
//! the rest of the host sees the traits of `modehost-contract`.
//!
//! # Layout, in the order in which a plugin goes through it
//! - [`package`]: what a file says without being run
//! - [`Runtime`]: prepares and probes a file; [`load`]: every reason to refuse one; `probe`, `manifest`: the trial
//! - [`generation`]: a version with its settings and grants, from which instances are opened
//! - `terms`: what the instances of a generation share
//! - `instance`, `convert`, `grants`: one session's instance, its events in and its effects out
//! - `compiled`, [`compiler`], `cache`: machine code, made in a program of its own
//! - `track`, `exports`: the versions of the contract that components may be built against
//! - [`catalog`]: which versions serve; trials, roll-back, status
//! - `folder`: the plugin folder and being told of changes in it
//! - [`config`], [`mod@inspect`]: settings, and a look at a file for operators
//! - `engine`, `pool`, `wasi`, `guest`, `log`: what instances run on
//! - `metrics`: descriptions of the metrics of this crate

#![warn(missing_docs)]

mod bindings;
mod cache;
pub mod catalog;
mod code;
mod compiled;
pub mod compiler;
pub mod config;
mod convert;
mod engine;
mod exports;
mod folder;
pub mod generation;
pub mod grants;
mod guest;
pub mod inspect;
mod instance;
/// Default times, depths and sizes.
pub mod limits;
pub mod load;
mod log;
mod manifest;
mod metrics;
pub mod package;
mod pool;
mod probe;
mod runtime;
mod terms;
mod track;
mod wasi;

pub use self::metrics::{begin_metrics, describe_metrics};
pub use catalog::{CatalogError, Ground, PluginCatalog, SettingsRefused, TableChanges};
pub use compiler::Helper;
pub use config::{Config, Shared};
pub use generation::WasmGeneration;
pub use inspect::{Inspection, inspect};
pub use load::LoadError;
pub use runtime::{Runtime, RuntimeConfig, RuntimeError};
pub use terms::CallStats;
pub use track::Track;
