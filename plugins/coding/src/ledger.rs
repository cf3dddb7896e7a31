//! Groups all findings of a run. Rule: one fault is one signal, however often it occurs; the number of signals is
//! bounded, and what exceeds it is only counted.

mod reruns;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;
use crate::sanitize::{Location, flatten, is_instruction};
use crate::secret::redact;
use crate::signal::{Finding, Kind, Occurrence, Signal, Tool};

/// Upper bound of the signals.
const MAX_SIGNALS: usize = 64;
/// Signals with an excerpt for the model.
const MAX_EXCERPTS: usize = 20;
/// Upper bound of an excerpt, in characters.
const MAX_EXCERPT_CHARS: usize = 160;

/// The signals and counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    signals: Vec<Signal>,
    /// Occurrences of errors.
    pub errors: u32,
    /// Occurrences of warnings.
    pub warnings: u32,
    /// Number of distinct failed tests.
    pub failed_tests: u32,
    /// Occurrences without a signal.
    pub beyond: u32,
    /// Counts new signals.
    pub version: u64,
    /// The version of the newest error.
    pub error_version: u64,
    /// The version of the last withdrawal of a signal.
    pub withdrawn_version: u64,
}

impl Ledger {
    /// The signals, ordered by first occurrence.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The signals by severity, without those that are only consequences of others.
    pub fn ranked(&self) -> Vec<&Signal> {
        let mut ranked: Vec<&Signal> = self.signals.iter().filter(|signal| !self.is_consequence(signal)).collect();
        ranked.sort_by_key(|signal| (!signal.error, signal.kind, signal.since));
        ranked
    }

    /// Adds an occurrence.
    pub fn add(&mut self, finding: &Finding) {
        let fingerprint = finding.fingerprint();
        let target = finding.target.as_deref();
        let same = |signal: &&mut Signal| {
            // go names the package after its tests, so a signal with a target belongs to another run.
            let is_new_go_run =
                finding.tool == Tool::Go && finding.occurrence != Occurrence::Repeat && target.is_none();
            let within = if is_new_go_run { signal.target.is_none() } else { signal.may_belong_to(target) };
            signal.fingerprint == fingerprint && (finding.kind != Kind::FailedTest || within)
        };
        let known = self.signals.iter_mut().find(same);
        if let Some(signal) = known {
            if !signal.record(finding) {
                return;
            }
        } else if let Some(slot) = self.slot_for(finding) {
            self.version += 1;
            if finding.error {
                self.error_version = self.version;
            }
            let excerpts = self.signals.iter().filter(|signal| !signal.excerpt.is_empty()).count();
            let excerpt = if excerpts < MAX_EXCERPTS { excerpt(&finding.message) } else { String::new() };
            self.signals.insert(slot, Signal::first(finding, fingerprint, self.version, excerpt));
            self.failed_tests += u32::from(finding.kind == Kind::FailedTest);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
        let count = if finding.error { &mut self.errors } else { &mut self.warnings };
        *count = count.saturating_add(1);
    }

    /// Adds details to a known failed test.
    pub fn add_details(&mut self, subject: &str, location: Option<Location>, reason: Option<Reason>) {
        let known =
            |signal: &&mut Signal| signal.kind == Kind::FailedTest && signal.subject.as_deref() == Some(subject);
        if let Some(signal) = self.signals.iter_mut().rev().find(known) {
            if signal.place.as_ref().is_none_or(|location| location.line.is_none()) {
                signal.place = location.or(signal.place.take());
            }
            signal.reason = signal.reason.or(reason);
        }
    }

    /// True if a failed test of this name is known.
    pub fn knows_test(&self, subject: &str) -> bool {
        self.signals.iter().any(|signal| signal.kind == Kind::FailedTest && signal.subject.as_deref() == Some(subject))
    }

    /// The index for a new signal: at the end, or none if all others are more severe.
    fn slot_for(&mut self, finding: &Finding) -> Option<usize> {
        if self.signals.len() >= MAX_SIGNALS {
            let weight = |signal: &Signal| (!signal.error, signal.kind);
            let (lightest, signal) = self.signals.iter().enumerate().max_by_key(|(_, signal)| weight(signal))?;
            if weight(signal) <= (!finding.error, finding.kind) {
                return None;
            }
            self.beyond = self.beyond.saturating_add(signal.count);
            self.signals.remove(lightest);
        }
        Some(self.signals.len())
    }

    /// True for a step that failed because of a known fault, or a test whose subtests are known.
    fn is_consequence(&self, signal: &Signal) -> bool {
        let others = || self.signals.iter().filter(|other| other.since != signal.since && other.error);
        match (signal.kind, &signal.subject) {
            (Kind::FailedStep, None) => others().any(|other| other.kind != Kind::OtherError),
            (Kind::FailedStep, _) => others().any(|other| other.kind != Kind::FailedStep),
            // An unspecific error adds nothing to a specific one.
            (Kind::OtherError, None) if signal.place.is_none() && signal.code.is_none() => {
                others().any(|other| !matches!(other.kind, Kind::OtherError | Kind::FailedStep))
            }
            // An aborted process adds nothing to its lack of memory.
            (Kind::Crash, None) if signal.place.is_none() => others().any(|other| other.kind == Kind::OutOfMemory),
            // It was flaky at first, and failed in the end.
            (Kind::Flaky, Some(name)) => others().any(|other| other.kind == Kind::FailedTest && other.has_name(name)),
            (Kind::FailedTest, Some(name)) => others().any(|other| {
                let part = other.subject.as_deref().and_then(|other| other.strip_prefix(name.as_str()));
                let is_part = other.kind == Kind::FailedTest && part.is_some_and(|rest| rest.starts_with('/'));
                // The output of a test says more than the same test in the XML report.
                is_part || signal.tool == Tool::Junit && other.tool != Tool::Junit && same_test(other, name)
            }),
            _ => false,
        }
    }
}

impl Signal {
    fn first(finding: &Finding, fingerprint: u64, since: u64, excerpt: String) -> Self {
        Self {
            fingerprint,
            kind: finding.kind,
            tool: finding.tool,
            error: finding.error,
            place: finding.place.clone(),
            subject: finding.subject.clone(),
            target: finding.target.clone(),
            exact: finding.exact.clone(),
            code: finding.code.clone(),
            reason: finding.reason.or_else(|| Reason::of(&finding.message)),
            scope: None,
            wavers: false,
            count: 1,
            passed: false,
            mentioned: matches!(finding.occurrence, Occurrence::Mention | Occurrence::Repeat),
            since,
            excerpt,
        }
    }

