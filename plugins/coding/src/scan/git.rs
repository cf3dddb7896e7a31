//! git. Rule: `error:` and `fatal:` are anybody's words; what makes them git's is the sentence behind.

use super::words::{Line, quoted};
use super::{Scan, Seen, general};
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

/// What git says, what it means, and why.
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

/// What only follows from an error before it.
const FOLLOWS: [&str; 7] = [
    "early EOF",
    "bytes of body are still expected",
    "invalid index-pack output",
    "unexpected disconnect while reading sideband packet",
    "the remote end hung up",
    "protocol error",
    "index-pack failed",
];

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if !matches!(body.as_bytes()[0], b'C' | b'F' | b'R' | b'r' | b'A' | b'!' | b'e' | b'f' | b'm' | b'E') {
        return None;
    }
    let started =
        ["Cloning into '", "From https://", "Receiving objects: ", "remote: ", "Resolving deltas: ", "Auto-merging "];
    if started.iter().any(|start| body.starts_with(start)) {
        scan.tool = Tool::Git;
        let bad = body.starts_with("remote: Repository not found");
        return bad.then(|| Seen::Fault(fault(Kind::Dependency, body, Some(Reason::NotFound))));
    }
    if let Some(rest) = body.strip_prefix("CONFLICT (") {
        let file = rest.rsplit(' ').next().filter(|_| rest.contains("Merge conflict in "));
        let place = file.and_then(|file| Place::new(file, None));
        return Some(Seen::Fault(fault(Kind::FailedStep, "merge", Some(Reason::Conflict)).at(place)));
    }
    if body.starts_with("! [rejected]") || body.starts_with("! [remote rejected]") {
        return Some(Seen::Noise);
    }
    let message = ["error: ", "fatal: ", "merge: ", "ERROR: "].iter().find_map(|level| body.strip_prefix(level))?;
    if scan.tool == Tool::Git && FOLLOWS.iter().any(|words| message.contains(words)) {
        // By itself it is an error as well.
        return Some(Seen::Fault(fault(Kind::Network, "transfer", Some(Reason::Reset)).seen(Sighting::Again)));
    }
    let (_, kind, reason) = SENTENCES.iter().find(|(words, ..)| message.contains(words))?;
    let known =
        scan.tool == Tool::Git || body.starts_with("fatal: ") || message.contains("git") || message.contains(" ref");
    if !known && !matches!(kind, Kind::Network) && !body.starts_with("merge: ") {
        return None;
    }
    let subject = match kind {
        Kind::Network => general::host_in(message),
        _ => quoted(message).and_then(piece::identifier),
    };
    // The words that follow a broken transfer say the same.
    let words = if *kind == Kind::Network { "transfer" } else { message };
    Some(Seen::Fault(fault(*kind, words, *reason).because(Reason::of(message)).about(subject)))
}

fn fault(kind: Kind, words: &str, reason: Option<Reason>) -> Finding {
    Finding::new(kind, Tool::Git, words).because(reason)
}
