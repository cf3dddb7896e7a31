//! maven, gradle, javac and kotlinc. Rule: repetitions by maven after `Failed to execute goal` are not read again.

use super::line::{Line, between, class_and_message, number_after, number_before};
use super::trigrams::trigram;
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix("[INFO]") {
        return Some(info(rest.trim(), scanner));
    }
    if let Some(rest) = body.strip_prefix("[ERROR]").or_else(|| body.strip_prefix("[错误]")) {
        return maven(rest, scanner);
    }
    if let Some(rest) = body.strip_prefix("[WARNING]").or_else(|| body.strip_prefix("[警告]")) {
        let rest = rest.trim();
        if let Some(event) = flakes(rest, scanner) {
            return Some(event);
        }
        let location = Location::find(rest).filter(|location| location.file.ends_with(".java"));
        let finding = Finding::new(Kind::Warning, Tool::Maven, rest).with_location(location);
        return Some(if rest.is_empty() { LineEvent::Ignored } else { LineEvent::Finding(finding) });
    }
    if body.starts_with("Tests run: ") {
        return Some(tests_run(body));
    }
    if let Some(rest) = body.strip_prefix("[error] ") {
        // sbt repeats the source line below an error.
        let at = rest.split_once(": ").map(|(at, message)| (Location::read(&format!("{at}:")), message));
        return match at {
            Some((Some(location), message)) => {
                scanner.section = Section::Repeats(Tool::Unknown);
                let finding = Finding::new(Kind::BuildError, Tool::Unknown, message).with_location(Some(location));
                Some(LineEvent::Finding(
                    finding.with_subject(message.rsplit(' ').next().and_then(sanitize::identifier)),
                ))
            }
            _ if scanner.repeats(Tool::Unknown) => Some(LineEvent::Ignored),
            _ => None,
        };
    }
    match body.as_bytes()[0] {
        b'e' | b'w' if body.starts_with("e: ") || body.starts_with("w: ") => kotlin(body),
        b'>' if body.starts_with("> Task ") => task(body, scanner),
        b'>' if body.starts_with("> Could not ") => unresolved(&body[12..]),
        b'B' if body.starts_with("BUILD SUCCESSFUL") => Some(LineEvent::Build(true)),
        b'B' if body.starts_with("BUILD FAILED") => Some(LineEvent::Build(false)),
        b'F' if body.starts_with("FAILURE: Build ") => Some(LineEvent::Ignored),
        b'E' if body.starts_with("Execution failed for task") => Some(LineEvent::Ignored),
        b'E' if body.starts_with("Exception in thread ") => uncaught(body),
        b's' if body.starts_with("symbol: ") => symbol(body, scanner),
        _ if body.ends_with(" FAILED") && body.contains(" > ") => gradle_test(body, scanner),
        _ if line.has_any(const { trigram(b"fai") }) && body.contains(" tests completed, ") => {
            Some(number_before(body, " failed").map_or(LineEvent::Ignored, LineEvent::FailedTests))
        }
        _ => gradle_location(line, scanner),
    }
}

fn info(rest: &str, scanner: &mut Scanner) -> LineEvent {
    if rest.starts_with("BUILD SUCCESS") {
        return LineEvent::Build(true);
    }
    if rest.starts_with("BUILD FAILURE") {
        return LineEvent::Build(false);
    }
    if rest.starts_with("Scanning for projects") {
        scanner.section = Section::None;
    }
    if rest.starts_with("Tests run: ") {
        scanner.section = Section::None;
        return tests_run(rest);
    }
    // `-----< com.example:shop-core >-----` heads a module.
    if let Some(module) = between(rest, "-< ", " >-").and_then(|name| name.rsplit(':').next()) {
        scanner.section = Section::None;
        return LineEvent::TestRunStarted(Tool::Maven, Some(module.to_owned()));
    }
    LineEvent::Tool(Tool::Maven)
}

/// `Flakes:`, and the tests below it, each with its runs.
fn flakes(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    if rest == "Flakes:" {
        scanner.section = Section::MavenFlakes;
        return Some(LineEvent::Ignored);
    }
    if rest.starts_with("Tests run: ") {
        return Some(tests_run(rest));
    }
    let is_name = !rest.is_empty() && rest.contains('.') && !rest.contains(": ") && rest.split(' ').count() == 1;
    (scanner.section == Section::MavenFlakes && is_name).then(|| {
        let mut finding = maven_test(rest);
        (finding.kind, finding.error) = (Kind::Flaky, false);
        LineEvent::Flaky(finding)
    })
}

fn tests_run(body: &str) -> LineEvent {
    let failed = number_after(body, "Failures: ").unwrap_or(0) + number_after(body, "Errors: ").unwrap_or(0);
    // The count of one class, with more to follow.
    if body.contains("Time elapsed") { LineEvent::Ignored } else { LineEvent::FailedTests(failed) }
}

