//! Reads the lines of a log. Rule: each line is read once, in order, by the first tool that recognises it; its meaning
//! depends on the lines before it and on nothing else.
//!
//! # Layout
//! - one file for each family of tools; each takes a line and returns its event, or none if the line is unknown
//! - [`prefix`]: what precedes each line; [`json`] and [`document`]: JSON
//! - [`general`]: messages of no particular tool; [`test_counts`] and [`sentences`]: how it ended
//! - [`apply`]: applies the event of a line
//! - [`trigrams`]: a cheap filter before the expensive matches; [`mod@line`]: parsing helpers

mod apply;
mod ci;
mod container;
mod crash;
mod document;
mod general;
mod git;
mod go;
mod infra;
mod javascript;
mod json;
mod jvm;
pub mod line;
mod native;
mod nextest;
mod package;
mod prefix;
mod python;
mod rust;
mod sentences;
mod suites;
mod tap;
mod test_counts;
mod trigrams;

pub use general::location_in_trace;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::outcome::OutcomeSigns;
use crate::reason::Reason;
use crate::sanitize::Location;
use crate::scan::document::Document;
use crate::scan::line::{Line, strip_controls};
use crate::scan::prefix::Prefixes;
use crate::signal::{Finding, Kind, Tool};

/// Lines after the head of a failed test in which its location may follow.
const TEST_LOOKAHEAD_LINES: u8 = 60;
/// The same for anything else.
const LOOKAHEAD_LINES: u8 = 8;
/// Upper bound of the findings of one message, so that the worst message stays within the time of a call; the remaining
/// lines are only counted.
const MAX_FINDINGS: u32 = 4096;
/// Bytes of lines that are held until the prefix of the log is known.
const MAX_HELD_BYTES: usize = 8 * 1024;
/// Passed tests of a package whose name is not known yet.
const MAX_PASSES: usize = 64;
/// Upper bound of failed tests whose report is read in parts.
const MAX_TEST_DETAILS: usize = 32;

/// The event of a line.
enum LineEvent {
    Finding(Finding),
    /// A finding whose location may follow.
    OpenFinding(Finding),
    /// The location of the waiting finding.
    Location(Location),
    /// The reason of the waiting finding.
    Reason(Option<Reason>),
    /// Location and reason of the waiting finding, and the end of its report.
    Complete(Option<Location>, Option<Reason>),
    /// Details of a failed test that is known by name; its reason may be in the next line.
    Detail(String, Option<Location>),
    /// The result of a build.
    Build(bool),
    /// Number of failed tests in the end, as the tool counts them; 0 if all tests that were run passed.
    FailedTests(u32),
    /// This test has passed.
    Passed(String),
    /// The tool itself calls this test flaky.
    Flaky(Finding),
    /// A test run of this tool starts, for this crate, module or package if it is named.
    TestRunStarted(Tool, Option<String>),
    /// Tests succeeded, as far as the tool counts them.
    TestsSucceeded,
    /// The tests of this package succeeded or failed.
    Package(String, bool),
    /// The arguments that select the tests that have just failed.
    RerunArguments(String),
    /// The waiting failed test is none: it only contains subtests.
    ParentTest,
    /// The tool reports the success of a first step.
    StepSucceeded,
    /// A program starts whose outcome is unknown.
    ProgramStarted,
    /// The tool reports overall success or failure.
    Verdict(bool),
    /// The tool is known now; nothing else.
    Tool(Tool),
    /// A known line without information.
    Ignored,
}

/// Parts of a log in which lines have another meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Section {
    #[default]
    None,
    /// A test run of cargo.
    RustTests,
    /// A test run of nextest, with the output of the tests.
    Nextest,
    /// A report of pytest on one test.
    PytestReport,
    /// The captured output of the test in such a report.
    Captured,
    /// A stack trace of Python.
    Traceback,
    /// Repetitions by one tool.
    Repeats(Tool),
    /// Lines of the Test Anything Protocol.
    Tap,
    /// The block below a TAP test.
    TapBlock,
    /// The name of a failed test follows its number.
    Numbered,
    /// The list of failed tests by node's own test runner.
    NodeFailures,
    /// The list of flaky tests by maven.
    MavenFlakes,
    /// The lists of flaky and of failed tests by playwright.
    PlaywrightFlaky,
    PlaywrightFailed,
    /// The list of failed tests by mocha.
    MochaFailures,
}

