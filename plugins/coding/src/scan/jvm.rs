//! maven, gradle, javac and kotlinc. Rule: what maven lists again behind `Failed to execute goal` is
//! not read again.

use super::stems::stem;
use super::words::{Line, between, class_and_message, number_after, number_before};
use super::{Scan, Section, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix("[INFO]") {
        return Some(info(rest.trim(), scan));
    }
    if let Some(rest) = body.strip_prefix("[ERROR]").or_else(|| body.strip_prefix("[错误]")) {
        return maven(rest, scan);
    }
    if let Some(rest) = body.strip_prefix("[WARNING]").or_else(|| body.strip_prefix("[警告]")) {
        let rest = rest.trim();
        if let Some(seen) = flakes(rest, scan) {
            return Some(seen);
        }
        let place = Place::find(rest).filter(|place| place.file.ends_with(".java"));
        let finding = Finding::new(Kind::Warning, Tool::Maven, rest).at(place);
        return Some(if rest.is_empty() { Seen::Noise } else { Seen::Fault(finding) });
    }
    if body.starts_with("Tests run: ") {
        return Some(tests_run(body));
    }
    if let Some(rest) = body.strip_prefix("[error] ") {
        // sbt repeats below an error what stands in the source.
        let at = rest.split_once(": ").map(|(at, message)| (Place::read(&format!("{at}:")), message));
        return match at {
            Some((Some(place), message)) => {
                scan.section = Section::Repeats(Tool::Unknown);
                let finding = Finding::new(Kind::BuildError, Tool::Unknown, message).at(Some(place));
                Some(Seen::Fault(finding.about(message.rsplit(' ').next().and_then(piece::identifier))))
            }
            _ if scan.repeats(Tool::Unknown) => Some(Seen::Noise),
            _ => None,
        };
    }
    match body.as_bytes()[0] {
        b'e' | b'w' if body.starts_with("e: ") || body.starts_with("w: ") => kotlin(body),
        b'>' if body.starts_with("> Task ") => task(body, scan),
        b'>' if body.starts_with("> Could not ") => unresolved(&body[12..]),
        b'B' if body.starts_with("BUILD SUCCESSFUL") => Some(Seen::Build(true)),
        b'B' if body.starts_with("BUILD FAILED") => Some(Seen::Build(false)),
        b'F' if body.starts_with("FAILURE: Build ") => Some(Seen::Noise),
        b'E' if body.starts_with("Execution failed for task") => Some(Seen::Noise),
        b'E' if body.starts_with("Exception in thread ") => uncaught(body),
        b's' if body.starts_with("symbol: ") => symbol(body, scan),
        _ if body.ends_with(" FAILED") && body.contains(" > ") => gradle_test(body, scan),
        _ if line.tells(const { stem(b"fai") }) && body.contains(" tests completed, ") => {
            Some(number_before(body, " failed").map_or(Seen::Noise, Seen::Sum))
        }
        _ => gradle_place(line, scan),
    }
}

fn info(rest: &str, scan: &mut Scan) -> Seen {
    if rest.starts_with("BUILD SUCCESS") {
        return Seen::Build(true);
    }
    if rest.starts_with("BUILD FAILURE") {
        return Seen::Build(false);
    }
    if rest.starts_with("Scanning for projects") {
        scan.section = Section::None;
    }
    if rest.starts_with("Tests run: ") {
        scan.section = Section::None;
        return tests_run(rest);
    }
    // `-----< com.example:shop-core >-----` heads a module.
    if let Some(module) = between(rest, "-< ", " >-").and_then(|name| name.rsplit(':').next()) {
        scan.section = Section::None;
        return Seen::Begins(Tool::Maven, Some(module.to_owned()));
    }
    Seen::Tool(Tool::Maven)
}

/// `Flakes:`, and the tests below it, of which each run is told.
fn flakes(rest: &str, scan: &mut Scan) -> Option<Seen> {
    if rest == "Flakes:" {
        scan.section = Section::MavenFlakes;
        return Some(Seen::Noise);
    }
    if rest.starts_with("Tests run: ") {
        return Some(tests_run(rest));
    }
    let is_name = !rest.is_empty() && rest.contains('.') && !rest.contains(": ") && rest.split(' ').count() == 1;
    (scan.section == Section::MavenFlakes && is_name).then(|| {
        let mut finding = maven_test(rest);
        (finding.kind, finding.error) = (Kind::Flaky, false);
        Seen::Flaky(finding)
    })
}

fn tests_run(body: &str) -> Seen {
    let failed = number_after(body, "Failures: ").unwrap_or(0) + number_after(body, "Errors: ").unwrap_or(0);
    // Of one class, with more to come.
    if body.contains("Time elapsed") { Seen::Noise } else { Seen::Sum(failed) }
}

