//! Configuration in one YAML document: layering, validation and reload, for any document type.
//!
//! Rule: this crate knows no setting and no section by name. The caller supplies the type, with its JSON Schema, its
//! validation and its defaults; this crate reports what is wrong, where, and what to write instead. A document takes
//! effect only as a whole, and only if it is valid.
//!
//! # Layout, in the order in which a document is processed
//! - [`tree`]: parses YAML text to values with their line and column
//! - [`environment`]: variables that override single settings
//! - [`layers`]: built-in settings < file < remote configuration < environment, with the origin of each value
//! - [`schema_check`]: schema check: unknown keys, and texts that look like numbers
//! - [`load`]: the whole pipeline, resulting in a [`Loaded`] or [`Diagnostics`]
//! - [`diagnostic`]: diagnostics, as a person reads them
//! - [`remote_fetch`]: fetches a document from another machine, and stores its last good copy
//! - [`remote_config`]: a document of which a part is a remote configuration
//! - [`remote_policy`]: which settings may come from a remote configuration
//! - `metric`: metrics of reloads
//! - [`live`]: the current document, and its replacement as a whole
//! - [`watcher`]: reloads when the file changes
//! - [`mod@reference`]: the schema as a table for people

#![warn(missing_docs)]

pub mod diagnostic;
pub mod environment;
pub mod layers;
mod limits;
pub mod live;
pub mod load;
mod metric;
pub mod path;
pub mod reference;
pub mod remote_config;
pub mod remote_fetch;
pub mod remote_policy;
pub mod schema_check;
pub mod tree;
pub mod watcher;

pub use diagnostic::{Diagnostic, Diagnostics, Location};
pub use live::{LastReload, Live, Reloaded};
pub use load::{Document, Loaded, Section, Source};
pub use metric::describe_metrics;
pub use reference::{Reference, render_reference};
pub use remote_config::{FetchedConfig, InitialLoad, InitialLoadError, RemoteConfig};
pub use remote_fetch::{FetchError, Remote};
pub use remote_policy::{RemotePolicy, Switch};
pub use watcher::{WatchError, Watcher};
