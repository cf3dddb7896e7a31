//! C and C++ compilers, linkers, make, CMake, and whoever writes `place: severity: message`. Rule:
//! whose message it is shows in the ending of the file.

use super::stems::{FOREIGN, sign_of, stem};
use super::words::{Line, between, quoted};
use super::{Scan, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

const NOTE: u64 = stem(b"ote");

/// What severities are called, with the sign behind them; the first three are errors.
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

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.starts_with("make") || body.starts_with("gmake") || body.starts_with("ninja: ") {
        return make(body);
    }
    if let Some(rest) = body.strip_prefix("CMake Error at ") {
        let finding = Finding::new(Kind::BuildError, Tool::Make, "cmake").at(Place::find(rest));
        return Some(Seen::Fault(finding.about(Some("CMake".to_owned()))));
    }
    const SIGNS: u64 = sign_of("error")
        | sign_of("warning")
        | sign_of("Killed")
        | sign_of("undefined")
        | sign_of("cannot find")
        | FOREIGN
        | NOTE;
    if !line.tells(SIGNS) {
        return None;
    }
    if let Some(seen) = killed(body).or_else(|| linker(body)) {
        return Some(seen);
    }
    if let Some(seen) = coded(body, scan) {
        return Some(seen);
    }
    for (sign, error) in SEVERITIES {
        if let Some((at, message)) = body.split_once(sign) {
            // Some write a dash between the place and the severity.
            let at = at.strip_suffix(" -").map_or(at, |at| at);
            let apart = body.as_bytes().get(at.len()) == Some(&b' ') && body[at.len()..].starts_with(" - ");
            let place = if apart { Place::read(&format!("{at}:")) } else { Place::read(at) };
            let place = place.filter(|_| (apart || at.ends_with([':', ')'])) && !at.contains(' '))?;
            return Some(compiler(place, message, error, scan));
        }
    }
    (line.tells(NOTE) && body.contains(" note: ")).then_some(Seen::Noise).filter(|_| Place::find(body).is_some())
}

/// `src/A.cs(3,5): error CS0103: … [/src/A.csproj]`, `a.cpp(3): error C2065: …`: said again in the sum.
fn coded(body: &str, scan: &mut Scan) -> Option<Seen> {
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
    let place = Place::read(&format!("{at}:"));
    let tool = if code.starts_with('C') && letters == 1 || code.starts_with("LNK") { Tool::Gcc } else { Tool::Dotnet };
    scan.tool = tool;
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
    let finding = Finding::new(kind, tool, message).coded(Some(code.to_owned())).at(place).because(reason);
    Some(Seen::Fault(finding.about(quoted(message).and_then(piece::identifier)).seen(Sighting::Again)))
}

fn compiler(place: Place, message: &str, error: bool, scan: &Scan) -> Seen {
    let ending = place.file.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "java" if error => return super::jvm::java_error(place, message, scan),
        "py" | "pyi" => return mypy(place, message, error),
        // A test of XCTest that failed there, with a name in front of its words.
        "swift" if message.contains(" : XCT") || message.contains(" : failed") => {
            let name = message.split(" : ").next().unwrap_or_default().trim_start_matches("-[").trim_end_matches(']');
            let finding = Finding::new(Kind::FailedTest, Tool::Swift, "").of_test(name).at(Some(place));
            return Seen::Fault(finding.because(Some(Reason::Assertion)).seen(Sighting::Again));
        }
        _ => {}
    }
    let tool = match ending {
        "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "m" | "mm" | "cu" | "S" | "inl" => Tool::Gcc,
        "go" => Tool::Go,
        "ts" | "tsx" | "js" | "jsx" | "vue" => Tool::Tsc,
        "java" => super::jvm::runner(scan),
        "kt" | "kts" | "groovy" => Tool::Gradle,
        "rs" => Tool::Cargo,
        "swift" => Tool::Swift,
        "tf" => Tool::Terraform,
        _ => Tool::Unknown,
    };
    if !error {
        let option = between(message, "[-W", "]").and_then(piece::identifier).map(|option| format!("-W{option}"));
        let kind = if option.is_some() { Kind::Lint } else { Kind::Warning };
        return Seen::Fault(Finding::new(kind, tool, message).coded(option).at(Some(place)));
    }
    let header =
        message.strip_suffix(": No such file or directory").or_else(|| message.strip_suffix("：没有那个文件或目录"));
    let header = header.or_else(|| message.strip_suffix(" file not found").and_then(quoted));
    if let Some(name) = header.and_then(piece::identifier) {
        return Seen::Fault(Finding::new(Kind::ImportError, tool, "").about(Some(name)).at(Some(place)));
    }
    let subject = quoted(message).and_then(piece::identifier);
    Seen::Fault(Finding::new(Kind::BuildError, tool, message).about(subject).at(Some(place)))
}