fn maven(rest: &str, scan: &mut Scan) -> Option<Seen> {
    let indent = rest.len() - rest.trim_start().len();
    let rest = rest.trim();
    if rest.starts_with("Failed to execute goal") {
        scan.section = Section::Repeats(Tool::Maven);
        return Some(goal(rest));
    }
    if let Some(run) = rest.strip_prefix("Run ").and_then(|run| run.split_once(": ")) {
        // One of several tries; of a flaky test it tells nothing that counts.
        let counts = scan.section != Section::MavenFlakes && run.0.bytes().all(|byte| byte.is_ascii_digit());
        return if counts { summary(run.1).map(again) } else { Some(Seen::Noise) };
    }
    if scan.repeats(Tool::Maven) || rest.is_empty() || rest.starts_with("COMPILATION ERROR") {
        return Some(Seen::Noise);
    }
    if rest.starts_with("symbol:") {
        return symbol(rest, scan);
    }
    if rest.starts_with("Tests run: ") {
        return Some(tests_run(rest));
    }
    if let Some((at, message)) = rest.split_once("] ").filter(|(at, _)| at.contains(":[")) {
        return Some(compile_error(Place::read(at), message, Tool::Maven));
    }
    if rest.contains("<<< FAILURE!") || rest.contains("<<< ERROR!") {
        return Some(surefire(rest, scan.target.as_deref()));
    }
    if indent >= 2 {
        return summary(rest);
    }
    // `Failures:`, `Errors:` and whatever else only heads a list.
    if rest.ends_with(':') {
        scan.section = Section::None;
        return Some(Seen::Noise);
    }
    // The name above the tries of a test that failed in all of them.
    if rest.contains('.') && rest.split(' ').count() == 1 {
        return Some(Seen::Noise);
    }
    None
}

fn again(seen: Seen) -> Seen {
    match seen {
        Seen::Fault(finding) => Seen::Fault(finding.seen(Sighting::Again)),
        seen => seen,
    }
}

/// The report of one test: the name in the older or the newer notation.
fn surefire(rest: &str, target: Option<&str>) -> Seen {
    let name = rest.split(" -- ").next().unwrap_or(rest).split("  Time").next().unwrap_or(rest).trim();
    let full = match between(name, "(", ")") {
        Some(class) if class.contains('.') || class.ends_with("Test") => {
            format!("{class}.{}", name.split('(').next().unwrap_or_default())
        }
        _ => name.to_owned(),
    };
    Seen::Head(maven_test(&full).within(target).seen(Sighting::Mention))
}

fn maven_test(name: &str) -> Finding {
    let mut parts = name.trim_end_matches("()").rsplit('.');
    let (method, class) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let short = if class.is_empty() { method.to_owned() } else { format!("{class}.{method}") };
    Finding::new(Kind::FailedTest, Tool::Maven, "").about(piece::name(&short))
}

/// `CartTest.total:31 expected: <3> but was: <4>`, `CartTest.total:31 » NullPointer …`
fn summary(rest: &str) -> Option<Seen> {
    let (name, message) = rest.split_once([' ', '»']).unwrap_or((rest, ""));
    let (name, line) = name.split_once(':')?;
    let (class, _) = name.split_once('.')?;
    // A failure in what the test calls is shown as a chain, `A.a:1->b:2`.
    let line = line.split(['-', ' ']).next()?.parse().ok()?;
    let place = Place::new(&format!("{class}.java"), Some(line));
    let reason = Reason::of_class(message.trim_start_matches(['»', ' ']).split(' ').next()?);
    let reason = reason.or_else(|| message.contains("NullPointer").then_some(Reason::NullValue));
    let finding = maven_test(name).at(place).because(reason.or_else(|| Reason::of_test(message)));
    Some(Seen::Fault(finding.seen(Sighting::Report)))
}

fn goal(rest: &str) -> Seen {
    if rest.contains("ould not resolve dependencies") || rest.contains("ould not find artifact") {
        let name = rest.split("ould not find artifact ").nth(1).and_then(|rest| rest.split(' ').next());
        let finding = Finding::new(Kind::Dependency, Tool::Maven, "").about(name.and_then(piece::identifier));
        return Seen::Fault(finding.because(Some(Reason::NotFound)));
    }
    let goal = between(rest, "goal ", " ").and_then(|goal| goal.rsplit(':').next()).and_then(piece::identifier);
    Seen::Fault(Finding::new(Kind::FailedStep, Tool::Maven, "goal").about(goal))
}

/// What the Java compiler says, whoever runs it.
pub(super) fn java_error(place: Place, message: &str, scan: &Scan) -> Seen {
    compile_error(Some(place), message, runner(scan))
}

/// Who has run the compiler, as far as the log has said.
pub(super) fn runner(scan: &Scan) -> Tool {
    if matches!(scan.tool, Tool::Maven | Tool::Gradle) { scan.tool } else { Tool::Javac }
}

