//! Streaming parser of JUnit XML reports. Rule: a report may be cut at any byte and be of any size; the state holds one
//! tag and one test. DTDs are not read, so no entity can expand.
//!
//! Readers of whole documents need the whole document; this one finds the ends of tags and leaves their content to
//! `quick_xml`.

use quick_xml::events::attributes::Attributes;
use serde::{Deserialize, Serialize};

use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Tool};

/// A report is detected within this many bytes of its first line.
pub const HEAD_BYTES: usize = 1024;
/// Upper bound of the prologue parts of each kind.
const MAX_PROLOGUE_PARTS: usize = 4;
/// Bytes of a tag that are kept; the message of a failure may have any length.
const TAG_BYTES: usize = 8192;
/// Bytes of a failure's text that are searched for its location.
const BODY_BYTES: usize = 2048;

/// True if a report may begin with this line.
pub fn may_start(line: &str) -> bool {
    line.trim_start_matches(['\u{feff}', ' ', '\t']).starts_with('<')
}

/// The offset of the root element of a report in the first bytes of a line.
pub fn start(head: &str) -> Option<usize> {
    let blank = |letter: char| letter.is_whitespace() || letter == '\u{feff}';
    let mut rest = head.trim_start_matches(blank);
    // The declaration, style sheets, comments and a document type may precede it.
    for (open, close) in [("<?", "?>"), ("<!--", "-->"), ("<!", ">")].into_iter().cycle().take(3 * MAX_PROLOGUE_PARTS) {
        if rest.starts_with(open) && (open != "<!" || !rest.starts_with("<!--")) {
            rest = rest[rest.find(close)? + close.len()..].trim_start_matches(blank);
        }
    }
    rest.starts_with("<testsuite").then(|| head.len() - rest.len())
}

/// An event of a report.
#[derive(Debug)]
pub enum ReportEvent {
    /// A test that failed, or was flaky.
    Finding(Finding),
    /// A test that passed: its name, and its suite.
    Passed(String, Option<String>),
    /// The end of the report; true if there were tests and all of them passed.
    Finished(bool),
}

/// A report that is being read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Junit {
    part: ParseState,
    /// In a tag: the text after its `<`. Elsewhere: the last bytes, to detect the end.
    held: String,
    /// The last character of the tag was a `/`: the element is empty.
    closed: bool,
    /// Number of open elements.
    depth: u32,
    over: bool,
    /// The innermost suite that was opened last.
    suite: String,
    /// Number of tests, and of failed ones.
    tests: u32,
    failed: u32,
    case: Option<Case>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ParseState {
    #[default]
    Text,
    Tag,
    /// In a tag, between double quotes.
    Double,
    /// In a tag, between single quotes.
    Single,
    Comment,
    Cdata,
}

/// The open test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    class: String,
    file: String,
    line: Option<u32>,
    flaky: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Failure {
    class: String,
    message: String,
    body: String,
}

impl Junit {
    /// True after the end of the root element; the following text is no report.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Reads on and returns the number of bytes that belong to the report.
    pub fn push(&mut self, text: &str, each: &mut impl FnMut(ReportEvent)) -> usize {
        let mut at = 0;
        while at < text.len() && !self.over {
            at += match self.part {
                ParseState::Text => self.read_text(&text[at..]),
                ParseState::Tag | ParseState::Double | ParseState::Single => self.read_tag(&text[at..], each),
                ParseState::Comment => self.read_until(&text[at..], "-->"),
                ParseState::Cdata => self.read_until(&text[at..], "]]>"),
            };
        }
        at
    }

    fn read_text(&mut self, text: &str) -> usize {
        let end = text.find('<');
        self.append_body(&text[..end.unwrap_or(text.len())]);
        if end.is_some() {
            self.part = ParseState::Tag;
            self.held.clear();
        }
        end.map_or(text.len(), |at| at + 1)
    }

    /// Reads to the end of the tag, or to where it turns out to be a comment or CDATA.
    fn read_tag(&mut self, text: &str, each: &mut impl FnMut(ReportEvent)) -> usize {
        for (at, letter) in text.char_indices() {
            if self.held.len() < TAG_BYTES && !(self.part == ParseState::Tag && letter == '>') {
                self.held.push(letter);
            }
            if letter != '>' || self.part != ParseState::Tag {
                self.closed = self.part == ParseState::Tag && letter == '/';
            }
            self.part = match (self.part, letter) {
                (ParseState::Tag, '"') => ParseState::Double,
                (ParseState::Tag, '\'') => ParseState::Single,
                (ParseState::Double, '"') | (ParseState::Single, '\'') => ParseState::Tag,
                (ParseState::Tag, '>') => {
                    let tag = std::mem::take(&mut self.held);
                    self.part = ParseState::Text;
                    self.handle_tag(&tag, each);
                    return at + 1;
                }
                (ParseState::Tag, '-') if self.held == "!--" => ParseState::Comment,
                (ParseState::Tag, '[') if self.held == "![CDATA[" => ParseState::Cdata,
                (part, _) => part,
            };
            if matches!(self.part, ParseState::Comment | ParseState::Cdata) {
                self.held.clear();
                return at + letter.len_utf8();
            }
        }
        text.len()
    }

