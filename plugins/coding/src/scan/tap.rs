//! The Test Anything Protocol, and what Perl's tools write beside it. Rule: a line counts as TAP by its
//! own form, so that a report may be cut anywhere and mixed with anything; a test that only tells of its
//! subtests is no test of its own.

use super::stems::stem;
use super::words::{Line, number_after};
use super::{Scan, Section, Seen};
use crate::piece::Place;
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

/// Subtests in subtests that are told apart.
const DEPTHS: usize = 16;

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.starts_with("TAP version ") {
        scan.section = Section::Tap;
        scan.depths.clear();
        return Some(Seen::Begins(Tool::Tap, None));
    }
    if body.starts_with("1..") && body[3..].bytes().all(|byte| byte.is_ascii_digit()) {
        scan.section = Section::Tap;
        return Some(Seen::Tool(Tool::Tap));
    }
    if let Some(rest) = body.strip_prefix("not ok").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
        scan.section = Section::Tap;
        let is_parent = point(line.indent, scan);
        return Some(failed(rest, is_parent, scan.has_prove));
    }
    if scan.section == Section::TapBlock {
        // A block is indented; what is not has broken it off.
        if line.indent > 0 {
            return Some(block(body, scan));
        }
        scan.section = Section::Tap;
    }
    if scan.section == Section::Tap && body == "---" && line.indent > 0 {
        scan.section = Section::TapBlock;
        return Some(Seen::Noise);
    }
    if let Some(seen) = prove(line, scan) {
        return Some(seen);
    }
    if scan.section != Section::Tap {
        return None;
    }
    if let Some(message) = body.strip_prefix("Bail out!") {
        return Some(Seen::Fault(Finding::new(Kind::Crash, Tool::Tap, message)));
    }
    if body.starts_with("# fail ") {
        scan.tool = if scan.tool == Tool::Node { Tool::Node } else { Tool::Tap };
        return Some(number_after(body, "# fail ").map_or(Seen::Noise, Seen::Sum));
    }
    let waits = scan.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Tap | Tool::Node));
    if body.starts_with('#') || !waits {
        return body.starts_with(['#', '-']).then_some(Seen::Noise);
    }
    detail(body, scan)
}

/// A test at this depth is over, and with it all below; whether there were any below.
pub(super) fn point(indent: usize, scan: &mut Scan) -> bool {
    let depth = (indent / 4).min(DEPTHS - 1);
    let had_parts = scan.depths.len() > depth + 1;
    scan.depths.resize(depth + 1, true);
    had_parts
}

/// The name behind `ok 1 - `.
pub(super) fn name_of(rest: &str) -> &str {
    let name = rest.split_once(" # ").map_or(rest, |(name, _)| name);
    let name = name.strip_suffix(" {").unwrap_or(name);
    name.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches([' ', '-'])
}

