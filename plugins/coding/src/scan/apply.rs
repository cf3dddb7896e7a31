//! Applies the events of lines. Rule: a finding counts when its report is complete, and a test count overrides single
//! results.

use super::line::{Line, class_and_message};
use super::{LOOKAHEAD_LINES, LineEvent, MAX_PASSES, Scanner, TEST_LOOKAHEAD_LINES};
use crate::ledger::Ledger;
use crate::reason::Reason;
use crate::sanitize::Location;
use crate::signal::{Finding, Kind, Tool};

impl Scanner {
    pub(super) fn apply(&mut self, event: LineEvent, ledger: &mut Ledger) {
        match event {
            LineEvent::Finding(finding) => {
                self.complete_finding(ledger);
                self.add_finding(&finding, ledger);
            }
            LineEvent::OpenFinding(finding) => {
                self.complete_finding(ledger);
                self.patience = if finding.kind == Kind::FailedTest { TEST_LOOKAHEAD_LINES } else { LOOKAHEAD_LINES };
                self.waiting = Some(finding);
            }
            LineEvent::Location(location) => self.set_location(location, None, ledger),
            LineEvent::Reason(reason) => {
                if let Some(finding) = &mut self.waiting {
                    finding.reason = finding.reason.or(reason);
                }
            }
            LineEvent::Complete(Some(location), reason) => self.set_location(location, reason, ledger),
            LineEvent::Complete(None, reason) => {
                if let Some(finding) = &mut self.waiting {
                    finding.reason = reason.or(finding.reason);
                }
                self.complete_finding(ledger);
            }
            LineEvent::Detail(subject, location) => {
                ledger.add_details(&subject, location, None);
                self.explains = Some(subject);
            }
            LineEvent::Build(built) => {
                self.build = Some(built);
                self.signs.record_verdict(built);
                // Gradle and Maven run the tests within the build: failed tests have passed in a rerun.
                if built && matches!(self.tool, Tool::Gradle | Tool::Maven) {
                    self.complete_finding(ledger);
                    ledger.withdraw_passed();
                    if ledger.failed_tests == 0 {
                        self.signs.clear_failures(self.tool);
                    }
                }
            }
            LineEvent::StepSucceeded => self.signs.record_step(),
            LineEvent::ProgramStarted => {
                self.complete_finding(ledger);
                self.signs.reset();
            }
            LineEvent::Verdict(good) => self.signs.record_verdict(good),
            LineEvent::FailedTests(failed) => self.apply_test_count(failed, ledger),
            LineEvent::Passed(name) => self.pass_test(&name, ledger),
            LineEvent::RerunArguments(arguments) => {
                self.complete_finding(ledger);
                ledger.set_rerun_arguments(Tool::Cargo, self.target.as_deref(), self.mark, &arguments);
            }
            LineEvent::TestsSucceeded => self.signs.record_success(),
            LineEvent::Package(name, good) => self.finish_package(&name, good, ledger),
            LineEvent::ParentTest => {
                self.waiting.take_if(|finding| finding.kind == Kind::FailedTest);
            }
            LineEvent::Flaky(finding) => {
                self.complete_finding(ledger);
                ledger.mark_flaky(&finding);
            }
            LineEvent::TestRunStarted(tool, target) => {
                self.complete_finding(ledger);
                self.tool = tool;
                self.target = target;
                self.mark = ledger.version;
            }
            LineEvent::Tool(tool) => self.tool = tool,
            LineEvent::Ignored => {}
        }
    }

    fn set_location(&mut self, location: Location, reason: Option<Reason>, ledger: &mut Ledger) {
        let Some(finding) = &mut self.waiting else { return };
        // Tools that begin with the same words are distinguished by the file extension.
        if finding.tool == Tool::Unknown && location.file.ends_with(".rs") {
            finding.tool = Tool::Cargo;
            match finding.kind {
                Kind::OtherError => finding.kind = Kind::BuildError,
                Kind::Warning => finding.kind = Kind::Lint,
                _ => {}
            }
        }
        let has_line = finding.place.as_ref().is_some_and(|location| location.line.is_some());
        if !has_line {
            finding.place = Some(location);
        }
        finding.reason = reason.or(finding.reason);
        // The reason of a failed test may follow its location.
        if finding.kind != Kind::FailedTest || finding.reason.is_some() {
            self.complete_finding(ledger);
        }
    }

