//! Filters a model's text: removes reasoning, and extracts tool calls that are written as text. Rule: reasoning and
//! calls never pass as text, everything else does, and how the text is split makes no difference; time is linear and
//! memory bounded.
//!
//! Reasoning may lack its opening marker: prompt templates put that into the prompt, and the answer begins with
//! reasoning and only closes it. Then everything before the closing marker was reasoning. Text that was sent by then
//! cannot be revoked; so a scanner can be told to withhold the text until this is decided.
//!
//! In inline code, and within quotation marks, a marker is a word that somebody talks about.
//!
//! Methods also in `scan/`: `call` (a tool call that is written as text).

mod call;
mod marks;

use std::sync::Arc;

use crate::limits;

use crate::tool_list::{ToolList, WrittenCall};
use call::Nesting;
use marks::{Found, Mark, STARTS};

/// Output of one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub text: String,
    pub calls: Vec<WrittenCall>,
    /// All text before this was reasoning and must be discarded.
    pub restart: bool,
}

/// What is known of the answer before it begins.
#[derive(Clone, Debug, Default)]
struct Expected {
    /// The offered tools; if there are none, a written call is neither a call nor text.
    tool_list: Option<Arc<ToolList>>,
    /// The model begins with reasoning without an opening marker.
    withhold: bool,
}

/// An incremental scanner.
#[derive(Debug)]
pub(crate) struct Scanner {
    expected: Expected,
    state: State,
    /// Read but undecided: at most a marker, or a few backticks.
    pending: String,
    /// Withheld until it is known whether it is reasoning.
    withheld: Option<Scanned>,
    /// The last character of the text.
    before: Option<char>,
    /// Number of backticks that opened inline code; 0 outside.
    code: usize,
    /// Within a fenced block.
    fence: bool,
    /// Leading whitespace, which is dropped if reasoning follows.
    blanks: Option<String>,
    /// Skip whitespace until something else comes.
    skip: bool,
    /// No text has been emitted since the start or since the last reasoning.
    at_start: bool,
    /// Reasoning was found.
    reasoning: bool,
    /// Some reasoning had no opening marker.
    unopened_reasoning: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    Reasoning {
        /// Nesting depth of reasoning markers.
        depth: u32,
        /// Text after a closing marker while an outer one seems to be open: reasoning mentions markers, so at the end
        /// this may turn out to be the answer.
        rest: Option<String>,
        /// Harmony format: any token ends it, too.
        harmony: bool,
    },
    Call {
        name: String,
        written: String,
    },
    /// The header of a message in the harmony format.
    Header(String),
    /// A fenced block that may be a call.
    Fence(String),
    /// JSON at the start that may be a call.
    Bare(String, Nesting),
}

impl Scanner {
    /// `withhold`: text is emitted only when it is known not to be reasoning.
    pub(crate) fn new(tool_list: Option<Arc<ToolList>>, withhold: bool) -> Self {
        Self {
            expected: Expected { tool_list, withhold },
            state: State::Text,
            pending: String::new(),
            withheld: withhold.then(Scanned::default),
            before: None,
            code: 0,
            fence: false,
            blanks: Some(String::new()),
            skip: false,
            at_start: true,
            reasoning: false,
            unopened_reasoning: false,
        }
    }

    /// Forgets what it has read.
    pub(crate) fn restart(&mut self) {
        let Expected { tool_list, withhold } = std::mem::take(&mut self.expected);
        *self = Self::new(tool_list, withhold);
    }

    /// Scans a chunk.
    pub(crate) fn push(&mut self, piece: &str, out: &mut Scanned) {
        let mut text = std::mem::take(&mut self.pending);
        text.push_str(piece);
        let taken = self.read(&text, false, out);
        text.drain(..taken);
        self.pending = text;
    }

    /// Scans as far as decisions are possible; returns how many bytes that were.
    fn read(&mut self, text: &str, at_end: bool, out: &mut Scanned) -> usize {
        let mut rest = text;
        while !rest.is_empty() {
            match self.step(rest, at_end, out) {
                Some(taken) => rest = &rest[taken..],
                None => break,
            }
        }
        text.len() - rest.len()
    }

