//! Messages of no particular tool: memory, network, timeouts, uncaught errors, logger levels. Rule: the word `error` in
//! the name of a file or test is no error.

use super::line::{Line, class_and_message, has_in_any_case, quoted};
use super::trigrams::{NON_ASCII, trigram_in};
use super::{LineEvent, Scanner};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Tool};

/// Sentences with one meaning at any position, in lower case.
const SENTENCES: [(&str, Kind, u64); 32] = [
    sentence_of("javascript heap out of memory", Kind::OutOfMemory),
    sentence_of("java.lang.outofmemoryerror", Kind::OutOfMemory),
    sentence_of("jvm heap space is exhausted", Kind::OutOfMemory),
    sentence_of("fatal error: out of memory", Kind::OutOfMemory),
    sentence_of("fatal error: runtime: out of memory", Kind::OutOfMemory),
    sentence_of("out of memory: kill", Kind::OutOfMemory),
    sentence_of("cannot allocate memory", Kind::OutOfMemory),
    sentence_of("memory allocation of ", Kind::OutOfMemory),
    sentence_of("std::bad_alloc", Kind::OutOfMemory),
    sentence_of("oomkilled", Kind::OutOfMemory),
    sentence_of("内存不足", Kind::OutOfMemory),
    sentence_of("no space left on device", Kind::DiskFull),
    sentence_of("磁盘空间不足", Kind::DiskFull),
    sentence_of("segmentation fault", Kind::Crash),
    sentence_of("addresssanitizer:", Kind::Crash),
    sentence_of("stack overflow", Kind::Crash),
    sentence_of("core dumped", Kind::Crash),
    sentence_of("econnrefused", Kind::Network),
    sentence_of("connection refused", Kind::Network),
    sentence_of("econnreset", Kind::Network),
    sentence_of("connection reset by peer", Kind::Network),
    sentence_of("enotfound", Kind::Network),
    sentence_of("eai_again", Kind::Network),
    sentence_of("no such host", Kind::Network),
    sentence_of("could not resolve host", Kind::Network),
    sentence_of("temporary failure in name resolution", Kind::Network),
    sentence_of("network is unreachable", Kind::Network),
    sentence_of("tls handshake timeout", Kind::Network),
    sentence_of("connection timed out", Kind::Network),
    sentence_of("etimedout", Kind::Network),
    sentence_of("exceeded timeout of ", Kind::Timeout),
    sentence_of("deadline exceeded", Kind::Timeout),
];

const fn sentence_of(words: &'static str, kind: Kind) -> (&'static str, Kind, u64) {
    (words, kind, trigram_in(words))
}

pub(super) fn read(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let body = line.body;
    if scanner.repeats(Tool::Jest) {
        return Some(LineEvent::Ignored);
    }
    if let Some(kind) = sentence(line) {
        return Some(event_of_kind(kind, body, scanner));
    }
    missing_command(body)
        .or_else(|| build_summary(line))
        .or_else(|| uncaught(line, scanner))
        .or_else(|| level(line, scanner))
}

/// The finding for a line that its sender marks as an error.
pub(super) fn error_finding(line: &Line<'_>) -> Finding {
    let (class, _) = class_and_message(line.body).unwrap_or_default();
    let kind = if class.is_empty() { Kind::OtherError } else { kind_of_class(class) };
    Finding::new(kind, Tool::Unknown, line.body)
        .with_location(Location::find(line.body))
        .with_subject(sanitize::identifier(class))
}

/// The kind of an uncaught error by its class.
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

/// The location in a stack trace that is in the project's own code: the first one, or in Python the last one.
pub fn location_in_trace(trace: &str) -> Option<Location> {
    let own = |location: &Location| {
        let foreign = ["node_modules", "internal/", "node:", "site-packages", "lib/python", "go/src/", "pkg/mod/"];
        !foreign.iter().any(|part| location.file.contains(part))
    };
    let python = |line: &str| {
        let (path, rest) = line.trim().strip_prefix("File \"")?.split_once("\", line ")?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let foreign = path.contains("site-packages") || path.contains("lib/python");
        Location::new(path, rest[..digits].parse().ok()).filter(|_| !foreign)
    };
    let lines = || trace.lines().take(200);
    let library =
        |line: &&str| ["java.base", "at java.", "org.junit", "jdk.internal"].iter().any(|part| line.contains(part));
    lines().filter_map(python).last().or_else(|| {
        let steps = lines().filter(|line| {
            !library(line)
                && (line.trim_start().starts_with("at ")
                    || line.contains(" +0x")
                    || line.starts_with('\t') && line.contains(".go:"))
        });
        let frame = |line: &str| {
            line.rsplit_once('(').and_then(|(_, inner)| Location::read(inner)).or_else(|| Location::find(line))
        };
        steps.filter_map(frame).find(own)
    })
}

