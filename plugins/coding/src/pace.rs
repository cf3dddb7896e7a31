//! When an insight is sent. Rule: the first sight of an error does not wait; a flood of them is
//! bounded; what says nothing new is not sent.
//!
//! - A new error is told at once, up to [`BURST`] in a row, then one each [`REFILL_MS`]; so it waits
//!   less than a second even in a flood.
//! - Known errors that are seen again count up at most once in `repeat_ms`.
//! - Anything else waits for `debounce_ms` of quiet, at most four times as long.

use serde::{Deserialize, Serialize};

/// Insights on new errors that are sent in a row.
const BURST: u8 = 4;
/// Ms after which one more may be sent.
const REFILL_MS: u64 = 500;
/// Least quiet, whatever is configured.
pub const LEAST_DEBOUNCE_MS: u64 = 300;
/// How many times the quiet is waited for under a steady stream.
const PATIENCE: u64 = 4;

/// What has been sent, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Insights on new errors that were sent lately.
    spent: u8,
    spent_at: u64,
    sent_at: Option<u64>,
    /// What the last insight told of: the version of the last new error, and the count of all.
    error_version: u64,
    errors: u32,
    digest: u64,
    /// When the next one is due, and whether that may not be put off.
    due: Option<(u64, bool)>,
    /// When something came that has not been told.
    news_since: Option<u64>,
}

/// What is to be done about news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Now,
    /// Start the timer for this time, Unix ms.
    At(u64),
    /// The timer runs already.
    Set,
}

impl Pace {
    /// Decides about news, told from what the ledger knows.
    pub fn decide(&mut self, now: u64, error_version: u64, errors: u32, debounce_ms: u64, repeat_ms: u64) -> When {
        let since = *self.news_since.get_or_insert(now);
        let debounce = debounce_ms.max(LEAST_DEBOUNCE_MS);
        let (due, firm) = if error_version > self.error_version {
            let passed = now.saturating_sub(self.spent_at) / REFILL_MS;
            let spent = u64::from(self.spent).saturating_sub(passed);
            if spent < u64::from(BURST) {
                self.spent = spent as u8 + 1;
                self.spent_at = now;
                return When::Now;
            }
            (self.spent_at + REFILL_MS, true)
        } else if errors > self.errors {
            ((now + debounce).max(self.sent_at.unwrap_or(0) + repeat_ms), false)
        } else {
            ((now + debounce).min(since + PATIENCE * debounce), false)
        };
        match self.due {
            Some((set, true)) if set <= due => When::Set,
            Some((set, _)) if set == due => When::Set,
            _ => {
                self.due = Some((due.max(now + 1), firm));
                When::At(due.max(now + 1))
            }
        }
    }

    /// The timer has run out.
    pub fn run_out(&mut self, now: u64) {
        if self.due.is_some_and(|(_, firm)| firm) {
            self.spent_at = now;
        }
        self.due = None;
    }

    /// Whether an insight says what the last one has said.
    pub fn has_said(&self, digest: u64) -> bool {
        self.sent_at.is_some() && self.digest == digest
    }

    /// An insight has been sent.
    pub fn note_sent(&mut self, now: u64, error_version: u64, errors: u32, digest: u64) {
        self.sent_at = Some(now);
        self.error_version = error_version;
        self.errors = errors;
        self.digest = digest;
        self.due = None;
        self.news_since = None;
    }

    /// Whether anything was ever sent.
    pub fn has_sent(&self) -> bool {
        self.sent_at.is_some()
    }
}
