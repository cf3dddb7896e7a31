//! A scripted language model. Rule: answers are given in the order in which they were added, by purpose; a question
//! without one fails as unavailable.

use std::collections::{HashMap, HashSet, VecDeque};

use modehost_contract::Event;
use modehost_contract::effect::{ModelRequest, ToolCall};
use modehost_contract::event::{Failure, ModelDone};
use modehost_contract::id::RequestId;
use serde_json::Value;

use super::request::failed;

/// A scripted answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The text in chunks, which are sent if the question requests them.
    pub(crate) chunks: Vec<String>,
    pub(crate) tool_calls: Vec<ToolCall>,
    /// The answer fails after the chunks.
    pub(crate) failure: Option<Failure>,
}

/// Scripted answers, and the questions that were asked.
#[derive(Default)]
pub(crate) struct Models {
    answers: HashMap<String, VecDeque<Answer>>,
    held: HashSet<String>,
    /// Held questions, with their device.
    waiting: Vec<(String, ModelRequest)>,
    pub(crate) asked: Vec<ModelRequest>,
    /// Questions with `spoken`, with their device.
    spoken: Vec<(String, RequestId)>,
}

impl Models {
    pub(crate) fn write(&mut self, purpose: &str, answer: Answer) {
        self.answers.entry(purpose.to_owned()).or_default().push_back(answer);
    }

    pub(crate) fn hold(&mut self, purpose: &str) {
        self.held.insert(purpose.to_owned());
    }

    /// Answers the held questions; returns each device with its events.
    pub(crate) fn release(&mut self, purpose: &str) -> Vec<(String, Vec<Event>)> {
        self.held.remove(purpose);
        let (due, rest) = std::mem::take(&mut self.waiting).into_iter().partition(|(_, ask)| ask.purpose == purpose);
        self.waiting = rest;
        let due: Vec<(String, ModelRequest)> = due;
        due.into_iter().map(|(device, ask)| (device, self.answer(&ask))).collect()
    }

    /// Events that follow a question immediately; none if it is held.
    pub(crate) fn ask(&mut self, device: &str, ask: &ModelRequest) -> Vec<Event> {
        self.asked.push(ask.clone());
        if ask.spoken {
            self.spoken.push((device.to_owned(), ask.request));
        }
        if self.held.contains(&ask.purpose) {
            self.waiting.push((device.to_owned(), ask.clone()));
            return Vec::new();
        }
        self.answer(ask)
    }

    pub(crate) fn cancel(&mut self, device: &str, request: RequestId) {
        self.waiting.retain(|(id, ask)| id != device || ask.request != request);
    }

    /// Takes the spoken questions of a device.
    pub(crate) fn take_spoken(&mut self, device: &str) -> Vec<RequestId> {
        let spoken = std::mem::take(&mut self.spoken);
        let (theirs, rest): (Vec<_>, Vec<_>) = spoken.into_iter().partition(|(id, _)| id == device);
        self.spoken = rest;
        theirs.into_iter().map(|(_, request)| request).collect()
    }

    /// Drops the held questions of a device and returns their ids.
    pub(crate) fn forget(&mut self, device: &str) -> Vec<RequestId> {
        let (gone, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(id, _)| id == device);
        self.waiting = rest;
        gone.into_iter().map(|(_, ask)| ask.request).collect()
    }

    fn answer(&mut self, ask: &ModelRequest) -> Vec<Event> {
        let Some(answer) = self.answers.get_mut(&ask.purpose).and_then(VecDeque::pop_front) else {
            return vec![failed(ask.request, Failure::Unavailable)];
        };
        let request = ask.request;
        let mut events = Vec::new();
        if ask.chunks {
            let pieces = answer.chunks.iter().filter(|piece| !piece.is_empty());
            events.extend(pieces.map(|text| Event::ModelChunk { request, text: text.as_str().into() }));
        }
        let text = answer.chunks.concat();
        let text = if ask.json { object_in(&text) } else { Some(text.as_str()) };
        events.push(match (answer.failure, text) {
            (Some(reason), _) => failed(request, reason),
            (None, None) => failed(request, Failure::NotJson),
            (None, Some(text)) => {
                let (prompt_tokens, completion_tokens) = (0, 0);
                let (text, tool_calls) = (text.into(), answer.tool_calls);
                Event::ModelDone(ModelDone { request, text, prompt_tokens, completion_tokens, tool_calls })
            }
        });
        events
    }
}

