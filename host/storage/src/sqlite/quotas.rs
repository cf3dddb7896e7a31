//! What the settings allow the storage to keep. Rule: a changed setting holds for the next write, without a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::config::{Config, QueueQuotas};
use crate::limits;

/// Read by callers and by the writer.
pub(super) struct Quotas {
    /// Maximum number of messages queued for one device.
    queue_limit: AtomicU32,
    /// Byte quotas of the queue.
    queue: Mutex<QueueQuotas>,
    /// Size limit of the database, in MiB.
    pub(super) max_mib: Arc<AtomicU32>,
    /// The database has reached it. Kept by the writer.
    pub(super) full: Arc<AtomicBool>,
    /// Archive entries kept per kind over all devices; 0: all.
    archive_keep: AtomicU32,
    /// See [`Config::archive_days`].
    archive_days: AtomicU32,
}

impl Quotas {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            queue_limit: AtomicU32::new(limits::QUEUE_PER_DEVICE),
            queue: Mutex::new(config.queue_quotas()),
            max_mib: Arc::new(AtomicU32::new(config.max_mib)),
            full: Arc::default(),
            archive_keep: AtomicU32::new(config.archive_keep),
            archive_days: AtomicU32::new(config.archive_days),
        }
    }

    pub(super) fn apply(&self, config: &Config) {
        *self.queue.lock() = config.queue_quotas();
        self.max_mib.store(config.max_mib, Ordering::Relaxed);
        self.archive_keep.store(config.archive_keep, Ordering::Relaxed);
        self.archive_days.store(config.archive_days, Ordering::Relaxed);
    }

    /// At least 1.
    pub(super) fn set_queue_limit(&self, max: u32) {
        self.queue_limit.store(max.max(1), Ordering::Relaxed);
    }

    pub(super) fn queue_limit(&self) -> u32 {
        self.queue_limit.load(Ordering::Relaxed)
    }

    pub(super) fn queue(&self) -> QueueQuotas {
        *self.queue.lock()
    }

    pub(super) fn max_mib(&self) -> u32 {
        self.max_mib.load(Ordering::Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(super) fn archive_keep(&self) -> u32 {
        self.archive_keep.load(Ordering::Relaxed)
    }

    pub(super) fn archive_days(&self) -> u32 {
        self.archive_days.load(Ordering::Relaxed)
    }
}