    /// The end of the text. `truncated`: the model did not end it itself.
    pub(crate) fn finish(&mut self, truncated: bool, out: &mut Scanned) {
        loop {
            let text = std::mem::take(&mut self.pending);
            self.read(&text, true, out);
            match std::mem::take(&mut self.state) {
                State::Call { name, written } => self.end_call(&name, &written, out),
                State::Fence(block) => self.end_fence(&block, out),
                State::Bare(json, _) => self.end_bare(&json, out),
                State::Reasoning { rest: Some(answer), .. } if !answer.trim().is_empty() => {
                    self.skip = true;
                    self.pending = answer;
                }
                reasoning @ State::Reasoning { .. } => {
                    self.state = reasoning;
                    break;
                }
                State::Header(_) => {}
                State::Text if self.pending.is_empty() => break,
                State::Text => {}
            }
        }
        if let Some(blanks) = self.blanks.take() {
            self.emit(&blanks, out);
        }
        if truncated || self.withheld.as_ref().is_some_and(|text| text.text.len() > limits::MODEL_WITHHELD_BYTES) {
            // Truncated, or too long for an answer: then it was reasoning.
            self.reasoning |= self.withheld.take().is_some_and(|withheld| !withheld.text.trim().is_empty());
        }
        self.release(out);
    }

    /// Emits withheld text: neither it nor what follows is reasoning.
    pub(crate) fn release(&mut self, out: &mut Scanned) {
        if let Some(withheld) = self.withheld.take() {
            out.text.push_str(&withheld.text);
            out.calls.extend(withheld.calls);
        }
    }

    /// Whether possible text or calls have arrived that are not emitted yet.
    pub(crate) fn has_pending_text(&self) -> bool {
        let withheld = self.withheld.as_ref().is_some_and(|withheld| *withheld != Scanned::default());
        withheld
            || !self.pending.is_empty()
            || matches!(self.state, State::Call { .. } | State::Fence(_) | State::Bare(..))
    }

    /// Whether there was any reasoning.
    pub(crate) fn has_reasoning(&self) -> bool {
        self.reasoning
    }

    /// Whether some reasoning had no opening marker.
    pub(crate) fn has_unopened_reasoning(&self) -> bool {
        self.unopened_reasoning
    }

    /// Consumes bytes at the start of `rest` and returns their number; `None` if more input is needed.
    fn step(&mut self, rest: &str, at_end: bool, out: &mut Scanned) -> Option<usize> {
        match &self.state {
            State::Text => self.step_text(rest, at_end, out),
            State::Reasoning { .. } => self.step_reasoning(rest, at_end),
            State::Call { .. } => self.step_call(rest, at_end, out),
            State::Header(_) => self.step_header(rest, at_end),
            State::Fence(_) => self.step_fence(rest, at_end, out),
            State::Bare(..) => self.step_bare(rest, out),
        }
    }

    fn step_text(&mut self, rest: &str, at_end: bool, out: &mut Scanned) -> Option<usize> {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 && (self.skip || self.blanks.is_some()) {
            if let Some(blanks) = self.blanks.as_mut().filter(|_| !self.skip) {
                for character in rest[..blank].chars() {
                    if blanks.len() < limits::MODEL_BLANKS_BYTES {
                        blanks.push(character);
                    }
                }
            }
            return Some(blank);
        }
        let first = rest.chars().next()?;
        if first == '`' {
            return self.step_backticks(rest, at_end, out);
        }
        if !STARTS.contains(&first) {
            if first == '{' && self.at_start && self.expected.tool_list.is_some() {
                self.state = State::Bare(String::new(), Nesting::default());
                return Some(0);
            }
            let end = rest.find(|sign| STARTS.contains(&sign) || sign == '`').unwrap_or(rest.len());
            self.emit(&rest[..end], out);
            return Some(end);
        }
        match marks::read(rest) {
            Found::Mark { mark, bytes } => {
                // Unterminated inline code must not hide the end of reasoning.
                let in_code = self.code > 0 && mark != Mark::CloseReasoning;
                if in_code || self.is_enclosed(rest, bytes, at_end)? {
                    self.emit(&rest[..bytes], out);
                } else {
                    self.handle_mark(mark, &rest[..bytes], out);
                }
                Some(bytes)
            }
            Found::Partial if !at_end => None,
            _ if first == '[' && self.at_start && self.expected.tool_list.is_some() => {
                self.state = State::Bare(String::new(), Nesting::default());
                Some(0)
            }
            _ => {
                self.emit(&rest[..first.len_utf8()], out);
                Some(first.len_utf8())
            }
        }
    }

