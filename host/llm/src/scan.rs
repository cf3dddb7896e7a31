//! What a model says to people, out of the text that it writes: without what it thinks, and with the calls
//! of tools that it writes down as calls. Rule: thoughts and calls never get through as text, what a person
//! would say does, and how the text was split makes no difference; time is linear and memory bounded.
//!
//! A thought may come without its opening mark: prompt templates put that into the question, and the answer
//! begins with thoughts and only closes them. Then all before the closing mark was thought. What has been
//! given on by then cannot be taken back; so a scanner can be told to withhold the text until it is decided.
//!
//! In inline code, and within quotation marks, a mark is a word that somebody talks about.
//!
//! Methods also in `scan/`: `call` (a call of a tool that is written down).

mod call;
mod marks;

use std::sync::Arc;

use crate::limits;

use crate::offer::{Offer, WrittenCall};
use call::Nesting;
use marks::{Found, Mark, STARTS};

/// What of a piece is to be given on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub text: String,
    pub calls: Vec<WrittenCall>,
    /// All text before this was thought.
    pub restart: bool,
}

/// A text in pieces.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// The tools that were offered; a call that is written where none were, is no call and no text.
    offer: Option<Arc<Offer>>,
    state: State,
    /// Read and not yet decided on: at most a mark, or a few backticks.
    pending: String,
    /// Withheld until it is known whether it was thought.
    withheld: Option<Scanned>,
    /// The last character of the text.
    before: Option<char>,
    /// Backticks that have opened inline code; 0 outside.
    code: usize,
    /// Within a fenced block.
    fence: bool,
    /// Nothing but blanks so far, which go if a thought follows.
    blanks: Option<String>,
    /// Blanks are left out until something else comes.
    skip: bool,
    /// Nothing of the answer has been given, or nothing since a thought.
    fresh: bool,
    /// There was a thought.
    thought: bool,
    /// One of them had no opening mark.
    unopened: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    Thought {
        /// Thoughts that are open within each other.
        depth: u32,
        /// What came behind a closing mark while another seems to be open: thoughts talk of marks, so at the
        /// end it may have been the answer.
        rest: Option<String>,
        /// It ends with any token, too.
        harmony: bool,
    },
    Call {
        name: String,
        written: String,
    },
    /// The head of a message of the format harmony.
    Header(String),
    /// A fenced block that may be a call.
    Fence(String),
    /// JSON at the start that may be a call.
    Bare(String, Nesting),
}

impl Scanner {
    /// `withhold`: the text is given on only when it is known to be no thought.
    pub(crate) fn new(offer: Option<Arc<Offer>>, withhold: bool) -> Self {
        Self {
            offer,
            state: State::Text,
            pending: String::new(),
            withheld: withhold.then(Scanned::default),
            before: None,
            code: 0,
            fence: false,
            blanks: Some(String::new()),
            skip: false,
            fresh: true,
            thought: false,
            unopened: false,
        }
    }

    /// Takes a piece.
    pub(crate) fn push(&mut self, piece: &str, out: &mut Scanned) {
        let mut text = std::mem::take(&mut self.pending);
        text.push_str(piece);
        let taken = self.read(&text, false, out);
        text.drain(..taken);
        self.pending = text;
    }

    /// Reads as far as it is decided, and says how far that was.
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

