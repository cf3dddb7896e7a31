//! Removes journals that nobody needs, and finished work of a certain age. Rule: in small steps among the other
//! writes, with pauses, so that no message waits for it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits;
use modehost_task::{IoTask, spawn_io};

use crate::reply::StorageError;
use crate::sqlite::SqliteStorage;
use crate::traits::{Archives, Journals};

/// Sweeps at start and once a day. Dropping it stops it between two steps.
pub struct JournalGc {
    _task: IoTask<()>,
}

impl JournalGc {
    /// Starts it; orphans go `orphan_days` after their last entry. Must be called from within the
    /// runtime.
    pub fn start(storage: Arc<SqliteStorage>, orphan_days: u32) -> Self {
        Self { _task: spawn_io(run(storage, orphan_days)) }
    }
}

async fn run(storage: Arc<SqliteStorage>, orphan_days: u32) {
    loop {
        // Its own lines say what goes, and the storage tells of its own trouble.
        let _ = expire(&*storage, storage.archive_days()).await;
        match sweep(&*storage, orphan_days).await {
            Ok(removed) if removed > 0 => tracing::info!(journals = removed, "journals that nobody needs are gone"),
            Ok(_) => {}
            Err(StorageError::Closed) => return,
            // The storage has told of its own trouble; tomorrow is early enough.
            Err(_) => {}
        }
        tokio::time::sleep(limits::SWEEP_EVERY).await;
    }
}

/// Removes finished work that is older than so many days; 0 removes none.
///
/// # Errors
/// If the storage does not take a step.
pub async fn expire(archives: &dyn Archives, days: u32) -> Result<(), StorageError> {
    if days == 0 {
        return Ok(());
    }
    while archives.expire(days_ago(days)).await? > 0 {
        tokio::time::sleep(limits::SWEEP_PAUSE).await;
    }
    Ok(())
}

/// In Unix ms.
fn days_ago(days: u32) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_sub(limits::DAY * days).as_millis()).unwrap_or(u64::MAX)
}

/// One sweep over all journals; gives how many have been removed.
///
/// # Errors
/// If the storage does not take a step.
pub async fn sweep(journals: &dyn Journals, orphan_days: u32) -> Result<u64, StorageError> {
    let before = days_ago(orphan_days);
    let (mut from, mut removed) = (0, 0);
    loop {
        let swept = journals.sweep(from, before).await?;
        removed += swept.journals;
        metrics::counter!("modehost_journal_orphans_total").increment(swept.journals);
        metrics::counter!("modehost_journal_swept_entries_total").increment(swept.entries);
        match swept.next {
            Some(next) => from = next,
            None => return Ok(removed),
        }
        tokio::time::sleep(limits::SWEEP_PAUSE).await;
    }
}
