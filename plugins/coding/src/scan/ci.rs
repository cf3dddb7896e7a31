//! GitHub Actions, GitLab and other CI runners. Rule: a failed step is reported only if no tool has reported the cause.

use super::line::{Line, number_after};
use super::trigrams::trigram;
use super::{LineEvent, Scanner};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Tool};

pub(super) fn read(line: &Line<'_>, _scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if body.starts_with("##[group]")
        || body.starts_with("##[endgroup]")
        || body.starts_with("##[command]")
        || body.starts_with("::group")
    {
        return Some(LineEvent::Ignored);
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
            let location = super::javascript::command_location(properties);
            let kind = if location.is_some() { Kind::Lint } else { Kind::OtherError };
            return Some(LineEvent::Finding(
                Finding::new(kind, Tool::Ci, message).with_location(location).with_error(error),
            ));
        }
    }
    if line.has_any(const { trigram(b"exc") }) && body.contains("exceeded the maximum execution time") {
        let finding = Finding::new(Kind::Timeout, Tool::Ci, "job").with_reason(Some(Reason::TimeLimit));
        return Some(LineEvent::Finding(finding));
    }
    None
}

fn ended(rest: &str) -> Option<LineEvent> {
    let rest = rest.trim();
    if rest.starts_with("execution took longer than") || rest.contains("exceeded the maximum execution time") {
        return Some(LineEvent::Finding(
            Finding::new(Kind::Timeout, Tool::Ci, "job").with_reason(Some(Reason::TimeLimit)),
        ));
    }
    let code = number_after(rest, "exit code ").or_else(|| number_after(rest, "exit status "))?;
    let (kind, reason) = if code == 137 { (Kind::OutOfMemory, Some(Reason::Killed)) } else { (Kind::FailedStep, None) };
    let finding = Finding::new(kind, Tool::Ci, "exit").with_code(Some(format!("exit {code}")));
    Some(LineEvent::Finding(finding.with_reason(reason)))
}

fn other(rest: &str, error: bool) -> LineEvent {
    let kind = if error { Kind::OtherError } else { Kind::Warning };
    LineEvent::Finding(Finding::new(kind, Tool::Ci, rest).with_location(crate::sanitize::Location::find(rest)))
}
