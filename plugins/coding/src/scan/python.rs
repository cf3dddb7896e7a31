//! Python, pytest, unittest, ruff and mypy. Rule: pytest tells of a failure up to three times
//! (progress, report, summary); it counts once.

use super::stems::stem;
use super::words::{Line, class_and_message, is_rule, number_before, quoted};
use super::{Scan, Section, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if scan.section == Section::Traceback
        && let Some(seen) = traceback(line, scan)
    {
        return Some(seen);
    }
    if scan.section == Section::Captured {
        // What the program under test has written; the report goes on below it.
        let ends = line.indent == 0 && (body.starts_with("__") || body.starts_with("== ") || body.starts_with("==="));
        if !ends {
            return Some(Seen::Noise);
        }
        scan.section = Section::PytestReport;
    }
    match body.as_bytes()[0] {
        b'-' if body.starts_with("---") && body.ends_with("---") && body.contains(" Captured ") => {
            scan.section = Section::Captured;
            Some(Seen::Noise)
        }
        b'=' if body.ends_with('=') => sections(body, scan),
        b'_' => heading(body, scan),
        b'E' if line.indent == 0 && body.starts_with("E  ") => explanation(body[1..].trim_start(), scan),
        b'R' if body.starts_with("RERUN ") && body.contains(".py::") => {
            let id = id_and_message(&body[6..]).0;
            Some(Seen::Fault(Finding::new(Kind::FailedTest, Tool::Pytest, "").of_test(id).seen(Sighting::Again)))
        }
        b'R' if scan.tool == Tool::Python && body.starts_with("Ran ") && body.contains(" test") => Some(Seen::Noise),
        b'R' if body.starts_with("Ran ") && body.contains(" test") && body.contains(" in ") => {
            Some(Seen::Tool(Tool::Python))
        }
        b'F' if body.starts_with("FAILED ") => summary(&body[7..], scan),
        b'E' if body.starts_with("ERROR ") => summary_error(&body[6..], scan),
        b'F' | b'E' if body.starts_with("FAIL: ") || body.starts_with("ERROR: test") => unittest(body),
        b'F' if body.starts_with("FAILED (") => {
            let failures = super::words::number_after(body, "failures=").unwrap_or(0);
            let errors = super::words::number_after(body, "errors=").unwrap_or(0);
            Some(Seen::Sum(failures + errors))
        }
        b'T' if body.starts_with("Traceback (most recent call last)") => {
            scan.section = Section::Traceback;
            scan.last_place = None;
            Some(Seen::Noise)
        }
        _ if scan.section == Section::PytestReport => report(line, scan),
        _ if line.tells(const { stem(b"err") | stem(b"fai") | stem(b"py:") }) => verbose(body).or_else(|| lint(line)),
        _ if line.tells(const { stem(b"med") }) => no_module(body).or_else(|| lint(line)),
        _ => lint(line),
    }
}

/// A line of a report on several exceptions at once, without the rail that is drawn before it: its
/// parts are traces of their own. What only draws the rail is empty.
pub(super) fn without_rail<'a>(line: &Line<'a>, scan: &mut Scan) -> Line<'a> {
    if let Some(rest) = line.body.strip_prefix("+ Exception Group Traceback") {
        scan.has_rail = true;
        return if rest.starts_with(" (most recent") { Line::of(&line.body[18..]) } else { *line };
    }
    if !scan.has_rail {
        return *line;
    }
    if line.body.starts_with("+-") || line.body.starts_with("+ ") {
        return Line::of("");
    }
    match line.body.strip_prefix('|') {
        Some(rest) => Line::of(rest.strip_prefix(' ').unwrap_or(rest)),
        None => {
            scan.has_rail = false;
            *line
        }
    }
}

fn sections(body: &str, scan: &mut Scan) -> Option<Seen> {
    let title = body.strip_prefix("==")?.trim_matches(['=', ' ']);
    if title.is_empty() {
        return None;
    }
    if title.starts_with("test session starts") {
        scan.notes.clear();
        scan.section = Section::None;
        return Some(Seen::Begins(Tool::Pytest, None));
    } else if title == "FAILURES" || title == "ERRORS" {
        scan.heading = None;
        scan.section = Section::PytestReport;
    } else if title.contains(" in ")
        && (title.contains("passed") || title.contains("failed") || title.contains("error"))
    {
        scan.section = Section::None;
        scan.tool = Tool::Pytest;
        if title.starts_with("no tests ran") {
            return Some(Seen::Ended(false));
        }
        // Files that could not be read and fixtures that broke are errors and no tests.
        let failed = number_before(title, " failed").unwrap_or(0);
        let broken = failed == 0 && number_before(title, " error").is_some();
        return Some(if broken { Seen::Ended(false) } else { Seen::Sum(failed) });
    } else if scan.section == Section::PytestReport {
        scan.section = Section::None;
    }
    Some(Seen::Tool(Tool::Pytest))
}

