//! cargo, rustc, clippy and nextest. Rule: what cargo sums up is no second fault.

use super::words::{Line, between, number_before, quoted};
use super::{Scan, Section, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

/// Codes of rustc that mean a missing crate or module.
const IMPORTS: [&str; 3] = ["E0432", "E0433", "E0463"];

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'e' if body.starts_with("error") && !body.starts_with("error: test failed, ") => error(line, scan),
        b'w' if body.starts_with("warning") => warning(line, scan),
        b'-' if body.starts_with("--> ") => Some(Place::find(&body[4..]).map_or(Seen::Noise, Seen::Place)),
        b't' if body.starts_with("test ") => test(body, scan),
        b'N' if body.starts_with("Nextest run ID ") => {
            scan.section = Section::Nextest;
            Some(Seen::Tool(Tool::Nextest))
        }
        b'e' if body.starts_with("error: test failed, to rerun pass ") => {
            Some(quoted(body).map_or(Seen::Noise, |arguments| Seen::Selected(arguments.to_owned())))
        }
        b't' if body.starts_with("thread '") => panic(body, scan),
        b'r' if body.starts_with("running ") && (body.ends_with(" tests") || body.ends_with(" test")) => {
            if scan.section == Section::Nextest {
                return Some(Seen::Noise);
            }
            scan.section = Section::RustTests;
            // The binary is named right before, if at all.
            Some(Seen::Begins(Tool::Cargo, scan.next_target.take()))
        }
        b'F' if line.indent >= 4 && body.starts_with("Finished `") => Some(Seen::Build(true)),
        b'C' | b'R' | b'U' | b'D' if is_progress(line) => {
            if body.starts_with("Running `") {
                return Some(Seen::Runs);
            }
            scan.next_target = binary(body).or(scan.next_target.take());
            Some(Seen::Tool(Tool::Cargo))
        }
        b'F' | b'T' | b'S' | b'P' | b'L' | b'A' | b'R' | b'E' => super::nextest::read(line, scan),
        // The linker's own words stand in a note.
        b'=' if body.contains("cannot find -l") || body.contains("undefined reference") => None,
        b'=' if body.starts_with("= note:") || body.starts_with("= help:") => Some(Seen::Noise),
        _ if body.starts_with("╭▸ ") || body.starts_with("╭─[") || body.starts_with("┌─ ") => {
            let at = body.trim_start_matches(['╭', '▸', '─', '[', '┌', ' ']);
            Some(Place::find(at.trim_end_matches(']')).map_or(Seen::Noise, Seen::Place))
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

fn error(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    let body = line.body;
    if let Some((code, message)) = body.strip_prefix("error[").and_then(|rest| rest.split_once("]: ")) {
        let import = IMPORTS.contains(&code);
        let kind = if import { Kind::ImportError } else { Kind::BuildError };
        let subject = quoted(message).and_then(piece::identifier);
        let finding = Finding::new(kind, Tool::Cargo, message).about(subject).coded(piece::identifier(code));
        return Some(Seen::Head(finding.because(code_reason(code))));
    }
    let message = body.strip_prefix("error: ")?;
    let named = || quoted(message).and_then(piece::identifier);
    let fault = |kind| Finding::new(kind, Tool::Cargo, message).about(named());
    if message.starts_with("could not compile") {
        return Some(Seen::Build(false));
    }
    if message.starts_with("aborting due to")
        || message.contains("to rerun pass")
        || message.ends_with("target failed:")
    {
        return Some(Seen::Noise);
    }
    if message.starts_with("no matching package") || message.starts_with("failed to select a version") {
        return Some(Seen::Fault(fault(Kind::Dependency).because(Some(Reason::Version))));
    }
    if message.starts_with("no such command") {
        return Some(Seen::Fault(fault(Kind::MissingCommand)));
    }
    if message.contains("SIGKILL") {
        return Some(Seen::Fault(fault(Kind::OutOfMemory).because(Some(Reason::Killed))));
    }
    if message.contains("SIGSEGV") || message.contains("SIGABRT") {
        return Some(Seen::Fault(fault(Kind::Crash)));
    }
    if message.starts_with("linking with ") {
        return Some(Seen::Head(
            Finding::new(Kind::BuildError, Tool::Cargo, "linking").because(Some(Reason::Undefined)),
        ));
    }
    if scan.tool.family() != Tool::Cargo {
        return None;
    }
    if message.starts_with("process didn't exit") || message.starts_with("test failed") || message == "test run failed"
    {
        return Some(Seen::Noise);
    }
    if message.starts_with("failed to download") || message.starts_with("failed to get") {
        return Some(Seen::Fault(fault(Kind::Network)));
    }
    Some(Seen::Head(fault(Kind::BuildError)))
}

/// What some codes say, where the words say it less well.
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

fn warning(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    let message = line.body.strip_prefix("warning: ")?;
    if message.contains("generated ") && message.contains(" warning") {
        return Some(Seen::Noise);
    }
    let tool = if scan.tool.family() == Tool::Cargo { Tool::Cargo } else { Tool::Unknown };
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
    Some(Seen::Head(Finding::new(kind, tool, message).coded(code)))
}

fn test(body: &str, scan: &mut Scan) -> Option<Seen> {
    if let Some(rest) = body.strip_prefix("test result: ") {
        if scan.section != Section::Nextest {
            scan.section = Section::None;
            scan.tool = Tool::Cargo;
            return Some(Seen::Sum(number_before(rest, " failed").unwrap_or(0)));
        }
        return Some(Seen::Noise);
    }
    let name = body.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    // Tests in documentation are named by their place.
    let place = between(name, "(line ", ")").and_then(|line| Place::new(name.split(" - ").next()?, line.parse().ok()));
    let (tool, sighting) = match scan.section {
        Section::Nextest => (Tool::Nextest, Sighting::Again),
        _ => (Tool::Cargo, Sighting::Report),
    };
    let finding = Finding::new(Kind::FailedTest, tool, "").of_test(name).within(scan.target.as_deref()).at(place);
    Some(Seen::Fault(finding.seen(sighting)))
}

/// `thread 'name' (id) panicked at src/lib.rs:1:2:`, and the older form with the message before it.
fn panic(body: &str, scan: &Scan) -> Option<Seen> {
    let (who, what) = body.split_once(" panicked at ")?;
    let thread = between(who, "'", "'").unwrap_or_default();
    let place = what.rsplit(", ").chain(std::iter::once(what)).find_map(Place::find);
    let is_test =
        matches!(scan.section, Section::RustTests | Section::Nextest) && thread != "main" && thread != "<unnamed>";
    match piece::name(thread).filter(|_| is_test) {
        Some(name) => Some(Seen::Detail(name, place)),
        None => {
            let finding = Finding::new(Kind::Crash, Tool::Cargo, "panicked").at(place);
            Some(Seen::Fault(finding.because(Reason::of(what).or(Some(Reason::Panic)))))
        }
    }
}