/// Details of a failed test that arrive before its full name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TestDetails {
    name: String,
    place: Option<Location>,
    reason: Option<Reason>,
}

/// The state of the scanner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scanner {
    prefixes: Prefixes,
    /// True once the prefix of the log is known; until then lines are held.
    is_known: bool,
    held: Vec<(String, Level)>,
    /// Lines that may be JSON together.
    document: Document,
    /// The tool whose output this seems to be.
    tool: Tool,
    section: Section,
    /// The finding whose location may follow.
    waiting: Option<Finding>,
    patience: u8,
    /// The file that the following lines are about.
    heading: Option<String>,
    /// The location that may belong to the next finding.
    last_place: Option<Location>,
    notes: Vec<TestDetails>,
    /// The next line may contain the reason of this failed test.
    explains: Option<String>,
    /// The result of the last build.
    pub build: Option<bool>,
    /// The signs of the outcome.
    pub signs: OutcomeSigns,
    /// The crate, module, package or file of the current test run.
    target: Option<String>,
    /// The same for the next test run.
    next_target: Option<String>,
    /// Tests that passed in a package whose name is not known yet.
    passes: Vec<String>,
    /// Whether subtests have been seen, by depth.
    depths: Vec<bool>,
    /// Indentation of the last reported failed test.
    deepest: usize,
    /// Perl's tools report more about each failed test than the protocol.
    has_prove: bool,
    /// True within the sub-exceptions of Python, which have a rail in front of them.
    has_rail: bool,
    /// The version of the ledger at the start of the current test run.
    mark: u64,
    /// Findings in the current message.
    #[serde(skip)]
    pub findings: u32,
    /// Number of non-empty lines, and of those with Chinese.
    pub lines: u64,
    pub chinese_lines: u64,
    /// Number of lines that no rule recognised.
    pub strange: u64,
}

impl Scanner {
    /// Reads the next line. `level` is the severity given by the sender, if any.
    pub fn read(&mut self, raw: &str, level: Level, ledger: &mut Ledger) {
        if self.findings >= MAX_FINDINGS {
            self.lines += 1;
            return;
        }
        let clean = strip_controls(raw);
        let clean = clean.trim_end();
        if clean.is_empty() {
            return;
        }
        self.prefixes.observe(clean);
        if self.is_known {
            self.read_line(clean, level, ledger);
            return;
        }
        // The prefix is detected once there are enough lines.
        self.held.push((clean.to_owned(), level));
        let bytes: usize = self.held.iter().map(|(line, _)| line.len()).sum();
        if self.held.len() >= prefix::SAMPLE_LINES || bytes > MAX_HELD_BYTES {
            self.is_known = true;
            self.read_held_lines(ledger);
        }
    }

    /// Reads the lines that were held.
    fn read_held_lines(&mut self, ledger: &mut Ledger) {
        for (line, level) in std::mem::take(&mut self.held) {
            self.read_line(&line, level, ledger);
        }
    }

    fn read_line(&mut self, clean: &str, level: Level, ledger: &mut Ledger) {
        let bare = self.prefixes.strip(clean);
        let body = bare.text.trim();
        if body.is_empty() {
            return;
        }
        self.lines += 1;
        self.chinese_lines += u64::from(has_chinese(body));
        if level == Level::Unsaid && self.hold_document_line(bare.text, ledger) {
            return;
        }
        let line = Line::new(bare.text).with_prefix_removed(bare.had_prefix);
        if !self.read_json(line.body, 0, ledger) {
            self.read_without_prefix(&line, level, ledger);
        }
    }

    fn read_text(&mut self, text: &str, level: Level, ledger: &mut Ledger) {
        let line = Line::new(text);
        if !line.body.is_empty() {
            self.read_without_prefix(&line, level, ledger);
        }
    }