/// `____ TestCart.test_total ____` begins the report on one test.
fn heading(body: &str, scan: &mut Scan) -> Option<Seen> {
    let title = body.strip_prefix("__")?.trim_matches(['_', ' ']);
    let starts = ["ERROR at setup of ", "ERROR at teardown of ", "ERROR collecting "];
    let title = starts.iter().find_map(|start| title.strip_prefix(start)).unwrap_or(title);
    scan.section = Section::PytestReport;
    scan.heading = Some(piece::flatten(title, 120));
    Some(Seen::Noise)
}

/// A line of a report that begins with `E`.
fn explanation(message: &str, scan: &mut Scan) -> Option<Seen> {
    let reason = class_and_message(message).and_then(|(class, _)| Reason::of_class(class));
    let reason = reason.or_else(|| Reason::of_test(message));
    if let Some(name) = scan.heading.clone() {
        scan.note(&name, None, reason);
    }
    let place = scan.heading.as_ref().and_then(|name| scan.notes.iter().find(|note| note.name == *name)?.place.clone());
    let missing = missing_module(message).map(|finding| finding.of_pytest().at(place).seen(Sighting::Mention));
    Some(missing.map_or(Seen::Noise, Seen::Fault))
}

/// `tests/test_a.py:12: AssertionError` ends each part of a report; the last part is the deepest.
fn report(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    if line.indent == 0 && line.body.contains(".py:") {
        let place = Place::read(line.body.split(": ").next().unwrap_or(line.body)).filter(|place| is_own(&place.file));
        if let (Some(name), Some(place)) = (scan.heading.clone(), place) {
            // The place in the test itself says more than one in what it calls.
            let in_test = place
                .file
                .rsplit('/')
                .next()
                .is_some_and(|file| file.starts_with("test_") || file.ends_with("_test.py"));
            let known = scan.notes.iter().any(|note| note.name == name && note.place.is_some());
            if in_test || !known {
                scan.note(&name, Some(place), None);
            }
        }
        return Some(Seen::Noise);
    }
    None
}

fn is_own(file: &str) -> bool {
    !file.contains("site-packages") && !file.contains("lib/python") && !file.starts_with('<')
}

/// `FAILED tests/test_a.py::test_b - AssertionError: …` in the short summary.
fn summary(rest: &str, scan: &mut Scan) -> Option<Seen> {
    let (id, message) = id_and_message(rest);
    if !id.contains(".py::") {
        return None;
    }
    Some(Seen::Fault(failed_test(id, message, scan).seen(Sighting::Report)))
}

/// An id ends before the first ` - ` that is not within its parameters; they may have brackets of their
/// own, and a line that was cut may have no end of them.
fn id_and_message(rest: &str) -> (&str, &str) {
    let whole = |id: &str| match id.find('[') {
        Some(_) => id.ends_with(']'),
        None => true,
    };
    let ends = rest.match_indices(" - ").map(|(at, _)| at);
    match ends.into_iter().find(|at| whole(&rest[..*at])) {
        Some(at) => (&rest[..at], &rest[at + 3..]),
        None => (rest, ""),
    }
}

/// `TestCart.test_total[a::b]`, as the head of a report has it.
fn title_of(test: &str) -> String {
    let (name, parameters) = test.split_at(test.find('[').unwrap_or(test.len()));
    piece::flatten(&format!("{}{parameters}", name.replace("::", ".")), 120)
}

fn failed_test(id: &str, message: &str, scan: &Scan) -> Finding {
    let (file, test) = id.split_once("::").unwrap_or((id, ""));
    let name = title_of(test);
    let note = scan.notes.iter().find(|note| note.name == name);
    let class = class_and_message(message).and_then(|(class, _)| Reason::of_class(class));
    let reason = class.or_else(|| Reason::of_test(message)).or_else(|| note.and_then(|note| note.reason));
    let place = note.and_then(|note| note.place.clone()).or_else(|| Place::new(file, None));
    Finding::new(Kind::FailedTest, Tool::Pytest, message).of_test(id).at(place).because(reason)
}

/// `ERROR tests/test_a.py - ModuleNotFoundError: …`: a file that could not be collected, or a test
/// that could not be set up.
fn summary_error(rest: &str, scan: &mut Scan) -> Option<Seen> {
    let (id, message) = id_and_message(rest);
    let parameters = id.find('[').unwrap_or(id.len());
    if !id.ends_with(".py") && !id.contains(".py::") || id[..parameters].contains(' ') {
        return None;
    }
    if let Some(finding) = missing_module(message) {
        return Some(Seen::Fault(finding.of_pytest().at(Place::new(id, None)).seen(Sighting::Report)));
    }
    if !id.contains("::") && message.is_empty() {
        // A file that could not be read: the report above has said why.
        return Some(Seen::Noise);
    }
    Some(Seen::Fault(failed_test(id, message, scan).seen(Sighting::Report)))
}

