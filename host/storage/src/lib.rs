//! Persistent storage: sessions, journals, documents, archives, the offline queue; and the directory of connected
//! devices.
//!
//! Rule: callers use the traits in [`traits`], which assume neither a single process nor a single machine; rusqlite is
//! named in `sqlite` only. Calls never block: each returns a [`Reply`] to await. Writes of one caller are applied in
//! the order of submission, and a reply means that the write is on disk. Writes that have to be durable together form
//! one batch ([`traits::Batch`]).
//!
//! # Layout
//! - [`traits`]: documents, journals, queue, sessions, archives, directory
//! - [`reply`]: the result of a call
//! - [`config`]: the settings of this crate
//! - [`sqlite`]: all traits in one database file
//! - [`fallback_queue`]: a file for the offline queue while the database cannot be used
//! - [`mod@assemble`]: inserts a journal into the JSON object that it belongs to
//! - [`export`]: archive entries as files for people
//! - [`reading`]: an archive entry as people read it
//! - [`journal_gc`]: removal of orphaned journals and expired archive entries
//! - `metrics`: descriptions of this crate's metrics
//! - [`local_directory`]: the device directory of a single process
//! - [`single_node`]: claims where there is one node only

#![warn(missing_docs)]

pub mod assemble;
pub mod config;
pub mod export;
pub mod fallback_queue;
pub mod journal_gc;
/// Default times, depths and sizes.
pub mod limits;
pub mod local_directory;
mod metrics;
mod object;
pub mod reading;
pub mod reply;
pub mod single_node;
pub mod sqlite;
pub mod traits;

pub use self::metrics::describe_metrics;
pub use assemble::assemble;
pub use config::Config;
pub use export::ArchiveExporter;
pub use fallback_queue::FallbackQueue;
pub use journal_gc::{JournalGc, sweep};
pub use local_directory::LocalDirectory;
pub use reading::{ReadEntry, read_entry};
pub use reply::{Reply, StorageError};
pub use single_node::SingleNode;
pub use sqlite::{
    ApplyError, ArchiveCursor, ArchiveKind, ArchivePage, ArchiveQuery, ArchiveRow, Backup, BackupError, ClusterEvents,
    CommandLog, CompactionReport, DocumentRow, ErasureReport, KindUsage, LogEntry, LogPosition, OpenError,
    PermanentError, SqliteStorage, Usage, backup, log_position_of,
};
pub use traits::JournalPart;
