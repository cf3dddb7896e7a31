//! Everything that was seen in one run, grouped. Rule: one fault is one signal however often it is
//! seen; the number of signals is bounded, and what no longer fits is counted.

mod reruns;

use serde::{Deserialize, Serialize};

use crate::piece::{Place, flatten, is_instruction};
use crate::reason::Reason;
use crate::secret::redact;
use crate::signal::{Finding, Kind, Sighting, Signal, Tool};

/// Faults that are kept apart.
const SIGNALS: usize = 64;
/// Signals that keep words of the log for the model.
const EXCERPTS: usize = 20;
/// Characters of such words.
const EXCERPT_CHARS: usize = 160;

/// The signals and counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    signals: Vec<Signal>,
    /// Sightings of errors.
    pub errors: u32,
    /// Sightings of warnings.
    pub warnings: u32,
    /// Failed tests that were told apart.
    pub failed_tests: u32,
    /// Sightings that belong to no signal that is kept.
    pub beyond: u32,
    /// Counts new signals.
    pub version: u64,
    /// The version of the last new error.
    pub error_version: u64,
    /// The version at which something was last taken back.
    pub withdrawn_version: u64,
}

impl Ledger {
    /// The signals, in the order in which they were first seen.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The signals as people want them: the gravest first, and those that only follow from others
    /// left out.
    pub fn ranked(&self) -> Vec<&Signal> {
        let mut ranked: Vec<&Signal> = self.signals.iter().filter(|signal| !self.only_follows(signal)).collect();
        ranked.sort_by_key(|signal| (!signal.error, signal.kind, signal.since));
        ranked
    }

    /// Takes a sighting.
    pub fn add(&mut self, finding: &Finding) {
        let fingerprint = finding.fingerprint();
        let target = finding.target.as_deref();
        let same = |signal: &&mut Signal| {
            // go names the package behind its tests, so what has one is of another run.
            let of_go = finding.tool == Tool::Go && finding.sighting != Sighting::Again && target.is_none();
            let within = if of_go { signal.target.is_none() } else { signal.is_within(target) };
            signal.fingerprint == fingerprint && (finding.kind != Kind::FailedTest || within)
        };
        let known = self.signals.iter_mut().find(same);
        if let Some(signal) = known {
            if !signal.see(finding) {
                return;
            }
        } else if let Some(room) = self.room_for(finding) {
            self.version += 1;
            if finding.error {
                self.error_version = self.version;
            }
            let excerpts = self.signals.iter().filter(|signal| !signal.excerpt.is_empty()).count();
            let excerpt = if excerpts < EXCERPTS { excerpt(&finding.message) } else { String::new() };
            self.signals.insert(room, Signal::first(finding, fingerprint, self.version, excerpt));
            self.failed_tests += u32::from(finding.kind == Kind::FailedTest);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
        let count = if finding.error { &mut self.errors } else { &mut self.warnings };
        *count = count.saturating_add(1);
    }

    /// More about a failed test that was seen before.
    pub fn complete(&mut self, subject: &str, place: Option<Place>, reason: Option<Reason>) {
        let known =
            |signal: &&mut Signal| signal.kind == Kind::FailedTest && signal.subject.as_deref() == Some(subject);
        if let Some(signal) = self.signals.iter_mut().rev().find(known) {
            if signal.place.as_ref().is_none_or(|place| place.line.is_none()) {
                signal.place = place.or(signal.place.take());
            }
            signal.reason = signal.reason.or(reason);
        }
    }

    /// Whether a failed test of this name is known.
    pub fn knows_test(&self, subject: &str) -> bool {
        self.signals.iter().any(|signal| signal.kind == Kind::FailedTest && signal.subject.as_deref() == Some(subject))
    }

    /// Where a new signal goes: behind all others, or none where it weighs less than what is there.
    fn room_for(&mut self, finding: &Finding) -> Option<usize> {
        if self.signals.len() >= SIGNALS {
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

    /// A step that failed because of what is told anyway, or a test whose parts are told.
    fn only_follows(&self, signal: &Signal) -> bool {
        let others = || self.signals.iter().filter(|other| other.since != signal.since && other.error);
        match (signal.kind, &signal.subject) {
            (Kind::FailedStep, None) => others().any(|other| other.kind != Kind::OtherError),
            (Kind::FailedStep, _) => others().any(|other| other.kind != Kind::FailedStep),
            // That there was some error tells nothing beside one that is known.
            (Kind::OtherError, None) if signal.place.is_none() && signal.code.is_none() => {
                others().any(|other| !matches!(other.kind, Kind::OtherError | Kind::FailedStep))
            }
            // That a process was aborted tells less than that its memory was at an end.
            (Kind::Crash, None) if signal.place.is_none() => others().any(|other| other.kind == Kind::OutOfMemory),
            // It was flaky at first, and has failed in the end.
            (Kind::Flaky, Some(name)) => others().any(|other| other.kind == Kind::FailedTest && other.names(name)),
            (Kind::FailedTest, Some(name)) => others().any(|other| {
                let part = other.subject.as_deref().and_then(|other| other.strip_prefix(name.as_str()));
                let is_part = other.kind == Kind::FailedTest && part.is_some_and(|rest| rest.starts_with('/'));
                // The report of a test says more than the same test in the report's XML.
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
            mentioned: matches!(finding.sighting, Sighting::Mention | Sighting::Again),
            since,
            excerpt,
        }
    }

    /// Takes another sighting; false if it was the report of one that has been counted.
    fn see(&mut self, finding: &Finding) -> bool {
        let has_line = self.place.as_ref().is_some_and(|place| place.line.is_some());
        if !has_line && finding.place.is_some() {
            self.place.clone_from(&finding.place);
        }
        self.reason = self.reason.or(finding.reason);
        if self.target.is_none() {
            self.target.clone_from(&finding.target);
        }
        self.passed = false;
        let report_of_counted =
            finding.sighting == Sighting::Report && self.mentioned || finding.sighting == Sighting::Again;
        self.mentioned = match finding.sighting {
            Sighting::Whole | Sighting::Again => self.mentioned,
            Sighting::Mention => true,
            Sighting::Report => false,
        };
        if !report_of_counted {
            self.count = self.count.saturating_add(1);
        }
        !report_of_counted
    }
}

fn same_test(other: &Signal, name: &str) -> bool {
    let last = |name: &str| name.rsplit(['.', ':', '>', ' ']).next().unwrap_or_default().to_owned();
    other.kind == Kind::FailedTest && other.subject.as_deref().is_some_and(|other| last(other) == last(name))
}

/// Words for the model: no secret, no order, no more than a line.
fn excerpt(message: &str) -> String {
    if is_instruction(message) {
        return String::new();
    }
    flatten(&redact(message), EXCERPT_CHARS)
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
        let finding = Finding::new(Kind::FailedTest, Tool::Pytest, "").about(Some("test_a".into()));
        for _ in 0..2 {
            ledger.add(&finding.clone().seen(Sighting::Mention));
            ledger.add(&finding.clone().seen(Sighting::Report));
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
        assert_eq!(ledger.signals().len(), SIGNALS);
        assert_eq!(ledger.ranked()[0].kind, Kind::OutOfMemory);
        assert_eq!((ledger.warnings, ledger.beyond), (26 * 26, 26 * 26 - 63));
    }
}
