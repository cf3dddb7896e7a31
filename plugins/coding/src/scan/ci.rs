//! GitHub Actions, GitLab and others that run tools. Rule: that a step failed is told only where no
//! tool has told why.

use super::stems::stem;
use super::words::{Line, number_after};
use super::{Scan, Seen};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, _scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.starts_with("##[group]")
        || body.starts_with("##[endgroup]")
        || body.starts_with("##[command]")
        || body.starts_with("::group")
    {
        return Some(Seen::Noise);
    }
    for (start, error) in
        [("##[error]", true), ("##[warning]", false), ("Error: ", true), ("ERROR: Job failed: ", true)]
    {
        if let Some(rest) = body.strip_prefix(start) {
            return ended(rest).or_else(|| body.starts_with("##").then(|| other(rest, error)));
        }
    }
    for (start, error) in [("::error ", true), ("::warning ", false), ("::error::", true), ("::warning::", false)] {
        if let Some(rest) = body.strip_prefix(start) {
            let (properties, message) = rest.split_once("::").unwrap_or(("", rest));
            let place = super::javascript::command_place(properties);
            let kind = if place.is_some() { Kind::Lint } else { Kind::OtherError };
            return Some(Seen::Fault(Finding::new(kind, Tool::Ci, message).at(place).grave(error)));
        }
    }
    if line.tells(const { stem(b"exc") }) && body.contains("exceeded the maximum execution time") {
        let finding = Finding::new(Kind::Timeout, Tool::Ci, "job").because(Some(Reason::TimeLimit));
        return Some(Seen::Fault(finding));
    }
    None
}

fn ended(rest: &str) -> Option<Seen> {
    let rest = rest.trim();
    if rest.starts_with("execution took longer than") || rest.contains("exceeded the maximum execution time") {
        return Some(Seen::Fault(Finding::new(Kind::Timeout, Tool::Ci, "job").because(Some(Reason::TimeLimit))));
    }
    let code = number_after(rest, "exit code ").or_else(|| number_after(rest, "exit status "))?;
    let (kind, reason) = if code == 137 { (Kind::OutOfMemory, Some(Reason::Killed)) } else { (Kind::FailedStep, None) };
    let finding = Finding::new(kind, Tool::Ci, "exit").coded(Some(format!("exit {code}")));
    Some(Seen::Fault(finding.because(reason)))
}

fn other(rest: &str, error: bool) -> Seen {
    let kind = if error { Kind::OtherError } else { Kind::Warning };
    Seen::Fault(Finding::new(kind, Tool::Ci, rest).at(crate::piece::Place::find(rest)))
}
