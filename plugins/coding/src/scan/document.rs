//! JSON documents of several lines, as written by linters and reporters. Rule: lines are held as long as they may form
//! a document, and are read one by one if they turn out to be none.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Level, Scanner};
use crate::ledger::Ledger;

/// Upper bound of a document, in bytes.
const MAX_BYTES: usize = 24 * 1024;

/// The lines of a possible document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    lines: Vec<String>,
    bytes: usize,
    /// Number of open brackets.
    depth: i64,
}

impl Document {
    fn push(&mut self, line: &str) {
        self.bytes += line.len();
        self.depth += nesting(line);
        self.lines.push(line.to_owned());
    }

    /// True if the line may be its next one.
    fn accepts(&self, line: &str) -> bool {
        let body = line.trim_start();
        let known = body.starts_with(['"', '{', '}', '[', ']', '-'])
            || body.starts_with(|first: char| first.is_ascii_digit())
            || ["true", "false", "null"].iter().any(|word| body.starts_with(word));
        match self.lines.len() {
            0 => matches!(body, "{" | "[" | "[{"),
            // The next lines of source code begin with a word.
            _ => known && self.bytes + line.len() <= MAX_BYTES,
        }
    }
}

impl Scanner {
    /// Holds a line that may belong to a document; false if it does not.
    pub(super) fn hold_document_line(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        if !self.document.accepts(line) {
            self.read_held_document(ledger);
            return false;
        }
        self.document.push(line);
        if self.document.depth <= 0 {
            match serde_json::from_str::<Value>(&self.document.lines.join("\n")) {
                Ok(value) => {
                    self.document = Document::default();
                    self.read_value(&value, ledger);
                }
                Err(_) => self.read_held_document(ledger),
            }
        }
        true
    }

    /// Reads the held lines one by one.
    pub(super) fn read_held_document(&mut self, ledger: &mut Ledger) {
        for line in std::mem::take(&mut self.document).lines {
            self.read_text(&line, Level::Unsaid, ledger);
        }
    }
}

/// Brackets that a line opens minus those that it closes, outside of strings.
fn nesting(line: &str) -> i64 {
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth -= 1,
            _ => {}
        }
    }
    depth
}
