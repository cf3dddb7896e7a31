//! go build, test and vet. Rule: the output of a test belongs to the test that is named next to it.

use super::line::{Line, quoted};
use super::trigrams::trigram;
use super::{LineEvent, Scanner};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'-' if body.starts_with("--- ") => result(&body[4..], scanner),
        b'=' if body.starts_with("=== FAIL: ") || body.starts_with("=== Failed") => Some(rerun(&body[4..])),
        b'D' if body.starts_with("DONE ") && body.contains(" runs, ") => Some(LineEvent::Ignored),
        b'=' if body.starts_with("=== ") => {
            scanner.heading = body.split_whitespace().nth(2).map(str::to_owned);
            let is_waiting = scanner.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Go);
            Some(if is_waiting { LineEvent::Complete(None, None) } else { LineEvent::Tool(Tool::Go) })
        }
        b'F' if body == "FAIL" => Some(LineEvent::Ignored),
        b'F' if body.starts_with("FAIL\t") => {
            let package = body[5..].split(['\t', ' ']).next()?;
            Some(match body.contains("failed]") {
                true => LineEvent::Build(false),
                false => LineEvent::Package(package.to_owned(), false),
            })
        }
        b'o' if body.starts_with("ok  \t") => {
            Some(LineEvent::Package(body[5..].split(['\t', ' ']).next()?.to_owned(), true))
        }
        b'#' if body.starts_with("# ") && body.contains('/') && !body[2..].contains(' ') => {
            Some(LineEvent::Tool(Tool::Go))
        }
        b'p' if body.starts_with("panic: ") => panic(&body[7..], scanner),
        b'g' if body.starts_with("goroutine ") => Some(LineEvent::Ignored),
        b'g' if body.starts_with("go: ") => module(&body[4..]),
        b'W' if body.starts_with("WARNING: DATA RACE") => Some(LineEvent::OpenFinding(
            Finding::new(Kind::Crash, Tool::Go, "data race").with_reason(Some(Reason::Race)),
        )),
        _ if line.has_any(const { trigram(b"go:") }) && body.contains(".go:") => located_line(line, scanner),
        _ => None,
    }
}

/// `--- FAIL: TestA/part (0.00s)`
fn result(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let name = |rest: &str| rest.rsplit_once(" (").map_or(rest, |(name, _)| name).to_owned();
    if let Some(rest) = rest.strip_prefix("PASS: ") {
        scanner.tool = Tool::Go;
        return Some(LineEvent::Passed(name(rest)));
    }
    let Some(rest) = rest.strip_prefix("FAIL: ") else {
        return rest.starts_with("SKIP: ").then_some(LineEvent::Ignored);
    };
    let name = name(rest);
    let finding = Finding::new(Kind::FailedTest, Tool::Go, "").with_test(&name).with_target(scanner.target.as_deref());
    // With -v the output of a test precedes its result, otherwise it follows.
    let known = scanner.notes.iter().position(|note| note.name == name && note.place.is_some());
    Some(match known.map(|index| scanner.notes.remove(index)) {
        Some(note) => LineEvent::Finding(finding.with_location(note.place).with_reason(note.reason)),
        None => LineEvent::OpenFinding(finding),
    })
}

/// `=== FAIL: shop/cart TestTotal (re-run 1) (0.00s)`, as gotestsum lists it at the end.
fn rerun(rest: &str) -> LineEvent {
    // It contains only the end of the package path.
    let name =
        rest.strip_prefix("FAIL: ").and_then(|rest| rest.split(' ').nth(1)).filter(|name| !name.starts_with('('));
    let Some(name) = name else { return LineEvent::Ignored };
    LineEvent::OpenFinding(
        Finding::new(Kind::FailedTest, Tool::Go, "").with_test(name).with_occurrence(Occurrence::Repeat),
    )
}

