//! The time that modes are told. Rule: within a session it never goes back and never stands still: where
//! the system's clock is set back, it goes on from where it was at its usual pace.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One session's time, in Unix ms.
pub(crate) struct Clock {
    /// A time, and when it was that.
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
    /// Goes on from the time that an earlier process left off at.
    pub(crate) fn begin(&mut self, at: u64) {
        if at > self.base {
            (self.base, self.at) = (at, Instant::now());
        }
        self.last = self.last.max(at);
    }

    /// The time of the next event.
    pub(crate) fn now(&mut self) -> u64 {
        self.tell(unix_ms(), Instant::now())
    }

    /// The time of the last event; 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    fn tell(&mut self, system: u64, now: Instant) -> u64 {
        let elapsed = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        let steady = self.base.saturating_add(elapsed);
        if system >= steady {
            (self.base, self.at) = (system, now);
        }
        self.last = self.last.max(steady.max(system));
        self.last
    }
}

/// Unix time in ms; 0 where the clock stands before 1970.
pub(crate) fn unix_ms() -> u64 {
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
        assert_eq!(clock.tell(5_000_000, begun), 5_000_000);
        assert_eq!(clock.tell(1_400_000, after(10)), 5_000_010);
        assert_eq!(clock.tell(1_410_000, after(10_010)), 5_010_010);
        assert_eq!(clock.tell(5_010_009, after(10_010)), 5_010_010);
        assert_eq!(clock.tell(6_000_000, after(10_020)), 6_000_000);
    }

    #[test]
    fn fractions_of_a_millisecond_add_up() {
        let (mut clock, begun) = (Clock::default(), Instant::now());
        clock.tell(1_000_000, begun);
        let last = (1..=100).map(|n| clock.tell(0, begun + Duration::from_micros(900 * n))).last();
        assert_eq!(last, Some(1_000_090));
    }
}
