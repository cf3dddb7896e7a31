//! jest, vitest, node's own runner, tsc, eslint and bundlers. Rule: what jest repeats under its
//! summary is not read again.

use super::stems::{FOREIGN, stem};
use super::words::{Line, between, number_before, quoted};
use super::{Scan, Section, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

const ENDINGS: [&str; 10] = ["js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte"];

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    let missing = |scan: &mut Scan| {
        if line.tells(const { stem(b"can") | stem(b"fai") }) { missing_module(body, scan) } else { None }
    };
    if let Some(seen) = playwright(line, scan).or_else(|| counts(body, scan)).or_else(|| missing(scan)) {
        return Some(seen);
    }
    match body.chars().next()? {
        'E' if body.starts_with("ERROR in ./") => {
            scan.heading = body[9..].split(' ').next().map(str::to_owned);
            Some(Seen::Noise)
        }
        'M' if body.starts_with("Module parse failed") || body.starts_with("Module build failed") => {
            let place = scan.heading.as_deref().and_then(|file| Place::new(file, line_behind(body)));
            let finding = Finding::new(Kind::BuildError, Tool::Node, "").at(place).because(Reason::of(body));
            Some(Seen::Fault(finding))
        }
        'F' if body.starts_with("FAIL ") => failed_file(body[5..].trim_start(), scan),
        'S' if body.starts_with("Summary of all failing tests") => {
            scan.section = Section::Repeats(Tool::Jest);
            Some(Seen::Noise)
        }
        '●' => bullet(body['●'.len_utf8()..].trim(), scan),
        '❯' | '»' => Some(Place::find(body).filter(|place| is_own(&place.file)).map_or(Seen::Noise, Seen::Place)),
        '✘' if body.contains("[ERROR] ") => Some(esbuild(body)),
        '✘' if body.starts_with("✘ [fail]: ") => {
            Some(Seen::Head(Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(body.split_once(": ")?.1)))
        }
        '✘' => Some(Seen::Noise),
        '✗' if !body.ends_with("ms]") => Some(Seen::Noise),
        '×' if body.contains("No solution found") => None,
        '✕' | '×' | '⎯' | '↓' => Some(Seen::Noise),
        '✖' => node_test(body, scan),
        't' if body.starts_with("test at ") => {
            scan.last_place = Place::find(body);
            Some(Seen::Noise)
        }
        _ if waits_for_place(scan) && Place::read(body).is_some() => Some(Seen::End(Place::read(body), None)),
        _ if scan.build == Some(false) && body.contains("): ") && bundler(body).is_some() => bundler(body),
        'a' if body.starts_with("at ") => Some(frame(body).map_or(Seen::Noise, Seen::Place)),
        _ => rest(line, scan),
    }
}

fn rest(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    match body.chars().next()? {
        first if first.is_ascii_digit() && line.indent > 0 => mocha_head(body, scan).or_else(|| eslint(body, scan)),
        _ if scan.section == Section::MochaFailures && scan.heading.is_some() => Some(mocha_test(body, scan)),
        _ if line.tells(const { stem(b"err") }) => tsc(body).or_else(|| heading(line, scan)),
        _ => heading(line, scan),
    }
}

/// `✘ [ERROR] Could not resolve "lodash"`; the place stands below.
fn esbuild(body: &str) -> Seen {
    let message = body.split_once("[ERROR] ").map_or(body, |(_, message)| message);
    let missing = message.strip_prefix("Could not resolve ").and_then(quoted);
    let kind = if missing.is_some() { Kind::ImportError } else { Kind::BuildError };
    let subject = missing.or_else(|| quoted(message)).and_then(piece::identifier);
    Seen::Head(Finding::new(kind, Tool::Esbuild, message).about(subject))
}

fn waits_for_place(scan: &Scan) -> bool {
    scan.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Esbuild)
}

