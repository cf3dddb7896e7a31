//! What an error of the engine means to a caller.
//!
//! Rule: the sentence names the file and what a person can do about it; it never holds a value.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::reply::StorageError;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Engine(#[from] rusqlite::Error),
    /// A row that this version cannot make sense of.
    #[error("{0}")]
    Damaged(String),
}

impl ReadError {
    pub(super) fn explain(&self, file: &Path) -> StorageError {
        match self {
            Self::Engine(error) => explain(error, file),
            Self::Damaged(what) => StorageError::Corrupt(what.clone()),
        }
    }
}

/// True if the error says something about the file or the disk, so that no other write of the
/// same transaction can be trusted to go through either.
pub(super) fn concerns_all(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt
        )
    )
}

/// The sentence for callers, operators and the log.
pub(super) fn explain(error: &rusqlite::Error, file: &Path) -> StorageError {
    if let rusqlite::Error::ToSqlConversionFailure(inner) = error
        && let Some(own) = inner.downcast_ref::<StorageError>()
    {
        return own.clone();
    }
    let file = file.display();
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            format!("no room for {file}: the disk is full; make room, writing then goes on")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            format!("another program keeps {file} locked; close it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            format!("{file} cannot be written ({error}); see that it is there and that this user may write it")
        }
        Some(ErrorCode::SystemIoFailure) => format!("the disk of {file} fails ({error}); check the disk"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return damaged_as(&file.to_string(), &error.to_string());
        }
        _ => format!("{file}: {error}"),
    };
    StorageError::Unavailable(text)
}

/// A write that we refuse ourselves; it alone is undone.
pub(super) fn refused(error: StorageError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// The database may not grow any more.
pub(super) fn no_more(file: &Path, mib: u32) -> StorageError {
    StorageError::Unavailable(format!(
        "no room for {}: it is full, with the {mib} MiB of storage.max_mib; raise storage.max_mib, which needs no \
         restart, or remove something, writing then goes on",
        file.display()
    ))
}

/// The database itself is damaged, and not only what somebody stored in it.
pub(super) fn damaged(file: &Path, reason: &str) -> StorageError {
    damaged_as(&file.display().to_string(), reason)
}

fn damaged_as(file: &str, reason: &str) -> StorageError {
    StorageError::Corrupt(format!(
        "{file} is damaged ({reason}), and nothing is written any more; stop the server, move {file}, {file}-wal and \
         {file}-shm away, and put a backup in its place"
    ))
}

/// Counts an error that goes to a caller.
pub(super) fn count(error: &StorageError) {
    let reason = match error {
        StorageError::Unavailable(_) => "unavailable",
        StorageError::Overloaded => "overloaded",
        StorageError::Invalid(_) => "invalid",
        StorageError::Corrupt(_) => "corrupt",
        StorageError::Closed => "closed",
        StorageError::Share(_) => "share",
    };
    metrics::counter!("modehost_storage_errors_total", "reason" => reason).increment(1);
}
