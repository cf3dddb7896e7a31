//! cargo, rustc, clippy and nextest. Rule: cargo's summary is no second fault.

use super::line::{Line, between, number_before, quoted};
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

/// Error codes of rustc for a missing crate or module.
const IMPORTS: [&str; 3] = ["E0432", "E0433", "E0463"];

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'e' if body.starts_with("error") && !body.starts_with("error: test failed, ") => error(line, scanner),
        b'w' if body.starts_with("warning") => warning(line, scanner),
        b'-' if body.starts_with("--> ") => {
            Some(Location::find(&body[4..]).map_or(LineEvent::Ignored, LineEvent::Location))
        }
        b't' if body.starts_with("test ") => test(body, scanner),
        b'N' if body.starts_with("Nextest run ID ") => {
            scanner.section = Section::Nextest;
            Some(LineEvent::Tool(Tool::Nextest))
        }
        b'e' if body.starts_with("error: test failed, to rerun pass ") => {
            Some(quoted(body).map_or(LineEvent::Ignored, |arguments| LineEvent::RerunArguments(arguments.to_owned())))
        }
        b't' if body.starts_with("thread '") => panic(body, scanner),
        b'r' if body.starts_with("running ") && (body.ends_with(" tests") || body.ends_with(" test")) => {
            if scanner.section == Section::Nextest {
                return Some(LineEvent::Ignored);
            }
            scanner.section = Section::RustTests;
            // The binary is named right before, if at all.
            Some(LineEvent::TestRunStarted(Tool::Cargo, scanner.next_target.take()))
        }
        b'F' if line.indent >= 4 && body.starts_with("Finished `") => Some(LineEvent::Build(true)),
        b'C' | b'R' | b'U' | b'D' if is_progress(line) => {
            if body.starts_with("Running `") {
                return Some(LineEvent::ProgramStarted);
            }
            scanner.next_target = binary(body).or(scanner.next_target.take());
            Some(LineEvent::Tool(Tool::Cargo))
        }
        b'F' | b'T' | b'S' | b'P' | b'L' | b'A' | b'R' | b'E' => super::nextest::read(line, scanner),
        // The linker's own message is in a note.
        b'=' if body.contains("cannot find -l") || body.contains("undefined reference") => None,
        b'=' if body.starts_with("= note:") || body.starts_with("= help:") => Some(LineEvent::Ignored),
        _ if body.starts_with("╭▸ ") || body.starts_with("╭─[") || body.starts_with("┌─ ") => {
            let at = body.trim_start_matches(['╭', '▸', '─', '[', '┌', ' ']);
            Some(Location::find(at.trim_end_matches(']')).map_or(LineEvent::Ignored, LineEvent::Location))
        }
        _ => None,
    }
}

fn is_progress(line: &Line<'_>) -> bool {
    let known = [
        "Compiling ",
        "Checking ",
        "Running `",
        "Running unittests",
        "Running tests",
        "Running benches",
        "Running examples",
        "Updating crates",
        "Downloaded ",
        "Doc-tests ",
    ];
    line.indent >= 2 && known.iter().any(|start| line.body.starts_with(start))
}

/// The binary whose tests run next: `Running unittests src/lib.rs (target/debug/deps/shop-0c1d)`.
fn binary(body: &str) -> Option<String> {
    if let Some(name) = body.strip_prefix("Doc-tests ") {
        return Some(format!("doc {name}"));
    }
    let rest = body.strip_prefix("Running ")?;
    let file = rest.strip_prefix("unittests ").unwrap_or(rest).split(' ').next()?;
    let artefact = between(rest, "(", ")")?.rsplit(['/', '\\']).next()?;
    let name = artefact.rsplit_once('-').map_or(artefact, |(name, _)| name);
    let kind = match () {
        () if !rest.starts_with("unittests ") => "test",
        () if file.ends_with("lib.rs") => "lib",
        () => "bin",
    };
    Some(format!("{kind} {name}"))
}

