//! Python, pytest, unittest, ruff and mypy. Rule: pytest reports a failure up to three times (progress, report,
//! summary); it counts once.

use super::line::{Line, class_and_message, is_rule, number_before, quoted};
use super::trigrams::trigram;
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if scanner.section == Section::Traceback
        && let Some(event) = traceback(line, scanner)
    {
        return Some(event);
    }
    if scanner.section == Section::Captured {
        // Captured output of the program under test; the report continues below it.
        let ends = line.indent == 0 && (body.starts_with("__") || body.starts_with("== ") || body.starts_with("==="));
        if !ends {
            return Some(LineEvent::Ignored);
        }
        scanner.section = Section::PytestReport;
    }
    match body.as_bytes()[0] {
        b'-' if body.starts_with("---") && body.ends_with("---") && body.contains(" Captured ") => {
            scanner.section = Section::Captured;
            Some(LineEvent::Ignored)
        }
        b'=' if body.ends_with('=') => sections(body, scanner),
        b'_' => heading(body, scanner),
        b'E' if line.indent == 0 && body.starts_with("E  ") => explanation(body[1..].trim_start(), scanner),
        b'R' if body.starts_with("RERUN ") && body.contains(".py::") => {
            let id = id_and_message(&body[6..]).0;
            Some(LineEvent::Finding(
                Finding::new(Kind::FailedTest, Tool::Pytest, "").with_test(id).with_occurrence(Occurrence::Repeat),
            ))
        }
        b'R' if scanner.tool == Tool::Python && body.starts_with("Ran ") && body.contains(" test") => {
            Some(LineEvent::Ignored)
        }
        b'R' if body.starts_with("Ran ") && body.contains(" test") && body.contains(" in ") => {
            Some(LineEvent::Tool(Tool::Python))
        }
        b'F' if body.starts_with("FAILED ") => summary(&body[7..], scanner),
        b'E' if body.starts_with("ERROR ") => summary_error(&body[6..], scanner),
        b'F' | b'E' if body.starts_with("FAIL: ") || body.starts_with("ERROR: test") => unittest(body),
        b'F' if body.starts_with("FAILED (") => {
            let failures = super::line::number_after(body, "failures=").unwrap_or(0);
            let errors = super::line::number_after(body, "errors=").unwrap_or(0);
            Some(LineEvent::FailedTests(failures + errors))
        }
        b'T' if body.starts_with("Traceback (most recent call last)") => {
            scanner.section = Section::Traceback;
            scanner.last_place = None;
            Some(LineEvent::Ignored)
        }
        _ if scanner.section == Section::PytestReport => report(line, scanner),
        _ if line.has_any(const { trigram(b"err") | trigram(b"fai") | trigram(b"py:") }) => {
            verbose(body).or_else(|| lint(line))
        }
        _ if line.has_any(const { trigram(b"med") }) => no_module(body).or_else(|| lint(line)),
        _ => lint(line),
    }
}

/// Removes the rail from a line of a report on several exceptions at once: its parts are traces of their own. A line
/// that only draws the rail becomes empty.
pub(super) fn without_rail<'a>(line: &Line<'a>, scanner: &mut Scanner) -> Line<'a> {
    if let Some(rest) = line.body.strip_prefix("+ Exception Group Traceback") {
        scanner.has_rail = true;
        return if rest.starts_with(" (most recent") { Line::new(&line.body[18..]) } else { *line };
    }
    if !scanner.has_rail {
        return *line;
    }
    if line.body.starts_with("+-") || line.body.starts_with("+ ") {
        return Line::new("");
    }
    match line.body.strip_prefix('|') {
        Some(rest) => Line::new(rest.strip_prefix(' ').unwrap_or(rest)),
        None => {
            scanner.has_rail = false;
            *line
        }
    }
}

fn sections(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let title = body.strip_prefix("==")?.trim_matches(['=', ' ']);
    if title.is_empty() {
        return None;
    }
    if title.starts_with("test session starts") {
        scanner.notes.clear();
        scanner.section = Section::None;
        return Some(LineEvent::TestRunStarted(Tool::Pytest, None));
    } else if title == "FAILURES" || title == "ERRORS" {
        scanner.heading = None;
        scanner.section = Section::PytestReport;
    } else if title.contains(" in ")
        && (title.contains("passed") || title.contains("failed") || title.contains("error"))
    {
        scanner.section = Section::None;
        scanner.tool = Tool::Pytest;
        if title.starts_with("no tests ran") {
            return Some(LineEvent::Verdict(false));
        }
        // Unreadable files and broken fixtures are errors and no tests.
        let failed = number_before(title, " failed").unwrap_or(0);
        let broken = failed == 0 && number_before(title, " error").is_some();
        return Some(if broken { LineEvent::Verdict(false) } else { LineEvent::FailedTests(failed) });
    } else if scanner.section == Section::PytestReport {
        scanner.section = Section::None;
    }
    Some(LineEvent::Tool(Tool::Pytest))
}