fn failed(rest: &str, is_parent: bool, has_prove: bool) -> Seen {
    let rest = rest.trim_start();
    let (_, directive) = rest.split_once('#').unwrap_or((rest, ""));
    let directive = directive.trim_start().to_lowercase();
    if directive.starts_with("todo") || directive.starts_with("skip") || is_parent {
        return Seen::Noise;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let name = name_of(rest);
    // prove has told of it, and more.
    let sighting = if has_prove { Sighting::Again } else { Sighting::Whole };
    if has_prove && name.is_empty() {
        return Seen::Noise;
    }
    let finding = Finding::new(Kind::FailedTest, Tool::Tap, "").seen(sighting);
    Seen::Head(match (name.is_empty(), digits) {
        (false, _) => finding.of_test(name),
        // Without a name it is known by its number.
        (true, 1..) => finding.about(Some(format!("#{}", &rest[..digits]))),
        (true, 0) => finding,
    })
}

/// `#   Failed test 'adds'` and the sums of prove; under its `-v` the test was told of before.
fn prove(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix('#') {
        let rest = rest.trim_start();
        if let Some(name) = rest.strip_prefix("Failed test ").or_else(|| rest.strip_prefix("Failed test")) {
            scan.tool = Tool::Prove;
            scan.has_prove = true;
            // The parts of a test are told of before it, and deeper.
            if std::mem::replace(&mut scan.deepest, line.indent) > line.indent {
                return Some(Seen::Noise);
            }
            let finding = Finding::new(Kind::FailedTest, Tool::Prove, "").seen(Sighting::Again);
            if let Some((file, number)) = name.trim_start().strip_prefix("at ").and_then(|at| at.split_once(" line ")) {
                let place = Place::new(file, number.trim_end_matches('.').parse().ok());
                return Some(Seen::Fault(finding.at(place).because(Some(Reason::Assertion))));
            }
            return Some(Seen::Head(finding.of_test(name.trim().trim_matches('\''))));
        }
        if let Some(rest) = rest.strip_prefix("Failed (TODO) test") {
            return Some(if rest.is_empty() { Seen::Noise } else { Seen::Tool(Tool::Prove) });
        }
        // `at t/sum.t line 3.`
        if let Some((file, line)) = rest.strip_prefix("at ").and_then(|rest| rest.split_once(" line ")) {
            let place = Place::new(file, line.trim_end_matches('.').parse().ok())?;
            let waits = scan.waiting.as_ref().is_some_and(|finding| finding.tool.family() == Tool::Tap);
            return Some(if waits { Seen::End(Some(place), Some(Reason::Assertion)) } else { Seen::Noise });
        }
        if rest.starts_with("Looks like you ") {
            return Some(Seen::Tool(Tool::Prove));
        }
        return None;
    }
    if !matches!(body.as_bytes()[0], b'T' | b'F' | b'D' | b'N') && !line.tells(const { stem(b"wst") }) {
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
        return Some(Seen::Tool(Tool::Prove));
    }
    if !line.tells(const { stem(b"wst") }) {
        return None;
    }
    // `t/sum.t (Wstat: 256 (exited 1) Tests: 4 Failed: 1)`
    if let Some((file, rest)) = body.split_once(" (Wstat: ").or_else(|| body.split_once("(Wstat: ")) {
        scan.tool = Tool::Prove;
        scan.target = Some(file.trim().to_owned());
        return Some(Seen::Sum(number_after(rest, "Failed: ").unwrap_or(0)));
    }
    None
}

/// A line of the block below a test; only of one that failed it tells anything.
fn block(body: &str, scan: &mut Scan) -> Seen {
    if body == "..." {
        scan.section = Section::Tap;
    }
    let waits = scan.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Tap | Tool::Node));
    if waits { detail(body, scan).unwrap_or(Seen::Noise) } else { Seen::Noise }
}

fn detail(body: &str, scan: &mut Scan) -> Option<Seen> {
    if body == "..." {
        return Some(Seen::End(None, None));
    }
    let Some((key, value)) =
        body.split_once(':').filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    else {
        return Some(Seen::Noise);
    };
    let value = value.trim().trim_matches(['\'', '"']);
    let finding = scan.waiting.as_mut()?;
    match key {
        "at" | "location" | "stack" if !value.is_empty() => {
            let place = Place::find(value).or_else(|| value.rsplit('(').next().and_then(Place::find));
            finding.place = finding.place.take().or(place);
        }
        "file" => finding.place = finding.place.take().or(Place::new(value, None)),
        "line" => {
            if let Some(place) = finding.place.as_mut().filter(|place| place.line.is_none()) {
                place.line = value.parse().ok();
            }
        }
        "message" | "error" | "operator" | "code" => finding.reason = finding.reason.or_else(|| Reason::of_test(value)),
        // What only node's own runner writes.
        "failureType" => {
            finding.tool = Tool::Node;
            if value == "subtestsFailed" {
                return Some(Seen::Dropped);
            }
            if value.contains("imeout") {
                finding.reason = Some(Reason::TimeLimit);
            }
        }
        "expected" | "wanted" => finding.reason = finding.reason.or(Some(Reason::Assertion)),
        _ => {}
    }
    Some(Seen::Noise)
}
