//! The Test Anything Protocol. Rule: a line counts as TAP by its own form, so that a report may be
//! cut anywhere and mixed with anything.

use super::words::{Line, number_after};
use super::{Scan, Section, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.starts_with("TAP version ")
        || body.starts_with("1..") && body[3..].bytes().all(|byte| byte.is_ascii_digit())
    {
        scan.section = Section::Tap;
        return Some(Seen::Tool(Tool::Tap));
    }
    if let Some(rest) = body.strip_prefix("not ok ") {
        scan.section = Section::Tap;
        return Some(failed(rest));
    }
    if scan.section != Section::Tap {
        return None;
    }
    if let Some(message) = body.strip_prefix("Bail out!") {
        return Some(Seen::Fault(Finding::new(Kind::Crash, Tool::Tap, message)));
    }
    if body.starts_with("# fail ") {
        return Some(number_after(body, "# fail ").map_or(Seen::Noise, Seen::Sum));
    }
    let waits = scan.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Tap | Tool::Node));
    if body.starts_with('#') || !waits {
        return body.starts_with(['#', '-']).then_some(Seen::Noise);
    }
    detail(body, scan)
}

fn failed(rest: &str) -> Seen {
    let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
    let directive = directive.trim_start().to_lowercase();
    if directive.starts_with("todo") || directive.starts_with("skip") {
        return Seen::Noise;
    }
    let name = name_of(name);
    Seen::Head(Finding::new(Kind::FailedTest, Tool::Tap, "").about(piece::name(name)))
}

/// The name behind `ok 1 - `.
pub(super) fn name_of(rest: &str) -> &str {
    let name = rest.split_once(" # ").map_or(rest, |(name, _)| name);
    name.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches([' ', '-'])
}

/// A line of the block below a failed test.
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
            if value.contains("imeout") {
                finding.reason = Some(Reason::TimeLimit);
            }
        }
        "expected" | "wanted" => finding.reason = finding.reason.or(Some(Reason::Assertion)),
        _ => {}
    }
    Some(Seen::Noise)
}