/// `src/a.py:12: error: Incompatible types in assignment  [assignment]`
fn mypy(place: Place, message: &str, error: bool) -> Seen {
    let rule = between(message, "(report", ")").map(|rule| format!("report{rule}"));
    let tool = if rule.is_some() { Tool::Pyright } else { Tool::Mypy };
    let code = rule.or_else(|| message.rsplit_once("  [").and_then(|(_, code)| piece::identifier(code)));
    let kind = if error { Kind::BuildError } else { Kind::Warning };
    let subject = quoted(message).and_then(piece::identifier);
    let reason = mypy_reason(code.as_deref().unwrap_or_default());
    Seen::Fault(Finding::new(kind, tool, message).coded(code).about(subject).at(Some(place)).because(reason))
}

/// What a linter or compiler tells of as an object; whose it is shows in the file and in the code.
pub(super) fn diagnosed(place: Place, message: &str, code: Option<String>, error: bool) -> Finding {
    let ending = place.file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let rule = code.as_deref().unwrap_or_default();
    let is_rule = super::words::is_rule(rule);
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
    let finding = Finding::new(kind, tool, message).coded(code).because(reason).grave(error);
    finding.about(quoted(message).and_then(piece::identifier)).at(Some(place))
}

fn is_number(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// What mypy's codes, and pyright's rules, mean; the words beside them speak of types.
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

fn killed(body: &str) -> Option<Seen> {
    let compiler = body.contains("cc1") || body.contains("internal compiler error") || body.starts_with("collect2:");
    (compiler && body.contains("Killed"))
        .then(|| Seen::Fault(Finding::new(Kind::OutOfMemory, Tool::Gcc, "").because(Some(Reason::Killed))))
}

fn linker(body: &str) -> Option<Seen> {
    let undefined = body.split_once("undefined reference to ").or_else(|| body.split_once("未定义的引用"));
    if let Some((at, symbol)) = undefined {
        let parts = at.split(": ").flat_map(|part| part.split(":("));
        // What stands last before the words is the source; before it stands the linker.
        let file =
            parts.filter_map(|part| Place::read(part).or_else(|| Place::new(part.trim_end_matches(':'), None))).last();
        let symbol =
            quoted(symbol).map(|symbol| symbol.split('(').next().unwrap_or(symbol)).and_then(piece::identifier);
        let finding = Finding::new(Kind::BuildError, Tool::Gcc, "").about(symbol).at(file);
        return Some(Seen::Fault(finding.because(Some(Reason::Undefined))));
    }
    if let Some((_, library)) = body.split_once("cannot find -l") {
        let library = library.split([':', ' ']).next().and_then(piece::identifier).map(|name| format!("lib{name}"));
        return Some(Seen::Fault(Finding::new(Kind::ImportError, Tool::Gcc, "").about(library)));
    }
    let sums = body.starts_with("collect2: error:")
        || body.contains("linker command failed")
        || body.contains("in function `");
    sums.then_some(Seen::Noise)
}

/// `make: *** [Makefile:12: target] Error 2`
fn make(body: &str) -> Option<Seen> {
    if body.starts_with("ninja: build stopped") {
        return Some(Seen::Build(false));
    }
    let rest = body.split_once(": *** ").map(|(_, rest)| rest);
    let Some(rest) = rest else {
        let enters = body.contains("Entering directory")
            || body.contains("Leaving directory")
            || body.contains("Nothing to be done");
        return enters.then_some(Seen::Noise);
    };
    if rest.starts_with("No rule to make target") {
        let target = quoted(rest).and_then(piece::identifier);
        let finding = Finding::new(Kind::BuildError, Tool::Make, "no rule").about(target);
        return Some(Seen::Fault(finding.because(Some(Reason::MissingFile))));
    }
    if rest.contains("missing separator") {
        let place = body.split(": ").next().and_then(Place::read);
        return Some(Seen::Fault(
            Finding::new(Kind::BuildError, Tool::Make, "separator").at(place).because(Some(Reason::Syntax)),
        ));
    }
    if rest.starts_with("Waiting for") {
        return Some(Seen::Noise);
    }
    let inner = between(rest, "[", "]")?;
    let (at, target) = inner.rsplit_once(": ").unwrap_or(("", inner));
    let kind =
        if rest.contains("Error 137") || rest.ends_with("Killed") { Kind::OutOfMemory } else { Kind::FailedStep };
    let finding = Finding::new(kind, Tool::Make, "target").about(piece::identifier(target));
    Some(Seen::Fault(finding.at(Place::read(at))))
}
