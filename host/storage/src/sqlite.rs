//! All storage traits in one SQLite file.
//!
//! Rule: callers never touch the file. Writes go to a single writer thread, which groups what is queued into one
//! transaction and replies after the commit is on disk; reads go to threads with their own connections. A full queue is
//! an immediate error, never a wait.
//!
//! # Layout
//! - `open`: directory, lock file, damaged and newer files, connections
//! - `open_files`: whether the open files are still the ones at their paths
//! - `integrity`: whether the file still holds what this server wrote
//! - `schema`: tables and migrations
//! - `backlog`: the bounded queue in front of a thread
//! - `writer`: batches, savepoints, commits
//! - `reader`: reads beside the writer
//! - `capacity`: the size limit of the database
//! - `quotas`: what the settings allow, changed while the server runs
//! - `failure`: mapping of engine errors to errors for callers
//! - `backup`: a copy while the server runs
//! - `device_data`: export and erasure of everything of one device
//! - `browse`: lists of documents and finished work, in pages
//! - `usage`: disk usage and compaction
//! - `watches`: subscriptions to document changes
//! - `command`: durable operations as values
//! - `replication`: the storage as one of several copies, made from a log of commands
//! - `ownership`: which node of a cluster may write for a device
//! - `components`: the plugins of a cluster
//! - `commit`: session batches: writes and record
//! - `documents`, `journals`, `archives`, `offline_queue`, `sessions`, `devices`: one trait each
//! - `removed`: entries of the archive that were removed by age or number

mod archives;
mod backlog;
mod backup;
mod browse;
mod capacity;
mod command;
mod commit;
mod components;
mod device_data;
mod devices;
mod documents;
mod failure;
mod integrity;
mod journals;
mod offline_queue;
mod open;
mod open_files;
mod ownership;
mod quotas;
mod reader;
mod removed;
mod replication;
mod schema;
mod sessions;
mod usage;
mod watches;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::limits;
use parking_lot::Mutex;
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::Notify;

use self::backlog::Backlog;
use self::capacity::Capacity;
use self::open_files::OpenFiles;
use self::quotas::Quotas;
use self::reader::Read;
use self::replication::Replication;
use self::watches::Watches;
use self::writer::{Follower, JobInfo, Write, WriteContext};
use crate::config::Config;
use crate::reply::{Reply, StorageError};

pub use self::backup::{Backup, BackupError, backup};
pub use self::browse::{ArchiveCursor, ArchiveKind, ArchivePage, ArchiveQuery, ArchiveRow, DocumentRow};
pub use self::device_data::ErasureReport;
pub use self::open::{OpenError, PermanentError};
pub use self::replication::{ApplyError, ClusterEvents, CommandLog, LogEntry, LogPosition, log_position_of};
pub use self::usage::{CompactionReport, KindUsage, Usage};

/// Size of the test write: the largest journal entry.
const PROBE_BYTES: i64 = limits::JOURNAL_ENTRY_BYTES as i64;

/// The storage of a single machine. Dropping the last handle completes the queued writes, then closes the file and
/// releases the directory.
pub struct SqliteStorage {
    writes: Arc<Backlog<Box<dyn Write>>>,
    reads: Arc<Backlog<Box<dyn Read>>>,
    watches: Arc<Watches>,
    /// Notified when archive files are due for export.
    due: Arc<Notify>,
    file: Arc<PathBuf>,
    /// For [`Self::take_write_failure`].
    last_failure: Arc<Mutex<Option<StorageError>>>,
    quotas: Quotas,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Set where this is one of several copies.
    replication: OnceLock<Replication>,
    follower: Arc<OnceLock<Arc<dyn Follower>>>,
    /// Interrupts the background check of a large file.
    check_interrupt: Option<InterruptHandle>,
    /// Held for as long as the directory is in use.
    lock: Arc<Mutex<Option<std::fs::File>>>,
}

impl SqliteStorage {
    /// Opens the storage in `config.dir`, creating or migrating the database, and starts its threads. Blocks on disk
    /// IO.
    ///
    /// # Errors
    /// See [`OpenError`]; each names the file and what to do.
    pub fn open(config: &Config) -> Result<Arc<Self>, OpenError> {
        let opened = open::open(config)?;
        let file: Arc<PathBuf> = Arc::new(opened.file);
        let writes = Arc::new(Backlog::new(limits::WRITER_QUEUE));
        let reads = Arc::new(Backlog::new(limits::READER_QUEUE));
        let watches = Arc::new(Watches::default());
        let due = Arc::new(Notify::new());
        let last_failure: Arc<Mutex<Option<StorageError>>> = Arc::default();
        let lock = Arc::new(Mutex::new(Some(opened.lock)));
        let quotas = Quotas::new(config);
        let capacity = Capacity::new(quotas.max_mib.clone(), quotas.full.clone());
        let follower: Arc<OnceLock<Arc<dyn Follower>>> = Arc::default();
        let damage = opened.integrity.damage().clone();
        let open_files = OpenFiles::new(&file, lock.clone(), opened.integrity);
        let check_connection = if opened.unchecked { Some(open::connect(&file)?) } else { None };
        let storage = Self {
            writes: writes.clone(),
            reads: reads.clone(),
            watches: watches.clone(),
            due: due.clone(),
            file: file.clone(),
            last_failure: last_failure.clone(),
            quotas,
            threads: Mutex::new(Vec::new()),
            replication: OnceLock::new(),
            follower: follower.clone(),
            check_interrupt: check_connection.as_ref().map(Connection::get_interrupt_handle),
            lock,
        };
        // From here on an early return drops `storage`, which stops the threads already started.
        let mut threads = Vec::new();
        let writer_file = file.clone();
        let write = move || {
            writer::run_writer(
                (opened.writer, open_files, capacity),
                &writer_file,
                &writes,
                (&watches, &follower),
                (&due, &last_failure),
            )
        };
        threads.push(start("storage-writer", write)?);
        for connection in opened.readers {
            let (reads, file, damage) = (reads.clone(), file.clone(), damage.clone());
            threads.push(start("storage-reader", move || reader::run_reader(&connection, &file, &reads, &damage))?);
        }
        if let Some(connection) = check_connection {
            threads.push(start("storage-look", move || {
                if let Err(error @ StorageError::Corrupt(_)) = integrity::quick_check(&connection, &file) {
                    damage.record(&error);
                }
            })?);
        }
        *storage.threads.lock() = threads;
        Ok(Arc::new(storage))
    }

