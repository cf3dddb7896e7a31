//! Programs that die: sanitizers, valgrind, signals, and the last words of PHP, Ruby, Perl and Elixir.
//! Rule: the place is where the project's own code stood.

use super::stems::stem;
use super::words::{Line, between, number_after};
use super::{Scan, Seen, general};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'=' if body.starts_with("==") => report(body),
        b'W' | b'S' if line.tells(const { stem(b"san") }) && body.contains("Sanitizer: ") => sanitizer(body),
        b'#' => frame(line, scan),
        b'K' if body == "Killed" || body.starts_with("Killed: 9") || body.starts_with("Killed ") => Some(killed(scan)),
        b'P' if body.starts_with("PHP ") => php(&body[4..]),
        b'F' | b'P' if body.starts_with("Fatal error: ") || body.starts_with("Parse error: ") => php(body),
        b'*' if body.starts_with("** (") => elixir(body),
        b'C' if body.starts_with("Can't locate ") && body.contains("@INC") => {
            let module = body.split(' ').nth(2)?.trim_end_matches(".pm").replace('/', "::");
            let place = perl_place(body);
            Some(Seen::Fault(
                Finding::new(Kind::ImportError, Tool::Unknown, "").about(piece::identifier(&module)).at(place),
            ))
        }
        _ if line.tells(const { stem(b"err") }) && body.contains(": runtime error: ") => {
            let (at, message) = body.split_once(": runtime error: ")?;
            let place = Place::read(at)?;
            let finding = Finding::new(Kind::Crash, Tool::Gcc, message).at(Some(place));
            Some(Seen::Fault(finding.because(Reason::of(message)).about(Some("UndefinedBehaviorSanitizer".to_owned()))))
        }
        _ if line.tells(const { stem(b"rb:") }) && body.contains(".rb:") => ruby(body),
        _ if body.starts_with("syntax error at ") => {
            let finding = Finding::new(Kind::BuildError, Tool::Unknown, body).at(perl_place(body));
            Some(Seen::Fault(finding.because(Some(Reason::Syntax))))
        }
        _ => None,
    }
}

/// `==12==ERROR: AddressSanitizer: heap-use-after-free on …`, `==12== Invalid read of size 4`
fn report(body: &str) -> Option<Seen> {
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
        return Some(Seen::Head(Finding::new(Kind::Crash, Tool::Gcc, rest).about(Some("valgrind".to_owned()))));
    }
    if let Some(errors) = number_after(rest, "ERROR SUMMARY: ") {
        return Some(Seen::Ended(errors == 0));
    }
    if rest.starts_with("at 0x") || rest.starts_with("by 0x") {
        let place = between(rest, "(", ")").and_then(Place::read);
        return Some(place.map_or(Seen::Noise, Seen::Place));
    }
    Some(Seen::Noise)
}

fn sanitizer(body: &str) -> Option<Seen> {
    let (who, what) = body.split_once("Sanitizer: ")?;
    let name = format!("{}Sanitizer", who.rsplit(' ').next()?);
    if body.starts_with("SUMMARY: ") {
        let place = Place::find(what);
        return Some(place.map_or(Seen::Noise, |place| Seen::End(Some(place), None)));
    }
    let race = what.starts_with("data race").then_some(Reason::Race);
    let finding = Finding::new(Kind::Crash, Tool::Gcc, what.split(' ').next()?).about(piece::identifier(&name));
    Some(Seen::Head(finding.because(race)))
}

/// `#0 0x55d in main /src/a.c:2`, of a sanitizer or a debugger.
fn frame(line: &Line<'_>, scan: &Scan) -> Option<Seen> {
    let body = line.body;
    let number = body[1..].bytes().take_while(u8::is_ascii_digit).count();
    let waits = scan.waiting.as_ref().is_some_and(|finding| finding.kind == Kind::Crash && finding.tool == Tool::Gcc);
    if number == 0 || !waits || !body[1 + number..].trim_start().starts_with("0x") {
        return None;
    }
    let place = body.rsplit(' ').next().and_then(Place::read);
    let own = place.filter(|place| {
        !body.contains("/sysdeps/") && !body.contains("libsanitizer") && !place.file.starts_with("../csu")
    });
    Some(own.map_or(Seen::Noise, Seen::Place))
}

