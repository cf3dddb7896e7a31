//! Lines, read for what they tell. Rule: each line is read once, in order, by the first tool that
//! knows it; what a line tells depends on the lines before it and on nothing else.
//!
//! # Layout
//! - one file for each family of tools; each takes a line and says what it tells, or that it does
//!   not know it
//! - [`general`]: what no tool in particular says; [`sums`] and [`sentences`]: how it ended
//! - [`take`]: what is done with what a line tells
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
mod sentences;
mod stems;
mod sums;
mod take;
mod tap;
pub mod words;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::outcome::Signs;
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
    /// How many tests failed in the end, as the tool sums up; none of those that were run, if 0.
    Sum(u32),
    /// This test has passed.
    Passed(String),
    /// The tool itself calls this test flaky.
    Flaky(Finding),
    /// Tests of this tool begin; of this crate, module or package, where it says so.
    Begins(Tool, Option<String>),
    /// All went well, or not, says the tool.
    Ended(bool),
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
    /// nextest runs tests, and shows what they have written.
    Nextest,
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
    /// What the log says of how it ended.
    pub signs: Signs,
    /// The crate, module, package or file whose tests are run.
    target: Option<String>,
    /// The version of the ledger when the tests that are run began.
    mark: u64,
    /// Faults that were seen in the message at hand.
    #[serde(skip)]
    pub findings: u32,
    /// Lines with words, and those of them that have Chinese ones.
    pub lines: u64,
    pub chinese_lines: u64,
    /// Lines that no rule knows.
    pub strange: u64,
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
        let seen = match passing(line.body) {
            // Which test it was matters only where one had failed.
            Some(name) if ledger.failed_tests > 0 && !name.is_empty() => Some(Seen::Passed(name.to_owned())),
            Some(_) => Some(Seen::Noise),
            None => self.recognise(&line),
        };
        let seen = match (seen, level) {
            (None, Level::Error) => Some(Seen::Fault(general::told_error(&line))),
            (None, Level::Warning) => Some(Seen::Fault(Finding::new(Kind::Warning, Tool::Unknown, line.body))),
            (seen, _) => seen,
        };
        self.explain(&line, seen.is_some(), ledger);
        match seen {
            Some(seen) => self.take(seen, ledger),
            None => {
                self.strange += 1;
                self.wait_on(&line, ledger);
            }
        }
    }

    /// Nothing follows: a fault that waits for its place is complete as it is.
    pub fn finish(&mut self, ledger: &mut Ledger) {
        self.complete(ledger);
        ledger.settle_passed();
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
            .or_else(|| how_it_ended(line, self))
            .or_else(|| if line.tells(u64::MAX) { general::read(line, self) } else { None })
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

/// If a line tells that something went well, the name of the test that it was, or nothing; whatever
/// words the line has then are a name.
fn passing(body: &str) -> Option<&str> {
    let libtest = |end: &str| body.strip_suffix(end).map(|start| start.strip_prefix("test ").unwrap_or(""));
    let pytest = || {
        let at = body.find(" PASSED ").filter(|_| body.ends_with("%]"))?;
        Some(&body[..at])
    };
    if body.starts_with(['✓', '✔', '√']) || body.starts_with("PASS ") {
        return Some("");
    }
    if let Some(rest) = body.strip_prefix("ok ").filter(|rest| !rest.contains("# TODO")) {
        return Some(tap::name_of(rest));
    }
    libtest(" ... ok")
        .or_else(|| body.ends_with(" ... ignored").then_some(""))
        .or_else(|| body.strip_suffix(" PASSED"))
        .or_else(|| body.ends_with(" SKIPPED").then_some(""))
        .or_else(pytest)
}

/// The sentences and sums that no tool needs to be known for.
fn how_it_ended(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    if let Some(word) = sentences::read(line.body, scan) {
        return Some(match word {
            sentences::Word::Built(good) => Seen::Build(good),
            sentences::Word::Ended(good) => Seen::Ended(good),
        });
    }
    sums::read(line.body).map(|counts| Seen::Sum(counts.failed))
}

fn has_chinese(text: &str) -> bool {
    text.as_bytes().iter().any(|byte| *byte >= 0xe3)
        && modehost_sdk::Language::of(text) == modehost_sdk::Language::Chinese
}
