//! How much room the database may take.
//!
//! Rule: what is refused for want of room is what would make the file grow. What gives room back is carried out
//! by itself while room is scarce, so that a refusal beside it does not undo it; and what nobody can get any more
//! is cleared then, whoever comes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits;
use rusqlite::Connection;

use super::{failure, signed};
use crate::fallback_queue::QUEUE_FILE;
use crate::reply::StorageError;

/// The share of the crate, in hundredths, from which on it is scarce.
const SCARCE: i64 = 90;
/// The share below which it is plenty again: apart, so that one message more or less is not told.
const PLENTY: i64 = 85;

/// Of one open database.
pub(super) struct Room {
    /// MiB, as configured now.
    most: Arc<AtomicU32>,
    /// MiB, as the engine has been told.
    told: u32,
    /// MiB of the files beside the database, as they were then.
    beside: u32,
    page: i64,
    scarce: bool,
}

impl Room {
    pub(super) fn new(most: Arc<AtomicU32>) -> Self {
        Self { most, told: 0, beside: 0, page: 1, scarce: false }
    }

    /// Whether the file is nearly as large as it may be.
    pub(super) fn is_scarce(&self) -> bool {
        self.scarce
    }

    /// Before a batch: tells the engine of a new limit.
    pub(super) fn prepare(&mut self, connection: &Connection, file: &Path) -> rusqlite::Result<()> {
        let most = self.most.load(Ordering::Relaxed);
        // The least part of a small limit is the database's own.
        let beside = beside_mib(file).min(most / 4);
        if (most, beside) != (self.told, self.beside) {
            self.page = pragma(connection, "page_size")?.max(1);
            let pages = i64::from(most - beside) * 1024 * 1024 / self.page;
            connection.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
            (self.told, self.beside) = (most, beside);
        }
        Ok(())
    }

    /// After a batch: says once when room becomes scarce, and when it is plenty again.
    pub(super) fn look(&mut self, connection: &Connection, file: &Path) -> rusqlite::Result<()> {
        let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
        let used = pages * self.page + i64::from(self.beside) * 1024 * 1024;
        let most = i64::from(self.told) * 1024 * 1024;
        let bound = if self.scarce { PLENTY } else { SCARCE };
        let scarce = used * 100 >= most * bound;
        if scarce != self.scarce {
            let (file, used) = (file.display(), used / 1024 / 1024);
            match scarce {
                true => tracing::warn!(
                    "{file} and what belongs to it hold {used} MiB of the {} MiB of storage.max_mib; beyond that nothing new is kept: raise \
                     storage.max_mib, which needs no restart, or see what fills it",
                    self.told
                ),
                false => tracing::info!("{file} holds {used} MiB of {} MiB, and has room again", self.told),
            }
            self.scarce = scarce;
        }
        Ok(())
    }

    /// Clears what has expired; it is for nobody any more.
    pub(super) fn clear(&self, connection: &Connection) -> rusqlite::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now = signed(u64::try_from(now).unwrap_or(u64::MAX));
        let sweep = "DELETE FROM offline_queue WHERE id IN (
             SELECT id FROM offline_queue WHERE queued_at + ttl_ms <= ?1 LIMIT ?2)";
        connection.prepare_cached(sweep)?.execute((now, limits::QUEUE_CLEARED))?;
        Ok(())
    }

    /// Whether it is the limit that the file has met, or the disk.
    pub(super) fn explain(&self, connection: &Connection, file: &Path, error: StorageError) -> StorageError {
        let most = i64::from(self.told - self.beside) * 1024 * 1024;
        // The largest message may have asked for much more than a page.
        let near = most - limits::MESSAGE_BYTES as i64 * 2;
        match pragma(connection, "page_count") {
            Ok(pages) if pages * self.page >= near.max(most / 2) => failure::no_more(file, self.told),
            _ => error,
        }
    }
}

/// What the write-ahead file and the queue's own file take, in whole MiB.
fn beside_mib(file: &Path) -> u32 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let bytes = size(Path::new(&log)) + size(&file.with_file_name(QUEUE_FILE));
    u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
