//! One YAML document, layered, checked and reloaded: the machinery, for whatever type the caller has.
//!
//! Rule: this crate knows no setting and no section by name. The caller brings the type, with its
//! JSON Schema, its validation and its defaults; this crate says what is wrong, where, and what to
//! write instead, and nothing takes effect unless the whole document is good.
//!
//! # Layout, in the order in which a document walks
//! - [`tree`]: YAML text to values that know their line and column
//! - [`environment`]: variables that override single settings
//! - [`layers`]: built-in settings < file < what comes from elsewhere < environment, with the origin of each value
//! - [`conform`]: unknown keys and texts that look like numbers, by the schema
//! - [`load`]: all of it, giving a [`Loaded`] or [`Problems`]
//! - [`problem`]: what is wrong, as a person reads it
//! - [`remote`]: a text that another machine keeps, and its last good copy
//! - [`elsewhere`]: a document of which a part comes from there
//! - [`afar`]: which settings may come from there
//! - `metric`: what is counted of reloads
//! - [`live`]: the document that holds now, and its replacement as a whole
//! - [`watcher`]: reloads when the file changes
//! - [`mod@reference`]: the schema as a table for people

#![warn(missing_docs)]

pub mod afar;
pub mod conform;
pub mod elsewhere;
pub mod environment;
pub mod layers;
mod limits;
pub mod live;
pub mod load;
mod metric;
pub mod path;
pub mod problem;
pub mod reference;
pub mod remote;
pub mod tree;
pub mod watcher;

pub use afar::{Afar, Switch};
pub use elsewhere::{Elsewhere, First, FirstError, Held};
pub use live::{LastReload, Live, Reloaded};
pub use load::{Document, Loaded, Section, Source};
pub use metric::describe_metrics;
pub use problem::{Place, Problem, Problems};
pub use reference::{Reference, render_reference};
pub use remote::{FetchError, Remote};
pub use watcher::{WatchError, Watcher};
