//! Archive entries that were removed by age or number. Rule: each removal is one line for the operator, logged after its
//! commit.

use std::sync::Arc;

use modehost_ids::DeviceId;

use crate::traits::ArchiveEntry;

/// Archive entries that were removed.
#[derive(Clone, Debug)]
pub(super) struct RemovedEntries {
    pub(super) kind: Arc<str>,
    /// Their owner, if only entries of one device were removed.
    pub(super) device: Option<DeviceId>,
    pub(super) count: u64,
    pub(super) reason: RemovalReason,
}

/// Reason of a removal, with the limit.
#[derive(Clone, Copy, Debug)]
pub(super) enum RemovalReason {
    PerDevice(u32),
    Total(u32),
    Age,
}

impl RemovedEntries {
    /// `None` if nothing was removed.
    pub(super) fn of(stored: &ArchiveEntry, count: u64, reason: RemovalReason) -> Option<Self> {
        let device = stored.device.clone().filter(|_| matches!(reason, RemovalReason::PerDevice(_)));
        (count > 0).then(|| Self { kind: stored.kind.clone(), device, count, reason })
    }

    /// Logs the removal for the operator; called after the commit.
    pub(super) fn log(&self) {
        let Self { kind, device, count, reason } = self;
        let device = device.as_ref().map(DeviceId::as_str);
        match reason {
            RemovalReason::PerDevice(keep) => {
                tracing::info!(%kind, device, count, keep, "finished work was removed: its device has newer");
            }
            RemovalReason::Total(keep) => {
                tracing::info!(%kind, count, keep, "finished work was removed: storage.archive_keep are kept over all devices");
            }
            RemovalReason::Age => {
                tracing::info!(%kind, count, "finished work was removed: it is older than storage.archive_days")
            }
        }
    }
}