    /// Skips to the end marker, which may be cut in pieces.
    fn read_until(&mut self, text: &str, sign: &str) -> usize {
        for (at, letter) in text.char_indices() {
            // Non-ASCII characters are replaced, so that removing the first byte is always safe.
            self.held.push(if letter.is_ascii() { letter } else { ' ' });
            if self.held.len() > sign.len() {
                self.held.remove(0);
            }
            if self.held == sign {
                let is_text = self.part == ParseState::Cdata;
                self.part = ParseState::Text;
                self.held.clear();
                let end = at + letter.len_utf8();
                if is_text {
                    self.append_body(&text[..end]);
                }
                return end;
            }
        }
        if self.part == ParseState::Cdata {
            self.append_body(text);
        }
        text.len()
    }

    fn append_body(&mut self, text: &str) {
        if let Some(failure) = &mut self.failure {
            let free = BODY_BYTES.saturating_sub(failure.body.len());
            let end = text.floor_char_boundary(free);
            failure.body.push_str(&text[..end]);
        }
    }

    fn handle_tag(&mut self, tag: &str, each: &mut impl FnMut(ReportEvent)) {
        if tag.starts_with(['!', '?']) {
            return;
        }
        if let Some(name) = tag.strip_prefix('/') {
            self.close(name.trim(), each);
            self.depth = self.depth.saturating_sub(1);
            self.end_if_closed(each);
            return;
        }
        let end = tag.find(|letter: char| letter.is_whitespace() || letter == '/').unwrap_or(tag.len());
        self.open(&tag[..end], tag, end);
        if self.closed {
            self.close(&tag[..end], each);
            self.end_if_closed(each);
        } else {
            self.depth = self.depth.saturating_add(1);
        }
    }

    fn end_if_closed(&mut self, each: &mut impl FnMut(ReportEvent)) {
        if self.depth == 0 && !self.over {
            self.over = true;
            each(ReportEvent::Finished(self.tests > 0 && self.failed == 0));
        }
    }

