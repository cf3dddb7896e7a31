//! What is done with what a line tells. Rule: a fault counts when its report is complete, and a sum
//! overrules what was seen of single tests.

use super::words::{Line, class_and_message};
use super::{PASSES, PATIENCE, Scan, Seen, TEST_PATIENCE};
use crate::ledger::Ledger;
use crate::piece::Place;
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

impl Scan {
    pub(super) fn take(&mut self, seen: Seen, ledger: &mut Ledger) {
        match seen {
            Seen::Fault(finding) => {
                self.complete(ledger);
                self.count(&finding, ledger);
            }
            Seen::Head(finding) => {
                self.complete(ledger);
                self.patience = if finding.kind == Kind::FailedTest { TEST_PATIENCE } else { PATIENCE };
                self.waiting = Some(finding);
            }
            Seen::Place(place) => self.place(place, None, ledger),
            Seen::Reason(reason) => {
                if let Some(finding) = &mut self.waiting {
                    finding.reason = finding.reason.or(reason);
                }
            }
            Seen::End(Some(place), reason) => self.place(place, reason, ledger),
            Seen::End(None, reason) => {
                if let Some(finding) = &mut self.waiting {
                    finding.reason = reason.or(finding.reason);
                }
                self.complete(ledger);
            }
            Seen::Detail(subject, place) => {
                ledger.complete(&subject, place, None);
                self.explains = Some(subject);
            }
            Seen::Build(built) => {
                self.build = Some(built);
                self.signs.say(built);
                // Those whose tests are a part of the build: what failed has passed when it was tried again.
                if built && matches!(self.tool, Tool::Gradle | Tool::Maven) {
                    self.complete(ledger);
                    ledger.settle_passed();
                    if ledger.failed_tests == 0 {
                        self.signs.forgive(self.tool);
                    }
                }
            }
            Seen::Stepped => self.signs.step(),
            Seen::Runs => {
                self.complete(ledger);
                self.signs.begin_anew();
            }
            Seen::Ended(good) => self.signs.say(good),
            Seen::Sum(failed) => self.sum(failed, ledger),
            Seen::Passed(name) => self.pass(&name, ledger),
            Seen::Selected(arguments) => {
                self.complete(ledger);
                ledger.select(Tool::Cargo, self.target.as_deref(), self.mark, &arguments);
            }
            Seen::Ran => self.signs.go_well(),
            Seen::Package(name, good) => self.package(&name, good, ledger),
            Seen::Dropped => {
                self.waiting.take_if(|finding| finding.kind == Kind::FailedTest);
            }
            Seen::Flaky(finding) => {
                self.complete(ledger);
                ledger.call_flaky(&finding);
            }
            Seen::Begins(tool, target) => {
                self.complete(ledger);
                self.tool = tool;
                self.target = target;
                self.mark = ledger.version;
            }
            Seen::Tool(tool) => self.tool = tool,
            Seen::Noise => {}
        }
    }

    fn place(&mut self, place: Place, reason: Option<Reason>, ledger: &mut Ledger) {
        let Some(finding) = &mut self.waiting else { return };
        // Tools that begin with the same words are told apart by whose file it is.
        if finding.tool == Tool::Unknown && place.file.ends_with(".rs") {
            finding.tool = Tool::Cargo;
            match finding.kind {
                Kind::OtherError => finding.kind = Kind::BuildError,
                Kind::Warning => finding.kind = Kind::Lint,
                _ => {}
            }
        }
        let has_line = finding.place.as_ref().is_some_and(|place| place.line.is_some());
        if !has_line {
            finding.place = Some(place);
        }
        finding.reason = reason.or(finding.reason);
        // The reason of a failed test may stand behind its place.
        if finding.kind != Kind::FailedTest || finding.reason.is_some() {
            self.complete(ledger);
        }
    }

    pub(super) fn count(&mut self, finding: &Finding, ledger: &mut Ledger) {
        if finding.tool != Tool::Unknown && finding.tool != Tool::Ci {
            self.tool = finding.tool;
        }
        let breaks = matches!(finding.kind, Kind::BuildError | Kind::ImportError) && finding.error;
        let broken_image = finding.kind == Kind::FailedStep && finding.tool == Tool::Docker;
        if breaks && finding.tool.builds() || broken_image {
            self.build = Some(false);
        }
        self.findings += 1;
        ledger.add(finding);
    }

    /// The line behind the panic of a test says why.
    pub(super) fn explain(&mut self, line: &Line<'_>, known: bool, ledger: &mut Ledger) {
        if let Some(subject) = self.explains.take().filter(|_| !known) {
            ledger.complete(&subject, None, Reason::of_test(line.body).or(Some(Reason::Panic)));
        }
    }

    /// A line that no tool knows may still say why the fault that waits happened.
    pub(super) fn wait_on(&mut self, line: &Line<'_>, ledger: &mut Ledger) {
        let Some(finding) = &mut self.waiting else { return };
        if finding.kind == Kind::FailedTest && finding.reason.is_none() {
            let class = class_and_message(line.body).and_then(|(class, _)| Reason::of_class(class));
            finding.reason = class.or_else(|| Reason::of_test(line.body));
        }
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            self.complete(ledger);
        }
    }

    /// The fault that waits is told in full, or as far as it will be.
    pub(super) fn complete(&mut self, ledger: &mut Ledger) {
        if let Some(finding) = self.waiting.take() {
            self.count(&finding, ledger);
        }
    }

    /// A report in XML is over, and whether all of its tests passed.
    pub fn end_report(&mut self, good: bool) {
        self.lines += 1;
        if good {
            self.signs.go_well();
        }
    }

    /// A test has passed, which may have failed before.
    pub(super) fn pass(&mut self, name: &str, ledger: &mut Ledger) {
        self.complete(ledger);
        let name = name.trim();
        ledger.pass(self.tool, name, self.target.as_deref(), self.mark);
        if self.tool == Tool::Go && self.target.is_none() && self.passes.len() < PASSES {
            self.passes.push(name.to_owned());
        }
    }

    /// The tests of a package are over. Only now its name is known, as go writes it.
    pub(super) fn package(&mut self, name: &str, good: bool, ledger: &mut Ledger) {
        self.complete(ledger);
        self.tool = Tool::Go;
        ledger.locate_tests(Tool::Go, name, 0);
        for test in std::mem::take(&mut self.passes) {
            ledger.pass(Tool::Go, &test, Some(name), 0);
        }
        if good {
            self.signs.sum(Tool::Go, Some(name), 0);
            ledger.settle_tests(Tool::Go, Some(name), 0, 0);
        } else {
            self.signs.fail(Tool::Go, name);
            let left = ledger.failed_within(Tool::Go, name);
            ledger.settle_tests(Tool::Go, Some(name), left.max(1), 0);
        }
    }

    fn sum(&mut self, failed: u32, ledger: &mut Ledger) {
        self.complete(ledger);
        let target = self.target.as_deref();
        self.signs.sum(self.tool, target, failed);
        // What cargo sums up is a part of the tests, where names were given: only a pass takes back.
        if self.tool != Tool::Cargo {
            ledger.settle_tests(self.tool, target, failed, self.mark);
        }
    }
}
