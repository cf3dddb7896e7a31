//! Rate limit of log lines that clients can cause. Rule: a bounded number of lines per interval, and the next line
//! reports how many were suppressed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Rate limiter of one kind of log line.
pub(crate) struct LogRateLimiter {
    interval: Duration,
    /// Lines per interval.
    limit: u32,
    current: Mutex<Option<Window>>,
}

/// The current interval.
struct Window {
    since: Instant,
    written: u32,
    left_out: u64,
}

impl LogRateLimiter {
    /// Allows `limit` lines per second.
    pub const fn new(limit: u32) -> Self {
        Self::every(Duration::from_secs(1), limit)
    }

    /// Allows `limit` lines per `interval`.
    pub const fn every(interval: Duration, limit: u32) -> Self {
        Self { interval, limit, current: Mutex::new(None) }
    }

    /// Whether a line may be written now; if so, the number of lines suppressed before it.
    pub fn try_acquire(&self) -> Option<u64> {
        self.try_acquire_at(Instant::now())
    }

    /// Whether a line about `what` may be written now; logs how many were suppressed before it.
    pub fn allows(&self, what: &'static str) -> bool {
        let Some(left_out) = self.try_acquire() else { return false };
        if left_out > 0 {
            tracing::info!(left_out, "further {what} were not logged, there were too many a second");
        }
        true
    }

    fn try_acquire_at(&self, now: Instant) -> Option<u64> {
        let mut current = self.current.lock();
        let window = current.get_or_insert(Window { since: now, written: 0, left_out: 0 });
        if now.saturating_duration_since(window.since) >= self.interval {
            let left_out = window.left_out;
            *window = Window { since: now, written: 1, left_out: 0 };
            return Some(left_out);
        }
        if window.written >= self.limit {
            window.left_out += 1;
            return None;
        }
        window.written += 1;
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_as_a_number() {
        let (rate, start) = (LogRateLimiter::new(20), Instant::now());
        let written = (0..1000).filter(|_| rate.try_acquire_at(start).is_some()).count();
        assert_eq!(written, 20);
        assert_eq!(rate.try_acquire_at(start + Duration::from_secs(1)), Some(1000 - 20));
        assert_eq!(rate.try_acquire_at(start + Duration::from_secs(1)), Some(0));
    }
}
