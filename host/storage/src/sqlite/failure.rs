//! Mapping of SQLite errors to errors for callers.
//!
//! Rule: the message names the file and what a person can do about it; it never contains a stored value.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::reply::StorageError;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Engine(#[from] rusqlite::Error),
    /// A row that this version cannot decode.
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

/// True if the error concerns the file or the disk, so that no other write of the same transaction can succeed either.
pub(super) fn affects_all_writes(error: &rusqlite::Error) -> bool {
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

/// The message for callers, operators and the log.
pub(super) fn explain(error: &rusqlite::Error, file: &Path) -> StorageError {
    if let rusqlite::Error::ToSqlConversionFailure(inner) = error
        && let Some(storage_error) = inner.downcast_ref::<StorageError>()
    {
        return storage_error.clone();
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
            return damage_error_for(&file.to_string(), &error.to_string());
        }
        _ => format!("{file}: {error}"),
    };
    StorageError::Unavailable(text)
}

/// Rejects a write for a reason of our own; it alone is undone.
pub(super) fn rejection(error: StorageError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// The database has reached its size limit.
pub(super) fn size_limit_error(file: &Path, mib: u32) -> StorageError {
    StorageError::Unavailable(format!(
        "no room for {}: it is full, with the {mib} MiB of storage.max_mib; raise storage.max_mib, which needs no \
         restart, or remove something, writing then goes on",
        file.display()
    ))
}

/// The database itself is damaged, not just one stored value.
pub(super) fn damage_error(file: &Path, reason: &str) -> StorageError {
    damage_error_for(&file.display().to_string(), reason)
}

fn damage_error_for(file: &str, reason: &str) -> StorageError {
    StorageError::Corrupt(format!(
        "{file} is damaged ({reason}), and nothing is written any more; stop the server, move {file}, {file}-wal and \
         {file}-shm away, and put a backup in its place"
    ))
}

/// Counts an error that is returned to a caller.
pub(super) fn count_error(error: &StorageError) {
    let reason = match error {
        StorageError::Unavailable(_) => "unavailable",
        StorageError::Overloaded => "overloaded",
        StorageError::Invalid(_) => "invalid",
        StorageError::Corrupt(_) => "corrupt",
        StorageError::Closed => "closed",
        StorageError::QuotaExceeded(_) => "share",
        StorageError::Moved => "moved",
    };
    metrics::counter!("modehost_storage_errors_total", "reason" => reason).increment(1);
}