/// The JSON object in an answer: the whole text, or the part between the outermost braces. The server repairs small
/// damage as well; a test supplies the repaired text.
fn object_in(text: &str) -> Option<&str> {
    let is_object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    if is_object(text) {
        return Some(text);
    }
    let (first, last) = (text.find('{')?, text.rfind('}')?);
    let inner = text.get(first..=last)?;
    is_object(inner).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: RequestId, purpose: &str, json: bool, chunks: bool) -> ModelRequest {
        let (purpose, messages, tools) = (purpose.to_owned(), Vec::new(), Vec::new());
        ModelRequest { request, purpose, messages, max_tokens: 1, json, chunks, spoken: false, tools }
    }

    fn text(text: &str) -> Answer {
        Answer { chunks: vec![text.to_owned()], ..Answer::default() }
    }

    fn outcome(events: &[Event]) -> String {
        match events.last() {
            Some(Event::ModelDone(done)) => done.text.to_string(),
            Some(Event::RequestFailed { reason, .. }) => format!("{reason:?}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn answers_come_in_order_and_by_purpose() {
        let mut models = Models::default();
        models.write("a", text("1"));
        models.write("a", text("2"));
        assert_eq!(outcome(&models.ask("d", &ask(1, "b", false, false))), "Unavailable");
        assert_eq!(outcome(&models.ask("d", &ask(2, "a", false, false))), "1");
        assert_eq!(outcome(&models.ask("d", &ask(3, "a", false, false))), "2");
        assert_eq!(models.asked.len(), 3);
    }

    #[test]
    fn pieces_come_only_where_they_are_asked_for_and_before_a_break() {
        let mut models = Models::default();
        let answer = |failure| Answer { chunks: vec!["a".to_owned(), "b".to_owned()], failure, ..Answer::default() };
        models.write("p", answer(None));
        models.write("p", answer(None));
        models.write("p", answer(Some(Failure::TimedOut)));
        let whole = models.ask("d", &ask(1, "p", false, false));
        assert_eq!((whole.len(), outcome(&whole)), (1, "ab".to_owned()));
        let pieces = models.ask("d", &ask(2, "p", false, true));
        assert_eq!((pieces.len(), outcome(&pieces)), (3, "ab".to_owned()));
        let broken = models.ask("d", &ask(3, "p", false, true));
        assert_eq!((broken.len(), outcome(&broken)), (3, "TimedOut".to_owned()));
    }

    #[test]
    fn an_object_is_taken_out_of_prose_or_there_is_none() {
        let mut models = Models::default();
        for written in [r#"{"a":1}"#, "Here: {\"a\":1}. Good?", "no", "[1]", "} {"] {
            models.write("p", text(written));
        }
        let mut next = |request| outcome(&models.ask("d", &ask(request, "p", true, false)));
        assert_eq!((next(1), next(2)), (r#"{"a":1}"#.to_owned(), r#"{"a":1}"#.to_owned()));
        assert_eq!((next(3), next(4), next(5)), ("NotJson".to_owned(), "NotJson".to_owned(), "NotJson".to_owned()));
    }

    #[test]
    fn held_questions_wait_are_cancelled_and_are_released_in_order() {
        let mut models = Models::default();
        models.hold("p");
        for request in 1..=3 {
            assert!(models.ask("d", &ask(request, "p", false, false)).is_empty());
        }
        models.cancel("other", 1);
        models.cancel("d", 2);
        models.write("p", text("first"));
        models.write("p", text("second"));
        let released = models.release("p");
        let texts: Vec<String> = released.iter().map(|(_, events)| outcome(events)).collect();
        assert_eq!(texts, ["first", "second"]);
        assert!(models.release("p").is_empty());
        models.write("p", text("at once"));
        assert_eq!(outcome(&models.ask("d", &ask(4, "p", false, false))), "at once");
    }
}