fn maven(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let indent = rest.len() - rest.trim_start().len();
    let rest = rest.trim();
    if rest.starts_with("Failed to execute goal") {
        scanner.section = Section::Repeats(Tool::Maven);
        return Some(goal(rest));
    }
    if let Some(run) = rest.strip_prefix("Run ").and_then(|run| run.split_once(": ")) {
        // One of several attempts; the attempts of a flaky test do not count.
        let counts = scanner.section != Section::MavenFlakes && run.0.bytes().all(|byte| byte.is_ascii_digit());
        return if counts { summary(run.1).map(repeated) } else { Some(LineEvent::Ignored) };
    }
    if scanner.repeats(Tool::Maven) || rest.is_empty() || rest.starts_with("COMPILATION ERROR") {
        return Some(LineEvent::Ignored);
    }
    if rest.starts_with("symbol:") {
        return symbol(rest, scanner);
    }
    if rest.starts_with("Tests run: ") {
        return Some(tests_run(rest));
    }
    if let Some((at, message)) = rest.split_once("] ").filter(|(at, _)| at.contains(":[")) {
        return Some(compile_error(Location::read(at), message, Tool::Maven));
    }
    if rest.contains("<<< FAILURE!") || rest.contains("<<< ERROR!") {
        return Some(surefire(rest, scanner.target.as_deref()));
    }
    if indent >= 2 {
        return summary(rest);
    }
    // `Failures:`, `Errors:` and other headings of a list.
    if rest.ends_with(':') {
        scanner.section = Section::None;
        return Some(LineEvent::Ignored);
    }
    // The name above the attempts of a test that failed in all of them.
    if rest.contains('.') && rest.split(' ').count() == 1 {
        return Some(LineEvent::Ignored);
    }
    None
}

fn repeated(event: LineEvent) -> LineEvent {
    match event {
        LineEvent::Finding(finding) => LineEvent::Finding(finding.with_occurrence(Occurrence::Repeat)),
        event => event,
    }
}

/// The report of one test: its name in the older or the newer notation.
fn surefire(rest: &str, target: Option<&str>) -> LineEvent {
    let name = rest.split(" -- ").next().unwrap_or(rest).split("  Time").next().unwrap_or(rest).trim();
    let full = match between(name, "(", ")") {
        Some(class) if class.contains('.') || class.ends_with("Test") => {
            format!("{class}.{}", name.split('(').next().unwrap_or_default())
        }
        _ => name.to_owned(),
    };
    LineEvent::OpenFinding(maven_test(&full).with_target(target).with_occurrence(Occurrence::Mention))
}

fn maven_test(name: &str) -> Finding {
    let mut parts = name.trim_end_matches("()").rsplit('.');
    let (method, class) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let short = if class.is_empty() { method.to_owned() } else { format!("{class}.{method}") };
    Finding::new(Kind::FailedTest, Tool::Maven, "").with_subject(sanitize::name(&short))
}

/// `CartTest.total:31 expected: <3> but was: <4>`, `CartTest.total:31 » NullPointer …`
fn summary(rest: &str) -> Option<LineEvent> {
    let (name, message) = rest.split_once([' ', '»']).unwrap_or((rest, ""));
    let (name, line) = name.split_once(':')?;
    let (class, _) = name.split_once('.')?;
    // A failure in a called method is shown as a chain, `A.a:1->b:2`.
    let line = line.split(['-', ' ']).next()?.parse().ok()?;
    let location = Location::new(&format!("{class}.java"), Some(line));
    let reason = Reason::of_class(message.trim_start_matches(['»', ' ']).split(' ').next()?);
    let reason = reason.or_else(|| message.contains("NullPointer").then_some(Reason::NullValue));
    let finding = maven_test(name).with_location(location).with_reason(reason.or_else(|| Reason::of_test(message)));
    Some(LineEvent::Finding(finding.with_occurrence(Occurrence::Report)))
}

fn goal(rest: &str) -> LineEvent {
    if rest.contains("ould not resolve dependencies") || rest.contains("ould not find artifact") {
        let name = rest.split("ould not find artifact ").nth(1).and_then(|rest| rest.split(' ').next());
        let finding = Finding::new(Kind::Dependency, Tool::Maven, "").with_subject(name.and_then(sanitize::identifier));
        return LineEvent::Finding(finding.with_reason(Some(Reason::NotFound)));
    }
    let goal = between(rest, "goal ", " ").and_then(|goal| goal.rsplit(':').next()).and_then(sanitize::identifier);
    LineEvent::Finding(Finding::new(Kind::FailedStep, Tool::Maven, "goal").with_subject(goal))
}

/// An error of the Java compiler, whatever tool runs it.
pub(super) fn java_error(location: Location, message: &str, scanner: &Scanner) -> LineEvent {
    compile_error(Some(location), message, runner(scanner))
}

/// The tool that runs the compiler, as far as it is known.
pub(super) fn runner(scanner: &Scanner) -> Tool {
    if matches!(scanner.tool, Tool::Maven | Tool::Gradle) { scanner.tool } else { Tool::Javac }
}

