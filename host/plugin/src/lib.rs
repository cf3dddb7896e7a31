//! The plugin runtime: WASM components in, modes out. Rule: the only crate that names wasmtime;
//! the rest of the host sees the traits of `modehost-contract`.
//!
//! # Layout, in the order in which a plugin goes through it
//! - [`package`]: what a file says without being run
//! - [`load`]: prepare and probe; every reason to refuse a file
//! - [`generation`]: a version with its settings and grants, from which instances are opened
//! - `instance`, `convert`, `grants`: one session's instance, its events in and its effects out
//! - `compiled`, [`compiler`], `cache`: machine code, made in a program of its own
//! - `track`, `exports`: the versions of the contract that components may be built against
//! - [`catalog`]: which versions serve; trials, roll-back, status
//! - `folder`: the plugin folder and being told of changes in it
//! - [`config`], [`inspect`]: settings, and a look at a file for operators
//! - `engine`, `pool`, `wasi`, `guest`, `log`: what instances run on
//! - `figures`: what the figures of this room mean

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
mod figures;
mod folder;
pub mod generation;
pub mod grants;
mod guest;
pub mod inspect;
mod instance;
pub mod load;
mod log;
mod manifest;
pub mod package;
mod pool;
mod probe;
mod runtime;
mod track;
mod wasi;

pub use catalog::{CatalogError, Ground, PluginCatalog};
pub use compiler::Helper;
pub use config::{Config, Shared};
pub use figures::describe_figures;
pub use generation::{Tally, WasmGeneration};
pub use inspect::{Inspection, inspect};
pub use load::LoadError;
pub use runtime::{Runtime, RuntimeConfig, RuntimeError};
pub use track::Track;
