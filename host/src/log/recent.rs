//! The last lines of the log and of the audit, in memory, for operators. Rule: what the log shows and nothing more, each
//! line and their number bounded; a line costs its caller one short lock.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::admin::audit;
use crate::limits;

/// A line.
#[derive(Clone, Debug, Serialize)]
pub struct RecentLine {
    /// Increases by one with each line, from 1.
    pub seq: u64,
    /// Unix time in ms.
    pub at: u64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The module that wrote it.
    pub target: String,
    /// Its text.
    pub message: String,
    /// Its fields.
    pub fields: Map<String, Value>,
}

/// The last lines.
#[derive(Debug, Default)]
pub struct Recent {
    log: Ring,
    audit: Ring,
    /// Warnings and errors since the start.
    warnings: AtomicU64,
}

#[derive(Debug, Default)]
struct Ring(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<Arc<RecentLine>>,
    last: u64,
}

/// Some of the lines.
#[derive(Debug)]
pub struct Page {
    /// Oldest first.
    pub lines: Vec<Arc<RecentLine>>,
    /// Number of the newest line that was looked at.
    pub last: u64,
    /// Lines after the one that was named that are kept no longer.
    pub missed: u64,
}

impl Recent {
    /// Lines of the log after the number `after`, or the newest ones; only those that fit.
    pub fn log(&self, after: Option<u64>, limit: usize, fits: impl Fn(&RecentLine) -> bool) -> Page {
        self.log.page(after, limit, fits)
    }

    /// The same of the audit.
    pub fn audit(&self, after: Option<u64>, limit: usize) -> Page {
        self.audit.page(after, limit, |_| true)
    }

    /// Warnings and errors since the start.
    pub fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Relaxed)
    }
}

impl Ring {
    fn push(&self, mut line: RecentLine) {
        let mut ring = self.0.lock();
        ring.last += 1;
        line.seq = ring.last;
        if ring.lines.len() >= limits::RECENT_LINES {
            ring.lines.pop_front();
        }
        ring.lines.push_back(Arc::new(line));
    }

    fn page(&self, after: Option<u64>, limit: usize, fits: impl Fn(&RecentLine) -> bool) -> Page {
        let (kept, last): (Vec<_>, u64) = {
            let ring = self.0.lock();
            (ring.lines.iter().cloned().collect(), ring.last)
        };
        let first = kept.first().map_or(last + 1, |line| line.seq);
        let Some(after) = after else {
            let mut lines: Vec<_> = kept.into_iter().rev().filter(|line| fits(line)).take(limit).collect();
            lines.reverse();
            return Page { lines, last, missed: 0 };
        };
        let fitting = kept.into_iter().filter(|line| line.seq > after && fits(line));
        let mut lines: Vec<_> = fitting.take(limit + 1).collect();
        // Where more are left, the next page goes on behind the last of these.
        let is_more = lines.len() > limit;
        lines.truncate(limit);
        let last = lines.last().filter(|_| is_more).map_or(last, |line| line.seq);
        Page { lines, last, missed: first.saturating_sub(after.saturating_add(1)) }
    }
}

/// Keeps the lines that pass the filter of the log.
pub struct RecentLayer(pub Arc<Recent>);

impl<S: Subscriber> Layer<S> for RecentLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut visitor = Collected::default();
        event.record(&mut visitor);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = RecentLine {
            seq: 0,
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            level: level(metadata.level()),
            target: metadata.target().to_owned(),
            message: visitor.message,
            fields: visitor.fields,
        };
        if *metadata.level() <= Level::WARN {
            self.0.warnings.fetch_add(1, Ordering::Relaxed);
        }
        let ring = if metadata.target() == audit::TARGET { &self.0.audit } else { &self.0.log };
        ring.push(line);
    }
}

fn level(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[derive(Default)]
struct Collected {
    message: String,
    fields: Map<String, Value>,
}

impl Collected {
    fn add(&mut self, field: &Field, value: Value) {
        // Lines of libraries carry where they come from in such fields.
        if !field.name().starts_with("log.") && self.fields.len() < limits::RECENT_FIELDS {
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Collected {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded::default();
        // Fails once it is full.
        let _ = write!(text, "{value:?}");
        match field.name() {
            "message" => self.message = text.text,
            _ => self.add(field, text.text.into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text: String = value.chars().take(limits::RECENT_CHARACTERS).collect();
        match field.name() {
            "message" => self.message = text,
            _ => self.add(field, text.into()),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

/// A text that stops to grow.
#[derive(Default)]
struct Bounded {
    text: String,
    characters: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for character in piece.chars() {
            if self.characters >= limits::RECENT_CHARACTERS {
                return Err(fmt::Error);
            }
            self.characters += 1;
            self.text.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn recorded(write: impl FnOnce()) -> Arc<Recent> {
        let recent = Arc::new(Recent::default());
        let subscriber = tracing_subscriber::registry().with(RecentLayer(recent.clone()));
        tracing::subscriber::with_default(subscriber, write);
        recent
    }

    #[test]
    fn lines_are_numbered_bounded_and_counted_where_they_are_gone() {
        let recent = recorded(|| {
            for n in 0..limits::RECENT_LINES + 10 {
                tracing::info!(n, "line");
            }
        });
        let all = recent.log(None, usize::MAX, |_| true);
        assert_eq!((all.lines.len(), all.last), (limits::RECENT_LINES, limits::RECENT_LINES as u64 + 10));
        let page = recent.log(Some(3), 5, |_| true);
        assert_eq!((page.missed, page.lines[0].seq, page.last), (7, 11, 15), "the next page goes on behind 15");
        let newest = recent.log(None, 2, |_| true);
        assert_eq!(newest.lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [all.last - 1, all.last]);
        let none = recent.log(Some(all.last), 5, |_| true);
        assert_eq!((none.lines.len(), none.missed, none.last), (0, 0, all.last));
    }

    #[test]
    fn a_line_keeps_its_fields_and_is_cut() {
        let recent = recorded(|| {
            tracing::warn!(device = "aa", took_ms = 3, ok = true, what = %"w".repeat(9_000), "a message");
            tracing::info!(target: "modehost::audit", from = "127.0.0.1", "operator");
        });
        let lines = recent.log(None, 9, |_| true).lines;
        assert_eq!(lines.len(), 1, "orders of operators are in the audit");
        let line = &lines[0];
        assert_eq!((line.level, &*line.message), ("warn", "a message"));
        assert_eq!((&line.fields["device"], &line.fields["took_ms"]), (&Value::from("aa"), &Value::from(3)));
        assert_eq!(line.fields["what"].as_str().map(str::len), Some(limits::RECENT_CHARACTERS));
        assert_eq!((recent.audit(None, 9).lines.len(), recent.warnings()), (1, 1));
    }
}