/// `src/app.ts (3:9): "total" is not exported by …`, as rollup and vite write it.
fn bundler(body: &str) -> Option<Seen> {
    let (file, rest) = body.split_once(" (")?;
    let (at, message) = rest.split_once("): ")?;
    let line = at.split(':').next()?.parse().ok()?;
    let place = Place::new(file, Some(line)).filter(|place| is_script(&place.file))?;
    let finding = Finding::new(Kind::BuildError, Tool::Node, message).at(Some(place));
    Some(Seen::Fault(finding.about(quoted(message).and_then(piece::identifier)).because(Reason::of(message))))
}

/// `Tests:  2 failed, 5 passed, 7 total`, `Tests  2 failed | 5 passed (7)`, `2 failing`.
fn counts(body: &str, scan: &mut Scan) -> Option<Seen> {
    if body.starts_with("Test Suites:") || body.starts_with("Test Files ") {
        scan.section = Section::None;
        return Some(Seen::Noise);
    }
    if body.starts_with("Tests:") || body.starts_with("Tests  ") {
        scan.target = None;
        if !scan.tool.is_javascript() {
            // Others begin so as well (`Tests: 3, Assertions: 3, Failures: 1`).
            return None;
        }
        return Some(Seen::Sum(number_before(body, " failed").unwrap_or(0)));
    }
    let failing = body.strip_suffix(" failing")?.parse().ok()?;
    scan.section = Section::MochaFailures;
    scan.heading = None;
    Some(Seen::Sum(failing))
}

/// `1) [chromium] › tests/cart.spec.ts:3:5 › cart › adds tax ────`, and the lists behind `1 flaky` and
/// `1 failed`.
fn playwright(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    let list =
        |word: &str| body.strip_suffix(word).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if list(" flaky") {
        scan.section = Section::PlaywrightFlaky;
        return Some(Seen::Noise);
    }
    if scan.tool == Tool::Playwright && list(" failed") {
        scan.section = Section::PlaywrightFailed;
        let failed = body.split(' ').next()?.parse().ok()?;
        return Some(Seen::Sum(failed));
    }
    if !line.tells(FOREIGN) || !body.contains(" › ") {
        return None;
    }
    let is_listed = matches!(scan.section, Section::PlaywrightFlaky | Section::PlaywrightFailed);
    let numbered = body.split_once(") ").filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let title = match numbered {
        Some((_, title)) if title.contains(" › ") => title,
        _ if is_listed => body,
        _ => return None,
    };
    let title = title.trim_end_matches(['─', '━', ' ']);
    let mut parts = title.split(" › ");
    let first = parts.next()?;
    let (project, at) = match Place::read(first) {
        Some(_) => (None, first),
        None => (Some(first), parts.next()?),
    };
    let place = Place::read(at)?;
    let name = parts.collect::<Vec<_>>().join(" › ");
    scan.tool = Tool::Playwright;
    let target = format!("{}{}", project.unwrap_or_default(), place.file);
    let kind = if scan.section == Section::PlaywrightFlaky { Kind::Flaky } else { Kind::FailedTest };
    let finding = Finding::new(kind, Tool::Playwright, "").of_test(&name).within(Some(&target)).at(Some(place));
    Some(match (kind, is_listed) {
        (Kind::Flaky, _) => Seen::Flaky(finding),
        (_, true) => Seen::Fault(finding.seen(Sighting::Again)),
        _ => Seen::Head(finding.seen(Sighting::Mention)),
    })
}

/// The line behind a position such as `(12:5)`.
fn line_behind(body: &str) -> Option<u32> {
    body.rsplit_once('(')?.1.split(':').next()?.parse().ok()
}

/// `1) Suite`, behind the count of failures; the test's own name is below, or ends the line with `:`.
fn mocha_head(body: &str, scan: &mut Scan) -> Option<Seen> {
    let (number, name) = body.split_once(") ")?;
    if scan.section != Section::MochaFailures || number.parse::<u32>().is_err() {
        return None;
    }
    scan.heading = Some(String::new());
    Some(mocha_test(name, scan))
}

