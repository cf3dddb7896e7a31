//! Removes journals that nobody needs. Rule: in small steps among the other writes, with pauses, so
//! that no message waits for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modehost_limits as limits;
use modehost_task::{IoTask, spawn_io};

use crate::reply::StorageError;
use crate::traits::Journals;

/// Sweeps at start and once a day. Dropping it stops it between two steps.
pub struct Sweeper {
    _task: IoTask<()>,
}

impl Sweeper {
    /// Starts it; orphans go `orphan_days` after their last entry. Must be called from within the
    /// runtime.
    pub fn start(journals: Arc<dyn Journals>, orphan_days: u32) -> Self {
        Self { _task: spawn_io(run(journals, orphan_days)) }
    }
}

async fn run(journals: Arc<dyn Journals>, orphan_days: u32) {
    loop {
        match sweep(&*journals, orphan_days).await {
            Ok(removed) if removed > 0 => tracing::info!(journals = removed, "journals that nobody needs are gone"),
            Ok(_) => {}
            Err(StorageError::Closed) => return,
            // The storage has told of its own trouble; tomorrow is early enough.
            Err(_) => {}
        }
        tokio::time::sleep(limits::SWEEP_EVERY).await;
    }
}

/// One sweep over all journals; gives how many have been removed.
async fn sweep(journals: &dyn Journals, orphan_days: u32) -> Result<u64, StorageError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = Duration::from_secs(24 * 60 * 60) * orphan_days;
    let before = u64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(u64::MAX);
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