fn compile_error(place: Option<Place>, message: &str, tool: Tool) -> Seen {
    if let Some(package) = message.strip_prefix("package ").and_then(|rest| rest.strip_suffix(" does not exist")) {
        let finding = Finding::new(Kind::ImportError, tool, "").about(piece::identifier(package));
        return Seen::Fault(finding.at(place));
    }
    let finding = Finding::new(Kind::BuildError, tool, message).at(place);
    // The symbol that was not found stands in one of the next lines.
    if message.contains("find symbol") || message.contains("找不到符号") {
        Seen::Head(finding)
    } else {
        Seen::Fault(finding)
    }
}

/// `symbol:   class Foo`
fn symbol(body: &str, scan: &mut Scan) -> Option<Seen> {
    let name = body.split_whitespace().last()?;
    let name = name.split('(').next().and_then(piece::identifier);
    let finding =
        scan.waiting.as_mut().filter(|finding| finding.kind == Kind::BuildError && finding.subject.is_none())?;
    finding.subject = name;
    Some(Seen::End(None, None))
}

/// `e: file:///src/Foo.kt:12:8 Unresolved reference 'x'.`
fn kotlin(body: &str) -> Option<Seen> {
    let rest = &body[3..];
    let (at, message) = rest.split_once(".kt:").map(|(at, _)| (at.len() + 4, rest)).and_then(|(end, rest)| {
        let space = rest[end..].find(' ')?;
        Some((&rest[..end + space], rest[end + space..].trim_start_matches([':', ' '])))
    })?;
    let subject = super::words::quoted(message).or_else(|| message.strip_prefix("Unresolved reference: "));
    let subject = subject.and_then(piece::identifier);
    let error = body.starts_with('e');
    let kind = if error { Kind::BuildError } else { Kind::Warning };
    let finding = Finding::new(kind, Tool::Gradle, message).about(subject);
    Some(Seen::Fault(finding.at(Place::find(at)).grave(error)))
}

fn task(body: &str, scan: &mut Scan) -> Option<Seen> {
    scan.tool = Tool::Gradle;
    let task = body.strip_prefix("> Task ")?;
    // The project, without the task in it.
    scan.target = task.split(' ').next().and_then(|path| path.rsplit_once(':')).map(|(project, _)| project.to_owned());
    scan.target = scan.target.take().filter(|project| !project.is_empty());
    let task = task.strip_suffix(" FAILED");
    Some(match task {
        Some(task) => Seen::Fault(Finding::new(Kind::FailedStep, Tool::Gradle, "task").about(piece::identifier(task))),
        None => Seen::Noise,
    })
}

fn unresolved(rest: &str) -> Option<Seen> {
    let name = rest.strip_prefix("resolve ").or_else(|| rest.strip_prefix("find "))?;
    let name =
        name.split(' ').next().and_then(piece::identifier).filter(|name| name.contains(':') && !name.starts_with(':'));
    let finding = Finding::new(Kind::Dependency, Tool::Gradle, "").about(name);
    Some(Seen::Fault(finding.because(Some(Reason::NotFound))))
}

/// `CartTest > adds() FAILED`, with the package or without.
fn gradle_test(body: &str, scan: &Scan) -> Option<Seen> {
    let name = body.strip_suffix(" FAILED")?;
    let (class, test) = name.split_once(" > ")?;
    if class.contains(' ') || class.contains('/') {
        return None;
    }
    let test = test.trim_end_matches("()");
    Some(Seen::Head(
        Finding::new(Kind::FailedTest, Tool::Gradle, "")
            .of_test(&format!("{class}.{test}"))
            .within(scan.target.as_deref()),
    ))
}

/// `org.opentest4j.AssertionFailedError at CartTest.java:15`, behind a failed test.
fn gradle_place(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    let waits = scan.waiting.as_ref().is_some_and(|finding| matches!(finding.tool, Tool::Gradle | Tool::Maven));
    if !waits || line.indent == 0 && !line.body.contains('.') {
        return None;
    }
    let (class, place) = match line.body.rsplit_once(" at ") {
        Some((class, place)) => (class, Place::find(place)),
        None => (line.body, None),
    };
    let (class, message) = class_and_message(class)?;
    let reason = Reason::of_class(class).or_else(|| Reason::of_test(message));
    // Maven's trace with the place follows; gradle has it in the same line.
    Some(match place {
        Some(place) => Seen::End(Some(place), reason.or(Some(Reason::Panic))),
        None => Seen::Reason(reason),
    })
}

/// `Exception in thread "main" java.lang.NullPointerException: …`
fn uncaught(body: &str) -> Option<Seen> {
    let rest = body.split_once("\" ")?.1;
    let (class, message) = class_and_message(rest)?;
    let kind = super::general::kind_of_class(class);
    let short = class.rsplit('.').next().and_then(piece::identifier);
    let finding = Finding::new(kind, Tool::Unknown, message).about(short);
    Some(Seen::Head(finding.because(Reason::of_class(class))))
}
