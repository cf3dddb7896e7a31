//! How many devices may be connected, and what that leaves to others of the files that the process may open. Rule:
//! devices never take the last file: health, operators, storage and providers have theirs, however many devices come;
//! and a device whose connection is only being replaced is not turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits;

use crate::log_rate::LogRate;

/// Files and sockets of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// That may be open.
    pub most: usize,
    /// That are open now.
    pub open: usize,
}

/// What the files of the process are for, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Devices that are connected.
    pub connections: usize,
    /// Connections of devices that are not through their handshake.
    pub half_open: usize,
    /// Connections of one HTTP port.
    pub http: usize,
    /// Beyond that, for health and operators.
    pub http_reserve: usize,
}

impl Budget {
    /// Of the files of this process (none: without bound) before anybody is served on `http_ports` ports.
    pub fn of_files(files: Option<OpenFiles>, http_ports: usize) -> Self {
        let OpenFiles { most: files, open } = files.unwrap_or(OpenFiles { most: usize::MAX, open: 0 });
        // Small limits are shared out; from some thousands on everybody has what he can use.
        let share = (files / 4).min(limits::FILES_KEPT);
        let half_open = (share / 4).clamp(8, limits::HALF_OPEN);
        let http = (share / 4).clamp(8, limits::HTTP_CONNECTIONS);
        let http_reserve = (share / 16).clamp(4, limits::HTTP_RESERVE);
        let others = (share / 4).max(open + limits::FILES_SPARE);
        let kept = half_open + (http + http_reserve) * http_ports + others;
        Self { connections: files.saturating_sub(kept).max(1), half_open, http, http_reserve }
    }
}

/// All seats of this server.
pub(crate) struct Seats {
    budget: usize,
    /// Devices that come again while all seats are taken have these, until their connections before have ended.
    spare: usize,
    taken: AtomicUsize,
    lines: LogRate,
}

/// One connection's seat; dropping it gives it back.
pub(crate) struct Seat(Arc<Seats>);

impl Seats {
    pub fn new(budget: Budget) -> Arc<Self> {
        let lines = LogRate::every(limits::PLACES_LOG, 1);
        Arc::new(Self { budget: budget.connections, spare: budget.half_open / 4, taken: AtomicUsize::new(0), lines })
    }

    /// How many there are, given what the operator allows.
    pub fn count(&self, allowed: Option<usize>) -> usize {
        allowed.map_or(self.budget, |allowed| allowed.min(self.budget))
    }

    /// A seat, of as many as the operator allows; `comes_again` where the device has one already. None: all are taken,
    /// which is logged now and then.
    pub fn take(self: &Arc<Self>, allowed: Option<usize>, comes_again: bool) -> Option<Seat> {
        let count = self.count(allowed);
        let most = if comes_again { count.saturating_add(self.spare) } else { count };
        let one_more = |taken: usize| (taken < most).then_some(taken + 1);
        if self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok() {
            return Some(Seat(self.clone()));
        }
        if let Some(left_out) = self.lines.take() {
            let remedy = match allowed.is_some_and(|allowed| allowed <= self.budget) {
                true => "raise gateway.max_connections",
                false => "raise the limit of open files (LimitNOFILE=, ulimit -Hn)",
            };
            tracing::warn!(connections = count, left_out, "no more devices are taken: {remedy}");
        }
        None
    }
}

impl Drop for Seat {
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
                let budget = Budget::of_files(Some(OpenFiles { most: files, open: 40 }), ports);
                let all = budget.connections + budget.half_open + (budget.http + budget.http_reserve) * ports;
                assert!(all + 40 + limits::FILES_SPARE <= files, "{files}: {budget:?}");
                assert!(budget.connections > files / 4, "{files}: {budget:?}");
            }
        }
        let large = Budget::of_files(Some(OpenFiles { most: 65_536, open: 40 }), 1);
        assert_eq!((large.half_open, large.http), (limits::HALF_OPEN, limits::HTTP_CONNECTIONS));
        assert!(large.connections > 60_000, "{large:?}");
    }

    #[test]
    fn a_device_that_comes_again_finds_a_seat_and_a_new_one_does_not() {
        let budget = Budget { connections: 2, half_open: 8, http: 8, http_reserve: 4 };
        let seats = Seats::new(budget);
        let held: Vec<_> = (0..2).map(|_| seats.take(Some(100), false).expect("a seat")).collect();
        assert!(seats.take(None, false).is_none());
        let again: Vec<_> = (0..2).map(|_| seats.take(None, true).expect("a spare seat")).collect();
        assert!(seats.take(None, true).is_none(), "of these there are few, too");
        drop((held, again));
        assert_eq!(seats.taken.load(Ordering::Acquire), 0);
        let _one = seats.take(Some(1), false).expect("a seat");
        assert!(seats.take(Some(1), false).is_none());
    }
}
