//! An answer that is put together from its pieces. Rule: whole answers and streams go the same
//! way; whatever "compatible" services leave out, repeat or write differently is borne, and what
//! is no answer is a fault.

mod calls;

use std::sync::Arc;

use crate::limits;
use modehost_contract::effect::ToolCall;

use crate::fault::Fault;
use crate::half::Joiner;
use crate::offer::{Offer, WrittenCall};
use crate::packet::{Finish, Packet, Piece};
use crate::scan::{Scanned, Scanner};
use calls::Calls;

/// A finished answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub text: String,
    pub tool_calls: Vec<ToolCall>,
    /// 0 where the provider does not say.
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// How a model answers, as far as an answer shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// It thinks before it answers, and the thoughts count as tokens of the answer.
    pub thinks: bool,
    /// Its text begins with thoughts that have no opening mark.
    pub opens_in_thought: bool,
    /// Its text does not.
    pub opens_in_answer: bool,
}

/// An answer that is not complete yet.
#[derive(Debug)]
pub(crate) struct Assembly {
    answer: Answer,
    /// Of the text, and not given on yet.
    fresh: String,
    offer: Option<Arc<Offer>>,
    withhold: bool,
    scanner: Scanner,
    joiner: Joiner,
    calls: Calls,
    /// Calls that were written into the text.
    written: Vec<WrittenCall>,
    /// Bytes of text and tool calls.
    bytes: usize,
    /// What has come as whole messages, to see whether the next one repeats it.
    message: String,
    has_deltas: bool,
    /// Thoughts came beside the text.
    has_thoughts: bool,
    finish: Option<Finish>,
}

impl Assembly {
    /// `withhold`: the model is known to begin with thoughts that have no opening mark.
    pub(crate) fn new(offer: Option<Arc<Offer>>, withhold: bool) -> Self {
        Self {
            answer: Answer::default(),
            fresh: String::new(),
            scanner: Scanner::new(offer.clone(), withhold),
            offer,
            withhold,
            joiner: Joiner::default(),
            calls: Calls::default(),
            written: Vec::new(),
            bytes: 0,
            message: String::new(),
            has_deltas: false,
            has_thoughts: false,
            finish: None,
        }
    }

    /// Takes a packet. Says whether the model gave anything, be it a thought.
    ///
    /// # Errors
    /// If the answer becomes too long.
    pub(crate) fn push(&mut self, packet: Packet) -> Result<bool, Fault> {
        self.answer.prompt_tokens = packet.prompt_tokens.max(self.answer.prompt_tokens);
        self.answer.completion_tokens = packet.completion_tokens.max(self.answer.completion_tokens);
        let piece = match packet.delta.is_empty() {
            true => self.new_of_message(packet.message),
            false => {
                self.has_deltas |= !packet.delta.texts.concat().is_empty() || !packet.delta.calls.is_empty();
                Some(packet.delta)
            }
        };
        let gave = piece.is_some();
        if let Some(piece) = piece {
            self.push_piece(piece)?;
        }
        // Services say so early, too: on the first piece, with the text behind it.
        self.finish = packet.finish.or(self.finish);
        Ok(gave)
    }

    /// What a message adds, which is all of the answer or, with some services, the next piece of it. What
    /// was given in pieces is not given a second time.
    fn new_of_message(&mut self, mut message: Piece) -> Option<Piece> {
        if message.is_empty() {
            return None;
        }
        if self.has_deltas {
            if self.bytes > 0 || self.has_calls() {
                return None;
            }
            // It begins with the thoughts, or has none: those of the pieces before it do not go on in it.
            self.scanner = Scanner::new(self.offer.clone(), self.withhold);
            return Some(message);
        }
        if !self.message.is_empty() || !self.calls.is_empty() {
            let text = message.texts.concat();
            match text.strip_prefix(&self.message) {
                Some(rest) => message.texts = vec![rest.to_owned()],
                None => message.texts = vec![text],
            }
            if !self.calls.is_empty() {
                message.calls.clear();
            }
        }
        if self.message.len() <= limits::MODEL_ANSWER_BYTES {
            message.texts.iter().for_each(|text| self.message.push_str(text));
        }
        Some(message).filter(|message| !message.is_empty())
    }

    fn push_piece(&mut self, piece: Piece) -> Result<(), Fault> {
        if piece.has_thought {
            self.has_thoughts = true;
            // They come by themselves, so the text is the answer.
            let mut out = Scanned::default();
            self.scanner.release(&mut out);
            self.add(out)?;
        }
        for text in piece.texts {
            let (mut whole, mut out) = (String::new(), Scanned::default());
            self.joiner.push(&text, &mut whole);
            self.scanner.push(&whole, &mut out);
            self.add(out)?;
        }
        for call in piece.calls {
            let bytes = self.calls.push(call)?;
            self.weigh(bytes)?;
        }
        Ok(())
    }

