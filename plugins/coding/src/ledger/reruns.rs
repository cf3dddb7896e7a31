//! The final result of a test. Rule: a test that failed and passed in a rerun is flaky and no failure, and is called
//! so; the summary of the tool overrides single results.

use super::Ledger;
use crate::sanitize::{self, flatten, is_safe_in_command};
use crate::signal::{Finding, Kind, Signal, Tool};

impl Ledger {
    /// Records that a test has passed. It is the test that failed if the targets are equal, or if neither is known and
    /// the failure came after version `run_start` of the ledger.
    pub fn record_pass(&mut self, tool: Tool, name: &str, target: Option<&str>, run_start: u64) {
        let same = |signal: &&mut Signal| {
            is_failed(signal, tool)
                && signal.has_raw_name(name)
                && signal.target.as_deref() == target
                && (target.is_some() || signal.since > run_start)
        };
        self.signals.iter_mut().filter(same).for_each(|signal| signal.passed = true);
    }

    /// Applies the tool's own count of failed tests.
    pub fn apply_test_count(&mut self, tool: Tool, target: Option<&str>, failed: u32, run_start: u64) {
        let in_scope = |signal: &Signal| {
            is_failed(signal, tool)
                && (signal.target.as_deref() == target || target.is_none())
                && signal.since > run_start
        };
        let left = self.signals.iter().filter(|signal| in_scope(signal) && !signal.passed).count();
        // With fewer failures left than the tool counts, those that passed later are among its failures.
        if failed == 0 {
            self.withdraw(in_scope);
        } else if left >= failed as usize {
            self.withdraw(|signal| in_scope(signal) && signal.passed);
        } else {
            for signal in self.signals.iter_mut().filter(|signal| in_scope(signal) && signal.passed) {
                (signal.passed, signal.wavers) = (false, true);
            }
        }
    }

    /// Number of failed tests of a target that have not passed since.
    pub fn failed_within(&self, tool: Tool, target: &str) -> u32 {
        let left =
            |signal: &&Signal| is_failed(signal, tool) && signal.target.as_deref() == Some(target) && !signal.passed;
        u32::try_from(self.signals.iter().filter(left).count()).unwrap_or(u32::MAX)
    }

    /// At the end of the log: a test whose last result was a pass has passed.
    pub fn withdraw_passed(&mut self) {
        self.withdraw(|signal| signal.passed);
    }

    /// Records the arguments by which a tool selects the tests that have just failed.
    pub fn set_rerun_arguments(&mut self, tool: Tool, target: Option<&str>, run_start: u64, arguments: &str) {
        if !arguments
            .split(' ')
            .all(|word| word.trim_start_matches('-').is_empty() || is_safe_in_command(word.trim_start_matches('-')))
        {
            return;
        }
        let of_run = |signal: &&mut Signal| {
            is_failed(signal, tool) && signal.target.as_deref() == target && signal.since > run_start
        };
        for signal in self.signals.iter_mut().filter(of_run) {
            signal.scope = Some(flatten(arguments, 80));
        }
    }

    /// Assigns a target to tests that were reported without one.
    pub fn assign_target(&mut self, tool: Tool, target: &str, run_start: u64) {
        let mut at = 0;
        while at < self.signals.len() {
            let signal = &self.signals[at];
            if !is_failed(signal, tool) || signal.target.is_some() || signal.since <= run_start {
                at += 1;
                continue;
            }
            // It had failed in an earlier run, too.
            let (before, rest) = self.signals.split_at_mut(at);
            let signal = &mut rest[0];
            let earlier = before.iter_mut().find(|known| {
                is_failed(known, tool) && known.subject == signal.subject && known.target.as_deref() == Some(target)
            });
            match earlier {
                Some(earlier) => {
                    earlier.passed = signal.passed;
                    let again = self.signals.remove(at);
                    self.remove_from_counts(&again);
                }
                None => {
                    signal.target = Some(target.to_owned());
                    at += 1;
                }
            }
        }
    }

    /// Records that the tool itself calls a test flaky.
    pub fn mark_flaky(&mut self, finding: &Finding) {
        let name = finding.subject.clone().unwrap_or_default();
        let same = |signal: &Signal| {
            is_failed(signal, finding.tool) && signal.has_name(&name) && signal.may_belong_to(finding.target.as_deref())
        };
        if self.signals.iter().any(same) {
            self.withdraw(same);
        } else if !self.signals.iter().any(|signal| signal.kind == Kind::Flaky && signal.has_name(&name)) {
            self.add(finding);
        }
    }

