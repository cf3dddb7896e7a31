//! jest, vitest, node's own runner, tsc, eslint and bundlers. Rule: repetitions below jest's summary are not read
//! again.

use super::line::{Line, between, number_before, quoted};
use super::trigrams::{NON_ASCII, trigram};
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

const EXTENSIONS: [&str; 10] = ["js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte"];

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    let missing = |scanner: &mut Scanner| {
        if line.has_any(const { trigram(b"can") | trigram(b"fai") }) { missing_module(body, scanner) } else { None }
    };
    if let Some(event) = playwright(line, scanner).or_else(|| counts(body, scanner)).or_else(|| missing(scanner)) {
        return Some(event);
    }
    match body.chars().next()? {
        'E' if body.starts_with("ERROR in ./") => {
            scanner.heading = body[9..].split(' ').next().map(str::to_owned);
            Some(LineEvent::Ignored)
        }
        'M' if body.starts_with("Module parse failed") || body.starts_with("Module build failed") => {
            let location = scanner.heading.as_deref().and_then(|file| Location::new(file, trailing_line(body)));
            let finding =
                Finding::new(Kind::BuildError, Tool::Node, "").with_location(location).with_reason(Reason::of(body));
            Some(LineEvent::Finding(finding))
        }
        'F' if body.starts_with("FAIL ") => failed_file(body[5..].trim_start(), scanner),
        'S' if body.starts_with("Summary of all failing tests") => {
            scanner.section = Section::Repeats(Tool::Jest);
            Some(LineEvent::Ignored)
        }
        '●' => bullet(body['●'.len_utf8()..].trim(), scanner),
        '❯' | '»' => Some(
            Location::find(body)
                .filter(|location| is_project_file(&location.file))
                .map_or(LineEvent::Ignored, LineEvent::Location),
        ),
        '✘' if body.contains("[ERROR] ") => Some(esbuild(body)),
        '✘' if body.starts_with("✘ [fail]: ") => Some(LineEvent::OpenFinding(
            Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(body.split_once(": ")?.1),
        )),
        '✘' => Some(LineEvent::Ignored),
        '✗' if !body.ends_with("ms]") => Some(LineEvent::Ignored),
        '×' if body.contains("No solution found") => None,
        '✕' | '×' | '⎯' | '↓' => Some(LineEvent::Ignored),
        '✖' => node_test(body, scanner),
        't' if body.starts_with("test at ") => {
            scanner.last_place = Location::find(body);
            Some(LineEvent::Ignored)
        }
        _ if awaits_location(scanner) && Location::read(body).is_some() => {
            Some(LineEvent::Complete(Location::read(body), None))
        }
        _ if scanner.build == Some(false) && body.contains("): ") && bundler(body).is_some() => bundler(body),
        'a' if body.starts_with("at ") => Some(frame(body).map_or(LineEvent::Ignored, LineEvent::Location)),
        _ => rest(line, scanner),
    }
}

fn rest(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    match body.chars().next()? {
        first if first.is_ascii_digit() && line.indent > 0 => {
            mocha_head(body, scanner).or_else(|| eslint(body, scanner))
        }
        _ if scanner.section == Section::MochaFailures && scanner.heading.is_some() => Some(mocha_test(body, scanner)),
        _ if line.has_any(const { trigram(b"err") }) => tsc(body).or_else(|| heading(line, scanner)),
        _ => heading(line, scanner),
    }
}

/// `✘ [ERROR] Could not resolve "lodash"`; the location follows below.
fn esbuild(body: &str) -> LineEvent {
    let message = body.split_once("[ERROR] ").map_or(body, |(_, message)| message);
    let missing = message.strip_prefix("Could not resolve ").and_then(quoted);
    let kind = if missing.is_some() { Kind::ImportError } else { Kind::BuildError };
    let subject = missing.or_else(|| quoted(message)).and_then(sanitize::identifier);
    LineEvent::OpenFinding(Finding::new(kind, Tool::Esbuild, message).with_subject(subject))
}

fn awaits_location(scanner: &Scanner) -> bool {
    scanner.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Esbuild)
}

