//! Lines, read for what they tell. Rule: each line is read once, in order, by the first tool that
//! knows it; what a line tells depends on the lines before it and on nothing else.
//!
//! # Layout
//! - one file for each family of tools; each takes a line and says what it tells, or that it does
//!   not know it
//! - [`general`]: what no tool in particular says
//! - [`stems`]: a cheap look before the dear ones; [`words`]: taking lines apart

mod ci;
mod container;
mod general;
mod go;
mod javascript;
mod jvm;
mod native;
mod package;
mod python;
mod rust;
mod stems;
mod tap;
pub mod words;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::piece::Place;
use crate::reason::Reason;
use crate::scan::words::{Line, strip_controls, strip_prefix};
use crate::signal::{Finding, Kind, Tool};

/// Lines behind the head of a failed test in which its place may stand.
const TEST_PATIENCE: u8 = 60;
/// The same for anything else.
const PATIENCE: u8 = 8;
/// Faults that are read out of one message, so that the worst of messages stays within the time of a
/// call; the lines behind them are only counted.
const FINDINGS: u32 = 4096;
/// Failed tests whose report is told in parts.
const NOTES: usize = 32;

/// What a line tells.
enum Seen {
    Fault(Finding),
    /// A fault whose place may follow.
    Head(Finding),
    /// The place of the fault that waits for one.
    Place(Place),
    /// Why the fault that waits happened.
    Reason(Option<Reason>),
    /// Place and reason of the fault that waits, and the end of its report.
    End(Option<Place>, Option<Reason>),
    /// More about a failed test that is known by name; its reason may be in the next line.
    Detail(String, Option<Place>),
    /// Whether something was built.
    Build(bool),
    /// How many tests failed, as the tool sums up.
    FailedTests(u32),
    /// The tool is known now; nothing else.
    Tool(Tool),
    /// Known, and tells nothing.
    Noise,
}

/// Parts of a log in which lines mean something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Section {
    #[default]
    None,
    /// Tests of cargo run.
    RustTests,
    /// A report of pytest on one test.
    PytestReport,
    /// A stack trace of Python.
    Traceback,
    /// Everything of one tool that follows has been said before.
    Repeats(Tool),
    /// Lines of the Test Anything Protocol.
    Tap,
    /// Failed tests are listed behind this, by node's own test runner.
    NodeFailures,
    /// The same, by mocha.
    MochaFailures,
}

/// What is told of a failed test before it is named in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    name: String,
    place: Option<Place>,
    reason: Option<Reason>,
}

/// Where in a log the reader is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scan {
    /// Whose output this seems to be.
    tool: Tool,
    section: Section,
    /// A fault whose place may follow.
    waiting: Option<Finding>,
    patience: u8,
    /// A file that the following lines are about.
    heading: Option<String>,
    /// A place that the next fault may be at.
    last_place: Option<Place>,
    notes: Vec<Note>,
    /// The next line may tell why this test failed.
    explains: Option<String>,
    /// Whether what was built last went well.
    pub build: Option<bool>,
    /// The most failed tests that a tool has summed up.
    pub failed_tests: u32,
    /// Faults that were seen in the message at hand.
    #[serde(skip)]
    pub findings: u32,
    /// Lines with words, and those of them that have Chinese ones.
    pub lines: u64,
    pub chinese_lines: u64,
}

impl Scan {
    /// Reads the next line. `grave` is what the sender said of it, where it said anything.
    pub fn read(&mut self, raw: &str, level: Level, ledger: &mut Ledger) {
        if self.findings >= FINDINGS {
            self.lines += 1;
            return;
        }
        let clean = strip_controls(raw);
        let line = Line::of(strip_prefix(&clean));
        if line.body.is_empty() {
            return;
        }
        self.lines += 1;
        self.chinese_lines += u64::from(has_chinese(line.body));
        let seen = if is_passing(line.body) { Some(Seen::Noise) } else { self.recognise(&line) };
        let seen = match (seen, level) {
            (None, Level::Error) => Some(Seen::Fault(general::told_error(&line))),
            (None, Level::Warning) => Some(Seen::Fault(Finding::new(Kind::Warning, Tool::Unknown, line.body))),
            (seen, _) => seen,
        };
        self.explain(&line, seen.is_some(), ledger);
        match seen {
            Some(seen) => self.take(seen, ledger),
            None => self.wait_on(&line, ledger),
        }
    }

