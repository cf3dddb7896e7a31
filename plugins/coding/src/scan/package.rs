//! npm, yarn, pnpm and pip. Rule: the code that npm names first decides; the lines behind it only
//! say of what.

use super::words::{Line, quoted};
use super::{Scan, Seen};
use crate::piece;
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if let Some(rest) = line.after("npm ERR!").or_else(|| line.after("npm error")) {
        return Some(npm(rest, scan));
    }
    if let Some(rest) = line.after("npm WARN").or_else(|| line.after("npm warn")) {
        // About npm's own settings.
        if rest.starts_with("Unknown ") && rest.contains(" config ") || rest.starts_with("config ") {
            return Some(Seen::Noise);
        }
        let deprecated = rest.starts_with("deprecated");
        let code = Some(if deprecated { "deprecated" } else { "npm" }.to_owned());
        let finding = Finding::new(Kind::Lint, Tool::Npm, rest).coded(code);
        return Some(Seen::Fault(finding.because(deprecated.then_some(Reason::Deprecated))));
    }
    pip(body).or_else(|| yarn(body))
}

fn npm(rest: &str, scan: &mut Scan) -> Seen {
    // A line of its own stack trace.
    if rest.trim_start().starts_with("at ") {
        return Seen::Noise;
    }
    if let Some(code) = rest.strip_prefix("code ") {
        return npm_code(code.trim()).map_or(Seen::Noise, Seen::Head);
    }
    if rest.starts_with("Missing script") || rest.starts_with("missing script") {
        let name = quoted(rest).or_else(|| rest.split(": ").nth(1)).and_then(piece::identifier);
        return Seen::Fault(Finding::new(Kind::MissingCommand, Tool::Npm, "missing script").about(name));
    }
    let Some(finding) = scan.waiting.as_mut().filter(|finding| finding.tool == Tool::Npm && finding.subject.is_none())
    else {
        return Seen::Noise;
    };
    let word = match finding.kind {
        Kind::Network => super::general::host_in(rest),
        _ => {
            let behind = |sign: &str| rest.split(sign).nth(1).and_then(|rest| rest.split_whitespace().next());
            let named = behind("No matching version found for ").or_else(|| behind("peer "));
            let quoted = || quoted(rest).filter(|name| name.contains('@'));
            // Without the version, but with the scope (`@scope/name@1`).
            let bare = |name: &str| {
                name.char_indices().skip(1).find(|(_, sign)| *sign == '@').map_or(name.len(), |(at, _)| at)
            };
            named.or_else(quoted).map(|name| &name[..bare(name)]).and_then(piece::identifier)
        }
    };
    finding.subject = word;
    if rest.contains("exit code 137") || rest.contains("SIGKILL") {
        finding.kind = Kind::OutOfMemory;
    }
    Seen::Noise
}

fn npm_code(code: &str) -> Option<Finding> {
    let (kind, reason) = match code {
        "ERESOLVE" => (Kind::Dependency, Reason::Conflict),
        "E404" => (Kind::Dependency, Reason::NotFound),
        "ETARGET" | "EBADENGINE" | "ENOVERSIONS" => (Kind::Dependency, Reason::Version),
        "EUSAGE" | "EINTEGRITY" => (Kind::Dependency, Reason::Conflict),
        "E401" | "E403" | "ENEEDAUTH" => (Kind::Permission, Reason::Unauthorized),
        "EACCES" | "EPERM" => (Kind::Permission, Reason::Unauthorized),
        "ENOTFOUND" | "EAI_AGAIN" => (Kind::Network, Reason::NameLookup),
        "ECONNREFUSED" => (Kind::Network, Reason::Refused),
        "ECONNRESET" | "ERR_SOCKET_TIMEOUT" => (Kind::Network, Reason::Reset),
        "ETIMEDOUT" | "ESOCKETTIMEDOUT" => (Kind::Network, Reason::TimeLimit),
        "CERT_HAS_EXPIRED" | "SELF_SIGNED_CERT_IN_CHAIN" | "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => {
            (Kind::Network, Reason::Certificate)
        }
        "ENOSPC" => return Some(Finding::new(Kind::DiskFull, Tool::Npm, "")),
        "ENOENT" => (Kind::BuildError, Reason::MissingFile),
        "1" | "ELIFECYCLE" => return Some(Finding::new(Kind::FailedStep, Tool::Npm, "exit")),
        "137" => (Kind::OutOfMemory, Reason::Killed),
        _ => return Some(Finding::new(Kind::OtherError, Tool::Npm, "").coded(piece::identifier(code))),
    };
    Some(Finding::new(kind, Tool::Npm, "").coded(piece::identifier(code)).because(Some(reason)))
}