/// `src/app.ts (3:9): "total" is not exported by …`, as written by rollup and vite.
fn bundler(body: &str) -> Option<LineEvent> {
    let (file, rest) = body.split_once(" (")?;
    let (at, message) = rest.split_once("): ")?;
    let line = at.split(':').next()?.parse().ok()?;
    let location = Location::new(file, Some(line)).filter(|location| is_script(&location.file))?;
    let finding = Finding::new(Kind::BuildError, Tool::Node, message).with_location(Some(location));
    Some(LineEvent::Finding(
        finding.with_subject(quoted(message).and_then(sanitize::identifier)).with_reason(Reason::of(message)),
    ))
}

/// `Tests:  2 failed, 5 passed, 7 total`, `Tests  2 failed | 5 passed (7)`, `2 failing`.
fn counts(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    if body.starts_with("Test Suites:") || body.starts_with("Test Files ") {
        scanner.section = Section::None;
        return Some(LineEvent::Ignored);
    }
    if body.starts_with("Tests:") || body.starts_with("Tests  ") {
        scanner.target = None;
        if !scanner.tool.is_javascript() {
            // Other tools begin like this as well (`Tests: 3, Assertions: 3, Failures: 1`).
            return None;
        }
        return Some(LineEvent::FailedTests(number_before(body, " failed").unwrap_or(0)));
    }
    let failing = body.strip_suffix(" failing")?.parse().ok()?;
    scanner.section = Section::MochaFailures;
    scanner.heading = None;
    Some(LineEvent::FailedTests(failing))
}

/// `1) [chromium] › tests/cart.spec.ts:3:5 › cart › adds tax ────`, and the lists after `1 flaky` and `1 failed`.
fn playwright(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    let list =
        |word: &str| body.strip_suffix(word).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if list(" flaky") {
        scanner.section = Section::PlaywrightFlaky;
        return Some(LineEvent::Ignored);
    }
    if scanner.tool == Tool::Playwright && list(" failed") {
        scanner.section = Section::PlaywrightFailed;
        let failed = body.split(' ').next()?.parse().ok()?;
        return Some(LineEvent::FailedTests(failed));
    }
    if !line.has_any(NON_ASCII) || !body.contains(" › ") {
        return None;
    }
    let is_listed = matches!(scanner.section, Section::PlaywrightFlaky | Section::PlaywrightFailed);
    let numbered = body.split_once(") ").filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let title = match numbered {
        Some((_, title)) if title.contains(" › ") => title,
        _ if is_listed => body,
        _ => return None,
    };
    let title = title.trim_end_matches(['─', '━', ' ']);
    let mut parts = title.split(" › ");
    let first = parts.next()?;
    let (project, at) = match Location::read(first) {
        Some(_) => (None, first),
        None => (Some(first), parts.next()?),
    };
    let location = Location::read(at)?;
    let name = parts.collect::<Vec<_>>().join(" › ");
    scanner.tool = Tool::Playwright;
    let target = format!("{}{}", project.unwrap_or_default(), location.file);
    let kind = if scanner.section == Section::PlaywrightFlaky { Kind::Flaky } else { Kind::FailedTest };
    let finding = Finding::new(kind, Tool::Playwright, "")
        .with_test(&name)
        .with_target(Some(&target))
        .with_location(Some(location));
    Some(match (kind, is_listed) {
        (Kind::Flaky, _) => LineEvent::Flaky(finding),
        (_, true) => LineEvent::Finding(finding.with_occurrence(Occurrence::Repeat)),
        _ => LineEvent::OpenFinding(finding.with_occurrence(Occurrence::Mention)),
    })
}

/// The line number in a trailing position such as `(12:5)`.
fn trailing_line(body: &str) -> Option<u32> {
    body.rsplit_once('(')?.1.split(':').next()?.parse().ok()
}

/// `1) Suite`, after the number of failures; the name of the test is below, or ends the line with `:`.
fn mocha_head(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let (number, name) = body.split_once(") ")?;
    if scanner.section != Section::MochaFailures || number.parse::<u32>().is_err() {
        return None;
    }
    scanner.heading = Some(String::new());
    Some(mocha_test(name, scanner))
}