fn error(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let body = line.body;
    if let Some((code, message)) = body.strip_prefix("error[").and_then(|rest| rest.split_once("]: ")) {
        let import = IMPORTS.contains(&code);
        let kind = if import { Kind::ImportError } else { Kind::BuildError };
        let subject = quoted(message).and_then(sanitize::identifier);
        let finding =
            Finding::new(kind, Tool::Cargo, message).with_subject(subject).with_code(sanitize::identifier(code));
        return Some(LineEvent::OpenFinding(finding.with_reason(code_reason(code))));
    }
    let message = body.strip_prefix("error: ")?;
    let named = || quoted(message).and_then(sanitize::identifier);
    let fault = |kind| Finding::new(kind, Tool::Cargo, message).with_subject(named());
    if message.starts_with("could not compile") {
        return Some(LineEvent::Build(false));
    }
    if message.starts_with("aborting due to")
        || message.contains("to rerun pass")
        || message.ends_with("target failed:")
    {
        return Some(LineEvent::Ignored);
    }
    if message.starts_with("no matching package") || message.starts_with("failed to select a version") {
        return Some(LineEvent::Finding(fault(Kind::Dependency).with_reason(Some(Reason::Version))));
    }
    if message.starts_with("no such command") {
        return Some(LineEvent::Finding(fault(Kind::MissingCommand)));
    }
    if message.contains("SIGKILL") {
        return Some(LineEvent::Finding(fault(Kind::OutOfMemory).with_reason(Some(Reason::Killed))));
    }
    if message.contains("SIGSEGV") || message.contains("SIGABRT") {
        return Some(LineEvent::Finding(fault(Kind::Crash)));
    }
    if message.starts_with("linking with ") {
        return Some(LineEvent::OpenFinding(
            Finding::new(Kind::BuildError, Tool::Cargo, "linking").with_reason(Some(Reason::Undefined)),
        ));
    }
    if scanner.tool.family() != Tool::Cargo {
        return None;
    }
    if message.starts_with("process didn't exit") || message.starts_with("test failed") || message == "test run failed"
    {
        return Some(LineEvent::Ignored);
    }
    if message.starts_with("failed to download") || message.starts_with("failed to get") {
        return Some(LineEvent::Finding(fault(Kind::Network)));
    }
    Some(LineEvent::OpenFinding(fault(Kind::BuildError)))
}

/// The reasons of some error codes, which are clearer than their messages.
fn code_reason(code: &str) -> Option<Reason> {
    Some(match code {
        "E0308" | "E0271" | "E0277" => Reason::TypeMismatch,
        "E0382" | "E0499" | "E0502" | "E0505" | "E0507" => Reason::Borrow,
        "E0106" | "E0597" | "E0716" => Reason::Lifetime,
        "E0412" | "E0425" | "E0405" => Reason::UnknownName,
        "E0599" | "E0609" => Reason::UnknownMember,
        "E0061" => Reason::WrongArguments,
        _ => return None,
    })
}

fn warning(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let message = line.body.strip_prefix("warning: ")?;
    if message.contains("generated ") && message.contains(" warning") {
        return Some(LineEvent::Ignored);
    }
    let tool = if scanner.tool.family() == Tool::Cargo { Tool::Cargo } else { Tool::Unknown };
    let kind = if tool == Tool::Cargo { Kind::Lint } else { Kind::Warning };
    let rule = [
        ("unused variable", "unused_variables"),
        ("unused import", "unused_imports"),
        ("never used", "dead_code"),
        ("never read", "dead_code"),
        ("never constructed", "dead_code"),
        ("deprecated", "deprecated"),
        ("unused `", "unused_must_use"),
        ("unneeded `return`", "clippy::needless_return"),
        ("does not need to be mutable", "unused_mut"),
    ];
    let code = rule.iter().find(|(sign, _)| message.contains(sign)).map(|(_, rule)| (*rule).to_owned());
    Some(LineEvent::OpenFinding(Finding::new(kind, tool, message).with_code(code)))
}

fn test(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    if let Some(rest) = body.strip_prefix("test result: ") {
        if scanner.section != Section::Nextest {
            scanner.section = Section::None;
            scanner.tool = Tool::Cargo;
            return Some(LineEvent::FailedTests(number_before(rest, " failed").unwrap_or(0)));
        }
        return Some(LineEvent::Ignored);
    }
    let name = body.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    // Documentation tests are named by their location.
    let location =
        between(name, "(line ", ")").and_then(|line| Location::new(name.split(" - ").next()?, line.parse().ok()));
    let (tool, occurrence) = match scanner.section {
        Section::Nextest => (Tool::Nextest, Occurrence::Repeat),
        _ => (Tool::Cargo, Occurrence::Report),
    };
    let finding = Finding::new(Kind::FailedTest, tool, "")
        .with_test(name)
        .with_target(scanner.target.as_deref())
        .with_location(location);
    Some(LineEvent::Finding(finding.with_occurrence(occurrence)))
}

/// `thread 'name' (id) panicked at src/lib.rs:1:2:`, and the older form with the message before it.
fn panic(body: &str, scanner: &Scanner) -> Option<LineEvent> {
    let (who, what) = body.split_once(" panicked at ")?;
    let thread = between(who, "'", "'").unwrap_or_default();
    let location = what.rsplit(", ").chain(std::iter::once(what)).find_map(Location::find);
    let is_test =
        matches!(scanner.section, Section::RustTests | Section::Nextest) && thread != "main" && thread != "<unnamed>";
    match sanitize::name(thread).filter(|_| is_test) {
        Some(name) => Some(LineEvent::Detail(name, location)),
        None => {
            let finding = Finding::new(Kind::Crash, Tool::Cargo, "panicked").with_location(location);
            Some(LineEvent::Finding(finding.with_reason(Reason::of(what).or(Some(Reason::Panic)))))
        }
    }
}
