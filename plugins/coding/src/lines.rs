//! Text that comes in pieces, as lines. Rule: where the pieces were cut makes no difference; what
//! is kept between them is bounded.

use serde::{Deserialize, Serialize};

use crate::junit::{self, Junit};
use crate::signal::Finding;

/// Longest line that is looked at, in bytes; the rest of a longer one is passed over.
const LINE_BYTES: usize = 4096;

/// What a log consists of.
#[derive(Debug)]
pub enum Piece<'a> {
    /// One line, without its end.
    Line(&'a str),
    /// A fault that a JUnit report tells of.
    Reported(Finding),
}

/// The end of a log that has no line end yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    partial: String,
    /// The line was longer than what is looked at; its rest is to come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    /// A JUnit report is being read, which has no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<Junit>,
}

impl Lines {
    /// Takes the next piece of the log.
    pub fn push(&mut self, mut text: &str, each: &mut dyn FnMut(Piece<'_>)) {
        while !text.is_empty() {
            if let Some(report) = &mut self.report {
                let read = report.push(text, &mut |finding| each(Piece::Reported(finding)));
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
            } else if self.partial.is_empty() && !self.cut {
                each(Piece::Line(shown(cut(line, LINE_BYTES))));
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
        if self.partial.len() >= junit::HEAD_BYTES || !junit::may_start(first) {
            return None;
        }
        let mut head = self.partial.clone();
        head.push_str(cut(line, junit::HEAD_BYTES - self.partial.len()));
        let at = junit::start(&head)?;
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
        if self.cut {
            return;
        }
        let fitting = cut(piece, LINE_BYTES - self.partial.len());
        self.partial.push_str(fitting);
        self.cut = fitting.len() < piece.len();
    }

    fn end_line(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        each(Piece::Line(shown(&self.partial)));
        self.partial.clear();
        self.cut = false;
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
