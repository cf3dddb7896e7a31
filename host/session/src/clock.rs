//! The clock that modes see. Rule: within a session it never goes back and never stops: if the system clock is set
//! back, it continues from where it was at the usual rate.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The time of one session, in Unix ms.
pub(crate) struct Clock {
    /// A time, and the instant at which it was read.
    base: u64,
    at: Instant,
    last: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { base: 0, at: Instant::now(), last: 0 }
    }
}

impl Clock {
    /// Continues from the time at which an earlier process stopped.
    pub(crate) fn resume_from(&mut self, at: u64) {
        if at > self.base {
            (self.base, self.at) = (at, Instant::now());
        }
        self.last = self.last.max(at);
    }

    /// The time of the next event.
    pub(crate) fn now(&mut self) -> u64 {
        self.advance(unix_ms(), Instant::now())
    }

    /// The time of the last event; 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    fn advance(&mut self, system: u64, now: Instant) -> u64 {
        let elapsed = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        let steady = self.base.saturating_add(elapsed);
        if system >= steady {
            (self.base, self.at) = (system, now);
        }
        self.last = self.last.max(steady.max(system));
        self.last
    }
}

/// Unix time in ms; 0 if the system clock is before 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_goes_on_where_the_clock_was_set_back() {
        let (mut clock, begun) = (Clock::default(), Instant::now());
        let after = |ms: u64| begun + Duration::from_millis(ms);
        assert_eq!(clock.advance(5_000_000, begun), 5_000_000);
        assert_eq!(clock.advance(1_400_000, after(10)), 5_000_010);
        assert_eq!(clock.advance(1_410_000, after(10_010)), 5_010_010);
        assert_eq!(clock.advance(5_010_009, after(10_010)), 5_010_010);
        assert_eq!(clock.advance(6_000_000, after(10_020)), 6_000_000);
    }

    #[test]
    fn fractions_of_a_millisecond_add_up() {
        let (mut clock, begun) = (Clock::default(), Instant::now());
        clock.advance(1_000_000, begun);
        let last = (1..=100).map(|n| clock.advance(0, begun + Duration::from_micros(900 * n))).last();
        assert_eq!(last, Some(1_000_090));
    }
}
