//! The server as a whole: settings, composition, command line. The rooms that it joins are the
//! crates beside this folder's `src`.
//!
//! # Layout, in the order in which a start walks
//! - [`cli`]: what can be asked of the binary, and its exit codes
//! - [`settings`]: the whole configuration document, and each room's part of it
//! - [`log`]: where log lines go
//! - [`app`]: ports, storage, plugins, sessions, gateway; then ready; then drained
//! - [`admin`]: the HTTP interface for operators
//! - [`metrics`]: what `/metrics` shows
//! - [`dev`]: builds plugins from source and rebuilds what changes
//! - [`plugin_file`]: one plugin file as operators look at it
//! - [`terminal`]: lines for whoever started the server
//!
//! Rule: this crate joins the rooms and decides nothing in their place; it is the only one that
//! sees all settings.

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
pub mod settings;
pub mod terminal;