    /// The end of the text. `broken_off`: the model did not end it itself.
    pub(crate) fn finish(&mut self, broken_off: bool, out: &mut Scanned) {
        loop {
            let text = std::mem::take(&mut self.pending);
            self.read(&text, true, out);
            match std::mem::take(&mut self.state) {
                State::Call { name, written } => self.end_call(&name, &written, out),
                State::Fence(block) => self.end_fence(&block, out),
                State::Bare(json, _) => self.end_bare(&json, out),
                State::Thought { rest: Some(answer), .. } if !answer.trim().is_empty() => {
                    self.skip = true;
                    self.pending = answer;
                }
                thought @ State::Thought { .. } => {
                    self.state = thought;
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
        if broken_off || self.withheld.as_ref().is_some_and(|text| text.text.len() > limits::MODEL_WITHHELD_BYTES) {
            // It was cut off before its end, or too long for an answer: then it was thought.
            self.thought |= self.withheld.take().is_some_and(|withheld| !withheld.text.trim().is_empty());
        }
        self.release(out);
    }

    /// What is withheld is no thought, nor what follows.
    pub(crate) fn release(&mut self, out: &mut Scanned) {
        if let Some(withheld) = self.withheld.take() {
            out.text.push_str(&withheld.text);
            out.calls.extend(withheld.calls);
        }
    }

    /// Whether something that may be text or a call has come and is not given on yet.
    pub(crate) fn has_pending_text(&self) -> bool {
        let withheld = self.withheld.as_ref().is_some_and(|withheld| *withheld != Scanned::default());
        withheld
            || !self.pending.is_empty()
            || matches!(self.state, State::Call { .. } | State::Fence(_) | State::Bare(..))
    }

    /// Whether there was any thought.
    pub(crate) fn has_thought(&self) -> bool {
        self.thought
    }

    /// Whether a thought had no opening mark.
    pub(crate) fn has_unopened(&self) -> bool {
        self.unopened
    }

    /// Takes something from the start of `rest` and says how many bytes; none if more is needed.
    fn step(&mut self, rest: &str, at_end: bool, out: &mut Scanned) -> Option<usize> {
        match &self.state {
            State::Text => self.step_text(rest, at_end, out),
            State::Thought { .. } => self.step_thought(rest, at_end),
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
            if first == '{' && self.fresh && self.offer.is_some() {
                self.state = State::Bare(String::new(), Nesting::default());
                return Some(0);
            }
            let end = rest.find(|sign| STARTS.contains(&sign) || sign == '`').unwrap_or(rest.len());
            self.emit(&rest[..end], out);
            return Some(end);
        }
        match marks::read(rest) {
            Found::Mark { mark, bytes } => {
                // Inline code that nobody ended must not hide the end of thoughts.
                let in_code = self.code > 0 && mark != Mark::CloseThought;
                if in_code || self.is_enclosed(rest, bytes, at_end)? {
                    self.emit(&rest[..bytes], out);
                } else {
                    self.handle_mark(mark, &rest[..bytes], out);
                }
                Some(bytes)
            }
            Found::Partial if !at_end => None,
            _ if first == '[' && self.fresh && self.offer.is_some() => {
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
            Mark::OpenThought => {
                self.thought = true;
                self.drop_blanks();
                self.before = None;
                self.state = State::Thought { depth: 1, rest: None, harmony: false };
            }
            Mark::CloseThought => {
                // All before it was thought, whatever it looked like.
                (self.thought, self.unopened) = (true, true);
                self.drop_blanks();
                (self.code, self.fence, self.before, self.fresh) = (0, false, None, true);
                if self.withheld.take().is_none() {
                    *out = Scanned { restart: true, ..Scanned::default() };
                }
            }
            Mark::OpenCall(name) => self.open_call(name, text),
            Mark::Header => {
                self.drop_blanks();
                self.state = State::Header(String::new());
            }
            Mark::Answer if !self.thought => self.emit(text, out),
            Mark::CloseCall(_) | Mark::Message | Mark::Answer => self.drop_blanks(),
            Mark::Token => {}
        }
    }

    fn step_thought(&mut self, rest: &str, at_end: bool) -> Option<usize> {
        let (bytes, found) = next_mark(rest, at_end)?;
        let quoted = match found {
            Some(Mark::OpenThought | Mark::CloseThought) => self.is_enclosed(rest, bytes, at_end)?,
            _ => false,
        };
        let words = &rest[..bytes];
        self.before = words.chars().next_back();
        let State::Thought { depth, rest: answer, harmony } = &mut self.state else { return Some(bytes) };
        match found {
            Some(Mark::CloseThought) if !quoted => {
                *depth -= 1;
                *answer = Some(String::new());
                if *depth == 0 {
                    self.end_thought();
                }
                return Some(bytes);
            }
            Some(Mark::Header) if *harmony => self.state = State::Header(String::new()),
            Some(Mark::Token) if *harmony => self.end_thought(),
            found => {
                if found == Some(Mark::OpenThought) && !quoted {
                    *depth = depth.saturating_add(1);
                }
                if let Some(answer) = answer {
                    answer.push_str(words);
                }
                // Nobody's answer is so long.
                if answer.as_ref().is_some_and(|answer| answer.len() > limits::MODEL_ANSWER_BYTES) {
                    *answer = None;
                }
            }
        }
        Some(bytes)
    }

    fn end_thought(&mut self) {
        self.state = State::Text;
        (self.before, self.code) = (None, 0);
        (self.skip, self.fresh) = (true, true);
        // It came with both of its marks, so what follows is no thought.
        self.withheld.take_if(|withheld| withheld.text.trim().is_empty() && withheld.calls.is_empty());
    }

    fn drop_blanks(&mut self) {
        self.blanks = None;
        self.skip = true;
    }

    fn emit(&mut self, text: &str, out: &mut Scanned) {
        let Some(last) = text.chars().next_back() else { return };
        let blanks = self.blanks.take();
        (self.skip, self.fresh) = (false, false);
        self.before = Some(last);
        if text.contains('\n') {
            self.code = 0;
        }
        let target = match &mut self.withheld {
            // Nobody's answer is so long: it is thought, and its end will come.
            Some(withheld) if withheld.text.len() > limits::MODEL_WITHHELD_BYTES => return,
            Some(withheld) => &mut withheld.text,
            None => &mut out.text,
        };
        target.push_str(&blanks.unwrap_or_default());
        target.push_str(text);
    }

    /// Whether a mark stands between two quotation marks, as what somebody talks about does; none if what
    /// follows decides.
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

/// The mark at the start, or the bytes before the next one; none if what follows decides.
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
