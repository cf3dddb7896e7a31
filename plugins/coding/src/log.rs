//! The log of one run, as far as it has been read. Rule: it holds what was understood and not the
//! text; how the text was cut into messages makes no difference.

use modehost_sdk::Language;
use serde::{Deserialize, Serialize};

use crate::echo::Beginnings;
use crate::insight::Stats;
use crate::junit::Told;
use crate::ledger::Ledger;
use crate::lines::{Lines, Piece};
use crate::outcome::Outcome;
use crate::piece;
use crate::reason::Reason;
use crate::scan::{Level, Scan};
use crate::signal::{Finding, Kind, Tool};
use crate::tail::Tail;

/// Of so many lines one must have Chinese words for the log to be a Chinese one.
const CHINESE_SHARE: u64 = 7;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    lines: Lines,
    scan: Scan,
    pub ledger: Ledger,
    pub beginnings: Beginnings,
    pub tail: Tail,
    last_step: Option<String>,
}

impl Log {
    /// A piece of the log that goes on where the last one ended.
    pub fn take_text(&mut self, text: &str) {
        self.read(|lines, each| lines.push(text, each), Level::Unsaid);
    }

    /// Whole lines, each of this level.
    pub fn take_lines<'a>(&mut self, all: impl Iterator<Item = &'a str>, level: Level) {
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

    /// What came last is a whole line, although nothing has ended it.
    pub fn end_open_line(&mut self) {
        self.read(Lines::end_open_line, Level::Unsaid);
    }

    /// Whether the last line may go on.
    pub fn is_open(&self) -> bool {
        self.lines.is_open()
    }

    /// Nothing follows that belongs to what was read.
    pub fn finish(&mut self) {
        self.read(Lines::finish, Level::Unsaid);
        self.scan.finish(&mut self.ledger);
    }

    /// What would be known if the log ended here.
    pub fn settled(&self) -> Self {
        let mut settled = self.clone();
        settled.finish();
        settled
    }

    /// A part of the work has begun.
    pub fn begin_phase(&mut self, name: &str) {
        self.finish();
        self.last_step = Some(name.to_owned());
    }

    /// A part of the work has ended.
    pub fn end_step(&mut self, name: &str, ok: bool) {
        self.finish();
        self.last_step = Some(name.to_owned());
        let lower = name.to_lowercase();
        if ["build", "compile", "构建", "编译"].iter().any(|word| lower.contains(word)) {
            self.scan.build = Some(ok);
        }
        self.scan.signs.say(ok);
        if !ok {
            let finding = Finding::new(Kind::FailedStep, Tool::Unknown, "step").about(Some(name.to_owned()));
            self.ledger.add(&finding);
        }
    }

    /// What was run has ended with this code.
    pub fn end_run(&mut self, code: i64) {
        self.finish();
        self.scan.signs.exit(code);
        let known = self.ledger.signals().iter().any(|signal| signal.error);
        if code == 0 || known {
            return;
        }
        // What a shell answers where it could not run the command, or a signal has ended it.
        let (kind, reason) = match code {
            124 => (Kind::Timeout, Some(Reason::TimeLimit)),
            126 => (Kind::Permission, None),
            127 => (Kind::MissingCommand, None),
            137 | -9 => (Kind::OutOfMemory, Some(Reason::Killed)),
            132 | 134..=136 | 139 | -4 | -6 | -8 | -11 => (Kind::Crash, None),
            _ => (Kind::FailedStep, None),
        };
        let finding = Finding::new(kind, Tool::Unknown, "exit").coded(Some(format!("exit {code}"))).because(reason);
        self.ledger.add(&finding);
    }

    /// How the work has ended.
    pub fn outcome(&self) -> Outcome {
        self.scan.signs.outcome(self.scan.build)
    }

    /// Whether there are lines that no rule knows.
    pub fn has_strange_lines(&self) -> bool {
        self.scan.strange > 0
    }

    /// Whether nothing was found, and nobody has said that all went well.
    pub fn is_unclear(&self) -> bool {
        self.ledger.signals().is_empty() && self.scan.lines > 0 && self.outcome() != Outcome::Good
    }

    /// Whether what was found does not say what went wrong, so that a model needs the log's own words.
    pub fn is_vague(&self) -> bool {
        let vague = |kind| matches!(kind, Kind::FailedStep | Kind::OtherError | Kind::Warning | Kind::Lint);
        let mut errors = self.ledger.signals().iter().filter(|signal| signal.error);
        self.outcome() != Outcome::Good && errors.all(|signal| vague(signal.kind) && signal.place.is_none())
    }

    /// Lines that were read.
    pub fn line_count(&self) -> u64 {
        self.scan.lines
    }

    /// Whether what was built last went well; none if nothing was.
    pub fn build(&self) -> Option<bool> {
        self.scan.build
    }

    /// Tests that failed, as the tools have summed up; not all of them may have been named.
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

    /// The language of its prose.
    pub fn language(&self) -> Language {
        let step = self.last_step.as_deref().map_or(Language::English, Language::of);
        let chinese = if self.scan.lines == 0 {
            step == Language::Chinese
        } else {
            self.scan.chinese_lines * CHINESE_SHARE >= self.scan.lines
        };
        if chinese { Language::Chinese } else { Language::English }
    }

    fn read(&mut self, take: impl FnOnce(&mut Lines, &mut dyn FnMut(Piece<'_>)), level: Level) {
        self.scan.findings = 0;
        let (scan, ledger) = (&mut self.scan, &mut self.ledger);
        let (beginnings, tail) = (&mut self.beginnings, &mut self.tail);
        take(&mut self.lines, &mut |piece| match piece {
            Piece::Line(line) => {
                beginnings.note(line);
                tail.note(line);
                scan.read(line, level, ledger);
            }
            Piece::Reported(Told::Seen(finding)) => {
                beginnings.note(&finding.message);
                scan.lines += 1;
                ledger.add(&finding);
            }
            Piece::Reported(Told::Passed(name, suite)) => ledger.pass(Tool::Junit, &name, suite.as_deref(), 0),
            Piece::Reported(Told::Over(good)) => scan.end_report(good),
        });
    }
}

/// The name of a phase or step as it may be shown.
pub fn step_name(raw: &str) -> Option<String> {
    piece::name(raw)
}
