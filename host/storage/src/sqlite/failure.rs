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
        )
    )
}

/// The sentence for callers, operators and the log.
pub(super) fn explain(error: &rusqlite::Error, file: &Path) -> StorageError {
    let file = file.display();
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            format!(
                "no room for {file}: the disk is full or storage.max_mib is reached; make room, writing then goes on"
            )
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            format!("another program keeps {file} locked; close it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            format!("{file} cannot be written ({error}); see that it is there and that this user may write it")
        }
        Some(ErrorCode::SystemIoFailure) => format!("the disk of {file} fails ({error}); check the disk"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return StorageError::Corrupt(format!("{file} ({error}); stop the server and put a backup in its place"));
        }
        _ => format!("{file}: {error}"),
    };
    StorageError::Unavailable(text)
}

/// Counts an error that goes to a caller.
pub(super) fn count(error: &StorageError) {
    let reason = match error {
        StorageError::Unavailable(_) => "unavailable",
        StorageError::Overloaded => "overloaded",
        StorageError::Invalid(_) => "invalid",
        StorageError::Corrupt(_) => "corrupt",
        StorageError::Closed => "closed",
    };
    metrics::counter!("modehost_storage_errors_total", "reason" => reason).increment(1);
}