/// The next part of a test's name; the last one ends with `:`.
fn mocha_test(part: &str, scan: &mut Scan) -> Seen {
    let suite = scan.heading.take().unwrap_or_default();
    let name = piece::flatten(&format!("{suite} {part}"), 200);
    match name.strip_suffix(':') {
        Some(name) => Seen::Head(Finding::new(Kind::FailedTest, Tool::Mocha, "").of_test(name)),
        None => {
            scan.heading = Some(name);
            Seen::Noise
        }
    }
}

/// `src/a.test.js` heads jest's report on a file; `src/a.test.ts > suite > test` is vitest's on one.
fn failed_file(rest: &str, scan: &mut Scan) -> Option<Seen> {
    // Vitest names its project or typechecker before the file.
    let rest =
        rest.strip_prefix('|').and_then(|rest| rest.split_once("| ")).map_or(rest, |(_, rest)| rest.trim_start());
    let (file, test) = rest.split_once(" > ").map_or((rest, None), |(file, test)| (file, Some(test)));
    let path = file.split(" (").next().unwrap_or(file).split(' ').next()?;
    if !is_script(path) {
        return None;
    }
    scan.heading = Some(path.to_owned());
    let Some(test) = test else {
        scan.tool = if file.contains("[ ") { Tool::Vitest } else { Tool::Jest };
        return Some(Seen::Noise);
    };
    let finding = Finding::new(Kind::FailedTest, Tool::Vitest, "").of_test(test).within(Some(path));
    Some(Seen::Head(finding.at(Place::new(path, None))))
}

/// `● suite › test`
fn bullet(title: &str, scan: &mut Scan) -> Option<Seen> {
    if scan.repeats(Tool::Jest) || title.starts_with("Console") || title.starts_with("Validation") {
        return Some(Seen::Noise);
    }
    let place = scan.heading.as_deref().and_then(|file| Place::new(file, None));
    if title == "Test suite failed to run" {
        return Some(Seen::Head(Finding::new(Kind::BuildError, Tool::Jest, "").about(None).at(place)));
    }
    let finding = Finding::new(Kind::FailedTest, Tool::Jest, "").of_test(title);
    Some(Seen::Head(finding.within(scan.heading.as_deref()).at(place)))
}

/// Behind `✖ failing tests:` each test stands with its place before it.
fn node_test(body: &str, scan: &mut Scan) -> Option<Seen> {
    if body.starts_with("✖ failing tests") {
        scan.section = Section::NodeFailures;
        return Some(Seen::Noise);
    }
    if scan.section != Section::NodeFailures {
        // Also what eslint and others put before their sums.
        return Some(Seen::Noise);
    }
    let name = body['✖'.len_utf8()..].trim();
    if name.contains(" # TODO") || name.contains(" # SKIP") {
        return Some(Seen::Noise);
    }
    let name = name.rsplit_once(" (").filter(|(_, time)| time.ends_with("ms)")).map_or(name, |(name, _)| name);
    let finding = Finding::new(Kind::FailedTest, Tool::Node, "").of_test(name).at(scan.last_place.take());
    Some(Seen::Head(finding))
}

/// A step of a stack trace: `at f (src/a.js:1:2)`, `at pkg.Class.method(Class.java:3)`.
fn frame(body: &str) -> Option<Place> {
    // .NET has the file and its line behind the method.
    if let Some((file, line)) = body.rsplit_once(" in ").and_then(|(_, at)| at.rsplit_once(":line ")) {
        return Place::new(file, line.trim().parse().ok());
    }
    let inner = body.rfind('(').map(|at| body[at + 1..].trim_end_matches(')'));
    let place = inner.and_then(Place::read).or_else(|| Place::find(&body[3..]))?;
    let library =
        ["org.junit", "java.base", "java.lang", "jdk.internal", "org.opentest4j", "org.gradle", "node:", "org.assertj"];
    let own =
        is_own(&place.file) && !library.iter().any(|start| body[3..].starts_with(start)) && !body.contains("(node:");
    own.then_some(place)
}