    /// Reads a line without its prefix.
    fn read_without_prefix(&mut self, line: &Line<'_>, level: Level, ledger: &mut Ledger) {
        let line = &python::without_rail(line, self).unboxed();
        if line.body.is_empty() {
            return;
        }
        let event = match passed_test(line.body) {
            Some(name) => {
                if matches!(self.section, Section::Tap | Section::TapBlock) && line.body.starts_with("ok ") {
                    tap::end_test_at(line.indent, self);
                }
                // The name of a passed test matters only if one has failed before.
                let is_relevant = (ledger.failed_tests > 0 || self.in_test()) && !name.is_empty();
                Some(if is_relevant { LineEvent::Passed(name.to_owned()) } else { LineEvent::Ignored })
            }
            None => self.recognise(line),
        };
        let event = match (event, level) {
            (None, Level::Error) => Some(LineEvent::Finding(general::error_finding(line))),
            (None, Level::Warning) => Some(LineEvent::Finding(Finding::new(Kind::Warning, Tool::Unknown, line.body))),
            (event, _) => event,
        };
        self.read_panic_message(line, event.is_some(), ledger);
        match event {
            Some(event) => self.apply(event, ledger),
            None if self.read_without_name(line, ledger) => {}
            None => {
                self.strange += 1;
                self.signs.record_unknown_line();
                self.read_continuation(line, ledger);
            }
        }
    }

    /// Retries an unknown line without the name in front of it, which few other lines have.
    fn read_without_name(&mut self, line: &Line<'_>, ledger: &mut Ledger) -> bool {
        let Some(rest) = prefix::after_name(line.text).filter(|_| self.waiting.is_none()) else { return false };
        let inner = Line::new(rest).with_prefix_removed(true);
        if inner.body.is_empty() {
            return false;
        }
        if self.read_json(inner.body, 0, ledger) {
            return true;
        }
        match self.recognise(&inner) {
            None | Some(LineEvent::Ignored | LineEvent::Tool(_)) => false,
            Some(event) => {
                self.apply(event, ledger);
                true
            }
        }
    }

    /// At the end of the log: completes the waiting finding as it is.
    pub fn finish(&mut self, ledger: &mut Ledger) {
        self.read_held_lines(ledger);
        self.read_held_document(ledger);
        self.complete_finding(ledger);
        ledger.withdraw_passed();
    }

    fn recognise(&mut self, line: &Line<'_>) -> Option<LineEvent> {
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
            .or_else(|| outcome_event(line, self))
            .or_else(|| general::letter_level(line))
            .or_else(|| if line.has_any(u64::MAX) { general::read(line, self) } else { None })
    }

    /// Records details of a failed test that arrive before its full name.
    fn record_test_details(&mut self, name: &str, location: Option<Location>, reason: Option<Reason>) {
        match self.notes.iter_mut().find(|note| note.name == name) {
            Some(note) => {
                note.place = location.or(note.place.take());
                note.reason = note.reason.or(reason);
            }
            None => {
                self.notes.truncate(MAX_TEST_DETAILS - 1);
                self.notes.push(TestDetails { name: name.to_owned(), place: location, reason });
            }
        }
    }

    /// True if a failed test waits for its location.
    fn in_test(&self) -> bool {
        self.waiting.as_ref().is_some_and(|finding| finding.kind == Kind::FailedTest)
    }

    fn repeats(&self, tool: Tool) -> bool {
        self.section == Section::Repeats(tool)
    }
}

/// The severity of a line, as given by its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    #[default]
    Unsaid,
    Warning,
    Error,
}

/// For a line about a success, the name of the test, or an empty text; the other words of such a line are part of a
/// name.
fn passed_test(body: &str) -> Option<&str> {
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

/// Sentences and test counts that need no known tool.
fn outcome_event(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    if let Some(verdict) = sentences::read(line, scanner) {
        return Some(match verdict {
            sentences::Verdict::Build(good) => LineEvent::Build(good),
            sentences::Verdict::Result(good) => LineEvent::Verdict(good),
            sentences::Verdict::Step => LineEvent::StepSucceeded,
        });
    }
    test_counts::read(line).map(|counts| {
        if counts.has_failures { LineEvent::FailedTests(counts.failed) } else { LineEvent::TestsSucceeded }
    })
}

fn has_chinese(text: &str) -> bool {
    text.as_bytes().iter().any(|byte| *byte >= 0xe3)
        && modehost_sdk::Language::of(text) == modehost_sdk::Language::Chinese
}