    /// Adds another occurrence; false if it was the report of one that has been counted.
    fn record(&mut self, finding: &Finding) -> bool {
        let has_line = self.place.as_ref().is_some_and(|location| location.line.is_some());
        if !has_line && finding.place.is_some() {
            self.place.clone_from(&finding.place);
        }
        self.reason = self.reason.or(finding.reason);
        if self.target.is_none() {
            self.target.clone_from(&finding.target);
        }
        self.passed = false;
        let is_counted_already =
            finding.occurrence == Occurrence::Report && self.mentioned || finding.occurrence == Occurrence::Repeat;
        self.mentioned = match finding.occurrence {
            Occurrence::Each | Occurrence::Repeat => self.mentioned,
            Occurrence::Mention => true,
            Occurrence::Report => false,
        };
        if !is_counted_already {
            self.count = self.count.saturating_add(1);
        }
        !is_counted_already
    }
}

fn same_test(other: &Signal, name: &str) -> bool {
    let last = |name: &str| name.rsplit(['.', ':', '>', ' ']).next().unwrap_or_default().to_owned();
    other.kind == Kind::FailedTest && other.subject.as_deref().is_some_and(|other| last(other) == last(name))
}

/// An excerpt for the model: one line without secrets and instructions.
fn excerpt(message: &str) -> String {
    if is_instruction(message) {
        return String::new();
    }
    flatten(&redact(message), MAX_EXCERPT_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_seen_200_times_is_one_signal() {
        let mut ledger = Ledger::default();
        for n in 0..200 {
            ledger.add(&Finding::new(Kind::OtherError, Tool::Unknown, &format!("pool {n} is dead after {n}ms")));
        }
        assert_eq!((ledger.signals().len(), ledger.signals()[0].count, ledger.errors), (1, 200, 200));
    }

    #[test]
    fn a_mention_and_its_report_are_one_sighting() {
        let mut ledger = Ledger::default();
        let finding = Finding::new(Kind::FailedTest, Tool::Pytest, "").with_subject(Some("test_a".into()));
        for _ in 0..2 {
            ledger.add(&finding.clone().with_occurrence(Occurrence::Mention));
            ledger.add(&finding.clone().with_occurrence(Occurrence::Report));
        }
        assert_eq!((ledger.signals()[0].count, ledger.errors, ledger.failed_tests), (2, 2, 1));
    }

    #[test]
    fn a_flood_is_counted_and_does_not_push_out_what_is_grave() {
        let mut ledger = Ledger::default();
        let names = ('a'..='z').flat_map(|one| ('a'..='z').map(move |two| format!("{one}{two}")));
        for name in names {
            ledger.add(&Finding::new(Kind::Warning, Tool::Unknown, &name));
        }
        ledger.add(&Finding::new(Kind::OutOfMemory, Tool::Node, "heap"));
        assert_eq!(ledger.signals().len(), MAX_SIGNALS);
        assert_eq!(ledger.ranked()[0].kind, Kind::OutOfMemory);
        assert_eq!((ledger.warnings, ledger.beyond), (26 * 26, 26 * 26 - 63));
    }
}
