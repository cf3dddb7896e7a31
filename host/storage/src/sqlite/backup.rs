//! Backup of the data directory, with or without a running server.
//!
//! Rule: the copy is a consistent snapshot, checked before it gets its final name, and on disk when the call returns.
//! The source is only read.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::limits;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::open::DATABASE;
use crate::fallback_queue;

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database.
    #[error("there is no {0}; name the data folder of the server with --data, or its configuration with --config")]
    Nothing(PathBuf),
    /// The target holds a backup already.
    #[error("{0} is there already; name a folder that holds no backup yet")]
    Exists(PathBuf),
    /// The database cannot be read.
    #[error("cannot read {file}: {reason}")]
    Source {
        /// The file.
        file: PathBuf,
        /// The message of SQLite or the operating system.
        reason: String,
    },
    /// The copy cannot be written.
    #[error("cannot write {file}: {reason}; see that there is room and that this user may write there")]
    Target {
        /// The file.
        file: PathBuf,
        /// The message of SQLite or the operating system.
        reason: String,
    },
    /// The copy failed its check.
    #[error("the copy of {file} is damaged ({reason}); the original may be, too: start the server on an older backup")]
    Damaged {
        /// The source database.
        file: PathBuf,
        /// Result of the check.
        reason: String,
    },
}

/// A completed backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The copy of the database.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Copies the database of the data directory `dir`, and the file of its fallback queue, into the directory `target`,
/// which is created if it is missing. Takes as long as reading and writing the database once; a server on `dir` keeps
/// running. Archive files are not copied.
///
/// # Errors
/// See [`BackupError`]; then nothing that looks like a backup is left behind.
pub fn backup(dir: &Path, target: &Path) -> Result<Backup, BackupError> {
    let source = dir.join(DATABASE);
    if !source.is_file() {
        return Err(BackupError::Nothing(source));
    }
    let file = target.join(DATABASE);
    if file.exists() {
        return Err(BackupError::Exists(file));
    }
    let target_error = |error: io::Error| BackupError::Target { file: file.clone(), reason: error.to_string() };
    fs::create_dir_all(target).map_err(target_error)?;
    let unfinished = target.join(format!("{DATABASE}.unfinished"));
    // Left by an interrupted attempt.
    let _ = fs::remove_file(&unfinished);
    // The queue file first: messages move from it into the database, so in this order some may be copied twice, in the
    // other order some would be lost.
    let queue = copy_fallback_queue(dir, target).map_err(target_error);
    let copied = queue.and_then(|()| copy(&source, &unfinished)).and_then(|bytes| {
        File::open(&unfinished).and_then(|copy| copy.sync_all()).map_err(target_error)?;
        fs::rename(&unfinished, &file).map_err(target_error)?;
        File::open(target).and_then(|folder| folder.sync_all()).map_err(|error| {
            // Its directory entry may not be durable; without the queue file it would look like a complete backup.
            let _ = fs::remove_file(&file);
            target_error(error)
        })?;
        Ok(bytes)
    });
    match copied {
        Ok(bytes) => Ok(Backup { file, bytes }),
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            // It would make a later backup into this directory redeliver messages that were delivered by then.
            let _ = fs::remove_file(target.join(fallback_queue::FILE));
            Err(error)
        }
    }
}

/// Returns the size of the copy.
fn copy(source: &Path, unfinished: &Path) -> Result<u64, BackupError> {
    let unreadable = |error: rusqlite::Error| BackupError::Source { file: source.into(), reason: error.to_string() };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(source, flags).map_err(unreadable)?;
    connection.busy_timeout(limits::STORAGE_BUSY_TIMEOUT).map_err(unreadable)?;
    let name = unfinished.to_string_lossy();
    connection.execute("VACUUM INTO ?1", [&name]).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            BackupError::Target { file: unfinished.into(), reason: error.to_string() }
        }
        _ => unreadable(error),
    })?;
    let damaged = |reason: String| BackupError::Damaged { file: source.into(), reason };
    let copy = Connection::open_with_flags(unfinished, flags).map_err(|error| damaged(error.to_string()))?;
    let verdict: Result<String, _> = copy.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => {}
        Ok(verdict) => return Err(damaged(verdict)),
        Err(error) => return Err(damaged(error.to_string())),
    }
    let size = fs::metadata(unfinished).map_err(|error| damaged(error.to_string()))?;
    Ok(size.len())
}

