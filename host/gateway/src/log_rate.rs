//! Log lines that strangers cause. Rule: so many in a while are written, and how many were left out is told with the
//! next: no flood of callers becomes a flood of lines.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Bounds one kind of line.
pub(crate) struct LogRate {
    every: Duration,
    /// Lines in that time.
    most: u32,
    current: Mutex<Option<While>>,
}

/// One stretch of the time.
struct While {
    since: Instant,
    written: u32,
    left_out: u64,
}

impl LogRate {
    /// `most` lines a second.
    pub const fn new(most: u32) -> Self {
        Self::every(Duration::from_secs(1), most)
    }

    /// `most` lines in that time.
    pub const fn every(every: Duration, most: u32) -> Self {
        Self { every, most, current: Mutex::new(None) }
    }

    /// Whether a line may be written now; with the number of those that were left out before it.
    pub fn take(&self) -> Option<u64> {
        self.take_at(Instant::now())
    }

    /// Whether a line about `what` may be written now; says how many were left out before it.
    pub fn admits(&self, what: &'static str) -> bool {
        let Some(left_out) = self.take() else { return false };
        if left_out > 0 {
            tracing::info!(left_out, "further {what} were not logged, there were too many a second");
        }
        true
    }

    fn take_at(&self, now: Instant) -> Option<u64> {
        let mut current = self.current.lock();
        let second = current.get_or_insert(While { since: now, written: 0, left_out: 0 });
        if now.saturating_duration_since(second.since) >= self.every {
            let left_out = second.left_out;
            *second = While { since: now, written: 1, left_out: 0 };
            return Some(left_out);
        }
        if second.written >= self.most {
            second.left_out += 1;
            return None;
        }
        second.written += 1;
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_as_a_number() {
        let (rate, start) = (LogRate::new(20), Instant::now());
        let written = (0..1000).filter(|_| rate.take_at(start).is_some()).count();
        assert_eq!(written, 20);
        assert_eq!(rate.take_at(start + Duration::from_secs(1)), Some(1000 - 20));
        assert_eq!(rate.take_at(start + Duration::from_secs(1)), Some(0));
    }
}