/// The host of a URL, or of `host:port` after `dial tcp`, `resolve host:` and the like.
pub(super) fn host_in(text: &str) -> Option<String> {
    let word = text.split(|letter: char| letter.is_whitespace() || "\"'`,()".contains(letter)).find_map(|word| {
        let host = word.split_once("://").map_or(word, |(_, rest)| rest);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split(['/', '?', ':']).next()?;
        let parts = host.split('.').count();
        let is_host = (2..=6).contains(&parts)
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && host.rsplit('.').next().is_some_and(|last| {
                (last.len() >= 2 || is_address(host))
                    // A class name is no host.
                    && !last.starts_with(|letter: char| letter.is_ascii_uppercase())
                    && !["js", "ts", "py", "go", "rs", "java", "json", "lock", "c", "h"].contains(&last)
            })
            && (word.contains("://") || host.bytes().filter(|byte| *byte == b'.').count() >= 1);
        (is_host || host == "localhost").then_some(host)
    })?;
    sanitize::identifier(word)
}

/// `127.0.0.1`
fn is_address(host: &str) -> bool {
    host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok())
}

fn sentence(line: &Line<'_>) -> Option<Kind> {
    const ALL: u64 = {
        let mut all = 0;
        let mut at = 0;
        while at < SENTENCES.len() {
            all |= SENTENCES[at].2;
            at += 1;
        }
        all
    };
    if !line.has_any(ALL) {
        return None;
    }
    let lower = line.body.to_ascii_lowercase();
    let (_, kind, _) =
        SENTENCES.iter().find(|(words, _, trigram_bit)| line.has_any(*trigram_bit) && lower.contains(words))?;
    // Advice about a fault and names of tests are no faults.
    let about = [
        "filenotfound",
        "classnotfound",
        "modulenotfound",
        "hint:",
        "help:",
        "note:",
        "retry on",
        "handles ",
        "should ",
        "test_",
    ]
    .iter()
    .any(|phrase| lower.contains(phrase));
    (!about).then_some(*kind)
}

fn event_of_kind(kind: Kind, body: &str, scanner: &Scanner) -> LineEvent {
    if scanner.in_test() && matches!(kind, Kind::Timeout | Kind::Network) {
        return LineEvent::Reason(Reason::of(body).or(Some(Reason::TimeLimit)));
    }
    let lower = body.to_ascii_lowercase();
    let network = [
        ("refused", Reason::Refused),
        ("no such host", Reason::NameLookup),
        ("resolve", Reason::NameLookup),
        ("resolution", Reason::NameLookup),
        ("reset", Reason::Reset),
    ];
    let why = network.iter().find(|(word, _)| kind == Kind::Network && lower.contains(word)).map(|(_, reason)| *reason);
    let words = match kind {
        // The sentence itself is the fault; the text around it varies between occurrences.
        Kind::OutOfMemory | Kind::DiskFull => "",
        _ => body,
    };
    let tool = if has_in_any_case(body, "javascript heap") { Tool::Node } else { scanner.tool };
    let mut finding = Finding::new(kind, tool, words).with_reason(why.or_else(|| Reason::of(body)));
    if kind == Kind::Network {
        finding = finding.with_subject(host_in(body));
    }
    LineEvent::Finding(finding)
}

