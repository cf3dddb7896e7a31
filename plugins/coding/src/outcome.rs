//! How the work ended, by the log. Rule: success needs a positive sign, and the last verdict counts; without any
//! statement the outcome is unknown.

use serde::{Deserialize, Serialize};

use crate::signal::{Fnv1a, Tool};

/// Unknown lines after which a sign of success expires: a summary and its footer are the end of a log, and much more
/// output comes from something else.
const UNKNOWN_LINES_AFTER_SUCCESS: u32 = 20;
/// The same for a sign that only a first step succeeded, such as the installation of packages.
const UNKNOWN_LINES_AFTER_STEP: u32 = 3;
/// Upper bound of separate test counts.
const MAX_COUNTS: usize = 64;

/// How the work has ended, by the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A tool reported success.
    Success,
    /// A tool reported a failure.
    Failure,
    /// No tool reported anything.
    Unknown,
}

/// The signs of the outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutcomeSigns {
    /// There was a positive sign.
    good: bool,
    /// Unknown lines until that sign expires.
    room: u32,
    /// The last verdict without a number.
    word: Option<bool>,
    /// Number of failed tests, by tool and target.
    sums: Vec<(Tool, u64, u32)>,
    /// Packages whose tests did not succeed, although none was counted.
    broken: Vec<u64>,
    /// The exit code of the command, as given by the sender.
    exit: Option<i64>,
}

impl OutcomeSigns {
    /// Records a verdict of a tool on everything.
    pub fn record_verdict(&mut self, good: bool) {
        if good {
            self.record_success();
        }
        self.word = Some(good);
    }

    /// Records the test count of a tool. A new count replaces the last one of the same target.
    pub fn record_test_count(&mut self, tool: Tool, target: Option<&str>, failed: u32) {
        if failed == 0 {
            self.record_success();
        }
        let key = key(tool, target);
        self.broken.retain(|known| *known != key);
        match self.sums.iter().position(|(_, known, _)| *known == key) {
            Some(known) => self.sums[known].2 = failed,
            None if self.sums.len() < MAX_COUNTS => self.sums.push((tool.family(), key, failed)),
            // Beyond the bound of targets, failures are still counted.
            None => self.sums[MAX_COUNTS - 1].2 = self.sums[MAX_COUNTS - 1].2.saturating_add(failed),
        }
    }

    /// Records that the tests of this package did not succeed, for whatever reason.
    pub fn record_failed_target(&mut self, tool: Tool, target: &str) {
        let key = key(tool, Some(target));
        if self.broken.len() < MAX_COUNTS && !self.broken.contains(&key) {
            self.broken.push(key);
        }
    }

    /// Clears the failures of a tool that reports success in the end.
    pub fn clear_failures(&mut self, tool: Tool) {
        self.sums.iter_mut().filter(|(who, ..)| *who == tool.family()).for_each(|(_, _, failed)| *failed = 0);
    }

    /// Records that tests succeeded.
    pub fn record_success(&mut self) {
        (self.good, self.room) = (true, UNKNOWN_LINES_AFTER_SUCCESS);
    }

    /// Records that a first step succeeded; this overrides nothing.
    pub fn record_step(&mut self) {
        if !self.good {
            (self.good, self.room) = (true, UNKNOWN_LINES_AFTER_STEP);
        }
    }

    /// Another program starts, whose outcome is unknown.
    pub fn reset(&mut self) {
        self.good = false;
    }

    /// Records an unknown line.
    pub fn record_unknown_line(&mut self) {
        self.room = self.room.saturating_sub(1);
        self.good &= self.room > 0;
    }

    /// Records the exit code of the command.
    pub fn record_exit_code(&mut self, code: i64) {
        self.exit = Some(code);
        if code == 0 {
            (self.good, self.room) = (true, u32::MAX);
        }
        self.word = Some(code == 0);
    }

    /// Failed tests by the summaries of the tools.
    pub fn failed_tests(&self) -> u32 {
        self.sums.iter().fold(0, |all, (_, _, failed)| all.saturating_add(*failed))
    }

    /// The outcome, given the result of the last build.
    pub fn outcome(&self, build: Option<bool>) -> Outcome {
        let broken = build == Some(false) && self.exit != Some(0);
        if self.word == Some(false) || broken || self.failed_tests() > 0 || !self.broken.is_empty() {
            Outcome::Failure
        } else if self.good {
            Outcome::Success
        } else {
            Outcome::Unknown
        }
    }
}

fn key(tool: Tool, target: Option<&str>) -> u64 {
    let mut key = Fnv1a::new();
    key.add(&[tool.family() as u8]);
    key.add(target.unwrap_or_default().as_bytes());
    key.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_all_clear_needs_a_sign() {
        let mut signs = OutcomeSigns::default();
        assert_eq!(signs.outcome(None), Outcome::Unknown);
        signs.record_test_count(Tool::Pytest, None, 0);
        assert_eq!(signs.outcome(None), Outcome::Success);
    }

    #[test]
    fn a_sign_does_not_hold_for_what_comes_long_after_it() {
        let mut signs = OutcomeSigns::default();
        signs.record_step();
        signs.record_unknown_line();
        assert_eq!(signs.outcome(None), Outcome::Success);
        (0..2).for_each(|_| signs.record_unknown_line());
        assert_eq!(signs.outcome(None), Outcome::Unknown);
        signs.record_verdict(true);
        (0..9).for_each(|_| signs.record_unknown_line());
        assert_eq!(signs.outcome(Some(true)), Outcome::Success);
        (0..UNKNOWN_LINES_AFTER_SUCCESS).for_each(|_| signs.record_unknown_line());
        assert_eq!(signs.outcome(Some(true)), Outcome::Unknown);
        signs.record_exit_code(0);
        (0..100).for_each(|_| signs.record_unknown_line());
        assert_eq!(signs.outcome(None), Outcome::Success);
    }

    #[test]
    fn the_last_word_counts() {
        let mut signs = OutcomeSigns::default();
        signs.record_verdict(true);
        signs.record_verdict(false);
        assert_eq!(signs.outcome(Some(true)), Outcome::Failure);
        signs.record_exit_code(0);
        assert_eq!(signs.outcome(Some(false)), Outcome::Success);
        signs.record_test_count(Tool::Cargo, Some("a"), 2);
        signs.record_test_count(Tool::Cargo, Some("b"), 1);
        signs.record_test_count(Tool::Cargo, Some("a"), 0);
        assert_eq!((signs.failed_tests(), signs.outcome(None)), (1, Outcome::Failure));
    }
}
