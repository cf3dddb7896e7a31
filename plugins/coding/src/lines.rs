//! Splits text that arrives in chunks into lines. Rule: the result does not depend on where the chunks were cut; the
//! buffered rest is bounded.

use serde::{Deserialize, Serialize};

use crate::junit::{self, Junit, ReportEvent};

/// Upper bound of a line that is kept whole, in bytes. Of a longer line the beginning and the end are kept: the last
/// message of a program follows its progress output.
const MAX_LINE_BYTES: usize = 4096;
/// Bytes of the end of such a line.
const END_BYTES: usize = 1024;
/// Upper bound of a line that contains a JSON object, which is useful only as a whole.
const MAX_JSON_BYTES: usize = 24 * 1024;
/// A JSON object is detected within this many bytes of the beginning.
const JSON_HEAD_BYTES: usize = 160;

/// An item of a log.
#[derive(Debug)]
pub enum LogItem<'a> {
    /// One line, without its line end.
    Line(&'a str),
    /// An event of a JUnit report.
    Report(ReportEvent),
}

/// The rest of a log after the last line end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    partial: String,
    /// The newest bytes of a line that exceeds its bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    /// A carriage return has arrived: text after it overwrites the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rewound: bool,
    /// The beginning of the line has been overwritten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rewritten: bool,
    /// The JUnit report that is being read; it has no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<Junit>,
}

impl Lines {
    /// Appends the next chunk of the log.
    pub fn push(&mut self, mut text: &str, each: &mut dyn FnMut(LogItem<'_>)) {
        while !text.is_empty() {
            if let Some(report) = &mut self.report {
                let read = report.push(text, &mut |event| each(LogItem::Report(event)));
                text = &text[read..];
                if report.is_over() {
                    self.report = None;
                }
                continue;
            }
            let end = text.find('\n');
            let (line, rest) = end.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
            if let Some(left) = self.begin_report(line) {
                text = &text[left..];
            } else if end.is_none() {
                self.buffer(line);
                text = rest;
            } else if self.partial.is_empty() && self.end.is_none() && line.len() <= MAX_LINE_BYTES {
                each(LogItem::Line(visible(line)));
                self.rewound = false;
                text = rest;
            } else {
                self.buffer(line);
                self.end_line(each);
                text = rest;
            }
        }
    }

    /// Starts a JUnit report if this line is the head of one, and returns the offset in `line` from which on the report
    /// has still to be read.
    fn begin_report(&mut self, line: &str) -> Option<usize> {
        let first = if self.partial.is_empty() { line } else { &self.partial };
        if self.end.is_some()
            || self.rewound
            || self.rewritten
            || self.partial.len() >= junit::HEAD_BYTES
            || !junit::may_start(first)
        {
            return None;
        }
        let mut head = self.partial.clone();
        head.push_str(truncated(line, junit::HEAD_BYTES - self.partial.len()));
        let at = junit::start(&head)?;
        if head[..at].contains('\r') {
            // Overwritten, as it would be if the log had been cut there.
            return None;
        }
        let mut report = Junit::default();
        if at < self.partial.len() {
            // Only the beginning of the first tag: any more would have been detected before.
            report.push(&self.partial[at..], &mut |_| {});
        }
        let left = at.saturating_sub(self.partial.len());
        self.report = Some(report);
        self.partial.clear();
        Some(left)
    }

    /// Ends a buffered partial line, because a complete line follows.
    pub fn end_open_line(&mut self, each: &mut dyn FnMut(LogItem<'_>)) {
        if !self.partial.is_empty() {
            self.end_line(each);
        }
    }

    /// Completes everything: the following text continues nothing.
    pub fn finish(&mut self, each: &mut dyn FnMut(LogItem<'_>)) {
        self.end_open_line(each);
        self.report = None;
    }

    /// True if the log has stopped in the middle of a line.
    pub fn is_open(&self) -> bool {
        !self.partial.is_empty()
    }

    fn buffer(&mut self, chunk: &str) {
        for (at, part) in chunk.split('\r').enumerate() {
            self.rewound |= at > 0;
            if part.is_empty() {
                continue;
            }
            if std::mem::take(&mut self.rewound) {
                self.rewritten = true;
                self.partial.clear();
                self.end = None;
            }
            self.append(part);
        }
    }

    fn append(&mut self, part: &str) {
        if let Some(end) = &mut self.end {
            end.push_str(part);
            if end.len() > 4 * END_BYTES {
                // Leaves more than will be kept, so that the loss of bytes remains detectable.
                end.drain(..end.ceil_char_boundary(end.len() - 2 * END_BYTES));
            }
            return;
        }
        let most = MAX_LINE_BYTES - END_BYTES;
        let short = truncated(part, most.saturating_sub(self.partial.len()));
        self.partial.push_str(short);
        let mut rest = &part[short.len()..];
        if rest.is_empty() {
            return;
        }
        if truncated(&self.partial, JSON_HEAD_BYTES).contains('{') {
            let more = truncated(rest, MAX_JSON_BYTES.saturating_sub(self.partial.len()));
            self.partial.push_str(more);
            rest = &rest[more.len()..];
        }
        if !rest.is_empty() {
            self.end = Some(String::new());
            self.append(rest);
        }
    }

    fn end_line(&mut self, each: &mut dyn FnMut(LogItem<'_>)) {
        let end = self.end.take().unwrap_or_default();
        let kept = &end[end.ceil_char_boundary(end.len().saturating_sub(END_BYTES))..];
        if kept.len() == end.len() {
            self.partial.push_str(kept);
            each(LogItem::Line(&self.partial));
        } else {
            // Skips dots and bars if the line is full of them.
            each(LogItem::Line(&self.partial));
            each(LogItem::Line(kept.trim_start_matches(|letter: char| !letter.is_alphanumeric())));
        }
        self.partial.clear();
        (self.rewound, self.rewritten) = (false, false);
    }
}

/// The line as a terminal displays it: without the final carriage return, and with only the last text that was written
/// over itself (progress bars).
fn visible(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rfind('\r').map_or(line, |at| &line[at + 1..])
}

fn truncated(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