    fn handle_mark(&mut self, mark: Mark, text: &str, out: &mut Scanned) {
        match mark {
            Mark::OpenReasoning => {
                self.reasoning = true;
                self.drop_blanks();
                self.before = None;
                self.state = State::Reasoning { depth: 1, rest: None, harmony: false };
            }
            Mark::CloseReasoning => {
                // Everything before it was reasoning, whatever it looked like.
                (self.reasoning, self.unopened_reasoning) = (true, true);
                self.drop_blanks();
                (self.code, self.fence, self.before, self.at_start) = (0, false, None, true);
                if self.withheld.take().is_none() {
                    *out = Scanned { restart: true, ..Scanned::default() };
                }
            }
            Mark::OpenCall(name) => self.open_call(name, text),
            Mark::Header => {
                self.drop_blanks();
                self.state = State::Header(String::new());
            }
            Mark::Answer if !self.reasoning => self.emit(text, out),
            Mark::CloseCall(_) | Mark::Message | Mark::Answer => self.drop_blanks(),
            Mark::Token => {}
        }
    }

    fn step_reasoning(&mut self, rest: &str, at_end: bool) -> Option<usize> {
        let (bytes, found) = next_mark(rest, at_end)?;
        let quoted = match found {
            Some(Mark::OpenReasoning | Mark::CloseReasoning) => self.is_enclosed(rest, bytes, at_end)?,
            _ => false,
        };
        let words = &rest[..bytes];
        self.before = words.chars().next_back();
        let State::Reasoning { depth, rest: answer, harmony } = &mut self.state else { return Some(bytes) };
        match found {
            Some(Mark::CloseReasoning) if !quoted => {
                *depth -= 1;
                *answer = Some(String::new());
                if *depth == 0 {
                    self.end_reasoning();
                }
                return Some(bytes);
            }
            Some(Mark::Header) if *harmony => self.state = State::Header(String::new()),
            Some(Mark::Token) if *harmony => self.end_reasoning(),
            found => {
                if found == Some(Mark::OpenReasoning) && !quoted {
                    *depth = depth.saturating_add(1);
                }
                if let Some(answer) = answer {
                    answer.push_str(words);
                }
                // Too long to be an answer.
                if answer.as_ref().is_some_and(|answer| answer.len() > limits::MODEL_ANSWER_BYTES) {
                    *answer = None;
                }
            }
        }
        Some(bytes)
    }

    fn end_reasoning(&mut self) {
        self.state = State::Text;
        (self.before, self.code) = (None, 0);
        (self.skip, self.at_start) = (true, true);
        // It had both markers, so what follows is not reasoning.
        self.withheld.take_if(|withheld| withheld.text.trim().is_empty() && withheld.calls.is_empty());
    }

    fn drop_blanks(&mut self) {
        self.blanks = None;
        self.skip = true;
    }

    fn emit(&mut self, text: &str, out: &mut Scanned) {
        let Some(last) = text.chars().next_back() else { return };
        let blanks = self.blanks.take();
        (self.skip, self.at_start) = (false, false);
        self.before = Some(last);
        if text.contains('\n') {
            self.code = 0;
        }
        let target = match &mut self.withheld {
            // Too long to be an answer: it is reasoning, and its closing marker will come.
            Some(withheld) if withheld.text.len() > limits::MODEL_WITHHELD_BYTES => return,
            Some(withheld) => &mut withheld.text,
            None => &mut out.text,
        };
        target.push_str(&blanks.unwrap_or_default());
        target.push_str(text);
    }

    /// Whether a marker is enclosed in quotation marks, as in a text about it; `None` if that depends on the next
    /// input.
    fn is_enclosed(&self, rest: &str, bytes: usize, at_end: bool) -> Option<bool> {
        const PAIRS: [(char, char); 10] = [
            ('`', '`'),
            ('"', '"'),
            ('\'', '\''),
            ('“', '”'),
            ('‘', '’'),
            ('「', '」'),
            ('『', '』'),
            ('《', '》'),
            ('(', ')'),
            ('（', '）'),
        ];
        let Some((_, close)) = PAIRS.iter().find(|(open, _)| self.before == Some(*open)) else { return Some(false) };
        match rest[bytes..].chars().next() {
            Some(after) => Some(after == *close),
            None => at_end.then_some(false),
        }
    }
}

/// The marker at the start, or the bytes before the next one; `None` if that depends on the next input.
fn next_mark(rest: &str, at_end: bool) -> Option<(usize, Option<Mark>)> {
    match rest.find(STARTS).unwrap_or(rest.len()) {
        0 => match marks::read(rest) {
            Found::Partial if !at_end => None,
            Found::Mark { mark, bytes } => Some((bytes, Some(mark))),
            _ => Some((rest.chars().next().map_or(0, char::len_utf8), None)),
        },
        at => Some((at, None)),
    }
}

#[cfg(test)]
mod tests;