    fn withdraw(&mut self, which: impl Fn(&Signal) -> bool) {
        let mut at = 0;
        while at < self.signals.len() {
            if which(&self.signals[at]) && self.signals[at].kind == Kind::FailedTest {
                let mut signal = self.signals.remove(at);
                self.remove_from_counts(&signal);
                let named = |known: &Signal| known.kind == Kind::Flaky && known.subject == signal.subject;
                if signal.subject.is_none() || self.signals.iter().any(named) {
                    continue;
                }
                signal.become_flaky(self.version);
                self.warnings = self.warnings.saturating_add(1);
                self.signals.insert(at, signal);
            }
            at += 1;
        }
    }

    fn remove_from_counts(&mut self, signal: &Signal) {
        self.errors = self.errors.saturating_sub(signal.count);
        self.failed_tests = self.failed_tests.saturating_sub(1);
        self.version += 1;
        self.withdrawn_version = self.version;
    }
}

impl Signal {
    fn become_flaky(&mut self, version: u64) {
        self.kind = Kind::Flaky;
        self.error = false;
        self.passed = false;
        self.count = 1;
        self.since = version;
        let mut finding = Finding::new(Kind::Flaky, self.tool, "");
        finding.subject.clone_from(&self.subject);
        self.fingerprint = finding.fingerprint();
    }

    /// True if this is the name of the test, as written by the tool.
    fn has_raw_name(&self, raw: &str) -> bool {
        match self.exact.as_deref() {
            Some("") => self.subject == sanitize::name(raw),
            Some(exact) => exact == raw,
            None => self.has_name(raw) || raw.contains(" > ") && self.has_name(&raw.replace(" > ", ".")),
        }
    }

    /// True if this is the name of the test.
    pub fn has_name(&self, name: &str) -> bool {
        self.subject.as_deref() == Some(name)
    }

    /// True if it may belong to this target.
    pub fn may_belong_to(&self, target: Option<&str>) -> bool {
        self.target.is_none() || target.is_none() || self.target.as_deref() == target
    }
}

fn is_failed(signal: &Signal, tool: Tool) -> bool {
    signal.kind == Kind::FailedTest && signal.tool.family() == tool.family()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Occurrence;

    fn failed(name: &str, target: Option<&str>) -> Finding {
        Finding::new(Kind::FailedTest, Tool::Cargo, "").with_subject(Some(name.into())).with_target(target)
    }

    fn kinds(ledger: &Ledger) -> Vec<(Kind, &str)> {
        let signals = ledger.signals().iter();
        signals.map(|signal| (signal.kind, signal.subject.as_deref().unwrap_or_default())).collect()
    }

    #[test]
    fn who_passes_later_is_flaky_and_no_failure() {
        let mut ledger = Ledger::default();
        ledger.add(&failed("a", Some("x")).with_occurrence(Occurrence::Mention));
        ledger.add(&failed("a", Some("x")).with_occurrence(Occurrence::Repeat));
        ledger.add(&failed("a", Some("y")));
        assert_eq!((ledger.errors, ledger.failed_tests), (2, 2), "the same name elsewhere is another test");
        ledger.record_pass(Tool::Cargo, "a", Some("x"), 0);
        ledger.withdraw_passed();
        assert_eq!(kinds(&ledger), [(Kind::Flaky, "a"), (Kind::FailedTest, "a")]);
        assert_eq!((ledger.errors, ledger.failed_tests, ledger.warnings), (1, 1, 1));
        assert!(ledger.withdrawn_version > 0);
    }

    #[test]
    fn who_fails_again_has_failed() {
        let mut ledger = Ledger::default();
        ledger.add(&failed("a", Some("x")));
        ledger.record_pass(Tool::Cargo, "a", Some("x"), 0);
        ledger.add(&failed("a", Some("x")));
        ledger.withdraw_passed();
        assert_eq!(kinds(&ledger), [(Kind::FailedTest, "a")]);
    }

    #[test]
    fn the_sum_overrules() {
        let mut ledger = Ledger::default();
        ledger.add(&failed("a", None));
        ledger.add(&failed("b", None));
        ledger.record_pass(Tool::Cargo, "a", None, 0);
        let mut counted_twice = ledger.clone();
        ledger.apply_test_count(Tool::Cargo, None, 1, 0);
        assert_eq!(kinds(&ledger), [(Kind::Flaky, "a"), (Kind::FailedTest, "b")]);
        counted_twice.apply_test_count(Tool::Cargo, None, 2, 0);
        counted_twice.withdraw_passed();
        assert_eq!(counted_twice.failed_tests, 2);
        ledger.apply_test_count(Tool::Cargo, None, 0, 0);
        assert_eq!(kinds(&ledger), [(Kind::Flaky, "a"), (Kind::Flaky, "b")]);
    }
}
