//! Whether what is in the file is still what this server wrote there.
//!
//! Rule: the engine trusts its file: it keeps pages in memory, and writes into whatever stands under the name
//! and number that it opened. So what somebody else has written into the same file (a backup copied over it,
//! `> modehost.db`, a disk that loses a page) is looked for from outside: by the file's stamp with every batch,
//! and by its first bytes where that has changed. A database that is damaged, or another one, is written to no
//! more, and is said to be so until a restart.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_follow::Stamp;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure;
use crate::reply::StorageError;

/// How a database begins.
pub(super) const MAGIC: [u8; 16] = *b"SQLite format 3\0";
/// Where the mark stands among the first bytes.
const MARK: std::ops::Range<usize> = 68..72;
/// The first bytes that are looked at.
const HEAD: usize = 72;

/// Damage that anybody has met. It stays until the server is restarted on a file that is whole.
#[derive(Clone, Default)]
pub(super) struct Damage(Arc<Mutex<Option<StorageError>>>);

impl Damage {
    /// Keeps the first that is found, and says so once; what is no damage is told by the writer, which met it.
    pub(super) fn found(&self, error: &StorageError) {
        let mut known = self.0.lock();
        if known.is_none() {
            if matches!(error, StorageError::Corrupt(_)) {
                tracing::error!("{error}");
            }
            *known = Some(error.clone());
        }
    }

    /// An error once there is damage.
    pub(super) fn check(&self) -> Result<(), StorageError> {
        self.0.lock().clone().map_or(Ok(()), Err)
    }
}

/// The file as this server has left it.
pub(super) struct Content {
    file: PathBuf,
    /// To look at the first bytes. It stays open for as long as the engine has the file open: closing it would
    /// take the engine's locks away, which belong to the process and the file.
    raw: File,
    /// The mark that this opening has set, and the one that stood there before: the new one may still be in the
    /// write-ahead file.
    marks: [[u8; 4]; 2],
    /// When this server last looked.
    stamp: Option<Stamp>,
    /// Of the engine: differs once another program has written by way of it.
    version: i64,
    damage: Damage,
}

impl Content {
    /// Marks the file as opened now, which tells it from every copy of it that was made earlier.
    pub(super) fn mark(connection: &Connection, file: &Path, damage: Damage) -> rusqlite::Result<Self> {
        let unreadable = |error: std::io::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
        let raw = File::open(file).map_err(unreadable)?;
        let before = head(&raw).and_then(|head| mark_of(&head)).unwrap_or_default();
        // Chance that needs no secret.
        let ours = RandomState::new().build_hasher().finish() as u32 as i32;
        // What passes must not stop the start: then copies that were made since the last opening look like ours.
        let marked = connection.pragma_update(None, "application_id", ours).and_then(|()| {
            // Into the file itself, if no reader is in the way.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        });
        match marked {
            Err(error) if !is_passing(&error) => return Err(error),
            _ => {}
        }
        let version = data_version(connection)?;
        let ours = ours.to_be_bytes();
        // Every copy that was made before this opening has the one before.
        let is_there = head(&raw).and_then(|head| mark_of(&head)) == Some(ours);
        let marks = [ours, if is_there { ours } else { before }];
        Ok(Self { file: file.to_owned(), raw, marks, stamp: Stamp::of(file), version, damage })
    }

    pub(super) fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Before a batch: an error if the file must not be written to any more.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), StorageError> {
        self.damage.check()?;
        let stamp = Stamp::of(&self.file);
        if stamp == self.stamp {
            return Ok(());
        }
        self.look(connection)?;
        let version = data_version(connection).map_err(|error| failure::explain(&error, &self.file))?;
        if version == self.version {
            // Not by way of the engine, or a mere move of its pages by another program.
            self.look_through()?;
        }
        (self.stamp, self.version) = (stamp, version);
        Ok(())
    }

    /// After a batch, which may have brought pages into the file.
    pub(super) fn written(&mut self, connection: &Connection) -> Result<(), StorageError> {
        let stamp = Stamp::of(&self.file);
        if stamp != self.stamp {
            self.look(connection)?;
            self.stamp = stamp;
        }
        Ok(())
    }

    /// Whether the first bytes are ours.
    fn look(&self, connection: &Connection) -> Result<(), StorageError> {
        let error = match head(&self.raw).as_ref().and_then(|head| mark_of(head)) {
            Some(mark) if self.marks.contains(&mark) => return Ok(()),
            Some(_) => StorageError::Unavailable(format!(
                "{} was overwritten with another database under the running server, and nothing is written any \
                 more; restart the server to go on with what is there now",
                self.file.display()
            )),
            None => failure::damaged(&self.file, "it does not begin like a database"),
        };
        self.keep_out(connection);
        self.damage.found(&error);
        Err(error)
    }

    /// What the write-ahead file holds is no part of what stands in the file now: nothing of it is brought there,
    /// neither at the end of this process nor by the next.
    fn keep_out(&self, connection: &Connection) {
        let kept = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        let mut beside = self.file.as_os_str().to_owned();
        beside.push("-wal");
        let beside = PathBuf::from(beside);
        let aside = super::names::saved(&beside);
        let moved = std::fs::rename(&beside, &aside);
        match (kept, moved) {
            (Ok(_), Ok(())) => tracing::error!("{} was put aside as {}", beside.display(), aside.display()),
            (Err(error), _) => tracing::error!("{} may be written to at the end: {error}", self.file.display()),
            (_, Err(error)) => tracing::error!("{} cannot be put aside: {error}", beside.display()),
        }
    }

    /// Looks through the whole file. It takes seconds where it is large; it happens only when somebody else has
    /// had a hand in it.
    fn look_through(&self) -> Result<(), StorageError> {
        let Err(error) = look_through(&self.file) else {
            tracing::warn!("{} was changed by another program; it is whole", self.file.display());
            return Ok(());
        };
        if matches!(error, StorageError::Corrupt(_)) {
            self.damage.found(&error);
        }
        Err(error)
    }
}

/// Looks through a database with a connection of its own.
pub(super) fn look_through(file: &Path) -> Result<(), StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| failure::explain(&error, file))?;
    verdict(&connection, file)
}

/// What the engine says of the whole file.
pub(super) fn verdict(connection: &Connection, file: &Path) -> Result<(), StorageError> {
    let verdict: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        // The first line names the page.
        Ok(verdict) => Err(failure::damaged(file, verdict.lines().last().unwrap_or_default())),
        Err(error) => Err(failure::explain(&error, file)),
    }
}

/// A full disk, or another program that keeps the file locked.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn head(raw: &File) -> Option<[u8; HEAD]> {
    let mut head = [0; HEAD];
    raw.read_exact_at(&mut head, 0).ok().map(|()| head)
}

fn mark_of(head: &[u8]) -> Option<[u8; 4]> {
    head.starts_with(&MAGIC).then(|| head.get(MARK)?.try_into().ok()).flatten()
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}