/// Removes such a file from the target if there is none to copy: one left by an interrupted attempt is not part of this
/// backup.
fn copy_fallback_queue(dir: &Path, target: &Path) -> io::Result<()> {
    let copy = target.join(fallback_queue::FILE);
    match fs::remove_file(&copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match fs::copy(dir.join(fallback_queue::FILE), &copy) {
        Ok(_) => File::open(&copy)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;
    use crate::config::Config;
    use crate::sqlite::SqliteStorage;
    use crate::traits::Documents;

    fn config(dir: &Path) -> Config {
        Config { dir: dir.to_owned(), ..Config::default() }
    }

    fn write(storage: &SqliteStorage, key: &str) {
        let written = Documents::write(storage, key, 0, Some("1".into()));
        block_on(written).expect("written");
    }

    #[test]
    fn a_backup_of_a_running_storage_opens_with_what_was_acknowledged() {
        let (home, away) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let storage = SqliteStorage::open(&config(home.path())).expect("open");
        for count in 0..500 {
            write(&storage, &format!("d/{count}"));
        }
        fs::write(home.path().join(fallback_queue::FILE), "{}").expect("a file");
        let target = away.path().join("new/backup");
        let made = backup(home.path(), &target).expect("a backup");
        assert_eq!(fs::metadata(&made.file).expect("a file").len(), made.bytes);
        assert!(target.join(fallback_queue::FILE).is_file());
        // The original goes on, and the copy does not follow it.
        write(&storage, "d/later");
        fs::remove_file(target.join(fallback_queue::FILE)).expect("removed");
        let copy = SqliteStorage::open(&config(&target)).expect("the copy opens");
        let read = |key: &str| block_on(Documents::read(&*copy, key)).expect("read").value;
        assert_eq!(read("d/499").as_deref(), Some("1"));
        assert_eq!(read("d/later"), None);
    }

    #[test]
    fn a_backup_never_replaces_one_and_says_what_is_missing() {
        let (home, away) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        assert!(matches!(backup(home.path(), away.path()), Err(BackupError::Nothing(_))));
        SqliteStorage::open(&config(home.path())).expect("open").shutdown();
        backup(home.path(), away.path()).expect("a backup");
        assert!(matches!(backup(home.path(), away.path()), Err(BackupError::Exists(_))));
        let blocked = away.path().join("file");
        fs::write(&blocked, "").expect("a file");
        assert!(matches!(backup(home.path(), &blocked), Err(BackupError::Target { .. })));
    }

    #[test]
    fn p4_messages_that_an_attempt_has_left_are_not_taken_for_this_backups() {
        let (home, away) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        SqliteStorage::open(&config(home.path())).expect("open").shutdown();
        // Left by a backup that was killed; meanwhile its messages have been delivered.
        fs::write(away.path().join(fallback_queue::FILE), "{}").expect("a file");
        backup(home.path(), away.path()).expect("a backup");
        assert!(!away.path().join(fallback_queue::FILE).exists());
        // An existing backup keeps its own file even though another backup is rejected.
        fs::write(away.path().join(fallback_queue::FILE), "{}").expect("a file");
        assert!(matches!(backup(home.path(), away.path()), Err(BackupError::Exists(_))));
        assert!(away.path().join(fallback_queue::FILE).exists());
    }

    #[test]
    fn p4_a_damaged_database_gives_no_backup() {
        let (home, away) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(home.path().join(DATABASE), vec![7; 100_000]).expect("a file");
        fs::write(home.path().join(fallback_queue::FILE), "{}").expect("a file");
        let error_text = backup(home.path(), away.path()).expect_err("refused").to_string();
        assert!(error_text.contains(DATABASE), "{error_text}");
        assert!(!away.path().join(DATABASE).exists());
        assert_eq!(fs::read_dir(away.path()).expect("a folder").count(), 0);
    }
}
