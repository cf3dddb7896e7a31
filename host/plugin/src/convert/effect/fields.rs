//! Field checks that several effects share. Rule: a check takes the name of the effect, and its error begins with it.

use crate::limits;

use crate::convert::json;

/// A JSON object with a `type`.
pub(super) fn check_message(effect: &str, body: &str) -> Result<(), String> {
    json::message_type(body).map(drop).map_err(|why| format!("`{effect}` {why}"))
}

/// The key of a document or the name of a journal.
pub(super) fn check_key(effect: &str, key: &str) -> Result<(), String> {
    check_length(effect, "key", key, limits::KEY_BYTES)
}

/// A text of 1 to `max` bytes.
pub(super) fn check_length(effect: &str, what: &str, text: &str, max: usize) -> Result<(), String> {
    if (1..=max).contains(&text.len()) {
        return Ok(());
    }
    Err(format!("`{effect}` with a {what} of {} bytes; 1 to {max}", text.len()))
}

/// A text of at most `max` bytes.
pub(super) fn check_max_bytes(effect: &str, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!("`{effect}` of {} bytes; at most {max}", text.len()));
    }
    Ok(())
}

/// A timer delay within the limit.
pub(super) fn check_delay(effect: &str, delay_ms: u64) -> Result<(), String> {
    let max = limits::TIMER_DELAY.as_millis();
    if u128::from(delay_ms) > max {
        return Err(format!("`{effect}` of {delay_ms} ms; at most {max} ms (7 days)"));
    }
    Ok(())
}

/// A journal page size within the limit.
pub(super) fn check_page_limit(effect: &str, limit: u32) -> Result<(), String> {
    if (1..=limits::JOURNAL_PAGE).contains(&limit) {
        return Ok(());
    }
    Err(format!("`{effect}` with limit {limit}; 1 to {}", limits::JOURNAL_PAGE))
}
