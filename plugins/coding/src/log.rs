//! The log of one run, as far as it has been read. Rule: it keeps what was recognised and not the text; the result does
//! not depend on how the text was split into messages.

use modehost_sdk::Language;
use serde::{Deserialize, Serialize};

use crate::echo::LineStarts;
use crate::insight::Stats;
use crate::junit::ReportEvent;
use crate::ledger::Ledger;
use crate::lines::{Lines, LogItem};
use crate::outcome::Outcome;
use crate::reason::Reason;
use crate::sanitize;
use crate::scan::{Level, Scanner};
use crate::signal::{Finding, Kind, Tool};
use crate::tail::Tail;

/// One line in so many has to contain Chinese for the log to count as Chinese.
const CHINESE_SHARE: u64 = 7;

/// The state of a log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    lines: Lines,
    scan: Scanner,
    pub ledger: Ledger,
    pub beginnings: LineStarts,
    pub tail: Tail,
    last_step: Option<String>,
}

impl Log {
    /// Appends text that continues where the last one ended.
    pub fn push_text(&mut self, text: &str) {
        self.read(|lines, each| lines.push(text, each), Level::Unsaid);
    }

    /// Appends complete lines, all of this level.
    pub fn push_lines<'a>(&mut self, all: impl Iterator<Item = &'a str>, level: Level) {
        self.end_open_line();
        for line in all {
            self.read(
                |lines, each| {
                    lines.push(line, each);
                    lines.push("\n", each);
                },
                level,
            );
        }
    }

    /// Ends the last line although no line end has arrived.
    pub fn end_open_line(&mut self) {
        self.read(Lines::end_open_line, Level::Unsaid);
    }

    /// True if the last line may still continue.
    pub fn is_open(&self) -> bool {
        self.lines.is_open()
    }

    /// Completes everything that waits for more lines.
    pub fn finish(&mut self) {
        self.read(Lines::finish, Level::Unsaid);
        self.scan.finish(&mut self.ledger);
    }

    /// A copy as if the log ended here.
    pub fn settled(&self) -> Self {
        let mut settled = self.clone();
        settled.finish();
        settled
    }

    /// Begins a phase of the work.
    pub fn begin_phase(&mut self, name: &str) {
        self.finish();
        self.last_step = Some(name.to_owned());
    }

    /// Ends a step of the work.
    pub fn end_step(&mut self, name: &str, ok: bool) {
        self.finish();
        self.last_step = Some(name.to_owned());
        let lower = name.to_lowercase();
        if ["build", "compile", "构建", "编译"].iter().any(|word| lower.contains(word)) {
            self.scan.build = Some(ok);
        }
        self.scan.signs.record_verdict(ok);
        if !ok {
            let finding = Finding::new(Kind::FailedStep, Tool::Unknown, "step").with_subject(Some(name.to_owned()));
            self.ledger.add(&finding);
        }
    }

    /// Ends the run with the exit code of its command.
    pub fn end_run(&mut self, code: i64) {
        self.finish();
        self.scan.signs.record_exit_code(code);
        let known = self.ledger.signals().iter().any(|signal| signal.error);
        if code == 0 || known {
            return;
        }
        // Exit codes of a shell that could not run the command, or whose command was ended by a signal.
        let (kind, reason) = match code {
            124 => (Kind::Timeout, Some(Reason::TimeLimit)),
            126 => (Kind::Permission, None),
            127 => (Kind::MissingCommand, None),
            137 | -9 => (Kind::OutOfMemory, Some(Reason::Killed)),
            132 | 134..=136 | 139 | -4 | -6 | -8 | -11 => (Kind::Crash, None),
            _ => (Kind::FailedStep, None),
        };
        let finding =
            Finding::new(kind, Tool::Unknown, "exit").with_code(Some(format!("exit {code}"))).with_reason(reason);
        self.ledger.add(&finding);
    }

    /// How the work has ended.
    pub fn outcome(&self) -> Outcome {
        self.scan.signs.outcome(self.scan.build)
    }

    /// True if no rule recognised some of the lines.
    pub fn has_unknown_lines(&self) -> bool {
        self.scan.strange > 0
    }

    /// True if nothing was found and nothing reported success.
    pub fn is_unclear(&self) -> bool {
        self.ledger.signals().is_empty() && self.scan.lines > 0 && self.outcome() != Outcome::Success
    }

    /// True if the findings do not explain the failure, so that a model needs words of the log.
    pub fn is_vague(&self) -> bool {
        let vague = |kind| matches!(kind, Kind::FailedStep | Kind::OtherError | Kind::Warning | Kind::Lint);
        let mut errors = self.ledger.signals().iter().filter(|signal| signal.error);
        self.outcome() != Outcome::Success && errors.all(|signal| vague(signal.kind) && signal.place.is_none())
    }

    /// Number of lines read.
    pub fn line_count(&self) -> u64 {
        self.scan.lines
    }

    /// Result of the last build; none if there was no build.
    pub fn build(&self) -> Option<bool> {
        self.scan.build
    }

    /// Failed tests by the summaries of the tools; some of them may have no known name.
    pub fn failed_tests(&self) -> u32 {
        self.scan.signs.failed_tests()
    }

    pub fn stats(&self) -> Stats {
        Stats {
            error_count: self.ledger.errors,
            warn_count: self.ledger.warnings,
            last_step: self.last_step.clone(),
            build_success: self.scan.build,
            tests_failed: self.ledger.failed_tests.max(self.scan.signs.failed_tests()),
        }
    }

    /// The language of the prose in the log.
    pub fn language(&self) -> Language {
        let step = self.last_step.as_deref().map_or(Language::English, Language::of);
        let chinese = if self.scan.lines == 0 {
            step == Language::Chinese
        } else {
            self.scan.chinese_lines * CHINESE_SHARE >= self.scan.lines
        };
        if chinese { Language::Chinese } else { Language::English }
    }

    fn read(&mut self, split: impl FnOnce(&mut Lines, &mut dyn FnMut(LogItem<'_>)), level: Level) {
        self.scan.findings = 0;
        let (scan, ledger) = (&mut self.scan, &mut self.ledger);
        let (beginnings, tail) = (&mut self.beginnings, &mut self.tail);
        split(&mut self.lines, &mut |item| match item {
            LogItem::Line(line) => {
                beginnings.record(line);
                tail.record(line);
                scan.read(line, level, ledger);
            }
            LogItem::Report(ReportEvent::Finding(finding)) => {
                beginnings.record(&finding.message);
                scan.lines += 1;
                ledger.add(&finding);
            }
            LogItem::Report(ReportEvent::Passed(name, suite)) => {
                ledger.record_pass(Tool::Junit, &name, suite.as_deref(), 0)
            }
            LogItem::Report(ReportEvent::Finished(good)) => scan.end_report(good),
        });
    }
}

/// A name of a phase or step that is safe to show.
pub fn step_name(raw: &str) -> Option<String> {
    sanitize::name(raw)
}