/// `tests/test_a.py::test_b FAILED   [ 50%]`
fn verbose(body: &str) -> Option<Seen> {
    let words = [" FAILED", " ERROR", " RERUN"];
    // With several workers the word stands before the name.
    let (id, ends) = match body.strip_prefix("[gw").and_then(|rest| rest.split_once("] ")) {
        Some((_, rest)) => {
            let rest = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(rest, |(_, rest)| rest);
            (words.iter().find_map(|word| rest.strip_prefix(&word[1..])?.strip_prefix(' '))?, true)
        }
        None => {
            let at = words.iter().find_map(|word| body.rfind(word))?;
            let ends = words.iter().any(|word| body[at..] == **word) || body.ends_with("%]");
            (&body[..at], ends)
        }
    };
    if !ends || !id.contains(".py::") || id.starts_with('[') {
        return None;
    }
    let place = Place::new(id.split("::").next()?, None);
    let finding = Finding::new(Kind::FailedTest, Tool::Pytest, "").of_test(id).at(place);
    Some(Seen::Fault(finding.seen(Sighting::Again)))
}

/// `FAIL: test_b (tests.test_a.TestA.test_b)`
fn unittest(body: &str) -> Option<Seen> {
    let name = body.split_once(": ")?.1.split(' ').next().filter(|name| !name.contains('/'))?;
    let class = super::words::between(body, "(", ")")?;
    let full = if class.ends_with(name) { class.to_owned() } else { format!("{class}.{name}") };
    Some(Seen::Head(Finding::new(Kind::FailedTest, Tool::Python, "").of_test(&full)))
}

fn traceback(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if line.indent > 0 {
        if let Some(rest) = body.strip_prefix("File \"") {
            let (path, rest) = rest.split_once('"')?;
            let number = rest.split("line ").nth(1)?.split([',', ' ']).next()?.parse().ok();
            if is_own(path) && !path.contains("/lib/") {
                scan.last_place = Place::new(path, number).or(scan.last_place.take());
            }
        }
        return Some(Seen::Noise);
    }
    scan.section = Section::None;
    let (class, message) = class_and_message(body)?;
    let place = scan.last_place.take();
    // Of several exceptions at once each has a trace of its own.
    if class.ends_with("ExceptionGroup") && message.contains("sub-exception") {
        return Some(Seen::Noise);
    }
    if scan.waiting.as_ref().is_some_and(|finding| finding.kind == Kind::FailedTest) {
        let reason = Reason::of_class(class).or_else(|| Reason::of_test(message));
        return Some(Seen::End(place, reason));
    }
    if let Some(finding) = missing_module(body) {
        return Some(Seen::Fault(finding.at(place)));
    }
    let kind = super::general::kind_of_class(class);
    let subject = piece::identifier(class);
    let finding = Finding::new(kind, Tool::Python, message).about(subject).at(place);
    Some(Seen::Fault(finding.because(Reason::of_class(class))))
}

/// `ModuleNotFoundError: No module named 'x'` and `ImportError: cannot import name 'x' from 'y'`.
fn missing_module(message: &str) -> Option<Finding> {
    let (class, words) = class_and_message(message)?;
    if class != "ModuleNotFoundError" && class != "ImportError" {
        return None;
    }
    let from = words.split(" from ").nth(1).and_then(quoted);
    let module = from.or_else(|| quoted(words)).and_then(piece::identifier);
    Some(Finding::new(Kind::ImportError, Tool::Python, words).about(module))
}

impl Finding {
    fn of_pytest(mut self) -> Self {
        self.tool = Tool::Pytest;
        self
    }
}

/// `/usr/bin/python3: No module named pytest`
fn no_module(body: &str) -> Option<Seen> {
    let (who, module) = body.split_once(": No module named ")?;
    let module = module.split_whitespace().next().and_then(piece::identifier);
    who.contains("python").then(|| Seen::Fault(Finding::new(Kind::ImportError, Tool::Python, "").about(module)))
}

/// `src/a.py:1:8: F401 [*] …` (ruff, flake8), or the code first and an arrow below it.
fn lint(line: &Line<'_>) -> Option<Seen> {
    if line.indent > 0 {
        return None;
    }
    let (first, rest) = line.body.split_once(' ')?;
    // Loggers of Go begin with a level and a date (`E1201 02:22:26.204844`).
    let is_time = rest.as_bytes().get(2) == Some(&b':') && rest.as_bytes()[0].is_ascii_digit();
    if is_rule(first) && !is_time && !first.starts_with("TS") && rest.len() > 8 && !rest.starts_with([':', '-', '=']) {
        return Some(Seen::Head(Finding::new(Kind::Lint, Tool::Ruff, rest).coded(Some(first.to_owned()))));
    }
    let code = rest.split(' ').next()?;
    if let Some(code) = code.strip_suffix(':').filter(|code| is_rule(code) && first.contains(".py:")) {
        let finding = Finding::new(Kind::Lint, Tool::Unknown, rest).coded(Some(code.to_owned()));
        return Some(Seen::Fault(finding.at(Place::read(first)).grave(code.starts_with(['E', 'F']))));
    }
    if is_rule(code) && first.contains(".py:") {
        let finding = Finding::new(Kind::Lint, Tool::Ruff, rest).coded(Some(code.to_owned()));
        return Some(Seen::Fault(finding.at(Place::read(first))));
    }
    None
}
