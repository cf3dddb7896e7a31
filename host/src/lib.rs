//! The server program: settings, composition, command line. It composes the crates beside this directory's `src`.
//!
//! # Layout, in the order of a start
//! - [`cli`]: the commands of the binary, and its exit codes
//! - [`settings`]: the whole configuration document, and the section of each crate
//! - [`log`]: log sinks, format and retention
//! - [`app`]: ports, storage, plugins, sessions, gateway; then serving; then draining
//! - [`admin`]: the admin API over HTTP
//! - [`metrics`]: the metrics of `/metrics`
//! - [`dev`]: builds plugins from source and rebuilds on changes
//! - [`plugin_file`]: inspection of single plugin files
//! - `segment`: ids in paths of the API
//! - [`terminal`]: output on the terminal
//!
//! Rule: this crate wires the other crates together and contains no logic of theirs; it is the only one that sees all
//! settings.

#![warn(missing_docs)]

pub mod admin;
pub mod app;
pub mod cli;
pub mod dev;
mod limits;
pub mod log;
pub mod metric_names;
pub mod metrics;
pub mod plugin_file;
mod segment;
pub mod settings;
pub mod terminal;