    /// Completes everything that was submitted, then closes the file. Later calls are answered with `Closed`. Blocks
    /// until done; calling it twice is harmless.
    pub fn shutdown(&self) {
        self.reads.close();
        if let Some(check_interrupt) = &self.check_interrupt {
            check_interrupt.interrupt();
        }
        let mut threads = std::mem::take(&mut *self.threads.lock());
        // The writer ends last: only a connection with write access checkpoints and removes the write-ahead log when it
        // is the last to close, which leaves a single file.
        threads.reverse();
        let writer = threads.pop();
        Self::join(threads);
        self.writes.close();
        Self::join(writer);
        self.lock.lock().take();
    }

    fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
        for thread in threads {
            // A watcher may hold the last handle, and then this runs on the writer thread itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }

    /// The directory of the database.
    pub fn dir(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Applies the settings that need no restart.
    pub fn apply(&self, config: &Config) {
        self.quotas.apply(config);
    }

    /// Days after which archive entries expire; 0: never by age.
    pub(crate) fn archive_days(&self) -> u32 {
        self.quotas.archive_days()
    }

    /// Writes as much as the largest journal entry, and removes it again. The reply says whether the storage can take
    /// writes: the database is neither locked nor damaged, and has room.
    pub fn probe(&self) -> Reply<()> {
        // First an operation that frees space, in case space is low.
        drop(self.write_freeing(|_| Ok(())));
        self.write(|context| {
            // No document has an empty key, so this row conflicts with none.
            let insert = "INSERT INTO documents (key, version, value) VALUES ('', 0, hex(zeroblob(?1)))";
            context.connection.prepare_cached(insert)?.execute([PROBE_BYTES / 2])?;
            context.connection.prepare_cached("DELETE FROM documents WHERE key = ''")?.execute(())?;
            Ok(())
        })
    }

    /// The last failure that hit a whole batch, if there was one since the last call.
    pub fn take_write_failure(&self) -> Option<StorageError> {
        self.last_failure.lock().take()
    }

    /// Updates the gauges of waiting reads and of the size of the database with its write-ahead log. Queries the file
    /// system, so it may block briefly.
    pub fn record_metrics(&self) {
        let bytes = |suffix: &str| {
            let mut name = self.file.as_os_str().to_owned();
            name.push(suffix);
            std::fs::metadata(name).map_or(0, |metadata| metadata.len())
        };
        metrics::gauge!("modehost_storage_file_bytes").set((bytes("") + bytes("-wal")) as f64);
        let max = f64::from(self.quotas.max_mib()) * 1024.0 * 1024.0;
        metrics::gauge!("modehost_storage_max_bytes").set(max);
        metrics::gauge!("modehost_storage_waiting_reads").set(self.reads.len() as f64);
    }

    /// Queues a write of what concerns this machine alone. `work` runs inside its own savepoint: an error undoes it alone.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteContext<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Reply<T> {
        self.submit(work, JobInfo { operations: 1, frees: false })
    }

    /// As `write`, for operations that only free space: they succeed even when the database is full.
    fn write_freeing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteContext<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Reply<T> {
        self.submit(work, JobInfo { operations: 1, frees: true })
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteContext<'_>) -> rusqlite::Result<T> + Send + 'static,
        info: JobInfo,
    ) -> Reply<T> {
        let (sender, reply) = Reply::channel();
        reply_or_error(self.writes.push(writer::job(work, info, sender)), reply)
    }

    /// Queues a read.
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, failure::ReadError> + Send + 'static,
    ) -> Reply<T> {
        let (sender, reply) = Reply::channel();
        reply_or_error(self.reads.push(reader::job(work, sender)), reply)
    }
}

impl Drop for SqliteStorage {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new().name(name.into()).spawn(body).map_err(OpenError::Thread)
}

/// The reply, or an error if the call could not be queued.
fn reply_or_error<T>(queued: Result<(), StorageError>, reply: Reply<T>) -> Reply<T> {
    match queued {
        Ok(()) => reply,
        Err(error) => reject(error),
    }
}

/// An error known before anything was queued.
fn reject<T>(error: StorageError) -> Reply<T> {
    failure::count_error(&error);
    Reply::ready(Err(error))
}

/// Checks the length of a key, a name or a value.
fn check_length(what: &str, text: &str, min: usize, max: usize) -> Result<(), StorageError> {
    if (min..=max).contains(&text.len()) {
        return Ok(());
    }
    Err(StorageError::Invalid(format!("{what} has {} bytes; {min} to {max} are allowed", text.len())))
}

/// SQLite integers are signed; larger values mean "for ever" anyway.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The inverse; stored values are never negative.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
