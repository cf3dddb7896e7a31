//! Everything that is kept, in one SQLite file.
//!
//! Rule: a caller never touches the file. Writes go to one writer thread, which puts whatever
//! waits into one transaction and answers after the commit is on disk; reads go to threads with
//! connections of their own. A full queue is an error at once, never a wait.
//!
//! # Layout
//! - `open`: folder, lock, damaged and newer files, connections
//! - `names`: whether the files that are open still have their names
//! - `content`: whether what is in the file is still what was written there
//! - `schema`: the tables and the way from older ones
//! - `backlog`: the bounded queue in front of a thread
//! - `writer`: batches, savepoints, commits
//! - `reader`: reads beside the writer
//! - `room`: how much room the file may take
//! - `failure`: what an error of the engine means to a caller
//! - `backup`: a copy while it runs
//! - `of_device`: everything of one device, to be shown and to be forgotten
//! - `usage`: what takes the crate, and making room
//! - `watches`: who is told of changes
//! - `commit`: a batch of a session: its writes and its record
//! - `documents`, `journals`, `archives`, `offline_queue`, `sessions`, `devices`: one trait each

mod archives;
mod backlog;
mod backup;
mod commit;
mod content;
mod devices;
mod documents;
mod failure;
mod journals;
mod names;
mod of_device;
mod offline_queue;
mod open;
mod reader;
mod room;
mod schema;
mod sessions;
mod usage;
mod watches;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use crate::limits;
use parking_lot::Mutex;
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::Notify;

use self::backlog::Backlog;
use self::names::OpenFiles;
use self::reader::Read;
use self::room::Room;
use self::watches::Watches;
use self::writer::{Batch, Size, Write};
use crate::config::{Config, Shares};
use crate::reply::{Reply, StorageError};

pub use self::backup::{Backup, BackupError, backup};
pub use self::of_device::Forgotten;
pub use self::open::{Lasting, OpenError};
pub use self::usage::{Amount, Compacted, Usage};

/// What a storage that is in order must have room for: the largest entry of a journal.
const PROBE_BYTES: i64 = limits::JOURNAL_ENTRY_BYTES as i64;

/// The storage of a single machine. Dropping the last handle carries out what waits, then closes
/// the file and gives the folder free.
pub struct SqliteStorage {
    writes: Arc<Backlog<Box<dyn Write>>>,
    reads: Arc<Backlog<Box<dyn Read>>>,
    watches: Arc<Watches>,
    /// Told when files of finished work must follow.
    due: Arc<Notify>,
    file: Arc<PathBuf>,
    /// For [`Self::take_trouble`].
    trouble: Arc<Mutex<Option<StorageError>>>,
    /// Messages that may wait for one device.
    queue_limit: AtomicU32,
    /// What else bounds what waits.
    shares: Mutex<Shares>,
    /// MiB that the file may have.
    most: Arc<AtomicU32>,
    /// Finished works of a kind that are kept over all devices; 0: all.
    archive_keep: AtomicU32,
    /// See [`Config::archive_days`].
    archive_days: AtomicU32,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Ends the look through a large file.
    look: Option<InterruptHandle>,
    /// Held as long as the folder is in use.
    lock: Arc<Mutex<Option<std::fs::File>>>,
}