/// The next part of the name of a test; the last one ends with `:`.
fn mocha_test(part: &str, scanner: &mut Scanner) -> LineEvent {
    let suite = scanner.heading.take().unwrap_or_default();
    let name = sanitize::flatten(&format!("{suite} {part}"), 200);
    match name.strip_suffix(':') {
        Some(name) => LineEvent::OpenFinding(Finding::new(Kind::FailedTest, Tool::Mocha, "").with_test(name)),
        None => {
            scanner.heading = Some(name);
            LineEvent::Ignored
        }
    }
}

/// `src/a.test.js` heads jest's report on a file; `src/a.test.ts > suite > test` is vitest's report on a test.
fn failed_file(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    // Vitest puts its project or type checker before the file.
    let rest =
        rest.strip_prefix('|').and_then(|rest| rest.split_once("| ")).map_or(rest, |(_, rest)| rest.trim_start());
    let (file, test) = rest.split_once(" > ").map_or((rest, None), |(file, test)| (file, Some(test)));
    let path = file.split(" (").next().unwrap_or(file).split(' ').next()?;
    if !is_script(path) {
        return None;
    }
    scanner.heading = Some(path.to_owned());
    let Some(test) = test else {
        scanner.tool = if file.contains("[ ") { Tool::Vitest } else { Tool::Jest };
        return Some(LineEvent::Ignored);
    };
    let finding = Finding::new(Kind::FailedTest, Tool::Vitest, "").with_test(test).with_target(Some(path));
    Some(LineEvent::OpenFinding(finding.with_location(Location::new(path, None))))
}

/// `● suite › test`
fn bullet(title: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    if scanner.repeats(Tool::Jest) || title.starts_with("Console") || title.starts_with("Validation") {
        return Some(LineEvent::Ignored);
    }
    let location = scanner.heading.as_deref().and_then(|file| Location::new(file, None));
    if title == "Test suite failed to run" {
        return Some(LineEvent::OpenFinding(
            Finding::new(Kind::BuildError, Tool::Jest, "").with_subject(None).with_location(location),
        ));
    }
    let finding = Finding::new(Kind::FailedTest, Tool::Jest, "").with_test(title);
    Some(LineEvent::OpenFinding(finding.with_target(scanner.heading.as_deref()).with_location(location)))
}

/// After `✖ failing tests:` each test follows its location.
fn node_test(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    if body.starts_with("✖ failing tests") {
        scanner.section = Section::NodeFailures;
        return Some(LineEvent::Ignored);
    }
    if scanner.section != Section::NodeFailures {
        // eslint and other tools put this sign before their summaries.
        return Some(LineEvent::Ignored);
    }
    let name = body['✖'.len_utf8()..].trim();
    if name.contains(" # TODO") || name.contains(" # SKIP") {
        return Some(LineEvent::Ignored);
    }
    let name = name.rsplit_once(" (").filter(|(_, time)| time.ends_with("ms)")).map_or(name, |(name, _)| name);
    let finding =
        Finding::new(Kind::FailedTest, Tool::Node, "").with_test(name).with_location(scanner.last_place.take());
    Some(LineEvent::OpenFinding(finding))
}

/// A frame of a stack trace: `at f (src/a.js:1:2)`, `at pkg.Class.method(Class.java:3)`.
fn frame(body: &str) -> Option<Location> {
    // .NET puts the file and its line after the method.
    if let Some((file, line)) = body.rsplit_once(" in ").and_then(|(_, at)| at.rsplit_once(":line ")) {
        return Location::new(file, line.trim().parse().ok());
    }
    let inner = body.rfind('(').map(|at| body[at + 1..].trim_end_matches(')'));
    let location = inner.and_then(Location::read).or_else(|| Location::find(&body[3..]))?;
    let library =
        ["org.junit", "java.base", "java.lang", "jdk.internal", "org.opentest4j", "org.gradle", "node:", "org.assertj"];
    let own = is_project_file(&location.file)
        && !library.iter().any(|start| body[3..].starts_with(start))
        && !body.contains("(node:");
    own.then_some(location)
}

fn is_project_file(file: &str) -> bool {
    !file.contains("node_modules") && !file.contains("internal/") && !file.starts_with("node:")
}

fn is_script(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| EXTENSIONS.contains(&ending))
}

