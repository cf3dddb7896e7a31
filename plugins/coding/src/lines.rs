//! Text that comes in pieces, as lines. Rule: where the pieces were cut makes no difference; what
//! is kept between them is bounded.

use serde::{Deserialize, Serialize};

use crate::junit::{self, Junit, Told};

/// Longest line that is looked at whole, in bytes. Of a longer one the beginning and the end are kept:
/// what a program says last stands behind its progress.
const LINE_BYTES: usize = 4096;
/// How much of that is its end.
const END_BYTES: usize = 1024;
/// The same for a line with an object of JSON in it, which is of use only as a whole.
const JSON_BYTES: usize = 24 * 1024;
/// In so many bytes of its beginning such an object shows.
const JSON_HEAD: usize = 160;

/// What a log consists of.
#[derive(Debug)]
pub enum Piece<'a> {
    /// One line, without its end.
    Line(&'a str),
    /// What a JUnit report tells.
    Reported(Told),
}

/// The end of a log that has no line end yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    partial: String,
    /// The line was longer than what is looked at: its newest bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    /// A carriage return has come: what follows, if anything does, is written over the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rewound: bool,
    /// Something was written over the line's beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rewritten: bool,
    /// A JUnit report is being read, which has no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<Junit>,
}

impl Lines {
    /// Takes the next piece of the log.
    pub fn push(&mut self, mut text: &str, each: &mut dyn FnMut(Piece<'_>)) {
        while !text.is_empty() {
            if let Some(report) = &mut self.report {
                let read = report.push(text, &mut |told| each(Piece::Reported(told)));
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
                self.keep(line);
                text = rest;
            } else if self.partial.is_empty() && self.end.is_none() && line.len() <= LINE_BYTES {
                each(Piece::Line(shown(line)));
                self.rewound = false;
                text = rest;
            } else {
                self.keep(line);
                self.end_line(each);
                text = rest;
            }
        }
    }

    /// If this line is the head of a JUnit report, begins it and says from where in `line` on the
    /// report has still to be read.
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
        head.push_str(cut(line, junit::HEAD_BYTES - self.partial.len()));
        let at = junit::start(&head)?;
        if head[..at].contains('\r') {
            // Overwritten, as it would be if the log had been cut there.
            return None;
        }
        let mut report = Junit::default();
        if at < self.partial.len() {
            // No more than the beginning of its first tag, or it would have been seen before.
            report.push(&self.partial[at..], &mut |_| {});
        }
        let left = at.saturating_sub(self.partial.len());
        self.report = Some(report);
        self.partial.clear();
        Some(left)
    }

    /// A whole line follows: what is kept is a line too.
    pub fn end_open_line(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        if !self.partial.is_empty() {
            self.end_line(each);
        }
    }

    /// What follows is no continuation of anything.
    pub fn finish(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        self.end_open_line(each);
        self.report = None;
    }

    /// Whether the log has stopped in the middle of a line.
    pub fn is_open(&self) -> bool {
        !self.partial.is_empty()
    }

    fn keep(&mut self, piece: &str) {
        for (at, part) in piece.split('\r').enumerate() {
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
                // More is left than will be kept, so that it stays known that something was dropped.
                end.drain(..end.ceil_char_boundary(end.len() - 2 * END_BYTES));
            }
            return;
        }
        let most = LINE_BYTES - END_BYTES;
        let short = cut(part, most.saturating_sub(self.partial.len()));
        self.partial.push_str(short);
        let mut rest = &part[short.len()..];
        if rest.is_empty() {
            return;
        }
        if cut(&self.partial, JSON_HEAD).contains('{') {
            let more = cut(rest, JSON_BYTES.saturating_sub(self.partial.len()));
            self.partial.push_str(more);
            rest = &rest[more.len()..];
        }
        if !rest.is_empty() {
            self.end = Some(String::new());
            self.append(rest);
        }
    }

    fn end_line(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        let end = self.end.take().unwrap_or_default();
        let kept = &end[end.ceil_char_boundary(end.len().saturating_sub(END_BYTES))..];
        if kept.len() == end.len() {
            self.partial.push_str(kept);
            each(Piece::Line(&self.partial));
        } else {
            // Behind points and bars, if they are what the line is full of.
            each(Piece::Line(&self.partial));
            each(Piece::Line(kept.trim_start_matches(|letter: char| !letter.is_alphanumeric())));
        }
        self.partial.clear();
        (self.rewound, self.rewritten) = (false, false);
    }
}

/// As a terminal shows it: without the carriage return at its end, and of what was written over
/// itself (progress bars) the last.
fn shown(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rfind('\r').map_or(line, |at| &line[at + 1..])
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
