//! Tool calls that a model writes into its text: between markers, in a harmony channel, as a fenced block or as bare
//! JSON. Rule: the contents of markers are never text; a block or JSON is a call only if it contains nothing else.

use crate::limits;

use super::marks::{self, Found, MARK_BYTES, Mark, STARTS};
use super::{Scanned, Scanner, State, next_mark};
use crate::tool_list::WrittenCall;

/// Languages of fenced blocks that may be a call.
const CALL_LANGUAGES: [&str; 8] =
    ["", "json", "tool_call", "tool_calls", "tool", "function", "function_call", "function_calls"];

/// Parser state within JSON.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    /// Whether the value ends with this byte.
    fn closes(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            b'{' | b'[' if !self.in_text => self.depth += 1,
            b'}' | b']' if !self.in_text => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl Scanner {
    pub(super) fn open_call(&mut self, name: String, mark: &str) {
        self.drop_blanks();
        // `<function=light>` contains the tool name.
        let written = if mark.contains('=') { format!("{mark}\n") } else { String::new() };
        self.state = State::Call { name, written };
    }

    pub(super) fn step_call(&mut self, rest: &str, at_end: bool, out: &mut Scanned) -> Option<usize> {
        let (bytes, mark) = next_mark(rest, at_end)?;
        let State::Call { name, written } = &mut self.state else { return Some(0) };
        let ends = match &mark {
            Some(Mark::CloseCall(close)) => close == name,
            // Models forget to close one call before the next.
            Some(Mark::OpenCall(open)) => open == name && !written.trim().is_empty(),
            Some(Mark::Header) => true,
            _ => false,
        };
        if !ends {
            if written.len() <= limits::MODEL_CALL_BYTES {
                written.push_str(&rest[..bytes]);
            }
            return Some(bytes);
        }
        let (name, written) = (std::mem::take(name), std::mem::take(written));
        self.state = State::Text;
        self.end_call(&name, &written, out);
        match mark {
            Some(Mark::OpenCall(open)) => self.open_call(open, &rest[..bytes]),
            Some(Mark::Header) => self.state = State::Header(String::new()),
            _ => {}
        }
        Some(bytes)
    }

    pub(super) fn end_call(&mut self, name: &str, written: &str, out: &mut Scanned) {
        self.skip = true;
        self.before = None;
        // A tool result that the model has invented.
        let is_result = ["response", "result", "output"].iter().any(|word| name.contains(word));
        if let Some(tool_list) =
            self.expected.tool_list.as_ref().filter(|_| !is_result && written.len() <= limits::MODEL_CALL_BYTES)
        {
            let calls = tool_list.read_calls(written);
            self.emit_calls(calls, out);
        }
    }

    pub(super) fn step_header(&mut self, rest: &str, at_end: bool) -> Option<usize> {
        let State::Header(head) = &mut self.state else { return Some(0) };
        let bytes = match rest.find(STARTS).unwrap_or(rest.len()) {
            0 => match marks::read(rest) {
                Found::Partial if !at_end => return None,
                Found::Mark { mark: Mark::Message, bytes } => {
                    let head = std::mem::take(head);
                    self.end_header(&head);
                    return Some(bytes);
                }
                // A marker between role, channel and further fields.
                Found::Mark { bytes, .. } => {
                    head.push(' ');
                    return Some(bytes);
                }
                _ => rest.chars().next().map_or(0, char::len_utf8),
            },
            at => at,
        };
        let taken = fitting(&rest[..bytes], MARK_BYTES.saturating_sub(head.len()));
        head.push_str(&rest[..taken]);
        if taken < bytes {
            // Too long for a header.
            self.state = State::Text;
        }
        Some(taken)
    }

    fn end_header(&mut self, head: &str) {
        let called = head.split_whitespace().find_map(|word| word.strip_prefix("to="));
        self.skip = true;
        self.state = match called {
            Some(function) => State::Call { name: "tool_call".to_owned(), written: format!("{function}\n") },
            None if head.contains("analysis") => {
                self.reasoning = true;
                State::Reasoning { depth: 1, rest: None, harmony: true }
            }
            None => State::Text,
        };
    }

    /// Inline code, or a fence.
    pub(super) fn step_backticks(&mut self, rest: &str, at_end: bool, out: &mut Scanned) -> Option<usize> {
        let run = backticks(rest, at_end)?;
        if run < 3 {
            self.emit(&rest[..run], out);
            match self.code {
                0 => self.code = run,
                open if open == run => self.code = 0,
                _ => {}
            }
        } else if self.expected.tool_list.is_some() && !self.fence && self.code == 0 {
            self.state = State::Fence(rest[..run].to_owned());
        } else {
            self.emit(&rest[..run], out);
            self.fence = !self.fence;
        }
        Some(run)
    }

    pub(super) fn step_fence(&mut self, rest: &str, at_end: bool, out: &mut Scanned) -> Option<usize> {
        let State::Fence(block) = &mut self.state else { return Some(0) };
        if !block.contains('\n') {
            return Some(self.step_language(rest, out));
        }
        let at = rest.find('`').unwrap_or(rest.len());
        if at > 0 {
            let taken = fitting(&rest[..at], limits::MODEL_CALL_BYTES.saturating_sub(block.len()));
            block.push_str(&rest[..taken]);
            if taken < at {
                let block = std::mem::take(block);
                self.emit_block(&block, out);
            }
            return Some(taken);
        }
        let run = backticks(rest, at_end)?;
        let begun = backticks(block, true).unwrap_or(0);
        block.push_str(&rest[..run]);
        if run >= begun {
            let block = std::mem::take(block);
            self.end_fence(&block, out);
        }
        Some(run)
    }

    /// The language of a block, character by character: at the first mismatch it is an ordinary block.
    fn step_language(&mut self, rest: &str, out: &mut Scanned) -> usize {
        let State::Fence(block) = &mut self.state else { return 0 };
        for (at, letter) in rest.char_indices() {
            let language = format!("{block}{letter}").trim_start_matches('`').trim().to_ascii_lowercase();
            let fits = match letter {
                '\n' => CALL_LANGUAGES.contains(&language.as_str()),
                _ => block.len() < MARK_BYTES && CALL_LANGUAGES.iter().any(|known| known.starts_with(&language)),
            };
            if !fits {
                let block = std::mem::take(block);
                self.emit_block(&block, out);
                return at;
            }
            block.push(letter);
            if letter == '\n' {
                return at + 1;
            }
        }
        rest.len()
    }

    pub(super) fn end_fence(&mut self, block: &str, out: &mut Scanned) {
        self.state = State::Text;
        let inside = block.split_once('\n').map_or("", |(_, inside)| inside.trim_end_matches('`'));
        match self.written_calls(inside) {
            Some(calls) => {
                self.drop_blanks();
                self.emit_calls(calls, out);
            }
            None => self.emit_block(block, out),
        }
    }

    /// A block that is not a call: unchanged, except for markers in it.
    fn emit_block(&mut self, block: &str, out: &mut Scanned) {
        self.state = State::Text;
        let run = backticks(block, true).unwrap_or(0);
        self.emit(&block[..run], out);
        self.fence = true;
        self.read(&block[run..], true, out);
    }

    pub(super) fn step_bare(&mut self, rest: &str, out: &mut Scanned) -> Option<usize> {
        let State::Bare(json, nesting) = &mut self.state else { return Some(0) };
        let end = rest.bytes().position(|byte| nesting.closes(byte)).map(|at| at + 1);
        let whole = end.unwrap_or(rest.len());
        let taken = fitting(&rest[..whole], limits::MODEL_CALL_BYTES.saturating_sub(json.len()));
        json.push_str(&rest[..taken]);
        if end.is_some() || taken < whole {
            let json = std::mem::take(json);
            self.end_bare(&json, out);
        }
        Some(taken)
    }

    pub(super) fn end_bare(&mut self, json: &str, out: &mut Scanned) {
        self.state = State::Text;
        match self.written_calls(json) {
            Some(calls) => {
                self.drop_blanks();
                self.emit_calls(calls, out);
            }
            None => {
                // Its contents are text, even if they begin with a brace.
                self.at_start = false;
                self.read(json, true, out);
            }
        }
    }

    /// The calls in a text that contains nothing else; `None` if it is not a call. A call of an unknown tool is
    /// recognised, but not returned.
    fn written_calls(&self, text: &str) -> Option<Vec<WrittenCall>> {
        let tool_list = self.expected.tool_list.as_ref()?;
        let mut calls = tool_list.read_calls(text);
        let is_call = !calls.is_empty();
        calls.retain(|call| tool_list.has(&call.name));
        is_call.then_some(calls)
    }

    fn emit_calls(&mut self, calls: Vec<WrittenCall>, out: &mut Scanned) {
        let target = self.withheld.as_mut().unwrap_or(out);
        let left = limits::MODEL_TOOL_CALLS.saturating_sub(target.calls.len());
        target.calls.extend(calls.into_iter().take(left));
    }
}

/// Length of the run of backticks at the start; `None` if more may follow.
fn backticks(text: &str, at_end: bool) -> Option<usize> {
    let run = text.bytes().take(limits::MODEL_BACKTICKS).take_while(|byte| *byte == b'`').count();
    (run < text.len() || run == limits::MODEL_BACKTICKS || at_end).then_some(run)
}

/// Length of the longest prefix of whole characters within `left` bytes.
fn fitting(text: &str, left: usize) -> usize {
    (0..=left.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
