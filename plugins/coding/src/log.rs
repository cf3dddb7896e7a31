//! The log of one run, as far as it has been read. Rule: it holds what was understood and not the
//! text; how the text was cut into messages makes no difference.

use modehost_sdk::Language;
use serde::{Deserialize, Serialize};

use crate::echo::Beginnings;
use crate::insight::Stats;
use crate::ledger::Ledger;
use crate::lines::{Lines, Piece};
use crate::piece;
use crate::scan::{Level, Scan};
use crate::signal::{Finding, Kind, Tool};

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
        if !ok {
            let finding = Finding::new(Kind::FailedStep, Tool::Unknown, "step").about(Some(name.to_owned()));
            self.ledger.add(&finding);
        }
    }

    /// Lines that were read.
    pub fn line_count(&self) -> u64 {
        self.scan.lines
    }

    /// Whether what was built last went well; none if nothing was.
    pub fn build(&self) -> Option<bool> {
        self.scan.build
    }

    pub fn stats(&self) -> Stats {
        Stats {
            error_count: self.ledger.errors,
            warn_count: self.ledger.warnings,
            last_step: self.last_step.clone(),
            build_success: self.scan.build,
            tests_failed: self.ledger.failed_tests.max(self.scan.failed_tests),
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
        let (scan, ledger, beginnings) = (&mut self.scan, &mut self.ledger, &mut self.beginnings);
        take(&mut self.lines, &mut |piece| match piece {
            Piece::Line(line) => {
                beginnings.note(line);
                scan.read(line, level, ledger);
            }
            Piece::Reported(finding) => {
                beginnings.note(&finding.message);
                scan.lines += 1;
                ledger.add(&finding);
            }
        });
    }
}

/// The name of a phase or step as it may be shown.
pub fn step_name(raw: &str) -> Option<String> {
    piece::name(raw)
}