fn panic(message: &str, scanner: &Scanner) -> Option<LineEvent> {
    if message.starts_with("test timed out") {
        return Some(LineEvent::Finding(
            Finding::new(Kind::Timeout, Tool::Go, message).with_reason(Some(Reason::TimeLimit)),
        ));
    }
    if scanner.in_test() {
        // The test that panicked is known; its location follows in the trace.
        return None;
    }
    Some(LineEvent::OpenFinding(
        Finding::new(Kind::Crash, Tool::Go, message).with_reason(Reason::of(message).or(Some(Reason::Panic))),
    ))
}

/// `go: module x: …`, and packages that no module provides.
fn module(message: &str) -> Option<LineEvent> {
    if message.starts_with("downloading") || message.starts_with("finding") {
        return Some(LineEvent::Tool(Tool::Go));
    }
    if message.contains("dial tcp") || message.contains("no such host") {
        let host = super::general::host_in(message);
        return Some(LineEvent::Finding(Finding::new(Kind::Network, Tool::Go, message).with_subject(host)));
    }
    let subject = message.split([' ', ':']).find(|word| word.contains('/')).and_then(sanitize::identifier);
    let bad = ["unknown revision", "not found", "missing go.sum", "invalid version", "requires go"];
    let known = bad.iter().any(|sign| message.contains(sign));
    known.then(|| {
        LineEvent::Finding(
            Finding::new(Kind::Dependency, Tool::Go, message).with_subject(subject).with_reason(Some(Reason::Version)),
        )
    })
}

/// Lines with a location: compiler errors, test output, and frames of a trace.
fn located_line(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if body.contains(" +0x") || line.text.starts_with('\t') && !body.contains(": ") {
        let own = !body.contains("/go/src/") && !body.contains("/pkg/mod/");
        return Some(Location::find(body).filter(|_| own).map_or(LineEvent::Ignored, LineEvent::Location));
    }
    let (at, message) = body.split_once(": ")?;
    let found = Location::read(at)?;
    if line.indent > 0 {
        if scanner.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Go) {
            return Some(LineEvent::Complete(Some(found), Reason::of_test(message)));
        }
        if let Some(name) = scanner.heading.clone() {
            scanner.record_test_details(&name, Some(found), Reason::of_test(message));
        }
        return Some(LineEvent::Ignored);
    }
    let package = message.strip_prefix("no required module provides package ").or_else(|| {
        message
            .strip_prefix("cannot find package ")
            .or_else(|| message.strip_prefix("package ").filter(|rest| rest.contains("is not in")))
    });
    if let Some(package) = package {
        let name = quoted(package).unwrap_or(package).split([' ', ';']).next().and_then(sanitize::identifier);
        return Some(LineEvent::Finding(
            Finding::new(Kind::ImportError, Tool::Go, "").with_subject(name).with_location(Some(found)),
        ));
    }
    if message.starts_with("warning") {
        return None;
    }
    let message = message.strip_prefix("error: ").unwrap_or(message);
    // Linters append their rule to the message.
    let rule = message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).map(|(_, rule)| rule);
    if let Some(rule) = rule.filter(|rule| rule.bytes().all(|byte| byte.is_ascii_lowercase())) {
        let finding = Finding::new(Kind::Lint, Tool::Go, message)
            .with_code(sanitize::identifier(rule))
            .with_location(Some(found));
        return Some(LineEvent::Finding(finding));
    }
    // `undefined: name` and `"os" imported and not used` contain the name concerned.
    let named = message
        .strip_prefix("undefined: ")
        .or_else(|| quoted(message))
        .or_else(|| message.split_once(": ").map(|(_, name)| name));
    let finding = Finding::new(Kind::BuildError, Tool::Go, message).with_subject(named.and_then(sanitize::identifier));
    let unused = message.contains("imported and not used") || message.contains("declared and not used");
    Some(LineEvent::Finding(finding.with_location(Some(found)).with_reason(unused.then_some(Reason::Unused))))
}
