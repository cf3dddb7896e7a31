//! git. Rule: `error:` and `fatal:` are used by any tool; the sentence after them identifies git.

use super::line::{Line, quoted};
use super::{LineEvent, Scanner, general};
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

/// A message of git, its kind and its reason.
const SENTENCES: [(&str, Kind, Option<Reason>); 25] = [
    ("RPC failed", Kind::Network, Some(Reason::Reset)),
    ("unable to access '", Kind::Network, None),
    ("Could not read from remote repository", Kind::Permission, Some(Reason::Unauthorized)),
    ("Authentication failed", Kind::Permission, Some(Reason::Unauthorized)),
    ("could not read Username", Kind::Permission, Some(Reason::Unauthorized)),
    ("Permission denied (publickey", Kind::Permission, Some(Reason::Unauthorized)),
    ("The requested URL returned error: 403", Kind::Permission, Some(Reason::Unauthorized)),
    ("Host key verification failed", Kind::Permission, Some(Reason::Certificate)),
    ("does not appear to be a git repository", Kind::Dependency, Some(Reason::NotFound)),
    ("not a git repository", Kind::OtherError, Some(Reason::NotFound)),
    ("' does not exist", Kind::Dependency, Some(Reason::NotFound)),
    ("' not found", Kind::Dependency, Some(Reason::NotFound)),
    ("Repository not found", Kind::Dependency, Some(Reason::NotFound)),
    ("couldn't find remote ref", Kind::Dependency, Some(Reason::NotFound)),
    ("Remote branch ", Kind::Dependency, Some(Reason::NotFound)),
    ("did not match any file(s) known to git", Kind::OtherError, Some(Reason::NotFound)),
    ("does not match any", Kind::OtherError, Some(Reason::NotFound)),
    ("not something we can merge", Kind::OtherError, Some(Reason::NotFound)),
    ("failed to push some refs", Kind::FailedStep, Some(Reason::Conflict)),
    ("Your local changes to the following files would be overwritten", Kind::FailedStep, Some(Reason::Conflict)),
    ("refusing to merge unrelated histories", Kind::FailedStep, Some(Reason::Conflict)),
    ("Pulling is not possible because you have unmerged files", Kind::FailedStep, Some(Reason::Conflict)),
    ("could not apply ", Kind::FailedStep, Some(Reason::Conflict)),
    ("bad object", Kind::OtherError, None),
    ("detected dubious ownership", Kind::Permission, Some(Reason::Unauthorized)),
];

/// Consequences of a previous error.
const FOLLOWS: [&str; 7] = [
    "early EOF",
    "bytes of body are still expected",
    "invalid index-pack output",
    "unexpected disconnect while reading sideband packet",
    "the remote end hung up",
    "protocol error",
    "index-pack failed",
];

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if !matches!(body.as_bytes()[0], b'C' | b'F' | b'R' | b'r' | b'A' | b'!' | b'e' | b'f' | b'm' | b'E') {
        return None;
    }
    let started =
        ["Cloning into '", "From https://", "Receiving objects: ", "remote: ", "Resolving deltas: ", "Auto-merging "];
    if started.iter().any(|start| body.starts_with(start)) {
        scanner.tool = Tool::Git;
        let bad = body.starts_with("remote: Repository not found");
        return bad.then(|| LineEvent::Finding(fault(Kind::Dependency, body, Some(Reason::NotFound))));
    }
    if let Some(rest) = body.strip_prefix("CONFLICT (") {
        let file = rest.rsplit(' ').next().filter(|_| rest.contains("Merge conflict in "));
        let location = file.and_then(|file| Location::new(file, None));
        return Some(LineEvent::Finding(
            fault(Kind::FailedStep, "merge", Some(Reason::Conflict)).with_location(location),
        ));
    }
    if body.starts_with("! [rejected]") || body.starts_with("! [remote rejected]") {
        return Some(LineEvent::Ignored);
    }
    let message = ["error: ", "fatal: ", "merge: ", "ERROR: "].iter().find_map(|level| body.strip_prefix(level))?;
    if scanner.tool == Tool::Git && FOLLOWS.iter().any(|words| message.contains(words)) {
        // Without a previous error it is one by itself.
        return Some(LineEvent::Finding(
            fault(Kind::Network, "transfer", Some(Reason::Reset)).with_occurrence(Occurrence::Repeat),
        ));
    }
    let (_, kind, reason) = SENTENCES.iter().find(|(words, ..)| message.contains(words))?;
    let known =
        scanner.tool == Tool::Git || body.starts_with("fatal: ") || message.contains("git") || message.contains(" ref");
    if !known && !matches!(kind, Kind::Network) && !body.starts_with("merge: ") {
        return None;
    }
    let subject = match kind {
        Kind::Network => general::host_in(message),
        _ => quoted(message).and_then(sanitize::identifier),
    };
    // The messages after a broken transfer repeat it.
    let words = if *kind == Kind::Network { "transfer" } else { message };
    Some(LineEvent::Finding(fault(*kind, words, *reason).with_reason(Reason::of(message)).with_subject(subject)))
}

fn fault(kind: Kind, words: &str, reason: Option<Reason>) -> Finding {
    Finding::new(kind, Tool::Git, words).with_reason(reason)
}
