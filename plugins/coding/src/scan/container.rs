//! docker and BuildKit. Rule: how a step ended is told by its exit code; why is told by what ran in
//! it, which the other rules read.

use super::stems::sign_of;
use super::words::{Line, number_after, quoted};
use super::{Scan, Seen};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.starts_with("Dockerfile:") || body.starts_with("Containerfile:") {
        scan.last_place = Place::read(body);
        return Some(Seen::Noise);
    }
    if body.starts_with("=> ERROR")
        || body.starts_with("> [")
        || body.starts_with("=> [")
        || body.starts_with("=> CANCELED")
    {
        return Some(Seen::Noise);
    }
    if body.starts_with("Successfully built ") || body.starts_with("naming to ") {
        return Some(Seen::Build(true));
    }
    const SIGNS: u64 = sign_of("exit code")
        | sign_of("non-zero")
        | sign_of("failed")
        | sign_of("denied")
        | sign_of("annot")
        | sign_of("toomany");
    if !line.tells(SIGNS) {
        return None;
    }
    if body.contains("did not complete successfully: exit code: ") || body.contains("returned a non-zero code: ") {
        let code = number_after(body, "exit code: ").or_else(|| number_after(body, "non-zero code: "))?;
        let sighting = if body.contains("failed to solve") { Sighting::Report } else { Sighting::Mention };
        return Some(Seen::Fault(ended(code, scan).seen(sighting)));
    }
    if let Some(rest) = body.split_once("failed to solve: ").map(|(_, rest)| rest) {
        return Some(Seen::Fault(unsolved(rest, scan)));
    }
    if let Some(rest) = body.split_once("pull access denied for ").map(|(_, rest)| rest) {
        let image = rest.split([',', ' ']).next().and_then(piece::identifier);
        let finding = Finding::new(Kind::Permission, Tool::Docker, "pull").about(image);
        return Some(Seen::Fault(finding.because(Some(Reason::Unauthorized))));
    }
    if body.contains("annot connect to the Docker daemon") {
        let finding = Finding::new(Kind::MissingCommand, Tool::Docker, "daemon").about(Some("dockerd".to_owned()));
        return Some(Seen::Fault(finding.because(Some(Reason::Refused))));
    }
    if body.contains("toomanyrequests") {
        let finding = Finding::new(Kind::Network, Tool::Docker, "").about(Some("docker.io".to_owned()));
        return Some(Seen::Fault(finding.because(Some(Reason::RateLimit))));
    }
    None
}

/// A step that ended with this code.
fn ended(code: u32, scan: &mut Scan) -> Finding {
    let (kind, reason) = match code {
        137 => (Kind::OutOfMemory, Some(Reason::Killed)),
        127 => (Kind::MissingCommand, None),
        _ => (Kind::FailedStep, None),
    };
    // Told of twice; the place is known between the two, so it is not part of the fingerprint.
    let finding = Finding::new(kind, Tool::Docker, "step").coded(Some(format!("exit {code}"))).because(reason);
    finding.at(scan.last_place.take())
}

fn unsolved(rest: &str, scan: &mut Scan) -> Finding {
    let place = scan.last_place.take();
    let fault = |kind, reason, subject: Option<String>| {
        Finding::new(kind, Tool::Docker, "unsolved").about(subject).because(Some(reason)).at(place.clone())
    };
    let lower = rest.to_lowercase();
    if lower.contains("dockerfile parse error") || lower.contains("unknown instruction") {
        return fault(Kind::BuildError, Reason::Syntax, None);
    }
    if lower.contains("cache key") || lower.contains("file not found") {
        let path = quoted(rest).or_else(|| rest.split(' ').find(|word| word.starts_with('/')));
        return fault(Kind::BuildError, Reason::MissingFile, path.and_then(piece::identifier));
    }
    let image = rest.split(": ").next().and_then(piece::identifier);
    if lower.contains("unauthorized") || lower.contains("denied") {
        return fault(Kind::Permission, Reason::Unauthorized, image);
    }
    if lower.contains("not found") {
        return fault(Kind::Dependency, Reason::NotFound, image);
    }
    if lower.contains("dial tcp") || lower.contains("timeout") {
        return fault(Kind::Network, Reason::of(rest).unwrap_or(Reason::Refused), super::general::host_in(rest));
    }
    Finding::new(Kind::BuildError, Tool::Docker, rest).at(place)
}