fn is_own(file: &str) -> bool {
    !file.contains("node_modules") && !file.contains("internal/") && !file.starts_with("node:")
}

fn is_script(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// `src/a.ts(12,5): error TS2304: …` and `src/a.ts:12:5 - error TS2304: …`
fn tsc(body: &str) -> Option<Seen> {
    let (at, rest) = body.split_once(": error TS").or_else(|| body.split_once(" - error TS"))?;
    let (code, message) = rest.split_once(": ")?;
    let place = Place::read(at)?;
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
    let subject = quoted(message).and_then(piece::identifier);
    let finding = Finding::new(kind, Tool::Tsc, message).about(subject).at(Some(place));
    Some(Seen::Fault(finding.coded(piece::identifier(&format!("TS{code}"))).because(reason)))
}

/// A line that is nothing but the path of a script heads eslint's report on it.
fn heading(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let path = line.body;
    let is_path = line.indent == 0 && is_script(path) && path.contains(['/', '\\']) && !path.contains([' ', ':', '(']);
    is_path.then(|| {
        scan.heading = Some(path.to_owned());
        Seen::Noise
    })
}

/// `12:5  error  'x' is defined but never used  no-unused-vars`
fn eslint(body: &str, scan: &Scan) -> Option<Seen> {
    let mut words = body.split_whitespace();
    let (number, level) = (words.next()?.split_once(':')?.0.parse().ok()?, words.next()?);
    if level != "error" && level != "warning" {
        return None;
    }
    let rule = words.next_back().filter(|word| word.contains(['-', '/']) || *word == "eqeqeq" || *word == "semi");
    let place = scan.heading.as_deref().and_then(|file| Place::new(file, Some(number)))?;
    let finding = Finding::new(Kind::Lint, Tool::Eslint, body).coded(rule.and_then(piece::identifier)).at(Some(place));
    Some(Seen::Fault(finding.grave(level == "error").because(None)))
}

/// The sentences of node, jest, webpack and vite for a module that is not there.
fn missing_module(body: &str, scan: &mut Scan) -> Option<Seen> {
    let signs = [
        "Cannot find module ",
        "Cannot find package ",
        "Can't resolve ",
        "failed to resolve import ",
        "Failed to resolve import ",
    ];
    if !body.starts_with(['E', 'C', 'M', '[', 'F', 'c']) || body.contains("error TS") || scan.repeats(Tool::Jest) {
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
    let place = from
        .and_then(|from| Place::new(from, None))
        .or_else(|| scan.heading.as_deref().and_then(|file| Place::new(file, None)));
    // A suite that failed to run has its reason here.
    if scan.waiting.as_ref().is_some_and(|finding| finding.tool == Tool::Jest && finding.kind == Kind::BuildError) {
        scan.waiting = None;
    }
    let tool = if scan.tool.is_javascript() { scan.tool } else { Tool::Node };
    let finding = Finding::new(Kind::ImportError, tool, "").about(piece::identifier(module)).at(place);
    Some(Seen::Fault(finding))
}

/// `::error file=app.js,line=1,col=5::…`, for the workflow commands of CI.
pub(super) fn command_place(properties: &str) -> Option<Place> {
    let value = |name: &str| {
        let start = format!("{name}=");
        properties.split([',', ' ']).find_map(|part| part.strip_prefix(start.as_str()).map(str::to_owned))
    };
    let line = value("line").and_then(|line| line.parse().ok());
    Place::new(&value("file")?, line)
        .or_else(|| between(properties, "file=", ",").and_then(|file| Place::new(file, line)))
}