    /// A fault that waits for its place is complete as it is.
    pub fn finish(&mut self, ledger: &mut Ledger) {
        if let Some(finding) = self.waiting.take() {
            self.count(&finding, ledger);
        }
    }

    fn recognise(&mut self, line: &Line<'_>) -> Option<Seen> {
        tap::read(line, self)
            .or_else(|| rust::read(line, self))
            .or_else(|| python::read(line, self))
            .or_else(|| go::read(line, self))
            .or_else(|| javascript::read(line, self))
            .or_else(|| package::read(line, self))
            .or_else(|| jvm::read(line, self))
            .or_else(|| container::read(line, self))
            .or_else(|| ci::read(line, self))
            .or_else(|| native::read(line, self))
            .or_else(|| if line.tells(u64::MAX) { general::read(line, self) } else { None })
    }

    fn take(&mut self, seen: Seen, ledger: &mut Ledger) {
        match seen {
            Seen::Fault(finding) => {
                self.finish(ledger);
                self.count(&finding, ledger);
            }
            Seen::Head(finding) => {
                self.finish(ledger);
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
                self.finish(ledger);
            }
            Seen::Detail(subject, place) => {
                ledger.complete(&subject, place, None);
                self.explains = Some(subject);
            }
            Seen::Build(built) => self.build = Some(built),
            Seen::FailedTests(count) => self.failed_tests = self.failed_tests.max(count),
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
            self.finish(ledger);
        }
    }

    fn count(&mut self, finding: &Finding, ledger: &mut Ledger) {
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
    fn explain(&mut self, line: &Line<'_>, known: bool, ledger: &mut Ledger) {
        if let Some(subject) = self.explains.take().filter(|_| !known) {
            ledger.complete(&subject, None, Reason::of_test(line.body).or(Some(Reason::Panic)));
        }
    }

    /// A line that no tool knows may still say why the fault that waits happened.
    fn wait_on(&mut self, line: &Line<'_>, ledger: &mut Ledger) {
        let Some(finding) = &mut self.waiting else { return };
        if finding.kind == Kind::FailedTest && finding.reason.is_none() {
            let class = words::class_and_message(line.body).and_then(|(class, _)| Reason::of_class(class));
            finding.reason = class.or_else(|| Reason::of_test(line.body));
        }
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            self.finish(ledger);
        }
    }

    /// Keeps what is told of a test before it is named in full.
    fn note(&mut self, name: &str, place: Option<Place>, reason: Option<Reason>) {
        match self.notes.iter_mut().find(|note| note.name == name) {
            Some(note) => {
                note.place = place.or(note.place.take());
                note.reason = note.reason.or(reason);
            }
            None => {
                self.notes.truncate(NOTES - 1);
                self.notes.push(Note { name: name.to_owned(), place, reason });
            }
        }
    }

    /// Whether a failed test waits for its place.
    fn in_test(&self) -> bool {
        self.waiting.as_ref().is_some_and(|finding| finding.kind == Kind::FailedTest)
    }

    fn repeats(&self, tool: Tool) -> bool {
        self.section == Section::Repeats(tool)
    }
}

/// How grave the sender of a line says that it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    #[default]
    Unsaid,
    Warning,
    Error,
}

/// Whether a line tells that something went well; whatever words it has then are a name.
fn is_passing(body: &str) -> bool {
    body.starts_with(['✓', '✔', '√'])
        || body.starts_with("ok ") && !body.contains("# TODO")
        || body.starts_with("PASS ")
        || body.ends_with(" ... ok")
        || body.ends_with(" ... ignored")
        || body.ends_with(" PASSED")
        || body.ends_with(" SKIPPED")
        || body.ends_with("%]") && body.contains(" PASSED ")
}

fn has_chinese(text: &str) -> bool {
    text.as_bytes().iter().any(|byte| *byte >= 0xe3)
        && modehost_sdk::Language::of(text) == modehost_sdk::Language::Chinese
}
