//! Checks that the open files are still the ones at their paths.
//!
//! Rule: a write into a file without a path is never acknowledged, because the next start would not find it. While a
//! path leads elsewhere every write fails, and the error is logged; reads go on, so that sessions survive. The file
//! that took the database's place is never touched or adopted: it may be a backup that somebody is restoring, and only
//! a restart opens it. So that no acknowledged write is lost with a file removed by mistake, the open database is
//! copied beside it, once; and the write-ahead log is emptied, because the next start would apply it to the file that
//! is there now.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_follow::Identity;
use parking_lot::Mutex;
use rusqlite::Connection;

use super::integrity::{Damage, Integrity, rescue_path};
use super::open;
use crate::reply::StorageError;

/// The open files of a database.
pub(super) struct OpenFiles {
    database: (PathBuf, Option<Identity>),
    /// The write-ahead log and its index.
    sidecars: Vec<(PathBuf, Identity)>,
    dir: (PathBuf, Option<Identity>),
    /// `None` once the storage is closed.
    lock: Arc<Mutex<Option<File>>>,
    /// The open database was already rescued from the current loss.
    rescued: bool,
    integrity: Integrity,
}

impl OpenFiles {
    /// To be called after all connections are open and have been used.
    pub(super) fn new(file: &Path, lock: Arc<Mutex<Option<File>>>, integrity: Integrity) -> Self {
        let sidecars = ["-wal", "-shm"].map(|end| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        });
        let sidecars = sidecars.into_iter().filter_map(|path| Identity::of(&path).map(|identity| (path, identity)));
        let dir = file.parent().unwrap_or(Path::new("."));
        Self {
            database: (file.to_owned(), Identity::of(file)),
            sidecars: sidecars.collect(),
            dir: (dir.to_owned(), Identity::of(dir)),
            lock,
            rescued: false,
            integrity,
        }
    }

    /// An error if a write could not be found again after a restart. `connection` must have no open transaction.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.ensure_lock()?;
        self.integrity.damage().check()?;
        self.check_paths(connection)?;
        self.integrity.check(connection)
    }

    pub(super) fn damage(&self) -> &Damage {
        self.integrity.damage()
    }

    fn check_paths(&mut self, connection: &Connection) -> Result<(), StorageError> {
        let (file, identity) = &self.database;
        if Identity::of(file) != *identity {
            let shown = file.display();
            // If the directory was moved or relinked, the file still exists in it.
            if !self.rescued && Identity::of(&self.dir.0) == self.dir.1 {
                match copy_open_database(connection, file) {
                    Ok(copy) => tracing::error!("what {shown} held has been copied to {}", copy.display()),
                    Err(error) => tracing::error!("what {shown} held cannot be copied: {error}"),
                }
            }
            if !self.rescued {
                checkpoint(connection);
            }
            self.rescued = true;
            return Err(StorageError::Unavailable(format!(
                "{shown} was moved, removed or replaced under the running server, and nothing is written any more; \
                 put the file back that was there, or restart the server to go on with what is there now"
            )));
        }
        let lost = self.sidecars.iter().find(|(path, identity)| Identity::of(path) != Some(*identity));
        let Some((path, _)) = lost else {
            self.rescued = false;
            return Ok(());
        };
        if !self.rescued {
            // The database itself is still at its path: checkpoint the lost log's content into it.
            self.rescued = checkpoint(connection);
        }
        Err(StorageError::Unavailable(format!(
            "{} was moved, removed or replaced under the running server, and nothing is written any more; \
             restart the server",
            path.display()
        )))
    }

    /// To be called before a batch is acknowledged: an error if the files lost their paths while it was written, or
    /// were overwritten.
    pub(super) fn check_after_write(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.check_paths(connection)?;
        self.integrity.check_after_write(connection)
    }

    /// Removing the lock file has released the directory's lock: it is taken again, unless another server was quicker.
    fn ensure_lock(&self) -> Result<(), StorageError> {
        let mut lock = self.lock.lock();
        let Some(locked) = &*lock else { return Ok(()) };
        let dir = &self.dir.0;
        if Identity::of_open(locked) == Identity::of(&dir.join(open::LOCK)) || Identity::of(dir) != self.dir.1 {
            return Ok(());
        }
        let new_lock = open::lock(dir).map_err(|error| StorageError::Unavailable(error.to_string()))?;
        *lock = Some(new_lock);
        tracing::warn!(folder = %dir.display(), "the lock file was removed; the folder has been locked again");
        Ok(())
    }
}

/// Copies the open database to a new file beside the lost one.
fn copy_open_database(connection: &Connection, file: &Path) -> Result<PathBuf, String> {
    let copy = rescue_path(file);
    let copied = connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(|error| error.to_string());
    let synced =
        copied.and_then(|_| File::open(&copy).and_then(|file| file.sync_all()).map_err(|error| error.to_string()));
    if synced.is_err() {
        let _ = fs::remove_file(&copy);
    }
    synced.map(|()| copy)
}

/// Checkpoints the write-ahead log into the database. False if readers are in the way.
fn checkpoint(connection: &Connection) -> bool {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
    busy.is_ok_and(|busy| busy == 0)
}