    fn add(&mut self, scanned: Scanned) -> Result<(), Fault> {
        if scanned.restart {
            // It was thought. What has been given on cannot be taken back.
            self.answer.text.clear();
            self.fresh.clear();
            self.written.clear();
        }
        self.weigh(scanned.text.len() + scanned.calls.iter().map(|call| call.arguments.len()).sum::<usize>())?;
        self.fresh.push_str(&scanned.text);
        self.written.extend(scanned.calls);
        Ok(())
    }

    /// What is new of the text since the last time.
    pub(crate) fn drain_fresh(&mut self) -> Option<String> {
        let fresh = std::mem::take(&mut self.fresh);
        self.answer.text.push_str(&fresh);
        (!fresh.is_empty()).then_some(fresh)
    }

    /// Whether there is an answer, and the model has said that it has stopped. It may go on nevertheless.
    pub(crate) fn is_finished(&self) -> bool {
        let has_answer = self.bytes > 0 || self.has_calls() || self.scanner.has_pending_text();
        match self.finish {
            None => false,
            Some(Finish::Stop) => has_answer,
            Some(_) => true,
        }
    }

    /// Whether the model has said why it stopped.
    pub(crate) fn says_end(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether anything of an answer has come, so that a stream that simply ends may be one.
    pub(crate) fn has_begun(&self) -> bool {
        self.bytes > 0
            || self.has_calls()
            || self.has_thoughts
            || self.scanner.has_thought()
            || self.scanner.has_pending_text()
    }

    fn has_calls(&self) -> bool {
        !self.calls.is_empty() || !self.written.is_empty()
    }

    /// The end of the text: what is undecided is decided. `ended`: the service has said that it is the end, by
    /// its mark or by a reason.
    ///
    /// # Errors
    /// If the answer becomes too long.
    pub(crate) fn close(&mut self, ended: bool) -> Result<(), Fault> {
        let mut out = Scanned::default();
        let broken_off = self.finish == Some(Finish::Length) || !ended && self.finish.is_none();
        self.scanner.finish(broken_off && !self.has_thoughts, &mut out);
        self.add(out)
    }

    /// Whether the text has begun with thoughts that had no opening mark.
    pub(crate) fn has_unopened(&self) -> bool {
        self.scanner.has_unopened()
    }

    /// How the model answers, as far as it is seen by now.
    pub(crate) fn habits(&self) -> Habits {
        let thinks = self.has_thoughts || self.scanner.has_thought();
        let opens_in_thought = self.scanner.has_unopened();
        let opens_in_answer = !opens_in_thought && self.finish == Some(Finish::Stop);
        Habits { thinks: thinks || self.is_only_thoughts(), opens_in_thought, opens_in_answer }
    }

    fn is_only_thoughts(&self) -> bool {
        let nothing = self.answer.text.trim().is_empty() && self.fresh.trim().is_empty() && !self.has_calls();
        let thought = self.has_thoughts || self.scanner.has_thought();
        // Some services keep the thoughts to themselves, and only the tokens are gone.
        nothing && (self.finish == Some(Finish::Length) || thought)
    }

    /// The answer; after [`close`](Self::close).
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn complete(mut self) -> Result<Answer, Fault> {
        let only_thoughts = self.is_only_thoughts();
        self.drain_fresh();
        let calls = self.calls.complete();
        self.answer.tool_calls = match calls.is_empty() {
            // What stands there a second time as text.
            false => calls,
            true => self
                .written
                .into_iter()
                .map(|WrittenCall { name, arguments }| ToolCall { id: String::new(), name, arguments })
                .collect(),
        };
        if !self.answer.text.trim().is_empty() || !self.answer.tool_calls.is_empty() {
            return match self.finish {
                Some(Finish::Failed) => Err(Fault::Cut),
                _ => Ok(self.answer),
            };
        }
        Err(match self.finish {
            Some(Finish::Withheld) => Fault::Withheld,
            Some(Finish::Failed) => Fault::Reported(None),
            _ if only_thoughts => Fault::OnlyThoughts,
            _ => Fault::Empty,
        })
    }

    /// Whether the calls so far are whole, so that a stream that simply ends may have ended there.
    pub(crate) fn has_whole_calls(&self) -> bool {
        self.calls.are_whole()
    }

    fn weigh(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        if self.bytes > limits::MODEL_ANSWER_BYTES { Err(Fault::TooLong) } else { Ok(()) }
    }
}

impl Answer {
    /// Gives calls that came without an id one, since the answer to a call must name it.
    pub(crate) fn name_calls(&mut self) {
        for (place, call) in self.tool_calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call-{place}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
