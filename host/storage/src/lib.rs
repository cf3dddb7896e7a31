//! What outlives the process: sessions, journals, documents, archives, the offline queue; and
//! where a device is connected.
//!
//! Rule: everything above this speaks to the traits in [`traits`], which assume neither one
//! process nor one machine; rusqlite is named in `sqlite` only. Calls never wait: each gives a
//! [`Reply`] to await. Writes of one caller are carried out in the order in which they were
//! submitted, and a reply means: on disk.
//!
//! # Layout
//! - [`traits`]: documents, journals, queue, sessions, archives, directory
//! - [`reply`]: the answer to a call
//! - [`config`]: the settings of this room
//! - [`sqlite`]: all of them in one database file
//! - [`spare_queue`]: a file for the offline queue where that cannot be used
//! - [`assemble`]: a journal put into the JSON object that it belongs to
//! - [`export`]: finished work as files for people
//! - [`sweeper`]: the end of journals that nobody needs
//! - `figures`: what the figures of this room mean
//! - [`local_directory`]: the directory of a single process

pub mod assemble;
pub mod config;
pub mod export;
mod figures;
pub mod local_directory;
mod object;
pub mod reply;
pub mod spare_queue;
pub mod sqlite;
pub mod sweeper;
pub mod traits;

pub use assemble::assemble;
pub use config::Config;
pub use export::Exporter;
pub use figures::describe_figures;
pub use local_directory::LocalDirectory;
pub use reply::{Reply, StorageError};
pub use spare_queue::SpareQueue;
pub use sqlite::{Backup, BackupError, OpenError, SqliteStorage, backup};
pub use sweeper::Sweeper;
pub use traits::JournalPart;
