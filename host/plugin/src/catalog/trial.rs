//! The trial of a generation: evidence from sessions, and the verdict. Rule: pure state, time is passed in; only
//! successful calls prove a generation, and a session that was rolled back counts against it until the same session has
//! been served by it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::limits;
use modehost_ids::DeviceId;

/// The evidence for and against one generation.
#[derive(Debug)]
pub(crate) struct Trial {
    started: Instant,
    /// The generation has not passed yet.
    open: bool,
    /// Hashes of the devices whose sessions it has served; at most `limits::TRIAL_DEVICES`.
    served: HashSet<u64>,
    /// Hashes of the devices whose sessions were rolled back and have not been served by it since, with the round of
    /// their last rollback.
    rolled_back: HashMap<u64, u32>,
    /// Session rollbacks in this trial, counted each time.
    faults: u32,
    /// Incremented when rolled-back sessions have to try the generation again.
    pub round: u32,
}

/// The verdict at the end of a trial's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The trial goes on.
    Pending,
    /// Rolled-back sessions have to try the generation again.
    Retry,
    Passed,
}

impl Trial {
    /// A trial that begins now.
    pub(crate) fn begin(now: Instant) -> Self {
        Self { started: now, open: true, served: HashSet::new(), rolled_back: HashMap::new(), faults: 0, round: 0 }
    }

    /// For a generation that is known to be good; late rollbacks count nevertheless.
    pub(crate) fn passed(now: Instant) -> Self {
        Self { open: false, ..Self::begin(now) }
    }

    /// A new trial of the same generation with more devices: it has to pass again, and the devices served so far count.
    pub(crate) fn extend(self, now: Instant) -> Self {
        Self { served: self.served, round: self.round + 1, ..Self::begin(now) }
    }

    /// True until the generation has passed.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// True if it has served a session, and no session is rolled back from it at the moment.
    pub(crate) fn is_clean(&self) -> bool {
        !self.open || (!self.served.is_empty() && self.rolled_back.is_empty())
    }

    /// Number of sessions that are rolled back from it at the moment.
    pub(crate) fn rolled_back_sessions(&self) -> usize {
        self.rolled_back.len()
    }

    /// A session was served.
    pub(crate) fn record_served(&mut self, device: &DeviceId) {
        let device = device_hash(device);
        self.rolled_back.remove(&device);
        if self.served.len() < limits::TRIAL_DEVICES {
            self.served.insert(device);
        }
    }

    /// A session was rolled back. True if that exceeds the limit: at least half of the sessions that ran the generation
    /// are rolled back, or, during a trial, `max_faults` rollbacks have happened.
    pub(crate) fn record_rollback(&mut self, device: &DeviceId, max_faults: u32) -> bool {
        let device = device_hash(device);
        self.served.remove(&device);
        self.rolled_back.insert(device, self.round);
        self.faults = self.faults.saturating_add(1);
        // A version may only ever run on one device, hence the half; in a fleet the number of rollbacks decides.
        let half = self.rolled_back.len() >= self.served.len();
        half || (self.open && self.faults >= max_faults)
    }

    /// Checks whether the window is over. A generation that has not been called stays on trial.
    pub(crate) fn check(&mut self, now: Instant, window: Duration) -> Verdict {
        if !self.open || now.saturating_duration_since(self.started) < window {
            return Verdict::Pending;
        }
        // A session that has not tried it again for a whole round has ended; the trial does not wait for it.
        let round = self.round;
        self.rolled_back.retain(|_, record_rollback| *record_rollback >= round);
        if !self.rolled_back.is_empty() {
            self.started = now;
            self.round += 1;
            return Verdict::Retry;
        }
        if self.served.is_empty() {
            return Verdict::Pending;
        }
        self.open = false;
        Verdict::Passed
    }
}

/// Devices are identified by a hash; a collision only makes the counts slightly inexact.
fn device_hash(device: &DeviceId) -> u64 {
    let mut hasher = DefaultHasher::new();
    device.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);
    const MAX_FAULTS: u32 = 3;

    fn device(number: u32) -> DeviceId {
        DeviceId::from(format!("device-{number}").as_str())
    }

    fn trial() -> (Trial, Instant) {
        let now = Instant::now();
        (Trial::begin(now), now + WINDOW)
    }

    #[test]
    fn h3_the_only_session_that_ran_it_and_went_back_is_enough() {
        let (mut trial, _) = trial();
        assert!(trial.record_rollback(&device(1), MAX_FAULTS));
        let mut late = Trial::passed(Instant::now());
        late.record_served(&device(1));
        assert!(late.record_rollback(&device(1), MAX_FAULTS), "also once it has proven itself");
    }

    #[test]
    fn h3_one_of_many_is_not_enough_and_three_are() {
        let (mut trial, _) = trial();
        (0..100).for_each(|number| trial.record_served(&device(number)));
        assert!(!trial.record_rollback(&device(1), MAX_FAULTS));
        assert!(!trial.record_rollback(&device(2), MAX_FAULTS));
        assert!(trial.record_rollback(&device(3), MAX_FAULTS));
        let mut passed = Trial::passed(Instant::now());
        (0..100).for_each(|number| passed.record_served(&device(number)));
        assert!(
            (0..40).all(|number| !passed.record_rollback(&device(number), MAX_FAULTS)),
            "a few late faults of a fleet"
        );
    }

    #[test]
    fn h3_nothing_settles_without_a_call_or_with_open_faults() {
        let (mut trial, over) = trial();
        assert_eq!(trial.check(over, WINDOW), Verdict::Pending);
        trial.record_served(&device(1));
        trial.record_served(&device(2));
        trial.record_served(&device(3));
        assert!(!trial.record_rollback(&device(4), MAX_FAULTS));
        assert_eq!(trial.check(over, WINDOW), Verdict::Retry);
        assert_eq!(trial.check(over, WINDOW), Verdict::Pending, "a window for the second try");
        trial.record_served(&device(4));
        assert_eq!(trial.check(over + WINDOW, WINDOW), Verdict::Passed);
        assert!(!trial.is_open());
    }

    #[test]
    fn h3_a_session_that_ended_holds_nobody_up() {
        let (mut trial, over) = trial();
        (0..5).for_each(|number| trial.record_served(&device(number)));
        assert!(!trial.record_rollback(&device(9), MAX_FAULTS));
        assert_eq!(trial.check(over, WINDOW), Verdict::Retry);
        assert_eq!(trial.check(over + WINDOW, WINDOW), Verdict::Passed);
    }
}
