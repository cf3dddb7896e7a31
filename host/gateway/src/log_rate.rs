//! Log lines that strangers cause. Rule: so many a second are written, and how many were left out is told with the
//! next: no flood of callers becomes a flood of lines.

use std::time::Instant;

use parking_lot::Mutex;

/// Bounds one kind of line.
pub(crate) struct LogRate {
    /// Lines a second.
    most: u32,
    current: Mutex<Option<Second>>,
}

struct Second {
    since: Instant,
    written: u32,
    left_out: u64,
}

impl LogRate {
    /// `most` lines a second.
    pub const fn new(most: u32) -> Self {
        Self { most, current: Mutex::new(None) }
    }

    /// Whether a line may be written now; with the number of those that were left out before it.
    pub fn take(&self) -> Option<u64> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Option<u64> {
        let mut current = self.current.lock();
        let second = current.get_or_insert(Second { since: now, written: 0, left_out: 0 });
        if now.saturating_duration_since(second.since).as_secs() >= 1 {
            let left_out = second.left_out;
            *second = Second { since: now, written: 1, left_out: 0 };
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
    use std::time::Duration;

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
