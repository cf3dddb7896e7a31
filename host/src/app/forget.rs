//! Erasing a device from every store. Rule: the database comes first, in one transaction that also marks the pending
//! follow-up; an interrupted erasure is resumed at the next start, and every step is idempotent.

use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use modehost_session::{ForgetError, Registry};
use modehost_storage::{ErasureReport, FallbackQueue, SqliteStorage, StorageError};
use tokio::time::{Instant, sleep};

/// Outcome of an erasure.
#[derive(Debug)]
pub struct Outcome {
    /// Removed rows of the database, by kind.
    pub removed: ErasureReport,
    /// Removed messages of the fallback file of the queue.
    pub removed_from_file: u64,
    /// Whether a session was running; it has been ended.
    pub had_session: bool,
    /// Whether the files of archived work have been removed, too.
    pub files_removed: bool,
    /// Keys of documents that are shared with others and name the device.
    pub shared_documents: Vec<Arc<str>>,
    /// Number of archive entries without a recorded owner.
    pub unowned_archives: u64,
    /// Why removed data may remain in free pages of the database; none if it was compacted.
    pub not_compacted: Option<String>,
}

/// Why a device could not be erased.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session did not end.
    #[error("{0}")]
    Session(#[from] ForgetError),
    /// A statement of the storage failed.
    #[error("{0}; repeat the request, which is idempotent")]
    Storage(#[from] StorageError),
}

/// Ends the session of a device and erases everything stored about it. `free_bytes`: free bytes on the disk.
///
/// # Errors
/// See [`Error`].
pub async fn forget(
    registry: &Arc<Registry>,
    storage: &SqliteStorage,
    queue: &FallbackQueue,
    device: &DeviceId,
    free_bytes: u64,
) -> Result<Outcome, Error> {
    // Held to the end: a session created earlier would save itself again.
    let ended = registry.begin_forget(device, "everything of this device is being removed").await?;
    let removed = storage.erase_device(device).await?;
    let removed_from_file = forget_outside_database(storage, queue, device).await?;
    let files_removed = removed.archives == 0 || wait_for_file_removal(storage).await?;
    let shared_documents = storage.shared_documents(device).await?;
    let unowned_archives = storage.unowned_archives().await?;
    let nothing = removed.is_nothing() && removed_from_file == 0;
    let not_compacted = if nothing { None } else { storage.compact(free_bytes).await?.left };
    Ok(Outcome {
        removed,
        removed_from_file,
        had_session: ended.had_session,
        files_removed,
        shared_documents,
        unowned_archives,
        not_compacted,
    })
}

/// What a node of a cluster has removed of a device that another one erases.
pub struct OwnFiles {
    /// Messages of the fallback file of the queue.
    pub removed: u64,
    /// Whether the files of archived work have been removed, too.
    pub all_removed: bool,
}

/// Erases what this process keeps of a device outside the database.
///
/// # Errors
/// If the queue's file cannot be written, or the storage does not answer.
pub async fn forget_files(
    storage: &SqliteStorage,
    queue: &FallbackQueue,
    device: &DeviceId,
) -> Result<OwnFiles, StorageError> {
    let removed = queue.erase_device(device).await?;
    Ok(OwnFiles { removed, all_removed: wait_for_file_removal(storage).await? })
}

/// Follow-up outside the database; clears the pending mark.
async fn forget_outside_database(
    storage: &SqliteStorage,
    queue: &FallbackQueue,
    device: &DeviceId,
) -> Result<u64, StorageError> {
    let removed_from_file = queue.erase_device(device).await?;
    storage.complete_erasure(device).await?;
    Ok(removed_from_file)
}

/// Resumes erasures that an earlier process did not complete.
pub async fn resume_pending(storage: &SqliteStorage, queue: &FallbackQueue) {
    let outcome = async {
        for device in storage.pending_erasures().await? {
            forget_outside_database(storage, queue, &device).await?;
            tracing::info!("an interrupted erasure of a device has been completed");
        }
        Ok::<_, StorageError>(())
    };
    if let Err(error) = outcome.await {
        tracing::error!(%error, "an interrupted erasure of a device could not be completed; the next start retries");
    }
}

/// Waits until the files of archived work have been removed; false after [`limits::FORGET_FILES`].
async fn wait_for_file_removal(storage: &SqliteStorage) -> Result<bool, StorageError> {
    let end = Instant::now() + limits::FORGET_FILES;
    while storage.exports_due().await? > 0 {
        if Instant::now() >= end {
            return Ok(false);
        }
        sleep(limits::STORAGE_BACKOFF).await;
    }
    Ok(true)
}
