//! What outlives the process: sessions, journals, documents, archives, the offline queue; and
//! where a device is connected.
//!
//! Rule: everything above this speaks to the traits in [`traits`], which assume neither one
//! process nor one machine; rusqlite is named in `sqlite` only. Calls never wait: each gives a
//! [`Reply`] to await. Writes of one caller are carried out in the order in which they were
//! submitted, and a reply means: on disk. What has to be on disk together is one batch
//! ([`traits::Batch`]).
//!
//! # Layout
//! - [`traits`]: documents, journals, queue, sessions, archives, directory
//! - [`reply`]: the answer to a call
//! - [`config`]: the settings of this crate
//! - [`sqlite`]: all of them in one database file
//! - [`fallback_queue`]: a file for the offline queue where that cannot be used
//! - [`mod@assemble`]: a journal put into the JSON object that it belongs to
//! - [`export`]: finished work as files for people
//! - [`sweeper`]: the end of journals that nobody needs
//! - `metrics`: descriptions of the metrics of this crate
//! - [`local_directory`]: the directory of a single process

#![warn(missing_docs)]

pub mod assemble;
pub mod config;
pub mod export;
pub mod fallback_queue;
/// Default times, depths and sizes.
pub mod limits;
pub mod local_directory;
mod metrics;
mod object;
pub mod reply;
pub mod sqlite;
pub mod sweeper;
pub mod traits;

pub use self::metrics::describe_metrics;
pub use assemble::assemble;
pub use config::Config;
pub use export::ArchiveExporter;
pub use fallback_queue::FallbackQueue;
pub use local_directory::LocalDirectory;
pub use reply::{Reply, StorageError};
pub use sqlite::{Amount, Backup, BackupError, Compacted, Forgotten, Lasting, OpenError, SqliteStorage, Usage, backup};
pub use sweeper::{JournalGc, sweep};
pub use traits::JournalPart;
