//! Opens the storage: directory, lock file, database, connections.
//!
//! Rule: a file that this server does not fully understand is left untouched and rejected with an error that names it
//! and says what to do.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::limits;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::integrity::{Damage, Integrity, MAGIC};
use super::schema;
use crate::config::Config;

pub(super) const DATABASE: &str = "modehost.db";
pub(super) const LOCK: &str = "modehost.lock";

/// Why the storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be created or written.
    #[error(
        "cannot use the data folder {dir}: {source}; let this user write there, or set storage.dir to another folder"
    )]
    Folder {
        /// `storage.dir`.
        dir: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process holds the directory's lock.
    #[error(
        "the data folder {dir} is in use by another server{holder}; stop that one, or set storage.dir to another folder"
    )]
    InUse {
        /// `storage.dir`.
        dir: PathBuf,
        /// ` (process 123)` if known.
        holder: String,
    },
    /// The schema is of a later version.
    #[error(
        "{file} was written by a newer server (its version is {found}, this server knows up to {ours}); start that server, \
         or set storage.dir to another folder"
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its schema version.
        found: usize,
        /// The newest version that this server supports.
        ours: usize,
    },
    /// The file is not a valid database.
    #[error(
        "{file} is damaged or no database of this server ({reason}); move it and the files {file}-wal and {file}-shm \
         away, then put a backup in its place, or begin empty"
    )]
    Damaged {
        /// The database.
        file: PathBuf,
        /// SQLite's message.
        reason: String,
    },
    /// The file cannot be opened.
    #[error("cannot open {file}: {reason}")]
    Unusable {
        /// The database.
        file: PathBuf,
        /// The message of SQLite or the operating system.
        reason: String,
    },
    /// No storage thread could be started.
    #[error("cannot start a storage thread: {0}; raise the limit on threads")]
    Thread(io::Error),
}

/// An error that a retry cannot fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermanentError {
    /// The data is damaged, or of a newer server.
    Data,
    /// Permission is missing.
    Permission,
}

impl OpenError {
    /// Whether the error persists until somebody fixes the cause.
    pub fn permanent(&self) -> Option<PermanentError> {
        match self {
            Self::Newer { .. } | Self::Damaged { .. } => Some(PermanentError::Data),
            Self::Folder { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(PermanentError::Permission)
            }
            _ => None,
        }
    }
}

/// Everything that the threads need.
pub(super) struct Opened {
    pub(super) file: PathBuf,
    pub(super) lock: File,
    pub(super) writer: Connection,
    pub(super) integrity: Integrity,
    /// The file is too large to be checked during the open.
    pub(super) unchecked: bool,
    pub(super) readers: Vec<Connection>,
}

pub(super) fn open(config: &Config) -> Result<Opened, OpenError> {
    let dir = &config.dir;
    std::fs::create_dir_all(dir).map_err(|source| OpenError::Folder { dir: dir.clone(), source })?;
    let lock = lock(dir)?;
    let file = dir.join(DATABASE);
    check_magic(&file)?;
    let unchecked = std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() > limits::STORAGE_CHECK_BYTES);
    let writer = open_writer(&file)?;
    let integrity = Integrity::open(&writer, &file, Damage::default()).map_err(|error| open_error(&file, &error))?;
    let mut readers = Vec::new();
    for _ in 0..limits::READERS {
        readers.push(connect(&file)?);
    }
    Ok(Opened { file, lock, writer, integrity, unchecked, readers })
}