/// `sh: 1: jest: not found`, `bash: line 3: foo: command not found`, `'x' is not recognized as …`.
fn missing_command(body: &str) -> Option<LineEvent> {
    let fault = |name: &str| {
        Some(LineEvent::Finding(
            Finding::new(Kind::MissingCommand, Tool::Unknown, "command").with_subject(sanitize::identifier(name)),
        ))
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
    if let Some((_, rest)) = body.split_once("error while loading shared libraries: ") {
        let library = rest.split(':').next().and_then(sanitize::identifier);
        return Some(LineEvent::Finding(Finding::new(Kind::ImportError, Tool::Gcc, "").with_subject(library)));
    }
    let executable = body.split_once("executable file not found in")?;
    fault(quoted(executable.0)?)
}

/// That a build failed is the summary of its errors and no additional error.
fn build_summary(line: &Line<'_>) -> Option<LineEvent> {
    let bare = line.body.trim_start_matches(['[', ']', '错', '误', ' ', ':', '：']);
    let sums = ["build failed", "compilation failed", "构建失败", "编译失败"];
    let begins =
        |sum: &&str| bare.as_bytes().get(..sum.len()).is_some_and(|start| start.eq_ignore_ascii_case(sum.as_bytes()));
    (bare.len() < 120 && sums.iter().any(begins)).then_some(LineEvent::Build(false))
}

/// Levels of one letter: `E/Tag: …`, `1234  5678 E Tag: …` after a time, `E, [2026-11-30…] ERROR -- : …`.
pub(super) fn letter_level(line: &Line<'_>) -> Option<LineEvent> {
    let body = line.body;
    let bytes = body.as_bytes();
    let (letter, rest) = match bytes {
        [letter @ (b'E' | b'F' | b'W'), b'/', next, ..] if next.is_ascii_alphabetic() => (*letter, &body[2..]),
        [letter @ (b'E' | b'F' | b'W'), b',', b' ', b'[', ..] => (*letter, body.split_once(" -- ")?.1),
        [first, ..] if line.had_prefix && first.is_ascii_digit() => {
            let mut words = body.split_whitespace();
            let numbers = [words.next()?, words.next()?];
            let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
            let letter = words.next().filter(|word| word.len() == 1 && numbers.iter().all(is_number))?;
            (letter.as_bytes()[0], body.split_once(letter)?.1)
        }
        _ => return None,
    };
    let message = rest.split_once(": ")?.1;
    let kind = match letter {
        b'E' | b'F' => Kind::OtherError,
        b'W' => Kind::Warning,
        _ => return None,
    };
    Some(LineEvent::Finding(Finding::new(kind, Tool::Unknown, message).with_reason(Reason::of(message))))
}

/// Lines that begin with a level, or have one after their time.
fn level(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let dated = line.body.as_bytes().get(1).is_some_and(u8::is_ascii_digit) && line.body.starts_with(['E', 'F']);
    const TRIGRAMS: u64 = trigram_in("error")
        | trigram_in("fatal")
        | trigram_in("critical")
        | trigram_in("severe")
        | trigram_in("warn")
        | NON_ASCII;
    if !line.has_any(TRIGRAMS) && !dated {
        return None;
    }
    let body = line.body;
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
    // Time and date, a thread, a logger: at most this many words before the level.
    let stamped = line.had_prefix
        || first.starts_with(|letter: char| letter.is_ascii_digit() || letter == '[')
        || first.contains('=');
    // After a removed prefix only a thread and a logger may precede the level, which is never the last word.
    let within = if line.had_prefix { 3 } else { 5 };
    let words: Vec<&str> = start.split_whitespace().take(within + 1).collect();
    let before = &words[..words.len().saturating_sub(1)];
    let later = |names: &[&str]| stamped && before.iter().any(|word| is_level(word, names));
    let location = || Location::find(body).filter(|_| !body.contains("://"));
    if error || later(&["ERROR", "FATAL", "CRITICAL", "SEVERE", "error", "fatal", "错误"]) {
        let kind = if Reason::of(body) == Some(Reason::TimeLimit) { Kind::Timeout } else { Kind::OtherError };
        let finding = Finding::new(kind, Tool::Unknown, body).with_location(location());
        return Some(if scanner.tool == Tool::Unknown || first == "error:" {
            LineEvent::OpenFinding(finding)
        } else {
            LineEvent::Finding(finding)
        });
    }
    // `E1201 02:22:26.204844   12 server.go:265] …`
    let dated = dated
        && first.len() == 5
        && first.bytes().skip(1).all(|byte| byte.is_ascii_digit())
        && start.get(8..9) == Some(":");
    if dated && first.starts_with(['E', 'F']) {
        let message = body.split_once("] ").map_or(body, |(_, message)| message);
        return Some(LineEvent::Finding(
            Finding::new(Kind::OtherError, Tool::Unknown, message).with_reason(Reason::of(message)),
        ));
    }
    let warning = is_level(first, &["warning", "Warning", "WARNING", "WARN", "警告"])
        && (first.ends_with([':', ']', '：', '】']) || first.starts_with('W'));
    (warning || later(&["WARN", "WARNING", "warn", "warning", "警告"]))
        .then(|| LineEvent::Finding(Finding::new(Kind::Warning, Tool::Unknown, body).with_location(location())))
}

/// `TypeError: x is not a function`, as the last line of a program.
fn uncaught(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let body = line.body.strip_prefix("Uncaught ").unwrap_or(line.body);
    let (class, message) = class_and_message(body)?;
    if scanner.in_test() {
        return Some(LineEvent::Reason(Reason::of_class(class).or_else(|| Reason::of_test(message))));
    }
    if line.indent > 0 || message.is_empty() || class.ends_with("Warning") || !body.contains(": ") {
        return None;
    }
    let finding = Finding::new(kind_of_class(class), Tool::Unknown, message)
        .with_subject(class.rsplit('.').next().and_then(sanitize::identifier));
    Some(LineEvent::OpenFinding(finding.with_reason(Reason::of_class(class))))
}
