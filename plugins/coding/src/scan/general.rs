//! What no tool in particular says: memory, network, time limits, uncaught errors, levels of
//! loggers. Rule: the word `error` in the name of a file or test is no error.

use super::words::{Line, class_and_message, has_in_any_case, quoted};
use super::{Scan, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

/// Sentences that mean one thing wherever they stand, in lower case.
const SENTENCES: [(&str, Kind); 32] = [
    ("javascript heap out of memory", Kind::OutOfMemory),
    ("java.lang.outofmemoryerror", Kind::OutOfMemory),
    ("jvm heap space is exhausted", Kind::OutOfMemory),
    ("fatal error: out of memory", Kind::OutOfMemory),
    ("fatal error: runtime: out of memory", Kind::OutOfMemory),
    ("out of memory: kill", Kind::OutOfMemory),
    ("cannot allocate memory", Kind::OutOfMemory),
    ("memory allocation of ", Kind::OutOfMemory),
    ("std::bad_alloc", Kind::OutOfMemory),
    ("oomkilled", Kind::OutOfMemory),
    ("内存不足", Kind::OutOfMemory),
    ("no space left on device", Kind::DiskFull),
    ("磁盘空间不足", Kind::DiskFull),
    ("segmentation fault", Kind::Crash),
    ("addresssanitizer:", Kind::Crash),
    ("stack overflow", Kind::Crash),
    ("core dumped", Kind::Crash),
    ("econnrefused", Kind::Network),
    ("connection refused", Kind::Network),
    ("econnreset", Kind::Network),
    ("connection reset by peer", Kind::Network),
    ("enotfound", Kind::Network),
    ("eai_again", Kind::Network),
    ("no such host", Kind::Network),
    ("could not resolve host", Kind::Network),
    ("temporary failure in name resolution", Kind::Network),
    ("network is unreachable", Kind::Network),
    ("tls handshake timeout", Kind::Network),
    ("connection timed out", Kind::Network),
    ("etimedout", Kind::Network),
    ("exceeded timeout of ", Kind::Timeout),
    ("deadline exceeded", Kind::Timeout),
];

pub(super) fn read(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    let body = line.body;
    if scan.repeats(Tool::Jest) {
        return Some(Seen::Noise);
    }
    if let Some(kind) = troubled(body.as_bytes()).then(|| sentence(body)).flatten() {
        return Some(of_kind(kind, body, scan));
    }
    missing_command(body).or_else(|| sums_up(body)).or_else(|| uncaught(line, scan)).or_else(|| level(body, scan))
}

/// A line that its sender calls an error.
pub(super) fn told_error(line: &Line<'_>) -> Finding {
    let (class, _) = class_and_message(line.body).unwrap_or_default();
    let kind = if class.is_empty() { Kind::OtherError } else { kind_of_class(class) };
    Finding::new(kind, Tool::Unknown, line.body).at(Place::find(line.body)).about(piece::identifier(class))
}

/// What the class of an uncaught error means.
pub(super) fn kind_of_class(class: &str) -> Kind {
    let last = class.rsplit(['.', ':', '$']).next().unwrap_or(class);
    match last {
        "MemoryError" | "OutOfMemoryError" => Kind::OutOfMemory,
        "ModuleNotFoundError" | "ImportError" | "ClassNotFoundException" | "NoClassDefFoundError" => Kind::ImportError,
        "SyntaxError" | "IndentationError" | "TabError" => Kind::BuildError,
        "PermissionError" | "AccessDeniedException" => Kind::Permission,
        _ if last.contains("Timeout") || last.contains("TimedOut") => Kind::Timeout,
        _ if last.starts_with("Connect")
            || last.contains("UnknownHost")
            || last == "gaierror"
            || last == "URLError" =>
        {
            Kind::Network
        }
        _ => Kind::Crash,
    }
}

/// The host of a URL, or of `host:port` behind `dial tcp`, `resolve host:` and the like.
pub(super) fn host_in(text: &str) -> Option<String> {
    let word = text.split(|letter: char| letter.is_whitespace() || "\"'`,()".contains(letter)).find_map(|word| {
        let host = word.split_once("://").map_or(word, |(_, rest)| rest);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split(['/', '?', ':']).next()?;
        let parts = host.split('.').count();
        let is_host = parts >= 2
            && parts <= 6
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && host.rsplit('.').next().is_some_and(|last| {
                last.len() >= 2 && !["js", "ts", "py", "go", "rs", "java", "json", "lock", "c", "h"].contains(&last)
            })
            && (word.contains("://") || host.bytes().filter(|byte| *byte == b'.').count() >= 1);
        (is_host || host == "localhost").then_some(host)
    })?;
    piece::identifier(word)
}

/// Whether one of the sentences may be in a line: a cheap look before the dear one.
fn troubled(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|part| {
        let part = [part[0] | 0x20, part[1] | 0x20, part[2] | 0x20];
        matches!(
            &part,
            b"mem"
                | b"hea"
                | b"ref"
                | b"no "
                | b"eco"
                | b"con"
                | b"eno"
                | b"eai"
                | b"res"
                | b"nam"
                | b"seg"
                | b"san"
                | b"sta"
                | b"cor"
                | b"unr"
                | b"tls"
                | b"eti"
                | b"exc"
                | b"dea"
                | b"oom"
                | b"_al"
        )
    }) || bytes.iter().any(|byte| *byte >= 0xe3)
}