fn killed(scan: &Scan) -> Seen {
    Seen::Fault(Finding::new(Kind::OutOfMemory, scan.tool, "").because(Some(Reason::Killed)))
}

/// `Fatal error:  Uncaught TypeError: … in /app/src/a.php:12`, `Parse error:  … in a.php on line 3`
fn php(body: &str) -> Option<Seen> {
    let (level, message) = body.split_once(": ")?;
    let message = message.trim();
    let grave = match level {
        "Fatal error" | "Parse error" | "Recoverable fatal error" => true,
        "Warning" | "Notice" | "Deprecated" => false,
        _ => return None,
    };
    let at = message.rsplit_once(" in ").map(|(_, at)| at)?;
    let place = match at.split_once(" on line ") {
        Some((file, line)) => Place::new(file, line.trim().parse().ok()),
        None => Place::read(at),
    };
    let class = message.strip_prefix("Uncaught ").and_then(|rest| rest.split(':').next());
    let kind = match (grave, level) {
        (false, _) => Kind::Warning,
        (true, "Parse error") => Kind::BuildError,
        (true, _) if message.starts_with("Allowed memory size") => Kind::OutOfMemory,
        (true, _) => class.map_or(Kind::Crash, general::kind_of_class),
    };
    let finding = Finding::new(kind, Tool::Unknown, message).at(place).about(class.and_then(piece::identifier));
    let reason = class.and_then(Reason::of_class).or_else(|| Reason::of(message));
    Some(Seen::Fault(finding.because(reason)))
}

/// `lib/cart.rb:12:in 'total': undefined method 'x' for nil (NoMethodError)`
fn ruby(body: &str) -> Option<Seen> {
    // `lib/cart.rb:12:5: C: [Correctable] Layout/IndentationWidth: …`
    if let Some((at, rest)) = [": C: ", ": W: ", ": E: ", ": F: "].iter().find_map(|sign| body.split_once(sign)) {
        let place = Place::read(&format!("{at}:")).filter(|place| place.file.ends_with(".rb"))?;
        let rule = rest.trim_start_matches("[Correctable] ").split(": ").next().and_then(piece::identifier);
        let error = body[at.len()..].starts_with(": E") || body[at.len()..].starts_with(": F");
        return Some(Seen::Fault(
            Finding::new(Kind::Lint, Tool::Unknown, rest).coded(rule).at(Some(place)).grave(error),
        ));
    }
    let (at, rest) = body.split_once(":in ")?;
    let place = Place::read(&format!("{at}:")).filter(|place| place.file.ends_with(".rb"))?;
    let class = rest
        .rsplit_once(" (")
        .and_then(|(_, class)| class.strip_suffix(')'))
        .filter(|class| class.ends_with("Error"))?;
    let finding = Finding::new(general::kind_of_class(class), Tool::Unknown, rest).at(Some(place));
    Some(Seen::Fault(
        finding.about(piece::identifier(class)).because(Reason::of_class(class).or_else(|| Reason::of(rest))),
    ))
}

/// `** (CompileError) lib/a.ex:3: undefined function x/0`
fn elixir(body: &str) -> Option<Seen> {
    let class = between(body, "** (", ")")?;
    let rest = body.split_once(") ")?.1;
    let kind = if class == "CompileError" || class.contains("Syntax") { Kind::BuildError } else { Kind::Crash };
    let finding = Finding::new(kind, Tool::Unknown, rest).about(piece::identifier(class)).at(Place::find(rest));
    Some(Seen::Head(finding.because(Reason::of(rest))))
}

/// `… at lib/A.pm line 3.`
fn perl_place(body: &str) -> Option<Place> {
    let (before, line) = body.rsplit_once(" line ")?;
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    Place::new(
        before.rsplit_once(" at ").map_or_else(|| before.trim_start_matches("syntax error at "), |(_, file)| file),
        line[..digits].parse().ok(),
    )
}
