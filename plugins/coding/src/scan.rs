//! Lines, read for what they tell. Rule: each line is read once, in order, by the first tool that
//! knows it; what a line tells depends on the lines before it and on nothing else.
//!
//! # Layout
//! - one file for each family of tools; each takes a line and says what it tells, or that it does
//!   not know it
//! - [`prefix`]: what stands before each line; [`unwrap`] and [`document`]: what is JSON
//! - [`general`]: what no tool in particular says; [`sums`] and [`sentences`]: how it ended
//! - [`take`]: what is done with what a line tells
//! - [`stems`]: a cheap look before the dear ones; [`words`]: taking lines apart

mod ci;
mod container;
mod crash;
mod document;
mod general;
mod git;
mod go;
mod infra;
mod javascript;
mod jvm;
mod native;
mod nextest;
mod package;
mod prefix;
mod python;
mod rust;
mod sentences;
mod stems;
mod suites;
mod sums;
mod take;
mod tap;
mod unwrap;
pub mod words;

pub use general::place_in_trace;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::outcome::Signs;
use crate::piece::Place;
use crate::reason::Reason;
use crate::scan::document::Document;
use crate::scan::prefix::Prefixes;
use crate::scan::words::{Line, strip_controls};
use crate::signal::{Finding, Kind, Tool};