/// `src/a.ts(12,5): error TS2304: …` and `src/a.ts:12:5 - error TS2304: …`
fn tsc(body: &str) -> Option<LineEvent> {
    let (at, rest) = body.split_once(": error TS").or_else(|| body.split_once(" - error TS"))?;
    let (code, message) = rest.split_once(": ")?;
    let location = Location::read(at)?;
    let missing = matches!(code, "2307" | "2792" | "7016");
    let kind = if missing { Kind::ImportError } else { Kind::BuildError };
    let reason = match code {
        "2304" | "2552" => Some(Reason::UnknownName),
        "2322" | "2345" | "2741" | "2769" => Some(Reason::TypeMismatch),
        "2339" | "2551" => Some(Reason::UnknownMember),
        "2554" | "2555" => Some(Reason::WrongArguments),
        "2531" | "2532" | "18047" | "18048" => Some(Reason::NullValue),
        "6133" | "6192" => Some(Reason::Unused),
        "1005" | "1109" | "1128" => Some(Reason::Syntax),
        _ => None,
    };
    let subject = quoted(message).and_then(sanitize::identifier);
    let finding = Finding::new(kind, Tool::Tsc, message).with_subject(subject).with_location(Some(location));
    Some(LineEvent::Finding(finding.with_code(sanitize::identifier(&format!("TS{code}"))).with_reason(reason)))
}

/// A line that is only the path of a script heads eslint's report on it.
fn heading(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let path = line.body;
    let is_path = line.indent == 0 && is_script(path) && path.contains(['/', '\\']) && !path.contains([' ', ':', '(']);
    is_path.then(|| {
        scanner.heading = Some(path.to_owned());
        LineEvent::Ignored
    })
}

/// `12:5  error  'x' is defined but never used  no-unused-vars`
fn eslint(body: &str, scanner: &Scanner) -> Option<LineEvent> {
    let mut words = body.split_whitespace();
    let (number, level) = (words.next()?.split_once(':')?.0.parse().ok()?, words.next()?);
    if level != "error" && level != "warning" {
        return None;
    }
    let rule = words.next_back().filter(|word| word.contains(['-', '/']) || *word == "eqeqeq" || *word == "semi");
    let location = scanner.heading.as_deref().and_then(|file| Location::new(file, Some(number)))?;
    let finding = Finding::new(Kind::Lint, Tool::Eslint, body)
        .with_code(rule.and_then(sanitize::identifier))
        .with_location(Some(location));
    Some(LineEvent::Finding(finding.with_error(level == "error").with_reason(None)))
}

/// The sentences of node, jest, webpack and vite for a missing module.
fn missing_module(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let signs = [
        "Cannot find module ",
        "Cannot find package ",
        "Can't resolve ",
        "failed to resolve import ",
        "Failed to resolve import ",
    ];
    if !body.starts_with(['E', 'C', 'M', '[', 'F', 'c']) || body.contains("error TS") || scanner.repeats(Tool::Jest) {
        return None;
    }
    let sign = signs.iter().find(|sign| body.contains(**sign))?;
    let rest = &body[body.find(sign)? + sign.len()..];
    let module = quoted(rest)?;
    let from = rest
        .split(" from ")
        .nth(1)
        .or_else(|| rest.split(" imported from ").nth(1))
        .map(|from| from.trim_matches(['\'', '"', '.']));
    let location = from
        .and_then(|from| Location::new(from, None))
        .or_else(|| scanner.heading.as_deref().and_then(|file| Location::new(file, None)));
    // This is the reason of a suite that failed to run.
    if scanner.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Jest && finding.kind == Kind::BuildError) {
        scanner.waiting = None;
    }
    let tool = if scanner.tool.is_javascript() { scanner.tool } else { Tool::Node };
    let finding =
        Finding::new(Kind::ImportError, tool, "").with_subject(sanitize::identifier(module)).with_location(location);
    Some(LineEvent::Finding(finding))
}

/// `::error file=app.js,line=1,col=5::…`, a workflow command of CI.
pub(super) fn command_location(properties: &str) -> Option<Location> {
    let value = |name: &str| {
        let start = format!("{name}=");
        properties.split([',', ' ']).find_map(|part| part.strip_prefix(start.as_str()).map(str::to_owned))
    };
    let line = value("line").and_then(|line| line.parse().ok());
    Location::new(&value("file")?, line)
        .or_else(|| between(properties, "file=", ",").and_then(|file| Location::new(file, line)))
}
