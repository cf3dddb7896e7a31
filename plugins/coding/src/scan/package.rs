//! npm, yarn, pnpm and pip. Rule: the first code of npm decides the kind; the following lines only name the subject.

use super::line::{Line, quoted};
use super::{LineEvent, Scanner};
use crate::reason::Reason;
use crate::sanitize;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if let Some(rest) = line.after("npm ERR!").or_else(|| line.after("npm error")) {
        return Some(npm(rest, scanner));
    }
    if let Some(rest) = line.after("npm WARN").or_else(|| line.after("npm warn")) {
        // About npm's own settings.
        if rest.starts_with("Unknown ") && rest.contains(" config ") || rest.starts_with("config ") {
            return Some(LineEvent::Ignored);
        }
        let deprecated = rest.starts_with("deprecated");
        let code = Some(if deprecated { "deprecated" } else { "npm" }.to_owned());
        let finding = Finding::new(Kind::Lint, Tool::Npm, rest).with_code(code);
        return Some(LineEvent::Finding(finding.with_reason(deprecated.then_some(Reason::Deprecated))));
    }
    pip(body).or_else(|| yarn(body))
}

fn npm(rest: &str, scanner: &mut Scanner) -> LineEvent {
    // A line of npm's own stack trace.
    if rest.trim_start().starts_with("at ") {
        return LineEvent::Ignored;
    }
    if let Some(code) = rest.strip_prefix("code ") {
        return npm_code(code.trim()).map_or(LineEvent::Ignored, LineEvent::OpenFinding);
    }
    if rest.starts_with("Missing script") || rest.starts_with("missing script") {
        let name = quoted(rest).or_else(|| rest.split(": ").nth(1)).and_then(sanitize::identifier);
        return LineEvent::Finding(Finding::new(Kind::MissingCommand, Tool::Npm, "missing script").with_subject(name));
    }
    let Some(finding) =
        scanner.waiting.as_mut().filter(|finding| finding.tool == Tool::Npm && finding.subject.is_none())
    else {
        return LineEvent::Ignored;
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
            named.or_else(quoted).map(|name| &name[..bare(name)]).and_then(sanitize::identifier)
        }
    };
    finding.subject = word;
    if rest.contains("exit code 137") || rest.contains("SIGKILL") {
        finding.kind = Kind::OutOfMemory;
    }
    LineEvent::Ignored
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
        _ => return Some(Finding::new(Kind::OtherError, Tool::Npm, "").with_code(sanitize::identifier(code))),
    };
    Some(Finding::new(kind, Tool::Npm, "").with_code(sanitize::identifier(code)).with_reason(Some(reason)))
}

fn pip(body: &str) -> Option<LineEvent> {
    if let Some(rest) = body.strip_prefix("ERROR: ") {
        if let Some(name) = rest.strip_prefix("Could not find a version that satisfies the requirement ") {
            let name = name.split([' ', ';', '=', '<', '>', '!', '~']).next().and_then(sanitize::identifier);
            let finding = Finding::new(Kind::Dependency, Tool::Pip, "").with_subject(name);
            return Some(LineEvent::Finding(finding.with_reason(Some(Reason::Version))));
        }
        if rest.starts_with("No matching distribution found") {
            return Some(LineEvent::Ignored);
        }
        if rest.contains("conflicting dependencies") {
            let finding = Finding::new(Kind::Dependency, Tool::Pip, "").with_reason(Some(Reason::Conflict));
            return Some(LineEvent::Finding(finding));
        }
        if let Some(name) = rest.strip_prefix("Failed building wheel for ") {
            return Some(LineEvent::Finding(
                Finding::new(Kind::BuildError, Tool::Pip, "").with_subject(sanitize::identifier(name)),
            ));
        }
    }
    body.starts_with("WARNING: Retrying (Retry(").then(|| {
        let subject = Some("pypi.org".to_owned());
        LineEvent::Finding(Finding::new(Kind::Network, Tool::Pip, "retrying").with_subject(subject).with_error(false))
    })
}

fn yarn(body: &str) -> Option<LineEvent> {
    // uv, and the newer versions of yarn and pnpm.
    if body.contains("No solution found when resolving dependencies") {
        return Some(LineEvent::Finding(
            Finding::new(Kind::Dependency, Tool::Pip, "").with_reason(Some(Reason::Conflict)),
        ));
    }
    if let Some(rest) = body.strip_prefix("➤ YN") {
        let (_, message) = rest.split_once(": ")?;
        let message = message.trim_start_matches(['│', '┌', '└', ' ']);
        if message.starts_with("Failed with errors") {
            return Some(LineEvent::Verdict(false));
        }
        let missing =
            message.split_once(": ").filter(|(_, why)| why.contains("not found") || why.contains("No candidates"));
        return Some(missing.map_or(LineEvent::Ignored, |(name, _)| {
            let name = name.split("@npm").next().and_then(sanitize::identifier);
            LineEvent::Finding(
                Finding::new(Kind::Dependency, Tool::Npm, "").with_subject(name).with_reason(Some(Reason::NotFound)),
            )
        }));
    }
    if let Some(rest) = body.strip_prefix("ERR_PNPM_").filter(|rest| !rest.starts_with("RECURSIVE")) {
        let (code, message) = rest.split_once(' ')?;
        let name = message.split("found for ").nth(1).and_then(|name| name.split_whitespace().next());
        let bare = name.map(|name| &name[..name[1.min(name.len())..].find('@').map_or(name.len(), |at| at + 1)]);
        let finding =
            Finding::new(Kind::Dependency, Tool::Npm, message).with_subject(bare.and_then(sanitize::identifier));
        return Some(LineEvent::Finding(
            finding.with_code(sanitize::identifier(code)).with_reason(Some(Reason::Version)),
        ));
    }
    let failed = body.starts_with("error Command failed with exit code")
        || body.starts_with("ELIFECYCLE")
        || body.starts_with("ERR_PNPM_RECURSIVE");
    failed.then(|| LineEvent::Finding(Finding::new(Kind::FailedStep, Tool::Npm, "exit")))
}
