//! Crashes: sanitizers, valgrind, signals, and fatal errors of PHP, Ruby, Perl and Elixir. Rule: the location is the
//! one in the project's own code.

use super::line::{Line, between, number_after};
use super::trigrams::trigram;
use super::{LineEvent, Scanner, general};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'=' if body.starts_with("==") => report(body),
        b'W' | b'S' if line.has_any(const { trigram(b"san") }) && body.contains("Sanitizer: ") => sanitizer(body),
        b'#' => frame(line, scanner),
        b'K' if body == "Killed" || body.starts_with("Killed: 9") || body.starts_with("Killed ") => {
            Some(killed(scanner))
        }
        b'P' if body.starts_with("PHP ") => php(&body[4..]),
        b'F' | b'P' if body.starts_with("Fatal error: ") || body.starts_with("Parse error: ") => php(body),
        b'*' if body.starts_with("** (") => elixir(body),
        b'C' if body.starts_with("Can't locate ") && body.contains("@INC") => {
            let module = body.split(' ').nth(2)?.trim_end_matches(".pm").replace('/', "::");
            let location = perl_location(body);
            Some(LineEvent::Finding(
                Finding::new(Kind::ImportError, Tool::Unknown, "")
                    .with_subject(sanitize::identifier(&module))
                    .with_location(location),
            ))
        }
        _ if line.has_any(const { trigram(b"err") }) && body.contains(": runtime error: ") => {
            let (at, message) = body.split_once(": runtime error: ")?;
            let location = Location::read(at)?;
            let finding = Finding::new(Kind::Crash, Tool::Gcc, message).with_location(Some(location));
            Some(LineEvent::Finding(
                finding.with_reason(Reason::of(message)).with_subject(Some("UndefinedBehaviorSanitizer".to_owned())),
            ))
        }
        _ if line.has_any(const { trigram(b"rb:") }) && body.contains(".rb:") => ruby(body),
        _ if body.starts_with("syntax error at ") => {
            let finding = Finding::new(Kind::BuildError, Tool::Unknown, body).with_location(perl_location(body));
            Some(LineEvent::Finding(finding.with_reason(Some(Reason::Syntax))))
        }
        _ => None,
    }
}

/// `==12==ERROR: AddressSanitizer: heap-use-after-free on …`, `==12== Invalid read of size 4`
fn report(body: &str) -> Option<LineEvent> {
    let rest = body.trim_start_matches('=');
    let (number, rest) = rest.split_once("==")?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start();
    if rest.starts_with("ERROR: ") || rest.starts_with("WARNING: ") {
        return sanitizer(rest);
    }
    if rest.starts_with("Invalid ") || rest.starts_with("Use of uninitialised") || rest.starts_with("Conditional jump")
    {
        return Some(LineEvent::OpenFinding(
            Finding::new(Kind::Crash, Tool::Gcc, rest).with_subject(Some("valgrind".to_owned())),
        ));
    }
    if let Some(errors) = number_after(rest, "ERROR SUMMARY: ") {
        return Some(LineEvent::Verdict(errors == 0));
    }
    if rest.starts_with("at 0x") || rest.starts_with("by 0x") {
        let location = between(rest, "(", ")").and_then(Location::read);
        return Some(location.map_or(LineEvent::Ignored, LineEvent::Location));
    }
    Some(LineEvent::Ignored)
}

fn sanitizer(body: &str) -> Option<LineEvent> {
    let (who, what) = body.split_once("Sanitizer: ")?;
    let name = format!("{}Sanitizer", who.rsplit(' ').next()?);
    if body.starts_with("SUMMARY: ") {
        let location = Location::find(what);
        return Some(location.map_or(LineEvent::Ignored, |location| LineEvent::Complete(Some(location), None)));
    }
    let race = what.starts_with("data race").then_some(Reason::Race);
    let finding =
        Finding::new(Kind::Crash, Tool::Gcc, what.split(' ').next()?).with_subject(sanitize::identifier(&name));
    Some(LineEvent::OpenFinding(finding.with_reason(race)))
}

/// `#0 0x55d in main /src/a.c:2`, of a sanitizer or a debugger.
fn frame(line: &Line<'_>, scanner: &Scanner) -> Option<LineEvent> {
    let body = line.body;
    let number = body[1..].bytes().take_while(u8::is_ascii_digit).count();
    let is_waiting =
        scanner.waiting.as_ref().is_some_and(|finding| finding.kind == Kind::Crash && finding.tool == Tool::Gcc);
    if number == 0 || !is_waiting || !body[1 + number..].trim_start().starts_with("0x") {
        return None;
    }
    let location = body.rsplit(' ').next().and_then(Location::read);
    let own = location.filter(|location| {
        !body.contains("/sysdeps/") && !body.contains("libsanitizer") && !location.file.starts_with("../csu")
    });
    Some(own.map_or(LineEvent::Ignored, LineEvent::Location))
}

