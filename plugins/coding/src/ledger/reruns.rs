//! The last word about a test. Rule: what failed and passed when it was run again is no failure but
//! flaky, and is called that; what the tool itself sums up overrules what was seen.

use super::Ledger;
use crate::piece::{self, fits_command, flatten};
use crate::signal::{Finding, Kind, Signal, Tool};

impl Ledger {
    /// A test has passed. It is the one that had failed where the target is the same, or where none is
    /// known of either and it failed behind `mark`.
    pub fn pass(&mut self, tool: Tool, name: &str, target: Option<&str>, mark: u64) {
        let same = |signal: &&mut Signal| {
            is_failed(signal, tool)
                && signal.is_called(name)
                && signal.target.as_deref() == target
                && (target.is_some() || signal.since > mark)
        };
        self.signals.iter_mut().filter(same).for_each(|signal| signal.passed = true);
    }

    /// The tool says how many of its tests have failed in the end.
    pub fn settle_tests(&mut self, tool: Tool, target: Option<&str>, failed: u32, mark: u64) {
        let in_scope = |signal: &Signal| {
            is_failed(signal, tool) && (signal.target.as_deref() == target || target.is_none()) && signal.since > mark
        };
        let left = self.signals.iter().filter(|signal| in_scope(signal) && !signal.passed).count();
        // With fewer left than the tool counts, those that passed later are among its failures.
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

    /// Failed tests of a target that have not passed since.
    pub fn failed_within(&self, tool: Tool, target: &str) -> u32 {
        let left =
            |signal: &&Signal| is_failed(signal, tool) && signal.target.as_deref() == Some(target) && !signal.passed;
        u32::try_from(self.signals.iter().filter(left).count()).unwrap_or(u32::MAX)
    }

    /// Nothing follows: whoever passed last has passed.
    pub fn settle_passed(&mut self) {
        self.withdraw(|signal| signal.passed);
    }

    /// How a tool wants the tests selected that have just failed.
    pub fn select(&mut self, tool: Tool, target: Option<&str>, mark: u64, arguments: &str) {
        if !arguments
            .split(' ')
            .all(|word| word.trim_start_matches('-').is_empty() || fits_command(word.trim_start_matches('-')))
        {
            return;
        }
        let of_run =
            |signal: &&mut Signal| is_failed(signal, tool) && signal.target.as_deref() == target && signal.since > mark;
        for signal in self.signals.iter_mut().filter(of_run) {
            signal.scope = Some(flatten(arguments, 80));
        }
    }

    /// The target of tests that were told of without one.
    pub fn locate_tests(&mut self, tool: Tool, target: &str, mark: u64) {
        let mut at = 0;
        while at < self.signals.len() {
            let signal = &self.signals[at];
            if !is_failed(signal, tool) || signal.target.is_some() || signal.since <= mark {
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
                    self.uncount(&again);
                }
                None => {
                    signal.target = Some(target.to_owned());
                    at += 1;
                }
            }
        }
    }

    /// The test that is named was flaky, says the tool.
    pub fn call_flaky(&mut self, finding: &Finding) {
        let name = finding.subject.clone().unwrap_or_default();
        let same = |signal: &Signal| {
            is_failed(signal, finding.tool) && signal.names(&name) && signal.is_within(finding.target.as_deref())
        };
        if self.signals.iter().any(same) {
            self.withdraw(same);
        } else if !self.signals.iter().any(|signal| signal.kind == Kind::Flaky && signal.names(&name)) {
            self.add(finding);
        }
    }

    fn withdraw(&mut self, which: impl Fn(&Signal) -> bool) {
        let mut at = 0;
        while at < self.signals.len() {
            if which(&self.signals[at]) && self.signals[at].kind == Kind::FailedTest {
                let mut signal = self.signals.remove(at);
                self.uncount(&signal);
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

    fn uncount(&mut self, signal: &Signal) {
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

    /// Whether this is the name of its test, as the tool has written it.
    fn is_called(&self, raw: &str) -> bool {
        match self.exact.as_deref() {
            Some("") => self.subject == piece::name(raw),
            Some(exact) => exact == raw,
            None => self.names(raw) || raw.contains(" > ") && self.names(&raw.replace(" > ", ".")),
        }
    }

    /// Whether this is the name of its test.
    pub fn names(&self, name: &str) -> bool {
        self.subject.as_deref() == Some(name)
    }

    /// Whether it may be of this target.
    pub fn is_within(&self, target: Option<&str>) -> bool {
        self.target.is_none() || target.is_none() || self.target.as_deref() == target
    }
}

fn is_failed(signal: &Signal, tool: Tool) -> bool {
    signal.kind == Kind::FailedTest && signal.tool.family() == tool.family()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Sighting;

    fn failed(name: &str, target: Option<&str>) -> Finding {
        Finding::new(Kind::FailedTest, Tool::Cargo, "").about(Some(name.into())).within(target)
    }

    fn kinds(ledger: &Ledger) -> Vec<(Kind, &str)> {
        let signals = ledger.signals().iter();
        signals.map(|signal| (signal.kind, signal.subject.as_deref().unwrap_or_default())).collect()
    }

    #[test]
    fn who_passes_later_is_flaky_and_no_failure() {
        let mut ledger = Ledger::default();
        ledger.add(&failed("a", Some("x")).seen(Sighting::Mention));
        ledger.add(&failed("a", Some("x")).seen(Sighting::Again));
        ledger.add(&failed("a", Some("y")));
        assert_eq!((ledger.errors, ledger.failed_tests), (2, 2), "the same name elsewhere is another test");
        ledger.pass(Tool::Cargo, "a", Some("x"), 0);
        ledger.settle_passed();
        assert_eq!(kinds(&ledger), [(Kind::Flaky, "a"), (Kind::FailedTest, "a")]);
        assert_eq!((ledger.errors, ledger.failed_tests, ledger.warnings), (1, 1, 1));
        assert!(ledger.withdrawn_version > 0);
    }

    #[test]
    fn who_fails_again_has_failed() {
        let mut ledger = Ledger::default();
        ledger.add(&failed("a", Some("x")));
        ledger.pass(Tool::Cargo, "a", Some("x"), 0);
        ledger.add(&failed("a", Some("x")));
        ledger.settle_passed();
        assert_eq!(kinds(&ledger), [(Kind::FailedTest, "a")]);
    }

    #[test]
    fn the_sum_overrules() {
        let mut ledger = Ledger::default();
        ledger.add(&failed("a", None));
        ledger.add(&failed("b", None));
        ledger.pass(Tool::Cargo, "a", None, 0);
        let mut counted_twice = ledger.clone();
        ledger.settle_tests(Tool::Cargo, None, 1, 0);
        assert_eq!(kinds(&ledger), [(Kind::Flaky, "a"), (Kind::FailedTest, "b")]);
        counted_twice.settle_tests(Tool::Cargo, None, 2, 0);
        counted_twice.settle_passed();
        assert_eq!(counted_twice.failed_tests, 2);
        ledger.settle_tests(Tool::Cargo, None, 0, 0);
        assert_eq!(kinds(&ledger), [(Kind::Flaky, "a"), (Kind::Flaky, "b")]);
    }
}
