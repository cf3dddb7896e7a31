//! The Test Anything Protocol, and the additional output of Perl's tools. Rule: a line counts as TAP by its own form,
//! so that a report may be cut anywhere and mixed with anything; a test that only contains subtests is no test of its
//! own.

use super::line::{Line, number_after};
use super::trigrams::trigram;
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::sanitize::Location;
use crate::signal::{Finding, Kind, Occurrence, Tool};

/// Upper bound of the depth of nested subtests.
const MAX_DEPTH: usize = 16;

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if body.starts_with("TAP version ") {
        scanner.section = Section::Tap;
        scanner.depths.clear();
        return Some(LineEvent::TestRunStarted(Tool::Tap, None));
    }
    if body.starts_with("1..") && body[3..].bytes().all(|byte| byte.is_ascii_digit()) {
        scanner.section = Section::Tap;
        return Some(LineEvent::Tool(Tool::Tap));
    }
    if let Some(rest) = body.strip_prefix("not ok").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
        scanner.section = Section::Tap;
        let is_parent = end_test_at(line.indent, scanner);
        return Some(failed(rest, is_parent, scanner.has_prove));
    }
    if scanner.section == Section::TapBlock {
        // A block is indented; any other line ends it.
        if line.indent > 0 {
            return Some(block(body, scanner));
        }
        scanner.section = Section::Tap;
    }
    if scanner.section == Section::Tap && body == "---" && line.indent > 0 {
        scanner.section = Section::TapBlock;
        return Some(LineEvent::Ignored);
    }
    if let Some(event) = prove(line, scanner) {
        return Some(event);
    }
    if scanner.section != Section::Tap {
        return None;
    }
    if let Some(message) = body.strip_prefix("Bail out!") {
        return Some(LineEvent::Finding(Finding::new(Kind::Crash, Tool::Tap, message)));
    }
    if body.starts_with("# fail ") {
        scanner.tool = if scanner.tool == Tool::Node { Tool::Node } else { Tool::Tap };
        return Some(number_after(body, "# fail ").map_or(LineEvent::Ignored, LineEvent::FailedTests));
    }
    let is_waiting = scanner.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Tap | Tool::Node));
    if body.starts_with('#') || !is_waiting {
        return body.starts_with(['#', '-']).then_some(LineEvent::Ignored);
    }
    detail(body, scanner)
}

/// A test at this depth has ended, and with it all deeper ones; true if there were any deeper ones.
pub(super) fn end_test_at(indent: usize, scanner: &mut Scanner) -> bool {
    let depth = (indent / 4).min(MAX_DEPTH - 1);
    let had_parts = scanner.depths.len() > depth + 1;
    scanner.depths.resize(depth + 1, true);
    had_parts
}

/// The name after `ok 1 - `.
pub(super) fn name_of(rest: &str) -> &str {
    let name = rest.split_once(" # ").map_or(rest, |(name, _)| name);
    let name = name.strip_suffix(" {").unwrap_or(name);
    name.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches([' ', '-'])
}

