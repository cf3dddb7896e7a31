//! The size limit of the database.
//!
//! Rule: only writes that would grow the file are rejected for lack of space. While space is low, operations that free
//! space run in batches of their own, so that a rejected write does not undo them, and expired messages are removed
//! along with them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits;
use rusqlite::Connection;

use super::{failure, offline_queue};
use crate::fallback_queue::QUEUE_FILE;
use crate::reply::StorageError;

/// Usage in percent of the limit from which on space is low.
const LOW_PERCENT: i64 = 90;
/// Usage below which it is no longer low; hysteresis, so that single messages do not toggle the state.
const ENOUGH_PERCENT: i64 = 85;
/// Largest number of pages of a file (<https://sqlite.org/limits.html>).
const MOST_PAGES: i64 = 4_294_967_294;

/// Usage of one open database.
pub(super) struct Capacity {
    /// Configured limit, in MiB.
    max_mib: Arc<AtomicU32>,
    /// Limit last passed to SQLite, in MiB.
    applied_mib: u32,
    /// MiB of the files beside the database at that time.
    other_mib: u32,
    page_bytes: i64,
    low: bool,
    /// The limit is reached. Read by callers.
    full: Arc<AtomicBool>,
}

impl Capacity {
    pub(super) fn new(max_mib: Arc<AtomicU32>, full: Arc<AtomicBool>) -> Self {
        Self { max_mib, applied_mib: 0, other_mib: 0, page_bytes: 1, low: false, full }
    }

    /// Whether the file is close to its limit.
    pub(super) fn is_low(&self) -> bool {
        self.low
    }

    /// Before a batch: passes a changed limit to SQLite. A node of a cluster is not limited here: what the others have
    /// applied fits in any case, and what it sends itself is refused before it is in the log.
    pub(super) fn prepare(&mut self, connection: &Connection, file: &Path, replicated: bool) -> rusqlite::Result<()> {
        let max = self.max_mib.load(Ordering::Relaxed);
        // However small the limit, the database itself keeps three quarters of it.
        let other_mib = other_files_mib(file).min(max / 4);
        if (max, other_mib) != (self.applied_mib, self.other_mib) {
            self.page_bytes = pragma(connection, "page_size")?.max(1);
            let pages = match replicated {
                true => MOST_PAGES,
                false => i64::from(max - other_mib) * 1024 * 1024 / self.page_bytes,
            };
            connection.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
            (self.applied_mib, self.other_mib) = (max, other_mib);
        }
        Ok(())
    }

    /// After a batch: logs once when space becomes low, and when there is enough again.
    pub(super) fn check(&mut self, connection: &Connection, file: &Path) -> rusqlite::Result<()> {
        let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
        let used = pages * self.page_bytes + i64::from(self.other_mib) * 1024 * 1024;
        let max = i64::from(self.applied_mib) * 1024 * 1024;
        let threshold = if self.low { ENOUGH_PERCENT } else { LOW_PERCENT };
        let low = used * 100 >= max * threshold;
        self.full.store(used >= max, Ordering::Relaxed);
        if low != self.low {
            let (file, used) = (file.display(), used / 1024 / 1024);
            match low {
                true => tracing::warn!(
                    "{file} and what belongs to it hold {used} MiB of the {} MiB of storage.max_mib; beyond that nothing new is kept: raise \
                     storage.max_mib, which needs no restart, or see what fills it",
                    self.applied_mib
                ),
                false => tracing::info!("{file} holds {used} MiB of {} MiB, and has room again", self.applied_mib),
            }
            self.low = low;
        }
        Ok(())
    }

    /// Removes expired messages, which nobody can receive any more.
    pub(super) fn remove_expired(&self, connection: &Connection) -> rusqlite::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        offline_queue::remove_expired(connection, now, limits::QUEUE_EXPIRED_AT_ONCE).map(drop)
    }

    /// Tells a full database from a full disk.
    pub(super) fn explain(&self, connection: &Connection, file: &Path, error: StorageError) -> StorageError {
        let max = i64::from(self.applied_mib - self.other_mib) * 1024 * 1024;
        // The largest message may have needed many pages at once.
        let threshold = max - limits::MESSAGE_BYTES as i64 * 2;
        match pragma(connection, "page_count") {
            Ok(pages) if pages * self.page_bytes >= threshold.max(max / 2) => {
                failure::size_limit_error(file, self.applied_mib)
            }
            _ => error,
        }
    }
}

/// Size of the write-ahead log and the fallback queue's file, in whole MiB.
fn other_files_mib(file: &Path) -> u32 {
    let mut wal = file.as_os_str().to_owned();
    wal.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let bytes = size(Path::new(&wal)) + size(&file.with_file_name(QUEUE_FILE));
    u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