impl SqliteStorage {
    /// Opens the storage in `config.dir`, making or migrating the database, and starts its threads.
    /// Blocks for as long as the disk takes.
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
        let trouble: Arc<Mutex<Option<StorageError>>> = Arc::default();
        let lock = Arc::new(Mutex::new(Some(opened.lock)));
        let most = Arc::new(AtomicU32::new(config.max_mib));
        let room = Room::new(most.clone());
        let damage = opened.content.damage().clone();
        let names = OpenFiles::new(&file, lock.clone(), opened.content);
        let look = if opened.unchecked { Some(open::connect(&file)?) } else { None };
        let storage = Self {
            writes: writes.clone(),
            reads: reads.clone(),
            watches: watches.clone(),
            due: due.clone(),
            file: file.clone(),
            trouble: trouble.clone(),
            queue_limit: AtomicU32::new(limits::QUEUE_PER_DEVICE),
            shares: Mutex::new(config.shares()),
            most: most.clone(),
            archive_keep: AtomicU32::new(config.archive_keep),
            archive_days: AtomicU32::new(config.archive_days),
            threads: Mutex::new(Vec::new()),
            look: look.as_ref().map(Connection::get_interrupt_handle),
            lock,
        };
        // From here on an early return drops `storage`, which ends the threads already started.
        let mut threads = Vec::new();
        let writer_file = file.clone();
        let write =
            move || writer::run((opened.writer, names, room), &writer_file, &writes, &watches, (&due, &trouble));
        threads.push(start("storage-writer", write)?);
        for connection in opened.readers {
            let (reads, file, damage) = (reads.clone(), file.clone(), damage.clone());
            threads.push(start("storage-reader", move || reader::run(&connection, &file, &reads, &damage))?);
        }
        if let Some(connection) = look {
            threads.push(start("storage-look", move || {
                if let Err(error @ StorageError::Corrupt(_)) = content::verdict(&connection, &file) {
                    damage.found(&error);
                }
            })?);
        }
        *storage.threads.lock() = threads;
        Ok(Arc::new(storage))
    }

    /// Carries out everything that was submitted, then closes the file. Later calls are answered
    /// with `Closed`. Blocks until done; calling it twice is harmless.
    pub fn shutdown(&self) {
        self.reads.close();
        if let Some(look) = &self.look {
            look.interrupt();
        }
        let mut threads = std::mem::take(&mut *self.threads.lock());
        // The writer is the first of them and ends last: only a connection that may write takes the
        // write-ahead file into the database when it is closed as the last, and one file is left.
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

    /// Takes up the settings that need no restart.
    pub fn apply(&self, config: &Config) {
        *self.shares.lock() = config.shares();
        self.most.store(config.max_mib, Ordering::Relaxed);
        self.archive_keep.store(config.archive_keep, Ordering::Relaxed);
        self.archive_days.store(config.archive_days, Ordering::Relaxed);
    }

    /// Days after which finished work goes; 0: never for its age.
    pub(crate) fn archive_days(&self) -> u32 {
        self.archive_days.load(Ordering::Relaxed)
    }

    /// Writes as much as a document may hold, and removes it again. The answer says whether the
    /// storage can keep what it is given: the database is neither locked nor damaged, and has room.
    pub fn probe(&self) -> Reply<()> {
        // First what gives room back, where it is scarce.
        drop(self.free(|_| Ok(())));
        self.write(|batch| {
            // No document has an empty key, so this one is nobody's.
            let put = "INSERT INTO documents (key, version, value) VALUES ('', 0, hex(zeroblob(?1)))";
            batch.connection.prepare_cached(put)?.execute([PROBE_BYTES / 2])?;
            batch.connection.prepare_cached("DELETE FROM documents WHERE key = ''")?.execute(())?;
            Ok(())
        })
    }

    /// The last failure that hit all writes of a moment, if there was one since this was asked last.
    pub fn take_trouble(&self) -> Option<StorageError> {
        self.trouble.lock().take()
    }

    /// Tells the metrics how many reads wait, and the size of the database and of its write-ahead file. Asks the file
    /// system, so it may block for a moment.
    pub fn measure(&self) {
        let bytes = |suffix: &str| {
            let mut name = self.file.as_os_str().to_owned();
            name.push(suffix);
            std::fs::metadata(name).map_or(0, |metadata| metadata.len())
        };
        metrics::gauge!("modehost_storage_file_bytes").set((bytes("") + bytes("-wal")) as f64);
        let most = f64::from(self.most.load(Ordering::Relaxed)) * 1024.0 * 1024.0;
        metrics::gauge!("modehost_storage_max_bytes").set(most);
        metrics::gauge!("modehost_storage_waiting_reads").set(self.reads.len() as f64);
    }

    /// Queues a write. `work` runs inside a savepoint of its own: an error undoes it alone.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Reply<T> {
        self.submit(work, Size { operations: 1, frees: false })
    }

    /// As `write`, for what gives room back and takes none: it goes through where there is no room.
    fn free<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Reply<T> {
        self.submit(work, Size { operations: 1, frees: true })
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
        size: Size,
    ) -> Reply<T> {
        let (sender, reply) = Reply::waiting();
        answer(self.writes.push(writer::job(work, size, sender)), reply)
    }

    /// Queues a read.
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, failure::ReadError> + Send + 'static,
    ) -> Reply<T> {
        let (sender, reply) = Reply::waiting();
        answer(self.reads.push(reader::job(work, sender)), reply)
    }
}

impl Drop for SqliteStorage {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn start(name: &str, life: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new().name(name.into()).spawn(life).map_err(OpenError::Thread)
}

/// The reply, or why the call could not even be queued.
fn answer<T>(queued: Result<(), StorageError>, reply: Reply<T>) -> Reply<T> {
    match queued {
        Ok(()) => reply,
        Err(error) => refuse(error),
    }
}

/// An error known before anything was queued.
fn refuse<T>(error: StorageError) -> Reply<T> {
    failure::count(&error);
    Reply::ready(Err(error))
}

/// Checks the length of a key, a name or a value.
fn check_bytes(what: &str, text: &str, least: usize, most: usize) -> Result<(), StorageError> {
    if (least..=most).contains(&text.len()) {
        return Ok(());
    }
    Err(StorageError::Invalid(format!("{what} has {} bytes; {least} to {most} are allowed", text.len())))
}

/// SQLite counts with a sign; figures beyond that mean "for ever" anyway.
fn signed(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

/// The way back; figures of ours are never negative.
fn unsigned(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or(0)
}