/// Takes the directory's lock for this process. The system releases it when the process ends, however it ends.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    let folder = |source| OpenError::Folder { dir: dir.into(), source };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // A process id; anything else in the file is ignored.
            let known = (&file).take(32).read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known { format!(" (process {})", holder.trim()) } else { String::new() };
            return Err(OpenError::InUse { dir: dir.into(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(folder(source)),
    }
    // The process id is a convenience for people: a full disk must not prevent the start here.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn open_writer(file: &Path) -> Result<Connection, OpenError> {
    let engine = |error: rusqlite::Error| open_error(file, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).map_err(engine)?;
    connection.busy_timeout(limits::STORAGE_BUSY_TIMEOUT).map_err(engine)?;
    // SQLite silently opens a file without write permission as read-only and fails at the first write.
    if connection.is_readonly("main").map_err(engine)? {
        let reason = "this user may read it and not write it; let this user write it and its folder";
        return Err(OpenError::Unusable { file: file.into(), reason: reason.into() });
    }
    let found = schema::version(&connection).map_err(engine)?;
    if found > schema::CURRENT {
        return Err(OpenError::Newer { file: file.into(), found, ours: schema::CURRENT });
    }
    check(&connection, file)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(engine)?;
    if mode != "wal" {
        let reason = "its file system cannot share memory between threads (WAL); set storage.dir to a local disk";
        return Err(OpenError::Unusable { file: file.into(), reason: reason.into() });
    }
    // FULL: when a commit returns it has reached the disk, not just the page cache.
    connection.pragma_update(None, "synchronous", "FULL").map_err(engine)?;
    // Overwrites deleted content within pages that are written anyway; this costs no extra writes.
    connection.query_row("PRAGMA secure_delete = FAST", (), |_| Ok(())).map_err(engine)?;
    connection.pragma_update(None, "journal_size_limit", limits::STORAGE_WAL_BYTES as i64).map_err(engine)?;
    keep_plans(&connection).map_err(engine)?;
    schema::migrate(&mut connection, found).map_err(engine)?;
    Ok(connection)
}

/// SQLite treats a file shorter than its header as a new database and overwrites it.
fn check_magic(file: &Path) -> Result<(), OpenError> {
    let mut magic = [0; MAGIC.len()];
    let read = File::open(file).and_then(|mut file| file.read(&mut magic));
    match read {
        // Missing or unreadable: SQLite reports it.
        Err(_) | Ok(0) => Ok(()),
        Ok(_) if magic == MAGIC => Ok(()),
        Ok(_) => Err(OpenError::Damaged { file: file.into(), reason: "it does not begin like a database".to_owned() }),
    }
}

/// Checks a file that is small enough not to delay the start. A larger one is checked in the background.
fn check(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    if bytes > limits::STORAGE_CHECK_BYTES {
        return Ok(());
    }
    let engine = |error: rusqlite::Error| open_error(file, &error);
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0)).map_err(engine)?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged { file: file.into(), reason: verdict })
}

/// A read-only connection.
pub(super) fn connect(file: &Path) -> Result<Connection, OpenError> {
    open_reader(file).map_err(|error| open_error(file, &error))
}

fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(limits::STORAGE_BUSY_TIMEOUT)?;
    keep_plans(&connection)?;
    // SQLite opens the write-ahead log by name at the first read; do that now, while the paths are known to be right.
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(connection)
}

/// A statement is prepared once: it is cached, and its plan does not depend on the values bound to it. By default SQLite
/// plans with the values bound to `LIMIT` and compared with indexed columns, and may prepare the statement anew
/// when others are bound (<https://sqlite.org/queryplanner-ng.html>, "query planner stability guarantee"); the queue of
/// messages took twice the time by it.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(limits::STORAGE_STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn open_error(file: &Path, error: &rusqlite::Error) -> OpenError {
    let file = file.to_path_buf();
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            return OpenError::Damaged { file, reason: error.to_string() };
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program keeps it locked; close it",
        Some(ErrorCode::DiskFull) => "the disk is full; make room",
        _ => "see that it is a file, on a local disk, which this user may write",
    };
    OpenError::Unusable { file, reason: format!("{error}; {advice}") }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_prepared_once_whatever_is_bound_to_it() {
        let mut connection = Connection::open_in_memory().expect("a database");
        keep_plans(&connection).expect("configured");
        schema::migrate(&mut connection, 0).expect("migrated");
        let expired = "SELECT id FROM offline_queue WHERE queued_at + ttl_ms <= ?1 LIMIT ?2";
        let mut expired = connection.prepare(expired).expect("prepared");
        for now in 0..10 {
            assert!(!expired.exists((now, 100)).expect("executed"));
        }
        assert_eq!(expired.get_status(StatementStatus::RePrepare), 0);
    }
}
