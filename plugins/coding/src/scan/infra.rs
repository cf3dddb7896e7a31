//! terraform, kubectl, helm and ansible. Rule: their errors are not those of a program, so the file and the fault that
//! they name are reported.

use super::line::{Line, between, quoted};
use super::trigrams::trigram;
use super::{LineEvent, Scanner, general};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix("on ").and_then(|rest| rest.split_once(" line ")) {
        return terraform_location(rest.0, rest.1, scanner);
    }
    if let Some(message) = body.strip_prefix("Error: ") {
        if let Some((_, why)) =
            message.split_once("UPGRADE FAILED: ").or_else(|| message.split_once("INSTALLATION FAILED: "))
        {
            let finding = Finding::new(Kind::FailedStep, Tool::Unknown, "helm").with_subject(Some("helm".to_owned()));
            return Some(LineEvent::Finding(finding.with_reason(Reason::of(why))));
        }
        if line.is_boxed || scanner.tool == Tool::Terraform {
            scanner.tool = Tool::Terraform;
            let subject = quoted(message).and_then(sanitize::identifier);
            let kind = if Reason::of(message) == Some(Reason::TimeLimit) { Kind::Timeout } else { Kind::BuildError };
            return Some(LineEvent::OpenFinding(
                Finding::new(kind, Tool::Terraform, message).with_subject(subject).with_reason(Reason::of(message)),
            ));
        }
        return None;
    }
    if line.is_boxed && body.starts_with("Warning: ") {
        return Some(LineEvent::Finding(Finding::new(Kind::Warning, Tool::Terraform, &body[9..])));
    }
    if body.starts_with("Terraform ") || body.starts_with("Initializing the backend") {
        return Some(LineEvent::Tool(Tool::Terraform));
    }
    if let Some(rest) = body.strip_prefix("Error from server") {
        let reason = between(rest, "(", ")").unwrap_or_default();
        let (kind, why) = match reason {
            "NotFound" => (Kind::OtherError, Some(Reason::NotFound)),
            "Forbidden" | "Unauthorized" => (Kind::Permission, Some(Reason::Unauthorized)),
            "AlreadyExists" | "Conflict" => (Kind::OtherError, Some(Reason::Conflict)),
            "Timeout" | "ServiceUnavailable" => (Kind::Timeout, Some(Reason::TimeLimit)),
            _ => (Kind::OtherError, None),
        };
        let subject = rest.rsplit('"').nth(1).and_then(sanitize::identifier);
        let finding =
            Finding::new(kind, Tool::Kubectl, rest).with_subject(subject).with_code(sanitize::identifier(reason));
        return Some(LineEvent::Finding(finding.with_reason(why)));
    }
    if body.starts_with("The connection to the server ") && body.contains(" was refused") {
        let finding = Finding::new(Kind::Network, Tool::Kubectl, "server").with_subject(general::host_in(body));
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::Refused))));
    }
    ansible(line)
}

/// `on main.tf line 12, in resource "x" "y":`
fn terraform_location(file: &str, rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let location = Location::new(file, rest[..digits].parse().ok())?;
    if let Some(finding) = scanner.waiting.as_mut() {
        finding.tool = Tool::Terraform;
        if matches!(finding.kind, Kind::Crash | Kind::OtherError) {
            (finding.kind, finding.subject) = (Kind::BuildError, None);
        }
    }
    Some(LineEvent::Complete(Some(location), None))
}

/// `fatal: [web-1]: FAILED! => {…}`, and the recap of the failures by host.
fn ansible(line: &Line<'_>) -> Option<LineEvent> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix("fatal: [").or_else(|| body.strip_prefix("failed: [")) {
        let (host, rest) = rest.split_once("]: ").or_else(|| rest.split_once("] "))?;
        let kind = if rest.starts_with("UNREACHABLE") { Kind::Network } else { Kind::FailedStep };
        return Some(LineEvent::Finding(
            Finding::new(kind, Tool::Ansible, "task").with_subject(sanitize::identifier(host)),
        ));
    }
    if !line.has_any(const { trigram(b"fai") }) {
        return None;
    }
    let (host, counts) = body.split_once(" : ok=")?;
    let count = |name: &str| super::line::number_after(counts, name).unwrap_or(0);
    (!host.trim().contains(' ')).then(|| LineEvent::Verdict(count("failed=") + count("unreachable=") == 0))
}