fn killed(scanner: &Scanner) -> LineEvent {
    LineEvent::Finding(Finding::new(Kind::OutOfMemory, scanner.tool, "").with_reason(Some(Reason::Killed)))
}

/// `Fatal error:  Uncaught TypeError: … in /app/src/a.php:12`, `Parse error:  … in a.php on line 3`
fn php(body: &str) -> Option<LineEvent> {
    let (level, message) = body.split_once(": ")?;
    let message = message.trim();
    let is_error = match level {
        "Fatal error" | "Parse error" | "Recoverable fatal error" => true,
        "Warning" | "Notice" | "Deprecated" => false,
        _ => return None,
    };
    let at = message.rsplit_once(" in ").map(|(_, at)| at)?;
    let location = match at.split_once(" on line ") {
        Some((file, line)) => Location::new(file, line.trim().parse().ok()),
        None => Location::read(at),
    };
    let class = message.strip_prefix("Uncaught ").and_then(|rest| rest.split(':').next());
    let kind = match (is_error, level) {
        (false, _) => Kind::Warning,
        (true, "Parse error") => Kind::BuildError,
        (true, _) if message.starts_with("Allowed memory size") => Kind::OutOfMemory,
        (true, _) => class.map_or(Kind::Crash, general::kind_of_class),
    };
    let finding = Finding::new(kind, Tool::Unknown, message)
        .with_location(location)
        .with_subject(class.and_then(sanitize::identifier));
    let reason = class.and_then(Reason::of_class).or_else(|| Reason::of(message));
    Some(LineEvent::Finding(finding.with_reason(reason)))
}

/// `lib/cart.rb:12:in 'total': undefined method 'x' for nil (NoMethodError)`
fn ruby(body: &str) -> Option<LineEvent> {
    // `lib/cart.rb:12:5: C: [Correctable] Layout/IndentationWidth: …`
    if let Some((at, rest)) = [": C: ", ": W: ", ": E: ", ": F: "].iter().find_map(|sign| body.split_once(sign)) {
        let location = Location::read(&format!("{at}:")).filter(|location| location.file.ends_with(".rb"))?;
        let rule = rest.trim_start_matches("[Correctable] ").split(": ").next().and_then(sanitize::identifier);
        let error = body[at.len()..].starts_with(": E") || body[at.len()..].starts_with(": F");
        return Some(LineEvent::Finding(
            Finding::new(Kind::Lint, Tool::Unknown, rest)
                .with_code(rule)
                .with_location(Some(location))
                .with_error(error),
        ));
    }
    let (at, rest) = body.split_once(":in ")?;
    let location = Location::read(&format!("{at}:")).filter(|location| location.file.ends_with(".rb"))?;
    let class = rest
        .rsplit_once(" (")
        .and_then(|(_, class)| class.strip_suffix(')'))
        .filter(|class| class.ends_with("Error"))?;
    let finding = Finding::new(general::kind_of_class(class), Tool::Unknown, rest).with_location(Some(location));
    Some(LineEvent::Finding(
        finding
            .with_subject(sanitize::identifier(class))
            .with_reason(Reason::of_class(class).or_else(|| Reason::of(rest))),
    ))
}

/// `** (CompileError) lib/a.ex:3: undefined function x/0`
fn elixir(body: &str) -> Option<LineEvent> {
    let class = between(body, "** (", ")")?;
    let rest = body.split_once(") ")?.1;
    let kind = if class == "CompileError" || class.contains("Syntax") { Kind::BuildError } else { Kind::Crash };
    let finding = Finding::new(kind, Tool::Unknown, rest)
        .with_subject(sanitize::identifier(class))
        .with_location(Location::find(rest));
    Some(LineEvent::OpenFinding(finding.with_reason(Reason::of(rest))))
}

/// `… at lib/A.pm line 3.`
fn perl_location(body: &str) -> Option<Location> {
    let (before, line) = body.rsplit_once(" line ")?;
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    Location::new(
        before.rsplit_once(" at ").map_or_else(|| before.trim_start_matches("syntax error at "), |(_, file)| file),
        line[..digits].parse().ok(),
    )
}
