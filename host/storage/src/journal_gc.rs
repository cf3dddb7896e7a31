//! Removes orphaned journals and expired archive entries. Rule: in small steps among the other writes, with pauses, so
//! that no message waits for it.

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
    /// Starts it; orphans are removed `orphan_days` after their last entry. Must be called within the runtime.
    pub fn start(storage: Arc<SqliteStorage>, orphan_days: u32) -> Self {
        Self { _task: spawn_io(run(storage, orphan_days)) }
    }
}

async fn run(storage: Arc<SqliteStorage>, orphan_days: u32) {
    loop {
        // The storage logs what is removed, and its own errors.
        let _ = expire(&*storage, storage.archive_days()).await;
        match sweep(&*storage, orphan_days).await {
            Ok(removed) if removed > 0 => tracing::info!(journals = removed, "orphaned journals removed"),
            Ok(_) => {}
            Err(StorageError::Closed) => return,
            // The storage has logged the error; tomorrow is early enough.
            Err(_) => {}
        }
        tokio::time::sleep(limits::SWEEP_INTERVAL).await;
    }
}

/// Removes archive entries older than this many days; 0 removes none.
///
/// # Errors
/// If a step fails.
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

/// One sweep over all journals; returns how many were removed.
///
/// # Errors
/// If a step fails.
pub async fn sweep(journals: &dyn Journals, orphan_days: u32) -> Result<u64, StorageError> {
    let before = days_ago(orphan_days);
    let (mut from, mut removed) = (0, 0);
    loop {
        let step = journals.sweep(from, before).await?;
        removed += step.journals;
        metrics::counter!("modehost_journal_orphans_total").increment(step.journals);
        metrics::counter!("modehost_journal_swept_entries_total").increment(step.entries);
        match step.next {
            Some(next) => from = next,
            None => return Ok(removed),
        }
        tokio::time::sleep(limits::SWEEP_PAUSE).await;
    }
}
