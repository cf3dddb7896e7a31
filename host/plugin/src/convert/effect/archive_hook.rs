//! Checks of archive entries and webhooks, and of the journals that the host inserts into them. Rule: a name that
//! becomes part of a path or a header is restricted to a safe set of characters.

use crate::limits;

use super::fields::check_key;
use crate::bindings::v0_2::modehost::mode::effects as wit;
use crate::convert::json;

/// Bytes of an archive entry.
pub(super) fn weigh_archive(entry: &wit::ArchiveEntry) -> usize {
    let texts = [&entry.kind, &entry.id, &entry.title, &entry.content, &entry.text];
    texts.into_iter().map(String::len).sum::<usize>() + weigh_journal_part(entry.journal.as_ref())
}

/// Bytes of a webhook.
pub(super) fn weigh_hook(post: &wit::HookRequest) -> usize {
    post.hook.len() + post.sender.len() + post.body.len() + weigh_journal_part(post.journal.as_ref())
}

fn weigh_journal_part(part: Option<&wit::JournalPart>) -> usize {
    part.map_or(0, |part| part.journal.len() + part.member.len() + part.line.len())
}

/// Checks an archive entry.
pub(super) fn check_archive(effect: &str, entry: &wit::ArchiveEntry) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !is_made_of(&entry.kind, limits::ARCHIVE_KIND_BYTES, is_allowed) {
        let max = limits::ARCHIVE_KIND_BYTES;
        return Err(format!("`{effect}` of the kind `{}`; 1 to {max} lower-case letters, digits, `-`", entry.kind));
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !is_made_of(&entry.id, limits::ARCHIVE_ID_BYTES, is_allowed) || entry.id.starts_with('.') {
        let max = limits::ARCHIVE_ID_BYTES;
        return Err(format!(
            "`{effect}` with the id `{}`; 1 to {max} letters, digits, `-`, `_`, `.`, no `.` first",
            entry.id
        ));
    }
    // In any case: file systems may be case-insensitive.
    if entry.id.eq_ignore_ascii_case("index") {
        return Err(format!("`{effect}` with the id `index`, which is the name of the list of entries"));
    }
    check_body(effect, "content", &entry.content, entry.journal.as_ref())
}

/// Checks a webhook.
pub(super) fn check_hook(effect: &str, post: &wit::HookRequest) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !is_made_of(&post.sender, limits::HOOK_SENDER_BYTES, is_allowed) {
        let max = limits::HOOK_SENDER_BYTES;
        return Err(format!("`{effect}` with the sender `{}`; 1 to {max} letters, digits, `-`", post.sender));
    }
    check_body(effect, "body", &post.body, post.journal.as_ref())
}

/// JSON; if a journal is to be inserted, an object that does not have that member yet.
fn check_body(effect: &str, name: &str, text: &str, part: Option<&wit::JournalPart>) -> Result<(), String> {
    let Some(part) = part else {
        return json::check_value(text).map_err(|why| format!("`{effect}` {name} {why}"));
    };
    check_key(effect, &part.journal)?;
    if part.member.is_empty() {
        return Err(format!("`{effect}` puts a journal into a member unnamed"));
    }
    json::check_object_without(text, &part.member).map_err(|why| format!("`{effect}` {name} {why}"))
}

fn is_made_of(text: &str, max: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(allowed)
}