fn compile_error(location: Option<Location>, message: &str, tool: Tool) -> LineEvent {
    if let Some(package) = message.strip_prefix("package ").and_then(|rest| rest.strip_suffix(" does not exist")) {
        let finding = Finding::new(Kind::ImportError, tool, "").with_subject(sanitize::identifier(package));
        return LineEvent::Finding(finding.with_location(location));
    }
    let finding = Finding::new(Kind::BuildError, tool, message).with_location(location);
    // The missing symbol is named in one of the next lines.
    if message.contains("find symbol") || message.contains("找不到符号") {
        LineEvent::OpenFinding(finding)
    } else {
        LineEvent::Finding(finding)
    }
}

/// `symbol:   class Foo`
fn symbol(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let name = body.split_whitespace().last()?;
    let name = name.split('(').next().and_then(sanitize::identifier);
    let finding =
        scanner.waiting.as_mut().filter(|finding| finding.kind == Kind::BuildError && finding.subject.is_none())?;
    finding.subject = name;
    Some(LineEvent::Complete(None, None))
}

/// `e: file:///src/Foo.kt:12:8 Unresolved reference 'x'.`
fn kotlin(body: &str) -> Option<LineEvent> {
    let rest = &body[3..];
    let (at, message) = rest.split_once(".kt:").map(|(at, _)| (at.len() + 4, rest)).and_then(|(end, rest)| {
        let space = rest[end..].find(' ')?;
        Some((&rest[..end + space], rest[end + space..].trim_start_matches([':', ' '])))
    })?;
    let subject = super::line::quoted(message).or_else(|| message.strip_prefix("Unresolved reference: "));
    let subject = subject.and_then(sanitize::identifier);
    let error = body.starts_with('e');
    let kind = if error { Kind::BuildError } else { Kind::Warning };
    let finding = Finding::new(kind, Tool::Gradle, message).with_subject(subject);
    Some(LineEvent::Finding(finding.with_location(Location::find(at)).with_error(error)))
}

fn task(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    scanner.tool = Tool::Gradle;
    let task = body.strip_prefix("> Task ")?;
    // The project, without the task.
    scanner.target =
        task.split(' ').next().and_then(|path| path.rsplit_once(':')).map(|(project, _)| project.to_owned());
    scanner.target = scanner.target.take().filter(|project| !project.is_empty());
    let task = task.strip_suffix(" FAILED");
    Some(match task {
        Some(task) => LineEvent::Finding(
            Finding::new(Kind::FailedStep, Tool::Gradle, "task").with_subject(sanitize::identifier(task)),
        ),
        None => LineEvent::Ignored,
    })
}

fn unresolved(rest: &str) -> Option<LineEvent> {
    let name = rest.strip_prefix("resolve ").or_else(|| rest.strip_prefix("find "))?;
    let name = name
        .split(' ')
        .next()
        .and_then(sanitize::identifier)
        .filter(|name| name.contains(':') && !name.starts_with(':'));
    let finding = Finding::new(Kind::Dependency, Tool::Gradle, "").with_subject(name);
    Some(LineEvent::Finding(finding.with_reason(Some(Reason::NotFound))))
}

/// `CartTest > adds() FAILED`, with or without the package.
fn gradle_test(body: &str, scanner: &Scanner) -> Option<LineEvent> {
    let name = body.strip_suffix(" FAILED")?;
    let (class, test) = name.split_once(" > ")?;
    if class.contains(' ') || class.contains('/') {
        return None;
    }
    let test = test.trim_end_matches("()");
    Some(LineEvent::OpenFinding(
        Finding::new(Kind::FailedTest, Tool::Gradle, "")
            .with_test(&format!("{class}.{test}"))
            .with_target(scanner.target.as_deref()),
    ))
}

/// `org.opentest4j.AssertionFailedError at CartTest.java:15`, after a failed test.
fn gradle_location(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let is_waiting = scanner.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Gradle | Tool::Maven));
    if !is_waiting || line.indent == 0 && !line.body.contains('.') {
        return None;
    }
    let (class, location) = match line.body.rsplit_once(" at ") {
        Some((class, location)) => (class, Location::find(location)),
        None => (line.body, None),
    };
    let (class, message) = class_and_message(class)?;
    let reason = Reason::of_class(class).or_else(|| Reason::of_test(message));
    // Maven's trace with the location follows; gradle has it in the same line.
    Some(match location {
        Some(location) => LineEvent::Complete(Some(location), reason.or(Some(Reason::Panic))),
        None => LineEvent::Reason(reason),
    })
}

/// `Exception in thread "main" java.lang.NullPointerException: …`
fn uncaught(body: &str) -> Option<LineEvent> {
    let rest = body.split_once("\" ")?.1;
    let (class, message) = class_and_message(rest)?;
    let kind = super::general::kind_of_class(class);
    let short = class.rsplit('.').next().and_then(sanitize::identifier);
    let finding = Finding::new(kind, Tool::Unknown, message).with_subject(short);
    Some(LineEvent::OpenFinding(finding.with_reason(Reason::of_class(class))))
}
