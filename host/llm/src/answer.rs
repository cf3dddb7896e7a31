//! Assembles an answer from its packets. Rule: whole answers and streams take the same path; what "compatible" services
//! omit, repeat or spell differently is tolerated, and what is not an answer is a fault.

mod calls;

use std::sync::Arc;

use crate::limits;
use modehost_contract::effect::ToolCall;

use crate::fault::Fault;
use crate::packet::{Delta, Finish, Packet};
use crate::scan::{Scanned, Scanner};
use crate::split_character::TextJoiner;
use crate::tool_list::{ToolList, WrittenCall};
use calls::Calls;

/// A complete answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub text: String,
    pub tool_calls: Vec<ToolCall>,
    /// 0 if the provider does not report it.
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// Properties of a model's output that an answer has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputTraits {
    /// It reasons before it answers, and the reasoning counts as completion tokens.
    pub reasons: bool,
    /// Its text begins with reasoning that has no opening marker.
    pub starts_in_reasoning: bool,
    /// Its text begins with the answer.
    pub starts_in_answer: bool,
}

/// Builds an answer from packets.
#[derive(Debug)]
pub(crate) struct AnswerBuilder {
    answer: Answer,
    /// Text that has not been sent on yet.
    unsent: String,
    scanner: Scanner,
    joiner: TextJoiner,
    calls: Calls,
    /// Calls that the model wrote into the text.
    text_calls: Vec<WrittenCall>,
    /// Bytes of text and tool calls.
    bytes: usize,
    /// Text of whole messages so far, to detect whether the next one repeats it.
    message: String,
    has_deltas: bool,
    /// Reasoning arrived in members of its own, beside the text.
    has_reasoning: bool,
    finish: Option<Finish>,
}

impl AnswerBuilder {
    /// `withhold`: the model is known to begin with reasoning without an opening marker.
    pub(crate) fn new(tool_list: Option<Arc<ToolList>>, withhold: bool) -> Self {
        Self {
            answer: Answer::default(),
            unsent: String::new(),
            scanner: Scanner::new(tool_list, withhold),
            joiner: TextJoiner::default(),
            calls: Calls::default(),
            text_calls: Vec::new(),
            bytes: 0,
            message: String::new(),
            has_deltas: false,
            has_reasoning: false,
            finish: None,
        }
    }

    /// Adds a packet. Returns whether the model produced anything, including reasoning.
    ///
    /// # Errors
    /// If the answer becomes too long.
    pub(crate) fn push(&mut self, packet: Packet) -> Result<bool, Fault> {
        self.answer.prompt_tokens = packet.prompt_tokens.max(self.answer.prompt_tokens);
        self.answer.completion_tokens = packet.completion_tokens.max(self.answer.completion_tokens);
        let delta = match packet.delta.is_empty() {
            true => self.delta_of_message(packet.message),
            false => {
                self.has_deltas |= !packet.delta.texts.concat().is_empty() || !packet.delta.calls.is_empty();
                Some(packet.delta)
            }
        };
        let has_output = delta.is_some();
        if let Some(delta) = delta {
            self.push_delta(delta)?;
        }
        // Some services report it early, on the first delta, with text after it.
        self.finish = packet.finish.or(self.finish);
        Ok(has_output)
    }

