//! What sessions have made of a generation, and what follows from it. Rule: pure state, time is given; a
//! generation proves itself by calls that went well and by nothing else, and a session that went back
//! counts against it until the same session has been served by it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::limits;
use modehost_ids::DeviceId;

/// The evidence for and against one generation.
#[derive(Debug)]
pub(crate) struct Trial {
    began: Instant,
    /// It has not proven itself.
    open: bool,
    /// Devices whose sessions it has served; none beyond `limits::TRIAL_DEVICES`.
    served: HashSet<u64>,
    /// Devices whose sessions went back and have not been served by it since, with the round in which
    /// they did so last.
    back: HashMap<u64, u32>,
    /// Sessions that went back in this trial, counted each time.
    faults: u32,
    /// Counts up when those that went back are to try it once more.
    pub round: u32,
}

/// What the end of a trial's window comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Pending,
    /// Sessions that went back are to try it once more.
    Retry,
    Proven,
}

impl Trial {
    /// A trial that begins now.
    pub(crate) fn begin(now: Instant) -> Self {
        Self { began: now, open: true, served: HashSet::new(), back: HashMap::new(), faults: 0, round: 0 }
    }

    /// For a generation that is good already: late faults are weighed all the same.
    pub(crate) fn proven(now: Instant) -> Self {
        Self { open: false, ..Self::begin(now) }
    }

    /// The same generation before a larger audience: it has to prove itself anew, to more than those that it
    /// has served already.
    pub(crate) fn widen(self, now: Instant) -> Self {
        Self { served: self.served, round: self.round + 1, ..Self::begin(now) }
    }

    /// True until the generation has proven itself.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// True if some session was served by it, and none is away from it.
    pub(crate) fn is_spotless(&self) -> bool {
        !self.open || (!self.served.is_empty() && self.back.is_empty())
    }

    /// Sessions that are away from it at the moment.
    pub(crate) fn open_faults(&self) -> usize {
        self.back.len()
    }

    /// A session was served.
    pub(crate) fn served(&mut self, device: &DeviceId) {
        let device = short(device);
        self.back.remove(&device);
        if self.served.len() < limits::TRIAL_DEVICES {
            self.served.insert(device);
        }
    }

    /// A session went back. True if that is one too many: at least half of the sessions that ran it are
    /// away from it, or, on trial, `most` times one went back.
    pub(crate) fn went_back(&mut self, device: &DeviceId, most: u32) -> bool {
        let device = short(device);
        self.served.remove(&device);
        self.back.insert(device, self.round);
        self.faults = self.faults.saturating_add(1);
        // One device on a desk is all that a version ever gets; the faults of many are weighed by their number.
        let half = self.back.len() >= self.served.len();
        half || (self.open && self.faults >= most)
    }

    /// Looks whether the window is over. A version that nobody has called goes on being on trial.
    pub(crate) fn look(&mut self, now: Instant, window: Duration) -> Verdict {
        if !self.open || now.saturating_duration_since(self.began) < window {
            return Verdict::Pending;
        }
        // Who has not come back to it for a whole round has ended: nobody waits for that session.
        let round = self.round;
        self.back.retain(|_, went_back| *went_back >= round);
        if !self.back.is_empty() {
            self.began = now;
            self.round += 1;
            return Verdict::Retry;
        }
        if self.served.is_empty() {
            return Verdict::Pending;
        }
        self.open = false;
        Verdict::Proven
    }
}

/// Devices are told apart by a number; two in the same place cost a little exactness and nothing else.
fn short(device: &DeviceId) -> u64 {
    let mut hasher = DefaultHasher::new();
    device.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);
    const MOST: u32 = 3;

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
        assert!(trial.went_back(&device(1), MOST));
        let mut late = Trial::proven(Instant::now());
        late.served(&device(1));
        assert!(late.went_back(&device(1), MOST), "also once it has proven itself");
    }

    #[test]
    fn h3_one_of_many_is_not_enough_and_three_are() {
        let (mut trial, _) = trial();
        (0..100).for_each(|number| trial.served(&device(number)));
        assert!(!trial.went_back(&device(1), MOST));
        assert!(!trial.went_back(&device(2), MOST));
        assert!(trial.went_back(&device(3), MOST));
        let mut proven = Trial::proven(Instant::now());
        (0..100).for_each(|number| proven.served(&device(number)));
        assert!((0..40).all(|number| !proven.went_back(&device(number), MOST)), "a few late faults of a fleet");
    }

    #[test]
    fn h3_nothing_settles_without_a_call_or_with_open_faults() {
        let (mut trial, over) = trial();
        assert_eq!(trial.look(over, WINDOW), Verdict::Pending);
        trial.served(&device(1));
        trial.served(&device(2));
        trial.served(&device(3));
        assert!(!trial.went_back(&device(4), MOST));
        assert_eq!(trial.look(over, WINDOW), Verdict::Retry);
        assert_eq!(trial.look(over, WINDOW), Verdict::Pending, "a window for the second try");
        trial.served(&device(4));
        assert_eq!(trial.look(over + WINDOW, WINDOW), Verdict::Proven);
        assert!(!trial.is_open());
    }

    #[test]
    fn h3_a_session_that_ended_holds_nobody_up() {
        let (mut trial, over) = trial();
        (0..5).for_each(|number| trial.served(&device(number)));
        assert!(!trial.went_back(&device(9), MOST));
        assert_eq!(trial.look(over, WINDOW), Verdict::Retry);
        assert_eq!(trial.look(over + WINDOW, WINDOW), Verdict::Proven);
    }
}
