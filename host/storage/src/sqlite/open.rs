//! Opening: the folder, its lock, the file, the connections.
//!
//! Rule: a file that this server does not fully understand is left untouched and refused with a
//! line that names it and says what to do.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::limits;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::content::{Content, Damage, MAGIC};
use super::schema;
use crate::config::Config;

pub(super) const DATABASE: &str = "modehost.db";
pub(super) const LOCK: &str = "modehost.lock";

/// Why the storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error(
        "cannot use the data folder {dir}: {source}; let this user write there, or set storage.dir to another folder"
    )]
    Folder {
        /// `storage.dir`.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process holds the folder's lock.
    #[error(
        "the data folder {dir} is in use by another server{holder}; stop that one, or set storage.dir to another folder"
    )]
    InUse {
        /// `storage.dir`.
        dir: PathBuf,
        /// ` (process 123)` where it is known.
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
        /// Its version.
        found: usize,
        /// The newest version that this server knows.
        ours: usize,
    },
    /// The file is no sound database.
    #[error(
        "{file} is damaged or no database of this server ({reason}); move it and the files {file}-wal and {file}-shm \
         away, then put a backup in its place, or begin empty"
    )]
    Damaged {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The file cannot be opened.
    #[error("cannot open {file}: {reason}")]
    Unusable {
        /// The database.
        file: PathBuf,
        /// What SQLite or the system says.
        reason: String,
    },
    /// No thread for the storage.
    #[error("cannot start a storage thread: {0}; raise the limit on threads")]
    Thread(io::Error),
}

/// What no further try mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// The data is damaged, or of a newer server.
    Data,
    /// This user may not use it.
    Permission,
}

impl OpenError {
    /// Whether it stays so until somebody does something.
    pub fn lasts(&self) -> Option<Lasting> {
        match self {
            Self::Newer { .. } | Self::Damaged { .. } => Some(Lasting::Data),
            Self::Folder { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(Lasting::Permission)
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
    pub(super) content: Content,
    /// Whether the file is too large to have been looked through here.
    pub(super) unchecked: bool,
    pub(super) readers: Vec<Connection>,
}

pub(super) fn open(config: &Config) -> Result<Opened, OpenError> {
    let dir = &config.dir;
    std::fs::create_dir_all(dir).map_err(|source| OpenError::Folder { dir: dir.clone(), source })?;
    let lock = lock(dir)?;
    let file = dir.join(DATABASE);
    refuse_rubbish(&file)?;
    let unchecked = std::fs::metadata(&file).is_ok_and(|about| about.len() > limits::STORAGE_CHECK_BYTES);
    let writer = open_writer(&file)?;
    let content = Content::mark(&writer, &file, Damage::default()).map_err(|error| refusal(&file, &error))?;
    let mut readers = Vec::new();
    for _ in 0..limits::READERS {
        readers.push(connect(&file)?);
    }
    Ok(Opened { file, lock, writer, content, unchecked, readers })
}

/// Takes the folder for this process. The system gives it free when the process ends, however.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    let folder = |source| OpenError::Folder { dir: dir.into(), source };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // A number; whatever else stands there is not ours.
            let known = (&file).take(32).read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known { format!(" (process {})", holder.trim()) } else { String::new() };
            return Err(OpenError::InUse { dir: dir.into(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(folder(source)),
    }
    // Who holds it is a convenience for people: a full disk must not stop the server here.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn open_writer(file: &Path) -> Result<Connection, OpenError> {
    let engine = |error: rusqlite::Error| refusal(file, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).map_err(engine)?;
    connection.busy_timeout(limits::STORAGE_BUSY).map_err(engine)?;
    // The engine opens a file that it may only read without a word, and fails at the first write.
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
    // FULL: a commit has reached the disk when it returns, not just the system's memory.
    connection.pragma_update(None, "synchronous", "FULL").map_err(engine)?;
    // Where something is removed within a page, its bytes go as well; that costs no writes of its own.
    connection.query_row("PRAGMA secure_delete = FAST", (), |_| Ok(())).map_err(engine)?;
    connection.pragma_update(None, "journal_size_limit", limits::STORAGE_WAL_BYTES as i64).map_err(engine)?;
    connection.set_prepared_statement_cache_capacity(limits::STORAGE_STATEMENTS);
    schema::migrate(&mut connection, found).map_err(engine)?;
    Ok(connection)
}

/// The engine takes a file that is shorter than its header for a new one, and writes over it.
fn refuse_rubbish(file: &Path) -> Result<(), OpenError> {
    let mut head = [0; MAGIC.len()];
    let begun = File::open(file).and_then(|mut file| file.read(&mut head));
    match begun {
        // Not there, or not to be read: the engine says so.
        Err(_) | Ok(0) => Ok(()),
        Ok(_) if head == MAGIC => Ok(()),
        Ok(_) => Err(OpenError::Damaged { file: file.into(), reason: "it does not begin like a database".to_owned() }),
    }
}

/// Looks through a file that is small enough for it not to be felt at start. A larger one is looked through
/// beside the first work.
fn check(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    if bytes > limits::STORAGE_CHECK_BYTES {
        return Ok(());
    }
    let engine = |error: rusqlite::Error| refusal(file, &error);
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0)).map_err(engine)?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged { file: file.into(), reason: verdict })
}

/// A connection that only reads.
pub(super) fn connect(file: &Path) -> Result<Connection, OpenError> {
    open_reader(file).map_err(|error| refusal(file, &error))
}

fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(limits::STORAGE_BUSY)?;
    connection.set_prepared_statement_cache_capacity(limits::STORAGE_STATEMENTS);
    // The files beside the database are opened by name at the first read; that is now, while the names are right.
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(connection)
}

fn refusal(file: &Path, error: &rusqlite::Error) -> OpenError {
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
