//! What leaves the session as a whole: archives and webhooks, with the journals that the host puts
//! into them. Rule: a name that becomes part of a path or a header is checked to the letter.

use modehost_contract::effect as to;
use modehost_limits as limits;

use super::trimmed;
use crate::bindings::v0_2::modehost::mode::effects as wit;
use crate::convert::json;
use crate::grants::Grants;

/// Texts of a journal part, for their weight.
pub(crate) fn texts(part: Option<&wit::JournalPart>) -> [&str; 3] {
    part.map_or([""; 3], |part| [part.journal.as_str(), part.member.as_str(), part.line.as_str()])
}

/// Says what is wrong with an entry for the archive.
pub(crate) fn check_archive(entry: &wit::ArchiveEntry, grants: &Grants) -> Result<(), String> {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !is_made_of(&entry.kind, limits::ARCHIVE_KIND_BYTES, lower) {
        let most = limits::ARCHIVE_KIND_BYTES;
        return Err(format!("`archive` of the kind `{}`; 1 to {most} lower-case letters, digits, `-`", entry.kind));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !is_made_of(&entry.id, limits::ARCHIVE_ID_BYTES, plain) || entry.id.starts_with('.') {
        let most = limits::ARCHIVE_ID_BYTES;
        return Err(format!(
            "`archive` with the id `{}`; 1 to {most} letters, digits, `-`, `_`, `.`, no `.` first",
            entry.id
        ));
    }
    // Not on a file system either that does not tell capitals from small letters.
    if entry.id.eq_ignore_ascii_case("index") {
        return Err("`archive` with the id `index`, which is the name of the list of entries".to_owned());
    }
    grants.need("archive", "archive", Some(&entry.kind))?;
    check_whole("archive", "content", &entry.content, entry.journal.as_ref(), grants)
}

/// Says what is wrong with a webhook.
pub(crate) fn check_hook(post: &wit::HookRequest, grants: &Grants) -> Result<(), String> {
    grants.need("post-hook", "hook", Some(&post.hook))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !is_made_of(&post.sender, limits::HOOK_SENDER_BYTES, plain) {
        let most = limits::HOOK_SENDER_BYTES;
        return Err(format!("`post-hook` with the sender `{}`; 1 to {most} letters, digits, `-`", post.sender));
    }
    check_whole("post-hook", "body", &post.body, post.journal.as_ref(), grants)
}

/// JSON, and with a journal to be put into it an object that has room for it.
fn check_whole(
    effect: &str,
    name: &str,
    text: &str,
    part: Option<&wit::JournalPart>,
    grants: &Grants,
) -> Result<(), String> {
    let Some(part) = part else {
        return json::check_value(text).map_err(|why| format!("`{effect}` {name} {why}"));
    };
    super::key(effect, &part.journal)?;
    grants.need(effect, "journals", Some(&part.journal))?;
    if part.member.is_empty() {
        return Err(format!("`{effect}` puts a journal into a member without a name"));
    }
    json::check_room(text, &part.member).map_err(|why| format!("`{effect}` {name} {why}"))
}

fn is_made_of(text: &str, most: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

/// The entry in the words of the host.
pub(crate) fn archive_entry(entry: wit::ArchiveEntry) -> to::ArchiveEntry {
    to::ArchiveEntry {
        request: entry.request,
        kind: entry.kind,
        id: entry.id,
        title: entry.title,
        content: trimmed(entry.content),
        text: entry.text,
        journal: entry.journal.map(journal_part),
        keep: entry.keep,
    }
}

/// The webhook in the words of the host.
pub(crate) fn hook_request(post: wit::HookRequest) -> to::HookRequest {
    to::HookRequest {
        request: post.request,
        hook: post.hook,
        sender: post.sender,
        body: trimmed(post.body),
        journal: post.journal.map(journal_part),
    }
}

fn journal_part(part: wit::JournalPart) -> to::JournalPart {
    to::JournalPart { journal: part.journal, member: part.member, line: part.line }
}