    /// What a whole message adds: the whole answer or, with some services, its next part. Text that was streamed in
    /// deltas is not added a second time.
    fn delta_of_message(&mut self, mut message: Delta) -> Option<Delta> {
        if message.is_empty() {
            return None;
        }
        if self.has_deltas {
            if self.bytes > 0 || self.has_calls() {
                return None;
            }
            // The message has its own reasoning or none: reasoning of the deltas before it does not continue in it.
            self.scanner.restart();
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

    fn push_delta(&mut self, delta: Delta) -> Result<(), Fault> {
        if delta.has_reasoning {
            self.has_reasoning = true;
            // Reasoning has members of its own, so the text is the answer.
            let mut out = Scanned::default();
            self.scanner.release(&mut out);
            self.add(out)?;
        }
        for text in delta.texts {
            let (mut whole, mut out) = (String::new(), Scanned::default());
            self.joiner.push(&text, &mut whole);
            self.scanner.push(&whole, &mut out);
            self.add(out)?;
        }
        for call in delta.calls {
            let bytes = self.calls.push(call)?;
            self.count_bytes(bytes)?;
        }
        Ok(())
    }

    fn add(&mut self, scanned: Scanned) -> Result<(), Fault> {
        if scanned.restart {
            // All text so far was reasoning. Chunks that were sent already cannot be revoked.
            self.answer.text.clear();
            self.unsent.clear();
            self.text_calls.clear();
        }
        self.count_bytes(scanned.text.len() + scanned.calls.iter().map(|call| call.arguments.len()).sum::<usize>())?;
        self.unsent.push_str(&scanned.text);
        self.text_calls.extend(scanned.calls);
        Ok(())
    }

    /// Text since the last call of this method.
    pub(crate) fn take_unsent(&mut self) -> Option<String> {
        let unsent = std::mem::take(&mut self.unsent);
        self.answer.text.push_str(&unsent);
        (!unsent.is_empty()).then_some(unsent)
    }

    /// Whether there is an answer and the model has reported its end. More may still follow.
    pub(crate) fn is_finished(&self) -> bool {
        let has_answer = self.bytes > 0 || self.has_calls() || self.scanner.has_pending_text();
        match self.finish {
            None => false,
            Some(Finish::Stop) => has_answer,
            Some(_) => true,
        }
    }

    /// Whether the model has reported a finish reason.
    pub(crate) fn has_finish_reason(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether any part of an answer has arrived, so that a stream that simply ends may be complete.
    pub(crate) fn has_started(&self) -> bool {
        self.bytes > 0
            || self.has_calls()
            || self.has_reasoning
            || self.scanner.has_reasoning()
            || self.scanner.has_pending_text()
    }

    fn has_calls(&self) -> bool {
        !self.calls.is_empty() || !self.text_calls.is_empty()
    }

    /// The end of the text: decides on everything pending. `ended`: the service has reported the end, by `[DONE]` or a
    /// finish reason.
    ///
    /// # Errors
    /// If the answer becomes too long.
    pub(crate) fn close(&mut self, ended: bool) -> Result<(), Fault> {
        let mut out = Scanned::default();
        let truncated = self.finish == Some(Finish::Length) || !ended && self.finish.is_none();
        self.scanner.finish(truncated && !self.has_reasoning, &mut out);
        self.add(out)
    }

    /// Whether the text began with reasoning that had no opening marker.
    pub(crate) fn has_unopened_reasoning(&self) -> bool {
        self.scanner.has_unopened_reasoning()
    }

    /// The properties of the model's output, as far as they are known.
    pub(crate) fn traits(&self) -> OutputTraits {
        let reasons = self.has_reasoning || self.scanner.has_reasoning();
        let starts_in_reasoning = self.scanner.has_unopened_reasoning();
        let starts_in_answer = !starts_in_reasoning && self.finish == Some(Finish::Stop);
        OutputTraits { reasons: reasons || self.is_only_reasoning(), starts_in_reasoning, starts_in_answer }
    }

    fn is_only_reasoning(&self) -> bool {
        let nothing = self.answer.text.trim().is_empty() && self.unsent.trim().is_empty() && !self.has_calls();
        let has_reasoning = self.has_reasoning || self.scanner.has_reasoning();
        // Some services hide the reasoning, and only the tokens are used up.
        nothing && (self.finish == Some(Finish::Length) || has_reasoning)
    }

    /// The answer; call [`close`](Self::close) first.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn complete(mut self) -> Result<Answer, Fault> {
        let only_reasoning = self.is_only_reasoning();
        self.take_unsent();
        let calls = self.calls.complete();
        self.answer.tool_calls = match calls.is_empty() {
            // Calls in the text repeat the native ones.
            false => calls,
            true => self
                .text_calls
                .into_iter()
                .map(|WrittenCall { name, arguments }| ToolCall { id: String::new(), name, arguments })
                .collect(),
        };
        if !self.answer.text.trim().is_empty() || !self.answer.tool_calls.is_empty() {
            return match self.finish {
                Some(Finish::Failed) => Err(Fault::Truncated),
                _ => Ok(self.answer),
            };
        }
        Err(match self.finish {
            Some(Finish::Filtered) => Fault::Filtered,
            Some(Finish::Failed) => Fault::Reported(None),
            _ if only_reasoning => Fault::OnlyReasoning,
            _ => Fault::Empty,
        })
    }

    /// Whether the arguments of all calls so far are complete, so that a stream that simply ends may be complete.
    pub(crate) fn has_complete_calls(&self) -> bool {
        self.calls.are_complete()
    }

    fn count_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        if self.bytes > limits::MODEL_ANSWER_BYTES { Err(Fault::TooLong) } else { Ok(()) }
    }
}

impl Answer {
    /// Assigns ids to calls without one, since a tool result must name its call.
    pub(crate) fn assign_call_ids(&mut self) {
        for (index, call) in self.tool_calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call-{index}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
