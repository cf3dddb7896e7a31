//! Forgetting a device in every store. Rule: the database goes first, in one transaction that also marks what has to
//! follow; whatever breaks off then is gone on with at the next start, and doing it twice does nothing more.

use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use modehost_session::{NotForgotten, Registry};
use modehost_storage::{FallbackQueue, Forgotten, SqliteStorage, StorageError};
use tokio::time::{Instant, sleep};

/// What has gone, and what has not.
#[derive(Debug)]
pub struct Outcome {
    /// Rows of the database, by kind.
    pub gone: Forgotten,
    /// Messages in the file that stands in for the queue.
    pub in_file: u64,
    /// A session was running and has been ended.
    pub had_session: bool,
    /// Files of finished work have followed.
    pub files_followed: bool,
    /// Documents that others have a part in and that name the device.
    pub shared: Vec<Arc<str>>,
    /// Finished work of which nobody knows whose it is.
    pub nobodys: u64,
    /// Why parts of what was removed may still stand in free room of the database.
    pub traces: Option<String>,
}

/// Why a device is not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session does not end.
    #[error("{0}")]
    Session(#[from] NotForgotten),
    /// The database refuses.
    #[error("{0}; ask again: what has gone already does no harm")]
    Storage(#[from] StorageError),
}

/// Ends the session of a device and removes everything that is kept of it. `free` are the bytes that the disk has.
///
/// # Errors
/// See [`Error`].
pub async fn forget(
    registry: &Arc<Registry>,
    storage: &SqliteStorage,
    queue: &FallbackQueue,
    device: &DeviceId,
    free: u64,
) -> Result<Outcome, Error> {
    // Held to the end: a session that came before would write itself back.
    let parted = registry.part_with(device, "everything of this device is being removed").await?;
    let gone = storage.forget(device).await?;
    let in_file = follow(storage, queue, device).await?;
    let files_followed = gone.archives == 0 || files_follow(storage).await?;
    let shared = storage.shared_with(device).await?;
    let nobodys = storage.nobodys_work().await?;
    let nothing = gone.is_nothing() && in_file == 0;
    let traces = if nothing { None } else { storage.compact(free).await?.left };
    Ok(Outcome { gone, in_file, had_session: parted.had_session, files_followed, shared, nobodys, traces })
}

/// What is outside of the database.
async fn follow(storage: &SqliteStorage, queue: &FallbackQueue, device: &DeviceId) -> Result<u64, StorageError> {
    let in_file = queue.forget(device).await?;
    storage.has_forgotten(device).await?;
    Ok(in_file)
}

/// Goes on with what an earlier process has not ended.
pub async fn go_on(storage: &SqliteStorage, queue: &FallbackQueue) {
    let outcome = async {
        for device in storage.being_forgotten().await? {
            follow(storage, queue, &device).await?;
            tracing::info!("a device that was being forgotten when the server ended has been forgotten");
        }
        Ok::<_, StorageError>(())
    };
    if let Err(error) = outcome.await {
        tracing::error!(%error, "a device that was being forgotten is not forgotten wholly; the next start tries again");
    }
}

/// Waits until the files of finished work have followed the database; false if they take longer.
async fn files_follow(storage: &SqliteStorage) -> Result<bool, StorageError> {
    let end = Instant::now() + limits::FORGET_FILES;
    while storage.files_due().await? > 0 {
        if Instant::now() >= end {
            return Ok(false);
        }
        sleep(limits::STORAGE_PAUSE).await;
    }
    Ok(true)
}