fn failed(rest: &str, is_parent: bool, has_prove: bool) -> LineEvent {
    let rest = rest.trim_start();
    let (_, directive) = rest.split_once('#').unwrap_or((rest, ""));
    let directive = directive.trim_start().to_lowercase();
    if directive.starts_with("todo") || directive.starts_with("skip") || is_parent {
        return LineEvent::Ignored;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let name = name_of(rest);
    // prove has reported it already, with more details.
    let occurrence = if has_prove { Occurrence::Repeat } else { Occurrence::Each };
    if has_prove && name.is_empty() {
        return LineEvent::Ignored;
    }
    let finding = Finding::new(Kind::FailedTest, Tool::Tap, "").with_occurrence(occurrence);
    LineEvent::OpenFinding(match (name.is_empty(), digits) {
        (false, _) => finding.with_test(name),
        // Without a name it is identified by its number.
        (true, 1..) => finding.with_subject(Some(format!("#{}", &rest[..digits]))),
        (true, 0) => finding,
    })
}

/// `#   Failed test 'adds'` and the counts of prove; with `-v` the test was reported before.
fn prove(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix('#') {
        let rest = rest.trim_start();
        if let Some(name) = rest.strip_prefix("Failed test ").or_else(|| rest.strip_prefix("Failed test")) {
            scanner.tool = Tool::Prove;
            scanner.has_prove = true;
            // Subtests are reported before their test, with more indentation.
            if std::mem::replace(&mut scanner.deepest, line.indent) > line.indent {
                return Some(LineEvent::Ignored);
            }
            let finding = Finding::new(Kind::FailedTest, Tool::Prove, "").with_occurrence(Occurrence::Repeat);
            if let Some((file, number)) = name.trim_start().strip_prefix("at ").and_then(|at| at.split_once(" line ")) {
                let location = Location::new(file, number.trim_end_matches('.').parse().ok());
                return Some(LineEvent::Finding(finding.with_location(location).with_reason(Some(Reason::Assertion))));
            }
            return Some(LineEvent::OpenFinding(finding.with_test(name.trim().trim_matches('\''))));
        }
        if let Some(rest) = rest.strip_prefix("Failed (TODO) test") {
            return Some(if rest.is_empty() { LineEvent::Ignored } else { LineEvent::Tool(Tool::Prove) });
        }
        // `at t/sum.t line 3.`
        if let Some((file, line)) = rest.strip_prefix("at ").and_then(|rest| rest.split_once(" line ")) {
            let location = Location::new(file, line.trim_end_matches('.').parse().ok())?;
            let is_waiting = scanner.waiting.as_ref().is_some_and(|finding| finding.tool.family() == Tool::Tap);
            return Some(if is_waiting {
                LineEvent::Complete(Some(location), Some(Reason::Assertion))
            } else {
                LineEvent::Ignored
            });
        }
        if rest.starts_with("Looks like you ") {
            return Some(LineEvent::Tool(Tool::Prove));
        }
        return None;
    }
    if !matches!(body.as_bytes()[0], b'T' | b'F' | b'D' | b'N') && !line.has_any(const { trigram(b"wst") }) {
        return None;
    }
    let known = body.starts_with("Test Summary Report")
        || body.starts_with("Failed 1/") && body.ends_with(" subtests")
        || body.starts_with("Dubious, test returned ")
        || body.starts_with("Failed test:  ")
        || body.starts_with("Failed tests:  ")
        || body.starts_with("Non-zero exit status: ")
        || body.starts_with("TODO passed:");
    if known || body.starts_with("Failed ") && body.ends_with(" subtests") {
        return Some(LineEvent::Tool(Tool::Prove));
    }
    if !line.has_any(const { trigram(b"wst") }) {
        return None;
    }
    // `t/sum.t (Wstat: 256 (exited 1) Tests: 4 Failed: 1)`
    if let Some((file, rest)) = body.split_once(" (Wstat: ").or_else(|| body.split_once("(Wstat: ")) {
        scanner.tool = Tool::Prove;
        scanner.target = Some(file.trim().to_owned());
        return Some(LineEvent::FailedTests(number_after(rest, "Failed: ").unwrap_or(0)));
    }
    None
}

/// A line of the block below a test; it only matters if the test failed.
fn block(body: &str, scanner: &mut Scanner) -> LineEvent {
    if body == "..." {
        scanner.section = Section::Tap;
    }
    let is_waiting = scanner.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Tap | Tool::Node));
    if is_waiting { detail(body, scanner).unwrap_or(LineEvent::Ignored) } else { LineEvent::Ignored }
}

fn detail(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    if body == "..." {
        return Some(LineEvent::Complete(None, None));
    }
    let Some((key, value)) =
        body.split_once(':').filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    else {
        return Some(LineEvent::Ignored);
    };
    let value = value.trim().trim_matches(['\'', '"']);
    let finding = scanner.waiting.as_mut()?;
    match key {
        "at" | "location" | "stack" if !value.is_empty() => {
            let location = Location::find(value).or_else(|| value.rsplit('(').next().and_then(Location::find));
            finding.place = finding.place.take().or(location);
        }
        "file" => finding.place = finding.place.take().or(Location::new(value, None)),
        "line" => {
            if let Some(location) = finding.place.as_mut().filter(|location| location.line.is_none()) {
                location.line = value.parse().ok();
            }
        }
        "message" | "error" | "operator" | "code" => finding.reason = finding.reason.or_else(|| Reason::of_test(value)),
        // Only written by node's own runner.
        "failureType" => {
            finding.tool = Tool::Node;
            if value == "subtestsFailed" {
                return Some(LineEvent::ParentTest);
            }
            if value.contains("imeout") {
                finding.reason = Some(Reason::TimeLimit);
            }
        }
        "expected" | "wanted" => finding.reason = finding.reason.or(Some(Reason::Assertion)),
        _ => {}
    }
    Some(LineEvent::Ignored)
}
