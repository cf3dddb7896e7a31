//! One YAML document, layered, checked and reloaded: the machinery, for whatever type the caller has.
//!
//! Rule: this crate knows no setting and no section by name. The caller brings the type, with its
//! JSON Schema, its validation and its defaults; this crate says what is wrong, where, and what to
//! write instead, and nothing takes effect unless the whole document is good.
//!
//! # Layout, in the order in which a document walks
//! - [`tree`]: YAML text to values that know their line and column
//! - [`environment`]: variables that override single settings
//! - [`layers`]: built-in settings < file < environment, with the origin of each value
//! - [`conform`]: unknown keys and texts that look like numbers, by the schema
//! - [`load`]: all of it, giving a [`Loaded`] or [`Problems`]
//! - [`problem`]: what is wrong, as a person reads it
//! - [`live`]: the document that holds now, and its replacement as a whole
//! - [`watcher`]: reloads when the file changes
//! - [`reference`]: the schema as a commented YAML page

pub mod conform;
pub mod environment;
pub mod layers;
pub mod live;
pub mod load;
pub mod path;
pub mod problem;
pub mod reference;
pub mod tree;
pub mod watcher;

pub use live::{Live, Reloaded};
pub use load::{Document, Loaded, Section, Source};
pub use problem::{Place, Problem, Problems};
pub use reference::render_reference;
pub use watcher::{WatchError, Watcher};
