//! What leaves the session as a whole: archives and webhooks, with the journals that the host puts
//! into them. Rule: a name that becomes part of a path or a header is checked to the letter.

use crate::limits;

use super::form::key;
use crate::bindings::v0_2::modehost::mode::effects as wit;
use crate::convert::json;

/// Bytes of an entry for the archive.
pub(super) fn weigh_archive(entry: &wit::ArchiveEntry) -> usize {
    let texts = [&entry.kind, &entry.id, &entry.title, &entry.content, &entry.text];
    texts.into_iter().map(String::len).sum::<usize>() + weigh_part(entry.journal.as_ref())
}

/// Bytes of a webhook.
pub(super) fn weigh_hook(post: &wit::HookRequest) -> usize {
    post.hook.len() + post.sender.len() + post.body.len() + weigh_part(post.journal.as_ref())
}

fn weigh_part(part: Option<&wit::JournalPart>) -> usize {
    part.map_or(0, |part| part.journal.len() + part.member.len() + part.line.len())
}

/// Says what is wrong with an entry for the archive.
pub(super) fn check_archive(effect: &str, entry: &wit::ArchiveEntry) -> Result<(), String> {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !is_made_of(&entry.kind, limits::ARCHIVE_KIND_BYTES, lower) {
        let most = limits::ARCHIVE_KIND_BYTES;
        return Err(format!("`{effect}` of the kind `{}`; 1 to {most} lower-case letters, digits, `-`", entry.kind));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !is_made_of(&entry.id, limits::ARCHIVE_ID_BYTES, plain) || entry.id.starts_with('.') {
        let most = limits::ARCHIVE_ID_BYTES;
        return Err(format!(
            "`{effect}` with the id `{}`; 1 to {most} letters, digits, `-`, `_`, `.`, no `.` first",
            entry.id
        ));
    }
    // Not on a file system either that does not tell capitals from small letters.
    if entry.id.eq_ignore_ascii_case("index") {
        return Err(format!("`{effect}` with the id `index`, which is the name of the list of entries"));
    }
    check_whole(effect, "content", &entry.content, entry.journal.as_ref())
}

/// Says what is wrong with a webhook.
pub(super) fn check_hook(effect: &str, post: &wit::HookRequest) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !is_made_of(&post.sender, limits::HOOK_SENDER_BYTES, plain) {
        let most = limits::HOOK_SENDER_BYTES;
        return Err(format!("`{effect}` with the sender `{}`; 1 to {most} letters, digits, `-`", post.sender));
    }
    check_whole(effect, "body", &post.body, post.journal.as_ref())
}

/// JSON, and with a journal to be put into it an object that has room for it.
fn check_whole(effect: &str, name: &str, text: &str, part: Option<&wit::JournalPart>) -> Result<(), String> {
    let Some(part) = part else {
        return json::check_value(text).map_err(|why| format!("`{effect}` {name} {why}"));
    };
    key(effect, &part.journal)?;
    if part.member.is_empty() {
        return Err(format!("`{effect}` puts a journal into a member without a name"));
    }
    json::check_room(text, &part.member).map_err(|why| format!("`{effect}` {name} {why}"))
}

fn is_made_of(text: &str, most: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}