fn pip(body: &str) -> Option<Seen> {
    if let Some(rest) = body.strip_prefix("ERROR: ") {
        if let Some(name) = rest.strip_prefix("Could not find a version that satisfies the requirement ") {
            let name = name.split([' ', ';', '=', '<', '>', '!', '~']).next().and_then(piece::identifier);
            let finding = Finding::new(Kind::Dependency, Tool::Pip, "").about(name);
            return Some(Seen::Fault(finding.because(Some(Reason::Version))));
        }
        if rest.starts_with("No matching distribution found") {
            return Some(Seen::Noise);
        }
        if rest.contains("conflicting dependencies") {
            let finding = Finding::new(Kind::Dependency, Tool::Pip, "").because(Some(Reason::Conflict));
            return Some(Seen::Fault(finding));
        }
        if let Some(name) = rest.strip_prefix("Failed building wheel for ") {
            return Some(Seen::Fault(Finding::new(Kind::BuildError, Tool::Pip, "").about(piece::identifier(name))));
        }
    }
    body.starts_with("WARNING: Retrying (Retry(").then(|| {
        let subject = Some("pypi.org".to_owned());
        Seen::Fault(Finding::new(Kind::Network, Tool::Pip, "retrying").about(subject).grave(false))
    })
}

fn yarn(body: &str) -> Option<Seen> {
    // uv, and the newer yarn and pnpm.
    if body.contains("No solution found when resolving dependencies") {
        return Some(Seen::Fault(Finding::new(Kind::Dependency, Tool::Pip, "").because(Some(Reason::Conflict))));
    }
    if let Some(rest) = body.strip_prefix("➤ YN") {
        let (_, message) = rest.split_once(": ")?;
        let message = message.trim_start_matches(['│', '┌', '└', ' ']);
        if message.starts_with("Failed with errors") {
            return Some(Seen::Ended(false));
        }
        let missing =
            message.split_once(": ").filter(|(_, why)| why.contains("not found") || why.contains("No candidates"));
        return Some(missing.map_or(Seen::Noise, |(name, _)| {
            let name = name.split("@npm").next().and_then(piece::identifier);
            Seen::Fault(Finding::new(Kind::Dependency, Tool::Npm, "").about(name).because(Some(Reason::NotFound)))
        }));
    }
    if let Some(rest) = body.strip_prefix("ERR_PNPM_").filter(|rest| !rest.starts_with("RECURSIVE")) {
        let (code, message) = rest.split_once(' ')?;
        let name = message.split("found for ").nth(1).and_then(|name| name.split_whitespace().next());
        let bare = name.map(|name| &name[..name[1.min(name.len())..].find('@').map_or(name.len(), |at| at + 1)]);
        let finding = Finding::new(Kind::Dependency, Tool::Npm, message).about(bare.and_then(piece::identifier));
        return Some(Seen::Fault(finding.coded(piece::identifier(code)).because(Some(Reason::Version))));
    }
    let failed = body.starts_with("error Command failed with exit code")
        || body.starts_with("ELIFECYCLE")
        || body.starts_with("ERR_PNPM_RECURSIVE");
    failed.then(|| Seen::Fault(Finding::new(Kind::FailedStep, Tool::Npm, "exit")))
}
