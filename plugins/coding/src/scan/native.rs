//! C and C++ compilers, linkers, make, CMake, and all tools that write `location: severity: message`. Rule: the file
//! extension identifies the tool.

use super::line::{Line, between, quoted};
use super::trigrams::{NON_ASCII, trigram, trigram_in};
use super::{LineEvent, Scanner};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

const NOTE_TRIGRAM: u64 = trigram(b"ote");

/// Severities with their separators; true for an error.
const SEVERITIES: [(&str, bool); 9] = [
    (" Error: ", true),
    (" Warning: ", false),
    (" fatal error: ", true),
    (" error: ", true),
    (" 致命错误：", true),
    (" 错误：", true),
    (" 错误: ", true),
    (" warning: ", false),
    (" 警告：", false),
];

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if body.starts_with("make") || body.starts_with("gmake") || body.starts_with("ninja: ") {
        return make(body);
    }
    if let Some(rest) = body.strip_prefix("CMake Error at ") {
        let finding = Finding::new(Kind::BuildError, Tool::Make, "cmake").with_location(Location::find(rest));
        return Some(LineEvent::Finding(finding.with_subject(Some("CMake".to_owned()))));
    }
    const TRIGRAMS: u64 = trigram_in("error")
        | trigram_in("warning")
        | trigram_in("Killed")
        | trigram_in("undefined")
        | trigram_in("cannot find")
        | NON_ASCII
        | NOTE_TRIGRAM;
    if !line.has_any(TRIGRAMS) {
        return None;
    }
    if let Some(event) = killed(body).or_else(|| linker(body)) {
        return Some(event);
    }
    if let Some(event) = coded_diagnostic(body, scanner) {
        return Some(event);
    }
    for (sign, error) in SEVERITIES {
        if let Some((at, message)) = body.split_once(sign) {
            // Some tools write a dash between location and severity.
            let at = at.strip_suffix(" -").map_or(at, |at| at);
            let apart = body.as_bytes().get(at.len()) == Some(&b' ') && body[at.len()..].starts_with(" - ");
            let location = if apart { Location::read(&format!("{at}:")) } else { Location::read(at) };
            let location = location.filter(|_| (apart || at.ends_with([':', ')'])) && !at.contains(' '))?;
            return Some(compiler(location, message, error, scanner));
        }
    }
    (line.has_any(NOTE_TRIGRAM) && body.contains(" note: "))
        .then_some(LineEvent::Ignored)
        .filter(|_| Location::find(body).is_some())
}

/// `src/A.cs(3,5): error CS0103: … [/src/A.csproj]`, `a.cpp(3): error C2065: …`: repeated in the summary.
fn coded_diagnostic(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let (at, error, rest) = [(": error ", true), (": warning ", false), (": fatal error ", true)]
        .iter()
        .find_map(|(sign, error)| body.split_once(sign).map(|(at, rest)| (at.trim_end(), *error, rest)))?;
    let (code, message) = rest.split_once(": ")?;
    let letters = code.bytes().take_while(u8::is_ascii_uppercase).count();
    let known =
        (1..=5).contains(&letters) && code.len() > letters && code[letters..].bytes().all(|byte| byte.is_ascii_digit());
    if !known || code.starts_with("TS") {
        return None;
    }
    let message =
        message.rsplit_once(" [").filter(|(_, project)| project.ends_with("proj]")).map_or(message, |(text, _)| text);
    let location = Location::read(&format!("{at}:"));
    let tool = if code.starts_with('C') && letters == 1 || code.starts_with("LNK") { Tool::Gcc } else { Tool::Dotnet };
    scanner.tool = tool;
    let missing = matches!(code, "CS0246" | "CS0234" | "C1083" | "NU1101");
    let kind = match (error, missing) {
        (false, _) => Kind::Lint,
        (true, true) => Kind::ImportError,
        (true, false) => Kind::BuildError,
    };
    let reason = match code {
        "CS0103" | "C2065" | "C3861" => Some(Reason::UnknownName),
        "CS0029" | "CS1503" | "CS0266" | "C2440" => Some(Reason::TypeMismatch),
        "CS1061" | "CS0117" | "C2039" => Some(Reason::UnknownMember),
        "CS1002" | "CS1513" | "CS1514" | "C2143" => Some(Reason::Syntax),
        "CS7036" | "CS1501" | "C2660" => Some(Reason::WrongArguments),
        "LNK2019" | "LNK2001" => Some(Reason::Undefined),
        _ => None,
    };
    let finding =
        Finding::new(kind, tool, message).with_code(Some(code.to_owned())).with_location(location).with_reason(reason);
    Some(LineEvent::Finding(
        finding.with_subject(quoted(message).and_then(sanitize::identifier)).with_occurrence(Occurrence::Repeat),
    ))
}