/// `____ TestCart.test_total ____` begins the report on one test.
fn heading(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let title = body.strip_prefix("__")?.trim_matches(['_', ' ']);
    let starts = ["ERROR at setup of ", "ERROR at teardown of ", "ERROR collecting "];
    let title = starts.iter().find_map(|start| title.strip_prefix(start)).unwrap_or(title);
    scanner.section = Section::PytestReport;
    scanner.heading = Some(sanitize::flatten(title, 120));
    Some(LineEvent::Ignored)
}

/// A line of a report that begins with `E`.
fn explanation(message: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let reason = class_and_message(message).and_then(|(class, _)| Reason::of_class(class));
    let reason = reason.or_else(|| Reason::of_test(message));
    if let Some(name) = scanner.heading.clone() {
        scanner.record_test_details(&name, None, reason);
    }
    let location =
        scanner.heading.as_ref().and_then(|name| scanner.notes.iter().find(|note| note.name == *name)?.place.clone());
    let missing = missing_module(message)
        .map(|finding| finding.with_tool_pytest().with_location(location).with_occurrence(Occurrence::Mention));
    Some(missing.map_or(LineEvent::Ignored, LineEvent::Finding))
}

/// `tests/test_a.py:12: AssertionError` ends each part of a report; the last part is the deepest.
fn report(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    if line.indent == 0 && line.body.contains(".py:") {
        let location = Location::read(line.body.split(": ").next().unwrap_or(line.body))
            .filter(|location| is_project_file(&location.file));
        if let (Some(name), Some(location)) = (scanner.heading.clone(), location) {
            // The location in the test itself is more useful than one in a called function.
            let in_test = location
                .file
                .rsplit('/')
                .next()
                .is_some_and(|file| file.starts_with("test_") || file.ends_with("_test.py"));
            let known = scanner.notes.iter().any(|note| note.name == name && note.place.is_some());
            if in_test || !known {
                scanner.record_test_details(&name, Some(location), None);
            }
        }
        return Some(LineEvent::Ignored);
    }
    None
}

fn is_project_file(file: &str) -> bool {
    !file.contains("site-packages") && !file.contains("lib/python") && !file.starts_with('<')
}

/// `FAILED tests/test_a.py::test_b - AssertionError: …` in the short summary.
fn summary(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let (id, message) = id_and_message(rest);
    if !id.contains(".py::") {
        return None;
    }
    Some(LineEvent::Finding(failed_test(id, message, scanner).with_occurrence(Occurrence::Report)))
}

/// Splits at the first ` - ` that is not within the parameters of the id; these may contain brackets, and a truncated
/// line may lack their end.
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

/// `TestCart.test_total[a::b]`, as in the head of a report.
fn title_of(test: &str) -> String {
    let (name, parameters) = test.split_at(test.find('[').unwrap_or(test.len()));
    sanitize::flatten(&format!("{}{parameters}", name.replace("::", ".")), 120)
}

fn failed_test(id: &str, message: &str, scanner: &Scanner) -> Finding {
    let (file, test) = id.split_once("::").unwrap_or((id, ""));
    let name = title_of(test);
    let note = scanner.notes.iter().find(|note| note.name == name);
    let class = class_and_message(message).and_then(|(class, _)| Reason::of_class(class));
    let reason = class.or_else(|| Reason::of_test(message)).or_else(|| note.and_then(|note| note.reason));
    let location = note.and_then(|note| note.place.clone()).or_else(|| Location::new(file, None));
    Finding::new(Kind::FailedTest, Tool::Pytest, message).with_test(id).with_location(location).with_reason(reason)
}

/// `ERROR tests/test_a.py - ModuleNotFoundError: …`: a file that could not be collected, or a test that could not be
/// set up.
fn summary_error(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let (id, message) = id_and_message(rest);
    let parameters = id.find('[').unwrap_or(id.len());
    if !id.ends_with(".py") && !id.contains(".py::") || id[..parameters].contains(' ') {
        return None;
    }
    if let Some(finding) = missing_module(message) {
        return Some(LineEvent::Finding(
            finding.with_tool_pytest().with_location(Location::new(id, None)).with_occurrence(Occurrence::Report),
        ));
    }
    if !id.contains("::") && message.is_empty() {
        // An unreadable file: the report above contains the reason.
        return Some(LineEvent::Ignored);
    }
    Some(LineEvent::Finding(failed_test(id, message, scanner).with_occurrence(Occurrence::Report)))
}