/// Lines behind the head of a failed test in which its place may stand.
const TEST_PATIENCE: u8 = 60;
/// The same for anything else.
const PATIENCE: u8 = 8;
/// Faults that are read out of one message, so that the worst of messages stays within the time of a
/// call; the lines behind them are only counted.
const FINDINGS: u32 = 4096;
/// Bytes of lines that wait until it is known what stands before them.
const HELD_BYTES: usize = 8 * 1024;
/// Tests that passed in one package whose name is still to come.
const PASSES: usize = 64;
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
    /// Tests went well, as far as the tool counts them.
    Ran,
    /// The tests of this package went well, or not.
    Package(String, bool),
    /// The arguments that select the tests that have just failed.
    Selected(String),
    /// The failed test that waits is none: it only tells of its parts.
    Dropped,
    /// A first step went well, says the tool.
    Stepped,
    /// A program begins, of which nothing is known.
    Runs,
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
    /// What the test of such a report has written.
    Captured,
    /// A stack trace of Python.
    Traceback,
    /// Everything of one tool that follows has been said before.
    Repeats(Tool),
    /// Lines of the Test Anything Protocol.
    Tap,
    /// The block below a test of it.
    TapBlock,
    /// The name of a failed test follows its number.
    Numbered,
    /// Failed tests are listed behind this, by node's own test runner.
    NodeFailures,
    /// Tests that maven calls flaky are listed behind this.
    MavenFlakes,
    /// Tests that playwright calls flaky, or that failed in the end.
    PlaywrightFlaky,
    PlaywrightFailed,
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
    prefixes: Prefixes,
    /// What stands before each line is known; until then lines wait.
    is_known: bool,
    held: Vec<(String, Level)>,
    /// Lines that may be JSON together.
    document: Document,
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
    /// The same of those that are about to be.
    next_target: Option<String>,
    /// Tests that have passed in a package whose name is still to come.
    passes: Vec<String>,
    /// Whether subtests have been seen, by their depth.
    depths: Vec<bool>,
    /// How far in the failed test stood that was told of last.
    deepest: usize,
    /// Perl's tools tell more of each failed test than the protocol.
    has_prove: bool,
    /// Sub-exceptions of Python are told of, behind a rail.
    has_rail: bool,
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
    /// Reads the next line. `level` is what the sender said of it, where it said anything.
    pub fn read(&mut self, raw: &str, level: Level, ledger: &mut Ledger) {
        if self.findings >= FINDINGS {
            self.lines += 1;
            return;
        }
        let clean = strip_controls(raw);
        let clean = clean.trim_end();
        if clean.is_empty() {
            return;
        }
        self.prefixes.learn(clean);
        if self.is_known {
            self.read_line(clean, level, ledger);
            return;
        }
        // What stands before each line is known when there are some.
        self.held.push((clean.to_owned(), level));
        let bytes: usize = self.held.iter().map(|(line, _)| line.len()).sum();
        if self.held.len() >= prefix::ENOUGH || bytes > HELD_BYTES {
            self.is_known = true;
            self.release(ledger);
        }
    }

    /// Reads the lines that were held back.
    fn release(&mut self, ledger: &mut Ledger) {
        for (line, level) in std::mem::take(&mut self.held) {
            self.read_line(&line, level, ledger);
        }
    }

    fn read_line(&mut self, clean: &str, level: Level, ledger: &mut Ledger) {
        let bare = self.prefixes.peel(clean);
        let body = bare.text.trim();
        if body.is_empty() {
            return;
        }
        self.lines += 1;
        self.chinese_lines += u64::from(has_chinese(body));
        if level == Level::Unsaid && self.hold(bare.text, ledger) {
            return;
        }
        let line = Line::of(bare.text).stamped(bare.stamped);
        if !self.unwrap(line.body, 0, ledger) {
            self.read_bare(&line, level, ledger);
        }
    }

    fn read_text(&mut self, text: &str, level: Level, ledger: &mut Ledger) {
        let line = Line::of(text);
        if !line.body.is_empty() {
            self.read_bare(&line, level, ledger);
        }
    }

    /// Reads a line that nothing stands before.
    fn read_bare(&mut self, line: &Line<'_>, level: Level, ledger: &mut Ledger) {
        let line = &python::without_rail(line, self).unboxed();
        if line.body.is_empty() {
            return;
        }
        let seen = match passing(line.body) {
            // Which test it was matters only where one had failed.
            Some(name) => {
                if matches!(self.section, Section::Tap | Section::TapBlock) && line.body.starts_with("ok ") {
                    tap::point(line.indent, self);
                }
                // Which test it was matters only where one had failed.
                let matters = (ledger.failed_tests > 0 || self.in_test()) && !name.is_empty();
                Some(if matters { Seen::Passed(name.to_owned()) } else { Seen::Noise })
            }
            None => self.recognise(line),
        };
        let seen = match (seen, level) {
            (None, Level::Error) => Some(Seen::Fault(general::told_error(line))),
            (None, Level::Warning) => Some(Seen::Fault(Finding::new(Kind::Warning, Tool::Unknown, line.body))),
            (seen, _) => seen,
        };
        self.explain(line, seen.is_some(), ledger);
        match seen {
            Some(seen) => self.take(seen, ledger),
            None if self.read_behind_name(line, ledger) => {}
            None => {
                self.strange += 1;
                self.signs.pass_over();
                self.wait_on(line, ledger);
            }
        }
    }

    /// A line that nobody knows as it stands may have a name before it that few others have.
    fn read_behind_name(&mut self, line: &Line<'_>, ledger: &mut Ledger) -> bool {
        let Some(behind) = prefix::behind_name(line.text).filter(|_| self.waiting.is_none()) else { return false };
        let inner = Line::of(behind).stamped(true);
        if inner.body.is_empty() {
            return false;
        }
        if self.unwrap(inner.body, 0, ledger) {
            return true;
        }
        match self.recognise(&inner) {
            None | Some(Seen::Noise | Seen::Tool(_)) => false,
            Some(seen) => {
                self.take(seen, ledger);
                true
            }
        }
    }

    /// Nothing follows: a fault that waits for its place is complete as it is.
    pub fn finish(&mut self, ledger: &mut Ledger) {
        self.release(ledger);
        self.release_document(ledger);
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
            .or_else(|| git::read(line, self))
            .or_else(|| crash::read(line, self))
            .or_else(|| suites::read(line, self))
            .or_else(|| infra::read(line, self))
            .or_else(|| native::read(line, self))
            .or_else(|| how_it_ended(line, self))
            .or_else(|| general::letter(line))
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        let at = body.strip_suffix("%]")?.find(" PASSED ")?;
        Some(&body[..at])
    };
    let worker = || body.strip_prefix("[gw")?.split_once("] PASSED ").map(|(_, id)| id);
    if body.starts_with(['✓', '✔', '√']) && !body.starts_with("✓ built")
        || body.starts_with("PASS ") && !body.starts_with("PASS [")
    {
        return Some("");
    }
    if let Some(rest) =
        body.strip_prefix("ok ").filter(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit() || sign == '-'))
    {
        return Some(tap::name_of(rest));
    }
    libtest(" ... ok")
        .or_else(|| body.ends_with(" ... ignored").then_some(""))
        .or_else(|| body.strip_suffix(" PASSED").map(|name| name.trim_end_matches("()")))
        .or_else(|| body.ends_with(".Passed").then_some(""))
        .or_else(|| body.ends_with(" SKIPPED").then_some(""))
        .or_else(pytest)
        .or_else(worker)
}

/// The sentences and sums that no tool needs to be known for.
fn how_it_ended(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    if let Some(word) = sentences::read(line, scan) {
        return Some(match word {
            sentences::Word::Built(good) => Seen::Build(good),
            sentences::Word::Ended(good) => Seen::Ended(good),
            sentences::Word::Stepped => Seen::Stepped,
        });
    }
    sums::read(line).map(|counts| if counts.says_failed { Seen::Sum(counts.failed) } else { Seen::Ran })
}

fn has_chinese(text: &str) -> bool {
    text.as_bytes().iter().any(|byte| *byte >= 0xe3)
        && modehost_sdk::Language::of(text) == modehost_sdk::Language::Chinese
}
