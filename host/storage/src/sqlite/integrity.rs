//! Checks that the file still holds what this server wrote.
//!
//! Rule: SQLite trusts its file: it caches pages, and writes to whatever is at the path and page number that it opened.
//! So changes by others (a backup copied over the file, `> modehost.db`, a disk that loses a page) are detected from
//! outside: by the file's stamp around every batch, and by its header if the stamp has changed. A database that is
//! damaged or was replaced is not written any more, and every write fails until a restart.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use modehost_follow::Stamp;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure;
use crate::reply::StorageError;

/// Magic bytes of a SQLite database.
pub(super) const MAGIC: [u8; 16] = *b"SQLite format 3\0";
/// Position of the application id in the header, which serves as the mark.
const MARK_RANGE: std::ops::Range<usize> = 68..72;
/// Bytes of the header that are read.
const HEADER_BYTES: usize = 72;

/// Damage found by any thread. It stays until the server is restarted with an intact file.
#[derive(Clone, Default)]
pub(super) struct Damage(Arc<Mutex<Option<StorageError>>>);

impl Damage {
    /// Records the first error, and logs it if it is corruption; other errors are logged by the writer, which met them.
    pub(super) fn record(&self, error: &StorageError) {
        let mut first = self.0.lock();
        if first.is_none() {
            if matches!(error, StorageError::Corrupt(_)) {
                tracing::error!("{error}");
            }
            *first = Some(error.clone());
        }
    }

    /// An error once damage was found.
    pub(super) fn check(&self) -> Result<(), StorageError> {
        self.0.lock().clone().map_or(Ok(()), Err)
    }
}

/// The state of the file as this server left it.
pub(super) struct Integrity {
    file: PathBuf,
    /// For reading the header. Kept open for as long as SQLite has the file open: closing it would drop SQLite's POSIX
    /// locks, which belong to process and file.
    raw: File,
    /// The mark set by this opening, and the previous one: the new one may still be in the write-ahead log.
    marks: [[u8; 4]; 2],
    /// The file's stamp at the last check.
    stamp: Option<Stamp>,
    /// SQLite's `data_version`: changes when another program has written through SQLite.
    version: i64,
    damage: Damage,
}

impl Integrity {
    /// Sets a new random mark, which distinguishes the file from every copy made earlier.
    pub(super) fn open(connection: &Connection, file: &Path, damage: Damage) -> rusqlite::Result<Self> {
        let unreadable = |error: std::io::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
        let raw = File::open(file).map_err(unreadable)?;
        let before = read_header(&raw).and_then(|header| mark_of(&header)).unwrap_or_default();
        // Randomness that need not be secret.
        let mark = RandomState::new().build_hasher().finish() as u32 as i32;
        // A transient error must not prevent the start; then copies made since the last opening cannot be
        // distinguished.
        let marked = connection.pragma_update(None, "application_id", mark).and_then(|()| {
            // Checkpoint the mark into the file itself, unless a reader is in the way.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        });
        match marked {
            Err(error) if !is_transient(&error) => return Err(error),
            _ => {}
        }
        let version = data_version(connection)?;
        let mark = mark.to_be_bytes();
        // Every copy made before this opening carries the previous mark.
        let checkpointed = read_header(&raw).and_then(|header| mark_of(&header)) == Some(mark);
        let marks = [mark, if checkpointed { mark } else { before }];
        Ok(Self { file: file.to_owned(), raw, marks, stamp: Stamp::of(file), version, damage })
    }

    pub(super) fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Before a batch: an error if the file must not be written any more.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.damage.check()?;
        let stamp = Stamp::of(&self.file);
        if stamp == self.stamp {
            return Ok(());
        }
        self.check_header(connection)?;
        let version = data_version(connection).map_err(|error| failure::explain(&error, &self.file))?;
        if version == self.version {
            // Written without SQLite, or merely checkpointed by another program.
            self.check_file()?;
        }
        (self.stamp, self.version) = (stamp, version);
        Ok(())
    }

    /// After a batch, which may have checkpointed pages into the file.
    pub(super) fn check_after_write(&mut self, connection: &Connection) -> Result<(), StorageError> {
        let stamp = Stamp::of(&self.file);
        if stamp != self.stamp {
            self.check_header(connection)?;
            self.stamp = stamp;
        }
        Ok(())
    }

    /// Checks that the header carries a known mark.
    fn check_header(&self, connection: &Connection) -> Result<(), StorageError> {
        let error = match read_header(&self.raw).as_ref().and_then(|header| mark_of(header)) {
            Some(mark) if self.marks.contains(&mark) => return Ok(()),
            Some(_) => StorageError::Unavailable(format!(
                "{} was overwritten with another database under the running server, and nothing is written any \
                 more; restart the server to go on with what is there now",
                self.file.display()
            )),
            None => failure::damage_error(&self.file, "it does not begin like a database"),
        };
        self.set_wal_aside(connection);
        self.damage.record(&error);
        Err(error)
    }

    /// The write-ahead log does not belong to the file that is there now: it must not be checkpointed into it, neither
    /// at the end of this process nor by the next.
    fn set_wal_aside(&self, connection: &Connection) {
        let configured = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        let mut wal = self.file.as_os_str().to_owned();
        wal.push("-wal");
        let wal = PathBuf::from(wal);
        let aside = rescue_path(&wal);
        let moved = std::fs::rename(&wal, &aside);
        match (configured, moved) {
            (Ok(_), Ok(())) => tracing::error!("{} was put aside as {}", wal.display(), aside.display()),
            (Err(error), _) => tracing::error!("{} may be written to at the end: {error}", self.file.display()),
            (_, Err(error)) => tracing::error!("{} cannot be put aside: {error}", wal.display()),
        }
    }

    /// Checks the whole file. Takes seconds for a large file; done only after another program has changed it.
    fn check_file(&self) -> Result<(), StorageError> {
        let Err(error) = check_file(&self.file) else {
            tracing::warn!("{} was changed by another program; it is whole", self.file.display());
            return Ok(());
        };
        if matches!(error, StorageError::Corrupt(_)) {
            self.damage.record(&error);
        }
        Err(error)
    }
}

/// Checks a database on its own connection.
pub(super) fn check_file(file: &Path) -> Result<(), StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| failure::explain(&error, file))?;
    quick_check(&connection, file)
}

/// Runs SQLite's quick check over the whole file.
pub(super) fn quick_check(connection: &Connection, file: &Path) -> Result<(), StorageError> {
    let verdict: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        // The first line names the page.
        Ok(verdict) => Err(failure::damage_error(file, verdict.lines().last().unwrap_or_default())),
        Err(error) => Err(failure::explain(&error, file)),
    }
}

/// A full disk, or another program that has the file locked.
fn is_transient(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn read_header(raw: &File) -> Option<[u8; HEADER_BYTES]> {
    let mut header = [0; HEADER_BYTES];
    raw.read_exact_at(&mut header, 0).ok().map(|()| header)
}

fn mark_of(header: &[u8]) -> Option<[u8; 4]> {
    header.starts_with(&MAGIC).then(|| header.get(MARK_RANGE)?.try_into().ok()).flatten()
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// Path of the rescue copy, beside the file.
pub(super) fn rescue_path(file: &Path) -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".saved-{seconds}"));
    PathBuf::from(name)
}
