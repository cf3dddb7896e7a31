//! Checks of form that several effects share. Rule: a check is given the name of the effect, and its sentence
//! begins with it.

use crate::limits;

use crate::convert::json;

/// A JSON object with a `type`.
pub(super) fn message(effect: &str, body: &str) -> Result<(), String> {
    json::message_type(body).map(drop).map_err(|why| format!("`{effect}` {why}"))
}

/// The key of a document or the name of a journal.
pub(super) fn key(effect: &str, key: &str) -> Result<(), String> {
    bytes(effect, "key", key, limits::KEY_BYTES)
}

/// A name that is not empty and has at most `most` bytes.
pub(super) fn bytes(effect: &str, what: &str, text: &str, most: usize) -> Result<(), String> {
    if (1..=most).contains(&text.len()) {
        return Ok(());
    }
    Err(format!("`{effect}` with a {what} of {} bytes; 1 to {most}", text.len()))
}

/// At most `most` bytes.
pub(super) fn within(effect: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("`{effect}` of {} bytes; at most {most}", text.len()));
    }
    Ok(())
}

/// A delay that a timer may have.
pub(super) fn delay(effect: &str, delay_ms: u64) -> Result<(), String> {
    let longest = limits::TIMER_DELAY.as_millis();
    if u128::from(delay_ms) > longest {
        return Err(format!("`{effect}` of {delay_ms} ms; at most {longest} ms (7 days)"));
    }
    Ok(())
}

/// Entries that a page of a journal may have.
pub(super) fn page(effect: &str, limit: u32) -> Result<(), String> {
    if (1..=limits::JOURNAL_PAGE).contains(&limit) {
        return Ok(());
    }
    Err(format!("`{effect}` with limit {limit}; 1 to {}", limits::JOURNAL_PAGE))
}