fn compiler(location: Location, message: &str, error: bool, scanner: &Scanner) -> LineEvent {
    let ending = location.file.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "java" if error => return super::jvm::java_error(location, message, scanner),
        "py" | "pyi" => return mypy(location, message, error),
        // A failed test of XCTest, with its name in front of the message.
        "swift" if message.contains(" : XCT") || message.contains(" : failed") => {
            let name = message.split(" : ").next().unwrap_or_default().trim_start_matches("-[").trim_end_matches(']');
            let finding = Finding::new(Kind::FailedTest, Tool::Swift, "").with_test(name).with_location(Some(location));
            return LineEvent::Finding(
                finding.with_reason(Some(Reason::Assertion)).with_occurrence(Occurrence::Repeat),
            );
        }
        _ => {}
    }
    let tool = match ending {
        "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "m" | "mm" | "cu" | "S" | "inl" => Tool::Gcc,
        "go" => Tool::Go,
        "ts" | "tsx" | "js" | "jsx" | "vue" => Tool::Tsc,
        "java" => super::jvm::runner(scanner),
        "kt" | "kts" | "groovy" => Tool::Gradle,
        "rs" => Tool::Cargo,
        "swift" => Tool::Swift,
        "tf" => Tool::Terraform,
        _ => Tool::Unknown,
    };
    if !error {
        let option = between(message, "[-W", "]").and_then(sanitize::identifier).map(|option| format!("-W{option}"));
        let kind = if option.is_some() { Kind::Lint } else { Kind::Warning };
        return LineEvent::Finding(Finding::new(kind, tool, message).with_code(option).with_location(Some(location)));
    }
    let header =
        message.strip_suffix(": No such file or directory").or_else(|| message.strip_suffix("：没有那个文件或目录"));
    let header = header.or_else(|| message.strip_suffix(" file not found").and_then(quoted));
    if let Some(name) = header.and_then(sanitize::identifier) {
        return LineEvent::Finding(
            Finding::new(Kind::ImportError, tool, "").with_subject(Some(name)).with_location(Some(location)),
        );
    }
    let subject = quoted(message).and_then(sanitize::identifier);
    LineEvent::Finding(
        Finding::new(Kind::BuildError, tool, message).with_subject(subject).with_location(Some(location)),
    )
}

/// `src/a.py:12: error: Incompatible types in assignment  [assignment]`
fn mypy(location: Location, message: &str, error: bool) -> LineEvent {
    let rule = between(message, "(report", ")").map(|rule| format!("report{rule}"));
    let tool = if rule.is_some() { Tool::Pyright } else { Tool::Mypy };
    let code = rule.or_else(|| message.rsplit_once("  [").and_then(|(_, code)| sanitize::identifier(code)));
    let kind = if error { Kind::BuildError } else { Kind::Warning };
    let subject = quoted(message).and_then(sanitize::identifier);
    let reason = mypy_reason(code.as_deref().unwrap_or_default());
    LineEvent::Finding(
        Finding::new(kind, tool, message)
            .with_code(code)
            .with_subject(subject)
            .with_location(Some(location))
            .with_reason(reason),
    )
}

/// A diagnostic of a linter or compiler in JSON; the file and the code identify the tool.
pub(super) fn json_diagnostic(location: Location, message: &str, code: Option<String>, error: bool) -> Finding {
    let ending = location.file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let rule = code.as_deref().unwrap_or_default();
    let is_rule = super::line::is_rule(rule);
    let (tool, kind) = match ending {
        "py" | "pyi" if is_rule => (Tool::Ruff, Kind::Lint),
        "py" | "pyi" if rule.starts_with("report") => (Tool::Pyright, Kind::BuildError),
        "py" | "pyi" => (Tool::Mypy, Kind::BuildError),
        "rs" if rule.starts_with('E') || rule.is_empty() && error => (Tool::Cargo, Kind::BuildError),
        "rs" => (Tool::Cargo, Kind::Lint),
        "ts" | "tsx" | "mts" | "cts" | "vue" if rule.starts_with("TS") || is_number(rule) => {
            (Tool::Tsc, Kind::BuildError)
        }
        "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "vue" | "svelte" => (Tool::Eslint, Kind::Lint),
        "go" => (Tool::Go, Kind::Lint),
        "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" | "m" | "mm" => (Tool::Gcc, Kind::BuildError),
        "cs" | "vb" | "fs" => (Tool::Dotnet, Kind::BuildError),
        "tf" => (Tool::Terraform, Kind::BuildError),
        _ => (Tool::Unknown, Kind::Lint),
    };
    let kind = if error || kind == Kind::Lint { kind } else { Kind::Warning };
    let reason = tool.checks_types().then(|| mypy_reason(rule)).flatten();
    let finding = Finding::new(kind, tool, message).with_code(code).with_reason(reason).with_error(error);
    finding.with_subject(quoted(message).and_then(sanitize::identifier)).with_location(Some(location))
}