fn sentence(body: &str) -> Option<Kind> {
    let lower = body.to_ascii_lowercase();
    // Advice on a fault and names of files are no faults.
    let (_, kind) = SENTENCES.iter().find(|(sign, _)| lower.contains(sign))?;
    let about =
        ["hint:", "help:", "note:", "retry on", "handles ", "should ", "test_"].iter().any(|sign| lower.contains(sign));
    (!about).then_some(*kind)
}

fn of_kind(kind: Kind, body: &str, scan: &Scan) -> Seen {
    if scan.in_test() && matches!(kind, Kind::Timeout | Kind::Network) {
        return Seen::Reason(Reason::of(body).or(Some(Reason::TimeLimit)));
    }
    let words = match kind {
        // The sentence itself is the fault; what is around it changes from sighting to sighting.
        Kind::OutOfMemory | Kind::DiskFull => "",
        _ => body,
    };
    let tool = if has_in_any_case(body, "javascript heap") { Tool::Node } else { scan.tool };
    let mut finding = Finding::new(kind, tool, words).because(Reason::of(body));
    if kind == Kind::Network {
        finding = finding.about(host_in(body));
    }
    Seen::Fault(finding)
}

/// `sh: 1: jest: not found`, `bash: line 3: foo: command not found`, `'x' is not recognized as …`.
fn missing_command(body: &str) -> Option<Seen> {
    let fault = |name: &str| {
        Some(Seen::Fault(Finding::new(Kind::MissingCommand, Tool::Unknown, "command").about(piece::identifier(name))))
    };
    if let Some(rest) = body.strip_suffix(": command not found").or_else(|| body.strip_suffix("：未找到命令")) {
        return fault(rest.rsplit([':', '：']).next()?);
    }
    if let Some(rest) = body.strip_suffix(": not found").filter(|rest| rest.contains("sh: ")) {
        return fault(rest.rsplit(':').next()?);
    }
    if body.contains("is not recognized as an internal or external command") {
        return fault(quoted(body)?);
    }
    let executable = body.split_once("executable file not found in")?;
    fault(quoted(executable.0)?)
}

/// That a build failed is the sum of its errors and no error more.
fn sums_up(body: &str) -> Option<Seen> {
    let bare = body.trim_start_matches(['[', ']', '错', '误', ' ', ':', '：']);
    let sums = ["build failed", "compilation failed", "构建失败", "编译失败"];
    sums.iter().any(|sum| bare.len() < 120 && bare.to_lowercase().starts_with(sum)).then_some(Seen::Build(false))
}

/// Lines that begin with a level, or have one behind their time.
fn level(body: &str, scan: &Scan) -> Option<Seen> {
    let start = &body[..body.floor_char_boundary(80)];
    let is_level = |word: &str, names: &[&str]| {
        let word = word.trim_matches(['[', ']', ':', '(', ')', '|', '：', '【', '】']);
        names.contains(&word)
            || word
                .split_once('=')
                .is_some_and(|(key, value)| key == "level" && names.contains(&value.trim_matches('"')))
    };
    let mut words = start.split_whitespace();
    let first = words.next()?;
    let error = first.len() > 5
        && is_level(first, &["error", "Error", "ERROR", "fatal", "错误", "ERR!"])
        && first.ends_with([':', ']', '：', '】'])
        || is_level(first, &["ERROR", "FATAL", "CRITICAL", "SEVERE"])
        || first.starts_with("错误：")
        || first.starts_with("错误:");
    // Time and date, a thread, a logger: at most so many words before the level.
    let stamped = first.starts_with(|letter: char| letter.is_ascii_digit() || letter == '[') || first.contains('=');
    let later = |names: &[&str]| stamped && start.split_whitespace().take(5).any(|word| is_level(word, names));
    let place = || Place::find(body).filter(|_| !body.contains("://"));
    if error || later(&["ERROR", "FATAL", "CRITICAL", "SEVERE", "error", "fatal", "错误"]) {
        let kind = if Reason::of(body) == Some(Reason::TimeLimit) { Kind::Timeout } else { Kind::OtherError };
        let finding = Finding::new(kind, Tool::Unknown, body).at(place());
        return Some(if scan.tool == Tool::Unknown || first == "error:" {
            Seen::Head(finding)
        } else {
            Seen::Fault(finding)
        });
    }
    let warning = is_level(first, &["warning", "Warning", "WARNING", "WARN", "警告"])
        && (first.ends_with([':', ']', '：', '】']) || first.starts_with('W'));
    (warning || later(&["WARN", "WARNING", "warn", "warning", "警告"]))
        .then(|| Seen::Fault(Finding::new(Kind::Warning, Tool::Unknown, body).at(place())))
}

/// `TypeError: x is not a function`, as the last line of a program that nobody caught.
fn uncaught(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    let body = line.body.strip_prefix("Uncaught ").unwrap_or(line.body);
    let (class, message) = class_and_message(body)?;
    if scan.in_test() {
        return Some(Seen::Reason(Reason::of_class(class).or_else(|| Reason::of_test(message))));
    }
    if line.indent > 0 || message.is_empty() || class.ends_with("Warning") || !body.contains(": ") {
        return None;
    }
    let finding = Finding::new(kind_of_class(class), Tool::Unknown, message)
        .about(class.rsplit('.').next().and_then(piece::identifier));
    Some(Seen::Head(finding.because(Reason::of_class(class))))
}