/// `tests/test_a.py::test_b FAILED   [ 50%]`
fn verbose(body: &str) -> Option<LineEvent> {
    let words = [" FAILED", " ERROR", " RERUN"];
    // With several workers the result precedes the name.
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
    let location = Location::new(id.split("::").next()?, None);
    let finding = Finding::new(Kind::FailedTest, Tool::Pytest, "").with_test(id).with_location(location);
    Some(LineEvent::Finding(finding.with_occurrence(Occurrence::Repeat)))
}

/// `FAIL: test_b (tests.test_a.TestA.test_b)`
fn unittest(body: &str) -> Option<LineEvent> {
    let name = body.split_once(": ")?.1.split(' ').next().filter(|name| !name.contains('/'))?;
    let class = super::line::between(body, "(", ")")?;
    let full = if class.ends_with(name) { class.to_owned() } else { format!("{class}.{name}") };
    Some(LineEvent::OpenFinding(Finding::new(Kind::FailedTest, Tool::Python, "").with_test(&full)))
}

fn traceback(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if line.indent > 0 {
        if let Some(rest) = body.strip_prefix("File \"") {
            let (path, rest) = rest.split_once('"')?;
            let number = rest.split("line ").nth(1)?.split([',', ' ']).next()?.parse().ok();
            if is_project_file(path) && !path.contains("/lib/") {
                scanner.last_place = Location::new(path, number).or(scanner.last_place.take());
            }
        }
        return Some(LineEvent::Ignored);
    }
    scanner.section = Section::None;
    let (class, message) = class_and_message(body)?;
    let location = scanner.last_place.take();
    // Each of several exceptions at once has a trace of its own.
    if class.ends_with("ExceptionGroup") && message.contains("sub-exception") {
        return Some(LineEvent::Ignored);
    }
    if scanner.waiting.as_ref().is_some_and(|finding| finding.kind == Kind::FailedTest) {
        let reason = Reason::of_class(class).or_else(|| Reason::of_test(message));
        return Some(LineEvent::Complete(location, reason));
    }
    if let Some(finding) = missing_module(body) {
        return Some(LineEvent::Finding(finding.with_location(location)));
    }
    let kind = super::general::kind_of_class(class);
    let subject = sanitize::identifier(class);
    let finding = Finding::new(kind, Tool::Python, message).with_subject(subject).with_location(location);
    Some(LineEvent::Finding(finding.with_reason(Reason::of_class(class))))
}

/// `ModuleNotFoundError: No module named 'x'` and `ImportError: cannot import name 'x' from 'y'`.
fn missing_module(message: &str) -> Option<Finding> {
    let (class, words) = class_and_message(message)?;
    if class != "ModuleNotFoundError" && class != "ImportError" {
        return None;
    }
    let from = words.split(" from ").nth(1).and_then(quoted);
    let module = from.or_else(|| quoted(words)).and_then(sanitize::identifier);
    Some(Finding::new(Kind::ImportError, Tool::Python, words).with_subject(module))
}

impl Finding {
    fn with_tool_pytest(mut self) -> Self {
        self.tool = Tool::Pytest;
        self
    }
}

/// `/usr/bin/python3: No module named pytest`
fn no_module(body: &str) -> Option<LineEvent> {
    let (who, module) = body.split_once(": No module named ")?;
    let module = module.split_whitespace().next().and_then(sanitize::identifier);
    who.contains("python")
        .then(|| LineEvent::Finding(Finding::new(Kind::ImportError, Tool::Python, "").with_subject(module)))
}

/// `src/a.py:1:8: F401 [*] …` (ruff, flake8), or the code first and an arrow below it.
fn lint(line: &Line<'_>) -> Option<LineEvent> {
    if line.indent > 0 {
        return None;
    }
    let (first, rest) = line.body.split_once(' ')?;
    // Go loggers begin with a level and a date (`E1201 02:22:26.204844`).
    let is_time = rest.as_bytes().get(2) == Some(&b':') && rest.as_bytes()[0].is_ascii_digit();
    if is_rule(first) && !is_time && !first.starts_with("TS") && rest.len() > 8 && !rest.starts_with([':', '-', '=']) {
        return Some(LineEvent::OpenFinding(
            Finding::new(Kind::Lint, Tool::Ruff, rest).with_code(Some(first.to_owned())),
        ));
    }
    let code = rest.split(' ').next()?;
    if let Some(code) = code.strip_suffix(':').filter(|code| is_rule(code) && first.contains(".py:")) {
        let finding = Finding::new(Kind::Lint, Tool::Unknown, rest).with_code(Some(code.to_owned()));
        return Some(LineEvent::Finding(
            finding.with_location(Location::read(first)).with_error(code.starts_with(['E', 'F'])),
        ));
    }
    if is_rule(code) && first.contains(".py:") {
        let finding = Finding::new(Kind::Lint, Tool::Ruff, rest).with_code(Some(code.to_owned()));
        return Some(LineEvent::Finding(finding.with_location(Location::read(first))));
    }
    None
}
