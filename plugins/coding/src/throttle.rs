//! Decides when an insight is sent. Rule: the first occurrence of an error does not wait; a flood of errors is bounded;
//! an insight without news is not sent.
//!
//! - A new error is sent at once, up to [`BURST`] in a row, then one every [`REFILL_MS`]; so it waits less than a
//!   second even in a flood.
//! - Further occurrences of known errors are sent at most once in `repeat_ms`.
//! - Anything else waits for `debounce_ms` of quiet, but at most four times as long.

use serde::{Deserialize, Serialize};

/// Burst size: insights on new errors that are sent in a row.
const BURST: u8 = 4;
/// Refill interval of the burst, in ms.
const REFILL_MS: u64 = 500;
/// Lower bound of the quiet time, whatever is configured.
pub const MIN_DEBOUNCE_MS: u64 = 300;
/// Upper bound of the wait under a steady stream, as a multiple of the quiet time.
const MAX_WAIT_FACTOR: u64 = 4;

/// When the last insights were sent, and what they contained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Throttle {
    /// Tokens of the burst that are used up.
    spent: u8,
    spent_at: u64,
    sent_at: Option<u64>,
    /// What the last insight contained: the version of the newest error, and the number of all errors.
    error_version: u64,
    errors: u32,
    digest: u64,
    /// When the next one is due, and whether it must not be postponed.
    due: Option<(u64, bool)>,
    /// Since when there is something that has not been sent.
    news_since: Option<u64>,
}

/// When to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    Now,
    /// Start the timer for this time, Unix ms.
    At(u64),
    /// The timer is running already.
    Scheduled,
}

impl Throttle {
    /// Decides when to send, by what the ledger contains.
    pub fn decide(&mut self, now: u64, error_version: u64, errors: u32, debounce_ms: u64, repeat_ms: u64) -> Schedule {
        let since = *self.news_since.get_or_insert(now);
        let debounce = debounce_ms.max(MIN_DEBOUNCE_MS);
        let (due, firm) = if error_version > self.error_version {
            let passed = now.saturating_sub(self.spent_at) / REFILL_MS;
            let spent = u64::from(self.spent).saturating_sub(passed);
            if spent < u64::from(BURST) {
                self.spent = spent as u8 + 1;
                self.spent_at = now;
                return Schedule::Now;
            }
            (self.spent_at + REFILL_MS, true)
        } else if errors > self.errors {
            ((now + debounce).max(self.sent_at.unwrap_or(0) + repeat_ms), false)
        } else {
            ((now + debounce).min(since + MAX_WAIT_FACTOR * debounce), false)
        };
        match self.due {
            Some((set, true)) if set <= due => Schedule::Scheduled,
            Some((set, _)) if set == due => Schedule::Scheduled,
            _ => {
                self.due = Some((due.max(now + 1), firm));
                Schedule::At(due.max(now + 1))
            }
        }
    }

    /// The timer has fired.
    pub fn on_timer(&mut self, now: u64) {
        if self.due.is_some_and(|(_, firm)| firm) {
            self.spent_at = now;
        }
        self.due = None;
    }

    /// True if an insight equals the last one.
    pub fn is_repeat(&self, digest: u64) -> bool {
        self.sent_at.is_some() && self.digest == digest
    }

    /// Records that an insight was sent.
    pub fn record_sent(&mut self, now: u64, error_version: u64, errors: u32, digest: u64) {
        self.sent_at = Some(now);
        self.error_version = error_version;
        self.errors = errors;
        self.digest = digest;
        self.due = None;
        self.news_since = None;
    }

    /// True if any insight was sent.
    pub fn has_sent(&self) -> bool {
        self.sent_at.is_some()
    }
}