    fn open(&mut self, name: &str, tag: &str, end: usize) {
        let value = |wanted: &str| attribute(tag, end, wanted);
        match name {
            "testsuite" => self.suite = sanitize::flatten(&value("name"), 80),
            "testcase" => {
                self.tests = self.tests.saturating_add(1);
                let line = value("line").parse().ok();
                let (name, class, file) = (value("name"), value("classname"), value("file"));
                self.case = Some(Case { name, class, file, line, flaky: false });
                self.failure = None;
            }
            // Known to fail, or not run.
            "skipped" => self.case = None,
            // It passed in the end.
            "flakyFailure" | "flakyError" => {
                if let Some(case) = &mut self.case {
                    case.flaky = true;
                }
            }
            "failure" | "error" if self.failure.is_none() => {
                let (class, message) = (value("type"), value("message"));
                self.failure = Some(Failure { class, message, body: String::new() });
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str, each: &mut impl FnMut(ReportEvent)) {
        if name != "testcase" {
            return;
        }
        let Some(case) = self.case.take() else { return };
        let suite = Some(self.suite.as_str()).filter(|suite| !suite.is_empty());
        match self.failure.take() {
            Some(failure) => {
                self.failed = self.failed.saturating_add(1);
                each(ReportEvent::Finding(finding(&case, &failure).with_target(suite)));
            }
            None if case.flaky => {
                each(ReportEvent::Finding(
                    Finding::new(Kind::Flaky, Tool::Junit, "").with_subject(sanitize::name(&full_name(&case))),
                ));
            }
            None => each(ReportEvent::Passed(full_name(&case), suite.map(str::to_owned))),
        }
    }
}

/// The unescaped value of an attribute; empty if there is none. Of a truncated tag only the attributes before the cut
/// are available.
fn attribute(tag: &str, end: usize, wanted: &str) -> String {
    let mut attributes = Attributes::new(tag, end);
    let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == wanted);
    let Some(found) = found else { return String::new() };
    // An entity that XML does not define is kept as it is.
    quick_xml::escape::unescape(&found.value).unwrap_or(std::borrow::Cow::Borrowed(&found.value)).into_owned()
}

fn full_name(case: &Case) -> String {
    match case.class.is_empty() || case.name.starts_with(&case.class) {
        true => case.name.clone(),
        false => format!("{}.{}", case.class, case.name),
    }
}

fn finding(case: &Case, failure: &Failure) -> Finding {
    let full = full_name(case);
    let first = failure.body.trim_start().lines().next().unwrap_or_default();
    let words = if failure.message.is_empty() { first } else { &failure.message };
    let in_body = || failure.body.lines().filter_map(Location::find).find(|location| is_in_test(&location.file, case));
    let location = Location::new(&case.file, case.line).filter(|location| location.line.is_some()).or_else(in_body);
    let location =
        location.or_else(|| crate::scan::location_in_trace(&failure.body)).or_else(|| Location::new(&case.file, None));
    let reason = Reason::of_class(&failure.class).or_else(|| Reason::of_test(words));
    Finding::new(Kind::FailedTest, Tool::Junit, words).with_test(&full).with_location(location).with_reason(reason)
}

/// True if a line of a stack trace is in the test itself and not in a library.
fn is_in_test(file: &str, case: &Case) -> bool {
    if !case.file.is_empty() {
        return case.file.ends_with(file) || file.ends_with(&case.file);
    }
    let stem = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or_default();
    let class = case.class.split(['.', '$', ' ']);
    class.into_iter().any(|part| part == stem) || case.class.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Option<String>, Option<String>, Option<Reason>)> {
        let at = start(text).expect("a report");
        let mut found = Vec::new();
        let mut report = Junit::default();
        report.push(&text[at..], &mut |event| {
            let ReportEvent::Finding(finding) = event else { return };
            found.push((finding.subject, finding.place.map(|location| location.to_string()), finding.reason));
        });
        found
    }

    #[test]
    fn failures_are_read_and_passes_are_not() {
        let text = r#"<?xml version="1.0"?><testsuites><testsuite name="a" tests="3" failures="1">
            <testcase classname="shop.CartTest" name="adds" time="0.1"/>
            <testcase classname="shop.CartTest" name="total &lt;0&gt;"><failure type="AssertionError" message="a > b"><![CDATA[
              at junit.Assert.fail(Assert.java:9)
              at shop.CartTest.total(CartTest.java:31)]]></failure><system-out>x < y</system-out></testcase>
            <testcase classname="shop.CartTest" name="skips"><skipped/></testcase>
            <!-- <testcase name="no"><failure/></testcase> -->
            </testsuite></testsuites>"#;
        // A stray `<` in the output of a program costs the tag that it seems to begin, not the report.
        let found = read(&text.replace("x < y", "x"));
        let expected =
            (Some("shop.CartTest.total <0>".into()), Some("CartTest.java:31".into()), Some(Reason::Assertion));
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_report_may_have_a_prologue() {
        for prologue in [
            "",
            "\u{feff}<?xml version=\"1.0\"?>",
            "<?xml version='1.0'?><?xml-stylesheet href=\"a.xsl\"?><!-- made by a tool -->",
            "<!-- a --><?xml-stylesheet href=\"a.xsl\"?> <!DOCTYPE testsuites><!-- > -->",
        ] {
            assert_eq!(start(&format!("{prologue}<testsuites>")), Some(prologue.len()), "{prologue}");
        }
        for head in ["<html>", "<?xml version=\"1.0\"?><html><testsuite>", "<!-- <testsuite>"] {
            assert_eq!(start(head), None, "{head}");
        }
    }

    #[test]
    fn what_is_hostile_stays_small() {
        let mut report = Junit::default();
        let bomb = r#"<testsuite><testcase name="&lol9;"><failure message=""#.to_owned();
        report.push(&bomb, &mut |_| {});
        for _ in 0..1000 {
            report.push(&"&lol;".repeat(2000), &mut |_| {});
        }
        let mut found = Vec::new();
        report.push(r#""/></testcase>"#, &mut |finding| found.push(finding));
        assert!(matches!(found.as_slice(), [ReportEvent::Finding(_)]));
        for _ in 0..100_000 {
            report.push("<a>", &mut |_| {});
        }
        let kept = serde_json::to_string(&report).expect("JSON");
        assert!(kept.len() < 4 * TAG_BYTES, "{}", kept.len());
    }
}
