//! Whether the files that are open are still those that their names lead to.
//!
//! Rule: nothing is acknowledged that was written into a file without a name, because the next start would
//! not find it. While the names lead elsewhere every write is refused, and said; reads go on, so that
//! sessions live. What is there in place of the database is never touched and never taken over by itself:
//! it may be a backup that somebody is putting in place, and only a restart begins with it. So that nothing
//! acknowledged is lost with a file that was removed by mistake, what is open is copied beside it, once; and the
//! write-ahead file is emptied, because the next start would take it for a part of what is there in its place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use modehost_follow::Identity;
use parking_lot::Mutex;
use rusqlite::Connection;

use super::content::{Content, Damage};
use super::open;
use crate::reply::StorageError;

/// The files of an open database.
pub(super) struct OpenFiles {
    database: (PathBuf, Option<Identity>),
    /// The write-ahead file and its index.
    beside: Vec<(PathBuf, Identity)>,
    dir: (PathBuf, Option<Identity>),
    /// None once the storage is closed.
    lock: Arc<Mutex<Option<File>>>,
    /// What is open has been saved from a loss that lasts.
    saved: bool,
    content: Content,
}

impl OpenFiles {
    /// To be asked when all connections are open and have been used.
    pub(super) fn new(file: &Path, lock: Arc<Mutex<Option<File>>>, content: Content) -> Self {
        let beside = ["-wal", "-shm"].map(|end| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        });
        let beside = beside.into_iter().filter_map(|path| Identity::of(&path).map(|identity| (path, identity)));
        let dir = file.parent().unwrap_or(Path::new("."));
        Self {
            database: (file.to_owned(), Identity::of(file)),
            beside: beside.collect(),
            dir: (dir.to_owned(), Identity::of(dir)),
            lock,
            saved: false,
            content,
        }
    }

    /// An error if what is written now could not be found again. `connection` has no transaction open.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.keep_lock()?;
        self.content.damage().check()?;
        self.check_names(connection)?;
        self.content.check(connection)
    }

    pub(super) fn damage(&self) -> &Damage {
        self.content.damage()
    }

    fn check_names(&mut self, connection: &Connection) -> Result<(), StorageError> {
        let (file, identity) = &self.database;
        if Identity::of(file) != *identity {
            let shown = file.display();
            // A folder that was moved, or reached by a link that was turned, still has it.
            if !self.saved && Identity::of(&self.dir.0) == self.dir.1 {
                match copy(connection, file) {
                    Ok(copy) => tracing::error!("what {shown} held has been copied to {}", copy.display()),
                    Err(error) => tracing::error!("what {shown} held cannot be copied: {error}"),
                }
            }
            if !self.saved {
                empty(connection);
            }
            self.saved = true;
            return Err(StorageError::Unavailable(format!(
                "{shown} was moved, removed or replaced under the running server, and nothing is written any more; \
                 put the file back that was there, or restart the server to go on with what is there now"
            )));
        }
        let lost = self.beside.iter().find(|(path, identity)| Identity::of(path) != Some(*identity));
        let Some((path, _)) = lost else {
            self.saved = false;
            return Ok(());
        };
        if !self.saved {
            // The database itself has its name: it takes over what the lost file held.
            self.saved = empty(connection);
        }
        Err(StorageError::Unavailable(format!(
            "{} was moved, removed or replaced under the running server, and nothing is written any more; \
             restart the server",
            path.display()
        )))
    }

    /// To be asked before anybody is told that a batch is on disk: an error if the files lost their names while it
    /// was written, or somebody has written over them.
    pub(super) fn written(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.check_names(connection)?;
        self.content.written(connection)
    }

    /// Whoever removed the lock file has given the folder free: it is taken again, unless another server was
    /// quicker.
    fn keep_lock(&self) -> Result<(), StorageError> {
        let mut lock = self.lock.lock();
        let Some(held) = &*lock else { return Ok(()) };
        let dir = &self.dir.0;
        if Identity::of_open(held) == Identity::of(&dir.join(open::LOCK)) || Identity::of(dir) != self.dir.1 {
            return Ok(());
        }
        let taken = open::lock(dir).map_err(|error| StorageError::Unavailable(error.to_string()))?;
        *lock = Some(taken);
        tracing::warn!(folder = %dir.display(), "the lock file was removed; the folder has been locked again");
        Ok(())
    }
}

/// The name of what is saved of a file, beside it.
pub(super) fn saved(file: &Path) -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".saved-{seconds}"));
    PathBuf::from(name)
}

/// Copies what is open to a new file beside the one that is gone.
fn copy(connection: &Connection, file: &Path) -> Result<PathBuf, String> {
    let copy = saved(file);
    let copied = connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(|error| error.to_string());
    let synced =
        copied.and_then(|_| File::open(&copy).and_then(|file| file.sync_all()).map_err(|error| error.to_string()));
    if synced.is_err() {
        let _ = fs::remove_file(&copy);
    }
    synced.map(|()| copy)
}

/// Takes what the write-ahead file holds into the database. False if readers are in the way.
fn empty(connection: &Connection) -> bool {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
    busy.is_ok_and(|busy| busy == 0)
}
