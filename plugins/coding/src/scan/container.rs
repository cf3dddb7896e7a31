//! docker and BuildKit. Rule: the exit code says how a step ended; why is found by the other rules in the output of the
//! step.

use super::line::{Line, number_after, quoted};
use super::trigrams::trigram_in;
use super::{LineEvent, Scanner};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if body.starts_with("Dockerfile:") || body.starts_with("Containerfile:") {
        scanner.last_place = Location::read(body);
        return Some(LineEvent::Ignored);
    }
    if body.starts_with("=> ERROR")
        || body.starts_with("> [")
        || body.starts_with("=> [")
        || body.starts_with("=> CANCELED")
    {
        return Some(LineEvent::Ignored);
    }
    if body.starts_with("Successfully built ") || body.starts_with("naming to ") {
        return Some(LineEvent::Build(true));
    }
    const TRIGRAMS: u64 = trigram_in("exit code")
        | trigram_in("non-zero")
        | trigram_in("failed")
        | trigram_in("denied")
        | trigram_in("annot")
        | trigram_in("toomany");
    if !line.has_any(TRIGRAMS) {
        return None;
    }
    if body.contains("did not complete successfully: exit code: ") || body.contains("returned a non-zero code: ") {
        let code = number_after(body, "exit code: ").or_else(|| number_after(body, "non-zero code: "))?;
        let occurrence = if body.contains("failed to solve") { Occurrence::Report } else { Occurrence::Mention };
        return Some(LineEvent::Finding(ended(code, scanner).with_occurrence(occurrence)));
    }
    if let Some(rest) = body.split_once("failed to solve: ").map(|(_, rest)| rest) {
        return Some(LineEvent::Finding(unsolved(rest, scanner)));
    }
    if let Some(rest) = body.split_once("pull access denied for ").map(|(_, rest)| rest) {
        let image = rest.split([',', ' ']).next().and_then(sanitize::identifier);
        let finding = Finding::new(Kind::Permission, Tool::Docker, "pull").with_subject(image);
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::Unauthorized))));
    }
    if body.contains("annot connect to the Docker daemon") {
        let finding =
            Finding::new(Kind::MissingCommand, Tool::Docker, "daemon").with_subject(Some("dockerd".to_owned()));
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::Refused))));
    }
    if body.contains("toomanyrequests") {
        let finding = Finding::new(Kind::Network, Tool::Docker, "").with_subject(Some("docker.io".to_owned()));
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::RateLimit))));
    }
    None
}

/// A step that ended with this code.
fn ended(code: u32, scanner: &mut Scanner) -> Finding {
    let (kind, reason) = match code {
        137 => (Kind::OutOfMemory, Some(Reason::Killed)),
        127 => (Kind::MissingCommand, None),
        _ => (Kind::FailedStep, None),
    };
    // It is reported twice and its location is known between the two, so the location is not part of the fingerprint.
    let finding = Finding::new(kind, Tool::Docker, "step").with_code(Some(format!("exit {code}"))).with_reason(reason);
    finding.with_location(scanner.last_place.take())
}

fn unsolved(rest: &str, scanner: &mut Scanner) -> Finding {
    let location = scanner.last_place.take();
    let fault = |kind, reason, subject: Option<String>| {
        Finding::new(kind, Tool::Docker, "unsolved")
            .with_subject(subject)
            .with_reason(Some(reason))
            .with_location(location.clone())
    };
    let lower = rest.to_lowercase();
    if lower.contains("dockerfile parse error") || lower.contains("unknown instruction") {
        return fault(Kind::BuildError, Reason::Syntax, None);
    }
    if lower.contains("cache key") || lower.contains("file not found") {
        let path = quoted(rest).or_else(|| rest.split(' ').find(|word| word.starts_with('/')));
        return fault(Kind::BuildError, Reason::MissingFile, path.and_then(sanitize::identifier));
    }
    let image = rest.split(": ").next().and_then(sanitize::identifier);
    if lower.contains("unauthorized") || lower.contains("denied") {
        return fault(Kind::Permission, Reason::Unauthorized, image);
    }
    if lower.contains("not found") {
        return fault(Kind::Dependency, Reason::NotFound, image);
    }
    if lower.contains("dial tcp") || lower.contains("timeout") {
        return fault(Kind::Network, Reason::of(rest).unwrap_or(Reason::Refused), super::general::host_in(rest));
    }
    Finding::new(Kind::BuildError, Tool::Docker, rest).with_location(location)
}