fn is_number(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The meaning of mypy's codes and pyright's rules; their messages mention types in any case.
fn mypy_reason(code: &str) -> Option<Reason> {
    Some(match code {
        "attr-defined" | "union-attr" | "reportAttributeAccessIssue" | "reportOptionalMemberAccess" => {
            Reason::UnknownMember
        }
        "name-defined" | "used-before-def" | "reportUndefinedVariable" => Reason::UnknownName,
        "call-arg" | "call-overload" | "reportCallIssue" => Reason::WrongArguments,
        "syntax" => Reason::Syntax,
        "import-not-found" | "import-untyped" | "import" | "reportMissingImports" => Reason::MissingModule,
        "no-redef" => Reason::Duplicate,
        "unused-ignore" | "unused-coroutine" => Reason::Unused,
        "deprecated" => Reason::Deprecated,
        "" | "misc" | "note" => return None,
        _ => Reason::TypeMismatch,
    })
}

fn killed(body: &str) -> Option<LineEvent> {
    let compiler = body.contains("cc1") || body.contains("internal compiler error") || body.starts_with("collect2:");
    (compiler && body.contains("Killed"))
        .then(|| LineEvent::Finding(Finding::new(Kind::OutOfMemory, Tool::Gcc, "").with_reason(Some(Reason::Killed))))
}

fn linker(body: &str) -> Option<LineEvent> {
    let undefined = body.split_once("undefined reference to ").or_else(|| body.split_once("未定义的引用"));
    if let Some((at, symbol)) = undefined {
        let parts = at.split(": ").flat_map(|part| part.split(":("));
        // The last location before the message is the source; the linker precedes it.
        let file = parts
            .filter_map(|part| Location::read(part).or_else(|| Location::new(part.trim_end_matches(':'), None)))
            .last();
        let symbol =
            quoted(symbol).map(|symbol| symbol.split('(').next().unwrap_or(symbol)).and_then(sanitize::identifier);
        let finding = Finding::new(Kind::BuildError, Tool::Gcc, "").with_subject(symbol).with_location(file);
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::Undefined))));
    }
    if let Some((_, library)) = body.split_once("cannot find -l") {
        let library = library.split([':', ' ']).next().and_then(sanitize::identifier).map(|name| format!("lib{name}"));
        return Some(LineEvent::Finding(Finding::new(Kind::ImportError, Tool::Gcc, "").with_subject(library)));
    }
    let sums = body.starts_with("collect2: error:")
        || body.contains("linker command failed")
        || body.contains("in function `");
    sums.then_some(LineEvent::Ignored)
}

/// `make: *** [Makefile:12: target] Error 2`
fn make(body: &str) -> Option<LineEvent> {
    if body.starts_with("ninja: build stopped") {
        return Some(LineEvent::Build(false));
    }
    let rest = body.split_once(": *** ").map(|(_, rest)| rest);
    let Some(rest) = rest else {
        let enters = body.contains("Entering directory")
            || body.contains("Leaving directory")
            || body.contains("Nothing to be done");
        return enters.then_some(LineEvent::Ignored);
    };
    if rest.starts_with("No rule to make target") {
        let target = quoted(rest).and_then(sanitize::identifier);
        let finding = Finding::new(Kind::BuildError, Tool::Make, "no rule").with_subject(target);
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::MissingFile))));
    }
    if rest.contains("missing separator") {
        let location = body.split(": ").next().and_then(Location::read);
        return Some(LineEvent::Finding(
            Finding::new(Kind::BuildError, Tool::Make, "separator")
                .with_location(location)
                .with_reason(Some(Reason::Syntax)),
        ));
    }
    if rest.starts_with("Waiting for") {
        return Some(LineEvent::Ignored);
    }
    let inner = between(rest, "[", "]")?;
    let (at, target) = inner.rsplit_once(": ").unwrap_or(("", inner));
    let kind =
        if rest.contains("Error 137") || rest.ends_with("Killed") { Kind::OutOfMemory } else { Kind::FailedStep };
    let finding = Finding::new(kind, Tool::Make, "target").with_subject(sanitize::identifier(target));
    Some(LineEvent::Finding(finding.with_location(Location::read(at))))
}