    pub(super) fn add_finding(&mut self, finding: &Finding, ledger: &mut Ledger) {
        if finding.tool != Tool::Unknown && finding.tool != Tool::Ci {
            self.tool = finding.tool;
        }
        let breaks_build = matches!(finding.kind, Kind::BuildError | Kind::ImportError) && finding.error;
        let broken_image = finding.kind == Kind::FailedStep && finding.tool == Tool::Docker;
        if breaks_build && finding.tool.builds() || broken_image {
            self.build = Some(false);
        }
        self.findings += 1;
        ledger.add(finding);
    }

    /// The line after the panic of a test contains the reason.
    pub(super) fn read_panic_message(&mut self, line: &Line<'_>, known: bool, ledger: &mut Ledger) {
        if let Some(subject) = self.explains.take().filter(|_| !known) {
            ledger.add_details(&subject, None, Reason::of_test(line.body).or(Some(Reason::Panic)));
        }
    }

    /// A line that no tool recognised may still contain the reason of the waiting finding.
    pub(super) fn read_continuation(&mut self, line: &Line<'_>, ledger: &mut Ledger) {
        let Some(finding) = &mut self.waiting else { return };
        if finding.kind == Kind::FailedTest && finding.reason.is_none() {
            let class = class_and_message(line.body).and_then(|(class, _)| Reason::of_class(class));
            finding.reason = class.or_else(|| Reason::of_test(line.body));
        }
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            self.complete_finding(ledger);
        }
    }

    /// Adds the waiting finding, whose report is complete or will not continue.
    pub(super) fn complete_finding(&mut self, ledger: &mut Ledger) {
        if let Some(finding) = self.waiting.take() {
            self.add_finding(&finding, ledger);
        }
    }

    /// The end of an XML report; true if all of its tests passed.
    pub fn end_report(&mut self, good: bool) {
        self.lines += 1;
        if good {
            self.signs.record_success();
        }
    }

    /// A test has passed, which may have failed before.
    pub(super) fn pass_test(&mut self, name: &str, ledger: &mut Ledger) {
        self.complete_finding(ledger);
        let name = name.trim();
        ledger.record_pass(self.tool, name, self.target.as_deref(), self.mark);
        if self.tool == Tool::Go && self.target.is_none() && self.passes.len() < MAX_PASSES {
            self.passes.push(name.to_owned());
        }
    }

    /// The tests of a package are finished. go names the package only now.
    pub(super) fn finish_package(&mut self, name: &str, good: bool, ledger: &mut Ledger) {
        self.complete_finding(ledger);
        self.tool = Tool::Go;
        ledger.assign_target(Tool::Go, name, 0);
        for test in std::mem::take(&mut self.passes) {
            ledger.record_pass(Tool::Go, &test, Some(name), 0);
        }
        if good {
            self.signs.record_test_count(Tool::Go, Some(name), 0);
            ledger.apply_test_count(Tool::Go, Some(name), 0, 0);
        } else {
            self.signs.record_failed_target(Tool::Go, name);
            let left = ledger.failed_within(Tool::Go, name);
            ledger.apply_test_count(Tool::Go, Some(name), left.max(1), 0);
        }
    }

    fn apply_test_count(&mut self, failed: u32, ledger: &mut Ledger) {
        self.complete_finding(ledger);
        let target = self.target.as_deref();
        self.signs.record_test_count(self.tool, target, failed);
        // Cargo's counts cover a part of the tests, whose names are known: only a pass withdraws a failure.
        if self.tool != Tool::Cargo {
            ledger.apply_test_count(self.tool, target, failed, self.mark);
        }
    }
}
