//! JSON that is written over many lines, as by linters and reporters. Rule: lines are held while they
//! may be such a document, and read one by one as they stand if they turn out to be none.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Level, Scan};
use crate::ledger::Ledger;

/// Longest document, in bytes.
const BYTES: usize = 24 * 1024;

/// The lines of what may be a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    lines: Vec<String>,
    bytes: usize,
    /// Brackets that are open.
    depth: i64,
}

impl Document {
    fn push(&mut self, line: &str) {
        self.bytes += line.len();
        self.depth += nesting(line);
        self.lines.push(line.to_owned());
    }

    /// Whether the line may be the next of it.
    fn takes(&self, line: &str) -> bool {
        let body = line.trim_start();
        let known = body.starts_with(['"', '{', '}', '[', ']', '-'])
            || body.starts_with(|first: char| first.is_ascii_digit())
            || ["true", "false", "null"].iter().any(|word| body.starts_with(word));
        match self.lines.len() {
            0 => matches!(body, "{" | "[" | "[{"),
            // What follows in a program's source begins with a word.
            _ => known && self.bytes + line.len() <= BYTES,
        }
    }
}

impl Scan {
    /// Holds a line that may belong to a document; false if it does not.
    pub(super) fn hold(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        if !self.document.takes(line) {
            self.release_document(ledger);
            return false;
        }
        self.document.push(line);
        if self.document.depth <= 0 {
            match serde_json::from_str::<Value>(&self.document.lines.join("\n")) {
                Ok(value) => {
                    self.document = Document::default();
                    self.read_value(&value, ledger);
                }
                Err(_) => self.release_document(ledger),
            }
        }
        true
    }

    /// Reads the lines that were held as they stand.
    pub(super) fn release_document(&mut self, ledger: &mut Ledger) {
        for line in std::mem::take(&mut self.document).lines {
            self.read_text(&line, Level::Unsaid, ledger);
        }
    }
}

/// Brackets that a line opens and does not close, outside of its texts.
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
