//! go build, test and vet. Rule: the lines of a test belong to the test that is named next to them.

use super::stems::stem;
use super::words::{Line, quoted};
use super::{Scan, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'-' if body.starts_with("--- ") => result(&body[4..], scan),
        b'=' if body.starts_with("=== FAIL: ") || body.starts_with("=== Failed") => Some(rerun(&body[4..])),
        b'D' if body.starts_with("DONE ") && body.contains(" runs, ") => Some(Seen::Noise),
        b'=' if body.starts_with("=== ") => {
            scan.heading = body.split_whitespace().nth(2).map(str::to_owned);
            let waits = scan.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Go);
            Some(if waits { Seen::End(None, None) } else { Seen::Tool(Tool::Go) })
        }
        b'F' if body == "FAIL" => Some(Seen::Noise),
        b'F' if body.starts_with("FAIL\t") => {
            let package = body[5..].split(['\t', ' ']).next()?;
            Some(match body.contains("failed]") {
                true => Seen::Build(false),
                false => Seen::Package(package.to_owned(), false),
            })
        }
        b'o' if body.starts_with("ok  \t") => {
            Some(Seen::Package(body[5..].split(['\t', ' ']).next()?.to_owned(), true))
        }
        b'#' if body.starts_with("# ") && body.contains('/') && !body[2..].contains(' ') => Some(Seen::Tool(Tool::Go)),
        b'p' if body.starts_with("panic: ") => panic(&body[7..], scan),
        b'g' if body.starts_with("goroutine ") => Some(Seen::Noise),
        b'g' if body.starts_with("go: ") => module(&body[4..]),
        b'W' if body.starts_with("WARNING: DATA RACE") => {
            Some(Seen::Head(Finding::new(Kind::Crash, Tool::Go, "data race").because(Some(Reason::Race))))
        }
        _ if line.tells(const { stem(b"go:") }) && body.contains(".go:") => place(line, scan),
        _ => None,
    }
}

/// `--- FAIL: TestA/part (0.00s)`
fn result(rest: &str, scan: &mut Scan) -> Option<Seen> {
    let name = |rest: &str| rest.rsplit_once(" (").map_or(rest, |(name, _)| name).to_owned();
    if let Some(rest) = rest.strip_prefix("PASS: ") {
        scan.tool = Tool::Go;
        return Some(Seen::Passed(name(rest)));
    }
    let Some(rest) = rest.strip_prefix("FAIL: ") else {
        return rest.starts_with("SKIP: ").then_some(Seen::Noise);
    };
    let name = name(rest);
    let finding = Finding::new(Kind::FailedTest, Tool::Go, "").of_test(&name).within(scan.target.as_deref());
    // With -v a test's words come before its result, else behind it.
    let known = scan.notes.iter().position(|note| note.name == name && note.place.is_some());
    Some(match known.map(|index| scan.notes.remove(index)) {
        Some(note) => Seen::Fault(finding.at(note.place).because(note.reason)),
        None => Seen::Head(finding),
    })
}

/// `=== FAIL: shop/cart TestTotal (re-run 1) (0.00s)`, as gotestsum lists it at the end.
fn rerun(rest: &str) -> Seen {
    // Of its package only the end of the path is written.
    let name =
        rest.strip_prefix("FAIL: ").and_then(|rest| rest.split(' ').nth(1)).filter(|name| !name.starts_with('('));
    let Some(name) = name else { return Seen::Noise };
    Seen::Head(Finding::new(Kind::FailedTest, Tool::Go, "").of_test(name).seen(Sighting::Again))
}

fn panic(message: &str, scan: &Scan) -> Option<Seen> {
    if message.starts_with("test timed out") {
        return Some(Seen::Fault(Finding::new(Kind::Timeout, Tool::Go, message).because(Some(Reason::TimeLimit))));
    }
    if scan.in_test() {
        // The test that panicked is known; its place follows in the trace.
        return None;
    }
    Some(Seen::Head(Finding::new(Kind::Crash, Tool::Go, message).because(Reason::of(message).or(Some(Reason::Panic)))))
}

/// `go: module x: …`, and packages that no module provides.
fn module(message: &str) -> Option<Seen> {
    if message.starts_with("downloading") || message.starts_with("finding") {
        return Some(Seen::Tool(Tool::Go));
    }
    if message.contains("dial tcp") || message.contains("no such host") {
        let host = super::general::host_in(message);
        return Some(Seen::Fault(Finding::new(Kind::Network, Tool::Go, message).about(host)));
    }
    let subject = message.split([' ', ':']).find(|word| word.contains('/')).and_then(piece::identifier);
    let bad = ["unknown revision", "not found", "missing go.sum", "invalid version", "requires go"];
    let known = bad.iter().any(|sign| message.contains(sign));
    known.then(|| {
        Seen::Fault(Finding::new(Kind::Dependency, Tool::Go, message).about(subject).because(Some(Reason::Version)))
    })
}

/// Lines with a place: errors of the compiler, words of a test, and steps of a trace.
fn place(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.contains(" +0x") || line.text.starts_with('\t') && !body.contains(": ") {
        let own = !body.contains("/go/src/") && !body.contains("/pkg/mod/");
        return Some(Place::find(body).filter(|_| own).map_or(Seen::Noise, Seen::Place));
    }
    let (at, message) = body.split_once(": ")?;
    let found = Place::read(at)?;
    if line.indent > 0 {
        if scan.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Go) {
            return Some(Seen::End(Some(found), Reason::of_test(message)));
        }
        if let Some(name) = scan.heading.clone() {
            scan.note(&name, Some(found), Reason::of_test(message));
        }
        return Some(Seen::Noise);
    }
    let package = message.strip_prefix("no required module provides package ").or_else(|| {
        message
            .strip_prefix("cannot find package ")
            .or_else(|| message.strip_prefix("package ").filter(|rest| rest.contains("is not in")))
    });
    if let Some(package) = package {
        let name = quoted(package).unwrap_or(package).split([' ', ';']).next().and_then(piece::identifier);
        return Some(Seen::Fault(Finding::new(Kind::ImportError, Tool::Go, "").about(name).at(Some(found))));
    }
    if message.starts_with("warning") {
        return None;
    }
    let message = message.strip_prefix("error: ").unwrap_or(message);
    // Linters name their rule behind the message.
    let rule = message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).map(|(_, rule)| rule);
    if let Some(rule) = rule.filter(|rule| rule.bytes().all(|byte| byte.is_ascii_lowercase())) {
        let finding = Finding::new(Kind::Lint, Tool::Go, message).coded(piece::identifier(rule)).at(Some(found));
        return Some(Seen::Fault(finding));
    }
    // `undefined: name` and `"os" imported and not used` name what they are about.
    let named = message
        .strip_prefix("undefined: ")
        .or_else(|| quoted(message))
        .or_else(|| message.split_once(": ").map(|(_, name)| name));
    let finding = Finding::new(Kind::BuildError, Tool::Go, message).about(named.and_then(piece::identifier));
    let unused = message.contains("imported and not used") || message.contains("declared and not used");
    Some(Seen::Fault(finding.at(Some(found)).because(unused.then_some(Reason::Unused))))
}
