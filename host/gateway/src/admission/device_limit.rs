//! The limit on connected devices, and the budget of file descriptors behind it. Rule: devices never use the last file
//! descriptor: HTTP health checks, operators, storage and providers keep a reserve under any load; and a device that
//! reconnects while its previous connection is being replaced is not rejected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits;

use crate::log_rate::LogRateLimiter;

/// File descriptors of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// The limit (RLIMIT_NOFILE).
    pub limit: usize,
    /// Open now.
    pub open: usize,
}

/// The budget of file descriptors, by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileBudget {
    /// Connected devices.
    pub connections: usize,
    /// Device connections whose handshake is not finished.
    pub half_open: usize,
    /// Connections of one HTTP port.
    pub http: usize,
    /// In addition to `http`, for health checks and operators.
    pub http_reserve: usize,
}

impl FileBudget {
    /// Divides the descriptors of this process (`None`: unlimited) before `http_ports` HTTP ports are served.
    pub fn of_files(files: Option<OpenFiles>, http_ports: usize) -> Self {
        let OpenFiles { limit: files, open } = files.unwrap_or(OpenFiles { limit: usize::MAX, open: 0 });
        // Low limits are divided proportionally; from some thousands on each purpose has a fixed maximum.
        let quarter = (files / 4).min(limits::RESERVED_FILES);
        let half_open = (quarter / 4).clamp(8, limits::HALF_OPEN);
        let http = (quarter / 4).clamp(8, limits::HTTP_CONNECTIONS);
        let http_reserve = (quarter / 16).clamp(4, limits::HTTP_RESERVE);
        let others = (quarter / 4).max(open + limits::RESERVED_FILES_MIN);
        let reserved = half_open + (http + http_reserve) * http_ports + others;
        Self { connections: files.saturating_sub(reserved).max(1), half_open, http, http_reserve }
    }
}

/// Counts the connected devices of this server.
pub(crate) struct DeviceLimit {
    budget: usize,
    /// Extra permits for devices that reconnect while all others are taken, until their previous connections have
    /// ended.
    spare: usize,
    taken: AtomicUsize,
    log_limit: LogRateLimiter,
}

/// The permit of one connection; released on drop.
pub(crate) struct DevicePermit(Arc<DeviceLimit>);

impl DeviceLimit {
    pub fn new(budget: FileBudget) -> Arc<Self> {
        let log_limit = LogRateLimiter::every(limits::SLOT_LOG_INTERVAL, 1);
        Arc::new(Self {
            budget: budget.connections,
            spare: budget.half_open / 4,
            taken: AtomicUsize::new(0),
            log_limit,
        })
    }

    /// The number of permits, given the configured limit.
    pub fn capacity(&self, allowed: Option<usize>) -> usize {
        allowed.map_or(self.budget, |allowed| allowed.min(self.budget))
    }

    /// Acquires a permit, given the configured limit; `reconnects` if the device is connected already. `None`: the
    /// limit is reached, which is logged at a limited rate.
    pub fn acquire(self: &Arc<Self>, allowed: Option<usize>, reconnects: bool) -> Option<DevicePermit> {
        let capacity = self.capacity(allowed);
        let most = if reconnects { capacity.saturating_add(self.spare) } else { capacity };
        let increment = |taken: usize| (taken < most).then_some(taken + 1);
        if self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, increment).is_ok() {
            return Some(DevicePermit(self.clone()));
        }
        if let Some(left_out) = self.log_limit.try_acquire() {
            let remedy = match allowed.is_some_and(|allowed| allowed <= self.budget) {
                true => "raise gateway.max_connections",
                false => "raise the limit of open files (LimitNOFILE=, ulimit -Hn)",
            };
            tracing::warn!(connections = capacity, left_out, "no more devices are taken: {remedy}");
        }
        None
    }
}

impl Drop for DevicePermit {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_for_somebody() {
        for files in [200, 256, 1024, 4096, 65_536, 1_000_000] {
            for ports in [1, 2] {
                let budget = FileBudget::of_files(Some(OpenFiles { limit: files, open: 40 }), ports);
                let all = budget.connections + budget.half_open + (budget.http + budget.http_reserve) * ports;
                assert!(all + 40 + limits::RESERVED_FILES_MIN <= files, "{files}: {budget:?}");
                assert!(budget.connections > files / 4, "{files}: {budget:?}");
            }
        }
        let large = FileBudget::of_files(Some(OpenFiles { limit: 65_536, open: 40 }), 1);
        assert_eq!((large.half_open, large.http), (limits::HALF_OPEN, limits::HTTP_CONNECTIONS));
        assert!(large.connections > 60_000, "{large:?}");
    }

    #[test]
    fn a_device_that_comes_again_finds_a_seat_and_a_new_one_does_not() {
        let budget = FileBudget { connections: 2, half_open: 8, http: 8, http_reserve: 4 };
        let device_limit = DeviceLimit::new(budget);
        let permits: Vec<_> = (0..2).map(|_| device_limit.acquire(Some(100), false).expect("a permit")).collect();
        assert!(device_limit.acquire(None, false).is_none());
        let spare: Vec<_> = (0..2).map(|_| device_limit.acquire(None, true).expect("a spare permit")).collect();
        assert!(device_limit.acquire(None, true).is_none(), "spare permits are limited, too");
        drop((permits, spare));
        assert_eq!(device_limit.taken.load(Ordering::Acquire), 0);
        let _one = device_limit.acquire(Some(1), false).expect("a permit");
        assert!(device_limit.acquire(Some(1), false).is_none());
    }
}
