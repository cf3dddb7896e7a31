//! The plugin runtime: loads WASM components and runs them as modes. Rule: the only crate that names wasmtime; the rest
//! of the host sees the traits of `modehost-contract`.
//!
//! # Layout, in the order in which a plugin passes through it
//! - [`package`]: metadata of a file, read without running it
//! - [`Runtime`]: compiles and probes a file; [`load`]: every reason to reject one; `probe`, `manifest`: the checks
//! - [`generation`]: a version with its settings and grants, from which instances are opened
//! - `generation_state`: what the instances of a generation share
//! - `instance`, `convert`, `grants`: the instance of one session, conversion of its events and effects
//! - `compiled`, [`compiler`], `cache`: machine code, produced in a child process
//! - `contract_version`, `exports`: the supported contract versions
//! - [`catalog`]: the active versions; trials, rollback, status
//! - `directory`: the plugin directory and changes in it
//! - [`config`], [`mod@inspect`]: settings; inspection of a file for operators
//! - `engine`, `pool`, `wasi`, `guest`, `log`: the environment of instances
//! - `metrics`: descriptions of this crate's metrics

#![warn(missing_docs)]

mod bindings;
mod cache;
pub mod catalog;
mod code;
mod compiled;
pub mod compiler;
pub mod config;
mod contract_version;
mod convert;
mod directory;
mod engine;
mod exports;
pub mod generation;
mod generation_state;
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
mod wasi;

pub use self::metrics::{describe_metrics, register_metrics};
pub use catalog::{CatalogBackends, CatalogError, PluginCatalog, SettingsRejected, TableChanges};
pub use compiler::CompilerProcess;
pub use config::{Config, SharedSetting};
pub use contract_version::ContractVersion;
pub use generation::WasmGeneration;
pub use generation_state::CallStats;
pub use inspect::{Inspection, inspect};
pub use load::LoadError;
pub use runtime::{Runtime, RuntimeConfig, RuntimeError};
