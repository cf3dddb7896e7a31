//! terraform, kubectl, helm and ansible. Rule: their errors are no errors of a program, so where they
//! say what is wrong in which file, that is told.

use super::stems::stem;
use super::words::{Line, between, quoted};
use super::{Scan, Seen, general};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix("on ").and_then(|rest| rest.split_once(" line ")) {
        return terraform_place(rest.0, rest.1, scan);
    }
    if let Some(message) = body.strip_prefix("Error: ") {
        if let Some((_, why)) =
            message.split_once("UPGRADE FAILED: ").or_else(|| message.split_once("INSTALLATION FAILED: "))
        {
            let finding = Finding::new(Kind::FailedStep, Tool::Unknown, "helm").about(Some("helm".to_owned()));
            return Some(Seen::Fault(finding.because(Reason::of(why))));
        }
        if line.boxed || scan.tool == Tool::Terraform {
            scan.tool = Tool::Terraform;
            let subject = quoted(message).and_then(piece::identifier);
            let kind = if Reason::of(message) == Some(Reason::TimeLimit) { Kind::Timeout } else { Kind::BuildError };
            return Some(Seen::Head(
                Finding::new(kind, Tool::Terraform, message).about(subject).because(Reason::of(message)),
            ));
        }
        return None;
    }
    if line.boxed && body.starts_with("Warning: ") {
        return Some(Seen::Fault(Finding::new(Kind::Warning, Tool::Terraform, &body[9..])));
    }
    if body.starts_with("Terraform ") || body.starts_with("Initializing the backend") {
        return Some(Seen::Tool(Tool::Terraform));
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
        let subject = rest.rsplit('"').nth(1).and_then(piece::identifier);
        let finding = Finding::new(kind, Tool::Kubectl, rest).about(subject).coded(piece::identifier(reason));
        return Some(Seen::Fault(finding.because(why)));
    }
    if body.starts_with("The connection to the server ") && body.contains(" was refused") {
        let finding = Finding::new(Kind::Network, Tool::Kubectl, "server").about(general::host_in(body));
        return Some(Seen::Fault(finding.because(Some(Reason::Refused))));
    }
    ansible(line)
}

/// `on main.tf line 12, in resource "x" "y":`
fn terraform_place(file: &str, rest: &str, scan: &mut Scan) -> Option<Seen> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let place = Place::new(file, rest[..digits].parse().ok())?;
    if let Some(finding) = scan.waiting.as_mut() {
        finding.tool = Tool::Terraform;
        if matches!(finding.kind, Kind::Crash | Kind::OtherError) {
            (finding.kind, finding.subject) = (Kind::BuildError, None);
        }
    }
    Some(Seen::End(Some(place), None))
}

/// `fatal: [web-1]: FAILED! => {…}`, and the recap of what failed where.
fn ansible(line: &Line<'_>) -> Option<Seen> {
    let body = line.body;
    if let Some(rest) = body.strip_prefix("fatal: [").or_else(|| body.strip_prefix("failed: [")) {
        let (host, rest) = rest.split_once("]: ").or_else(|| rest.split_once("] "))?;
        let kind = if rest.starts_with("UNREACHABLE") { Kind::Network } else { Kind::FailedStep };
        return Some(Seen::Fault(Finding::new(kind, Tool::Ansible, "task").about(piece::identifier(host))));
    }
    if !line.tells(const { stem(b"fai") }) {
        return None;
    }
    let (host, counts) = body.split_once(" : ok=")?;
    let count = |name: &str| super::words::number_after(counts, name).unwrap_or(0);
    (!host.trim().contains(' ')).then(|| Seen::Ended(count("failed=") + count("unreachable=") == 0))
}
