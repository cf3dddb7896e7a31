//! An answer that is put together from its pieces. Rule: whole answers and streams go the same
//! way; whatever "compatible" services leave out, repeat or write differently is borne, and what
//! is no answer is a fault.

use modehost_contract::effect::ToolCall;
use modehost_limits as limits;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::fault::Fault;
use crate::think::Thoughts;

/// A finished answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub text: String,
    pub tool_calls: Vec<ToolCall>,
    /// 0 where the provider does not say.
    pub prompt_tokens: u32,
    pub answer_tokens: u32,
}

/// An answer that is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    answer: Answer,
    thoughts: Thoughts,
    /// Bytes of text and tool calls.
    bytes: usize,
    /// Where each call stands in the answer, by the provider's index.
    places: Vec<(usize, usize)>,
    finish: Option<String>,
}

/// A whole answer, or one event of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Packet {
    #[serde(default, deserialize_with = "or_default")]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    delta: Option<Piece>,
    /// All of it: where it is given at once, and with some services again behind its pieces or with each.
    message: Option<Piece>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Piece {
    content: Option<Content>,
    /// Thoughts: a sign of life, and not part of the answer.
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    tool_calls: Vec<CallPiece>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Debug, Deserialize)]
struct ContentPart {
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CallPiece {
    index: Option<usize>,
    id: Option<String>,
    function: Option<FunctionPiece>,
}

#[derive(Debug, Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    /// A text, or with some services the object itself.
    arguments: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: Option<Value>,
    completion_tokens: Option<Value>,
}

/// `null` is as good as absent.
fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Piece {
    /// Whether it gives nothing, not even a thought, however many members it names.
    fn is_empty(&self) -> bool {
        let content = match &self.content {
            Some(Content::Text(text)) => text.is_empty(),
            Some(Content::Parts(parts)) => parts.iter().all(|part| part.text.as_deref().is_none_or(str::is_empty)),
            None => true,
        };
        content && self.tool_calls.is_empty() && !self.has_thought()
    }

    fn has_thought(&self) -> bool {
        let thoughts = [&self.reasoning_content, &self.reasoning].into_iter().flatten();
        thoughts.filter_map(Value::as_str).any(|text| !text.is_empty())
    }
}

impl Packet {
    /// # Errors
    /// If it is no JSON of this kind.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(text).map_err(|_| Fault::Garbled("not the JSON of an answer"))
    }
}

impl Assembly {
    /// Takes a packet and appends what is new of the text to `fresh`. Says whether the model gave
    /// anything, be it a thought.
    ///
    /// # Errors
    /// If the packet is an error, or the answer becomes too long.
    pub(crate) fn take(&mut self, packet: Packet, fresh: &mut String) -> Result<bool, Fault> {
        if let Some(error) = packet.error.filter(|error| !error.is_null()) {
            return Err(Fault::reported(&error));
        }
        if let Some(usage) = packet.usage {
            let count = |value: Option<Value>| {
                value.and_then(|value| value.as_u64()).and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
            };
            self.answer.prompt_tokens = count(usage.prompt_tokens).max(self.answer.prompt_tokens);
            self.answer.answer_tokens = count(usage.completion_tokens).max(self.answer.answer_tokens);
        }
        // One answer is asked for; the events that only tell the usage have none.
        let Some(choice) = packet.choices.into_iter().next() else { return Ok(false) };
        let mut gave = false;
        let delta = choice.delta.filter(|piece| !piece.is_empty());
        // What was given in pieces is not given a second time.
        let nothing_yet = self.bytes == 0 && self.answer.tool_calls.is_empty();
        let whole = choice.message.filter(|piece| nothing_yet && delta.is_none() && !piece.is_empty());
        if whole.is_some() {
            // It begins with the thoughts, or has none: those of the pieces before it do not go on in it.
            self.thoughts = Thoughts::default();
        }
        if let Some(piece) = delta.or(whole) {
            gave |= piece.has_thought();
            let texts = match piece.content {
                Some(Content::Text(text)) => vec![text],
                Some(Content::Parts(parts)) => parts.into_iter().filter_map(|part| part.text).collect(),
                None => Vec::new(),
            };
            for text in texts {
                gave |= !text.is_empty();
                let before = fresh.len();
                self.thoughts.push(&text, fresh);
                self.weigh(fresh.len() - before)?;
            }
            for call in piece.tool_calls {
                gave = true;
                self.take_call(call)?;
            }
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            // What was held back as a possible mark was none.
            let before = fresh.len();
            self.thoughts.finish(fresh);
            self.weigh(fresh.len() - before)?;
            self.finish = Some(reason);
        }
        Ok(gave)
    }

    /// Takes over what [`take`](Self::take) gave.
    pub(crate) fn append(&mut self, fresh: &str) {
        self.answer.text.push_str(fresh);
    }

    /// Whether the model has said why it stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The answer.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn complete(mut self) -> Result<Answer, Fault> {
        let mut rest = String::new();
        let only_thoughts = self.thoughts.is_inside();
        self.thoughts.finish(&mut rest);
        self.answer.text.push_str(&rest);
        let finish = self.finish.as_deref().unwrap_or_default();
        // Nobody could tell what is to be called.
        self.answer.tool_calls.retain(|call| !call.name.is_empty());
        if !self.answer.text.trim().is_empty() || !self.answer.tool_calls.is_empty() {
            return Ok(self.answer);
        }
        Err(match finish {
            "content_filter" => Fault::Withheld,
            "length" => Fault::OnlyThoughts,
            _ if only_thoughts => Fault::OnlyThoughts,
            _ => Fault::Empty,
        })
    }

    fn take_call(&mut self, piece: CallPiece) -> Result<(), Fault> {
        let id = piece.id.filter(|id| !id.is_empty());
        let (name, arguments) = piece.function.map(|function| (function.name, function.arguments)).unwrap_or_default();
        let name = name.filter(|name| !name.is_empty());
        let place = match self.place_of(piece.index, id.as_deref(), name.as_deref()) {
            Some(place) => place,
            None => {
                let place = self.answer.tool_calls.len();
                if place == limits::MODEL_TOOL_CALLS {
                    return Err(Fault::TooLong);
                }
                self.places.push((piece.index.unwrap_or(place), place));
                let call = ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
                self.answer.tool_calls.push(call);
                place
            }
        };
        let arguments = match arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(object) => object.to_string(),
        };
        self.weigh(arguments.len() + name.as_ref().map_or(0, String::len) + id.as_ref().map_or(0, String::len))?;
        let call = &mut self.answer.tool_calls[place];
        // Some services give every piece an id of its own.
        if let Some(id) = id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        // Some services repeat the name with every piece.
        if let Some(name) = name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }

    /// The call that a piece belongs to; none if it begins one. Services number all calls 0 and tell them
    /// apart by ids, or give each piece a new id, or number the rest of a call unlike its beginning: a known
    /// id is believed first, a call begins with its name, and it has one name only.
    fn place_of(&self, index: Option<usize>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let calls = &self.answer.tool_calls;
        let fits = |place: &usize| {
            let known = &calls[*place].name;
            name.is_none_or(|name| known.is_empty() || known == name)
        };
        let last = calls.len().checked_sub(1);
        let of_index = index.and_then(|index| self.places.iter().rev().find(|(known, _)| *known == index));
        let of_index = of_index.map(|(_, place)| *place);
        // Even with an id that another call has: some services make the id of the name.
        let is_head = name.is_some() && index.is_some() && of_index.is_none();
        if let Some(id) = id {
            let is_same = |place: &usize| calls[*place].id == id;
            let known = of_index.filter(is_same).or_else(|| (0..calls.len()).rev().find(is_same));
            if let Some(known) = known.filter(|known| fits(known) && !is_head) {
                return Some(known);
            }
        }
        match (of_index, id) {
            // A call that came without its id or its name is given it.
            (Some(place), Some(_)) => Some(place).filter(|place| {
                name.is_none() || calls[*place].name.is_empty() || calls[*place].id.is_empty() && fits(place)
            }),
            (Some(place), None) => Some(place).filter(fits),
            // Where there is no number, a new id without a name begins nothing.
            (None, Some(_)) => last.filter(|_| index.is_none() && name.is_none()),
            (None, None) => last.filter(|last| fits(last) && !is_head),
        }
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
mod tests {
    use serde_json::json;

    use super::*;

    fn assemble(packets: &[Value]) -> Result<Answer, Fault> {
        let (mut assembly, mut fresh) = (Assembly::default(), String::new());
        for packet in packets {
            assembly.take(Packet::read(packet.to_string().as_bytes())?, &mut fresh)?;
        }
        assembly.append(&fresh);
        assembly.complete()
    }

    fn delta(delta: Value) -> Value {
        json!({ "choices": [{ "delta": delta, "finish_reason": null }] })
    }

    fn call(index: Value, id: Value, name: Value, arguments: Value) -> Value {
        let function = json!({ "name": name, "arguments": arguments });
        delta(json!({ "tool_calls": [{ "index": index, "id": id, "function": function }] }))
    }

    fn calls(packets: &[Value]) -> Vec<(String, String, String)> {
        let answer = assemble(packets).expect("an answer");
        answer.tool_calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn expected(calls: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        calls.iter().map(|(id, name, arguments)| ((*id).into(), (*name).into(), (*arguments).into())).collect()
    }

    #[test]
    fn contents_of_all_kinds_are_taken() {
        let answer = assemble(&[
            json!({ "choices": null }),
            delta(json!({ "role": "assistant", "content": null, "reasoning_content": "hm" })),
            delta(json!({ "content": "a" })),
            delta(json!({ "content": [{ "type": "text", "text": "b" }, { "type": "image" }] })),
            json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9 } }),
        ])
        .expect("an answer");
        assert_eq!((answer.text.as_str(), answer.prompt_tokens, answer.answer_tokens), ("ab", 7, 2));
    }

    #[test]
    fn pieces_of_tool_calls_are_joined_by_index() {
        let streamed = [
            call(json!(0), json!("x"), json!("light"), json!("")),
            call(json!(1), json!("y"), json!("sound"), json!("{\"a\"")),
            call(json!(0), Value::Null, Value::Null, json!("{}")),
            call(json!(1), json!(""), json!("sound"), json!(":1}")),
        ];
        assert_eq!(calls(&streamed), expected(&[("x", "light", "{}"), ("y", "sound", "{\"a\":1}")]));
    }

    #[test]
    fn calls_of_careless_services_are_told_apart() {
        let all_zero = [
            call(json!(0), json!("x"), json!("light"), json!("{}")),
            call(json!(0), json!("y"), json!("sound"), json!("{}")),
        ];
        assert_eq!(calls(&all_zero), expected(&[("x", "light", "{}"), ("y", "sound", "{}")]));
        let no_index = [
            call(Value::Null, json!("x"), json!("light"), json!({ "on": true })),
            call(Value::Null, json!("y"), json!("sound"), Value::Null),
            call(Value::Null, Value::Null, Value::Null, json!("{}")),
        ];
        assert_eq!(calls(&no_index), expected(&[("x", "light", "{\"on\":true}"), ("y", "sound", "{}")]));
    }

    #[test]
    fn pieces_of_a_call_with_ids_or_numbers_of_their_own_stay_together() {
        let same_id_no_index = [
            call(Value::Null, json!("x"), json!("light"), json!("{\"a\"")),
            call(Value::Null, json!("x"), Value::Null, json!(":1}")),
        ];
        assert_eq!(calls(&same_id_no_index), expected(&[("x", "light", "{\"a\":1}")]));
        let new_id_each = [
            call(json!(0), json!("x1"), json!("light"), json!("{\"a\"")),
            call(json!(0), json!("x2"), Value::Null, json!(":1")),
            call(json!(0), json!("x3"), json!(""), json!("}")),
        ];
        assert_eq!(calls(&new_id_each), expected(&[("x1", "light", "{\"a\":1}")]));
        let other_number = [
            call(json!(0), json!("x"), json!("light"), json!("{}")),
            call(json!(0), json!("y"), json!("sound"), json!("")),
            call(json!(1), Value::Null, Value::Null, json!("{\"b\":2}")),
        ];
        assert_eq!(calls(&other_number), expected(&[("x", "light", "{}"), ("y", "sound", "{\"b\":2}")]));
        let no_marks = [
            call(Value::Null, Value::Null, json!("light"), json!("{}")),
            call(Value::Null, Value::Null, json!("sound"), json!("{}")),
        ];
        assert_eq!(calls(&no_marks), expected(&[("", "light", "{}"), ("", "sound", "{}")]));
        // The ids tell apart what comes in turns, be it numbered 0 throughout or not at all.
        for index in [Value::Null, json!(0)] {
            let in_turns = [
                call(index.clone(), json!("x"), json!("light"), json!("{")),
                call(index.clone(), json!("y"), json!("sound"), json!("{\"a\"")),
                call(index.clone(), json!("x"), json!("light"), json!("}")),
                call(index, json!("y"), Value::Null, json!(":1}")),
            ];
            assert_eq!(calls(&in_turns), expected(&[("x", "light", "{}"), ("y", "sound", "{\"a\":1}")]));
        }
        let new_id_each_no_index = [
            call(Value::Null, json!("x1"), json!("light"), json!("{\"a\"")),
            call(Value::Null, json!("x2"), Value::Null, json!(":1}")),
        ];
        assert_eq!(calls(&new_id_each_no_index), expected(&[("x1", "light", "{\"a\":1}")]));
        let name_behind_the_id = [
            call(Value::Null, json!("x"), Value::Null, Value::Null),
            call(Value::Null, Value::Null, json!("light"), json!("{}")),
        ];
        assert_eq!(calls(&name_behind_the_id), expected(&[("x", "light", "{}")]));
    }

    #[test]
    fn calls_that_share_an_id_or_a_number_are_told_apart_by_their_names() {
        let all_zero_no_id = [
            call(json!(0), json!(""), json!("light"), json!("{}")),
            call(json!(0), json!(""), json!("sound"), json!("{\"a\"")),
            call(json!(0), json!(""), json!("sound"), json!(":1}")),
        ];
        assert_eq!(calls(&all_zero_no_id), expected(&[("", "light", "{}"), ("", "sound", "{\"a\":1}")]));
        let one_id = [
            call(json!(0), json!("x"), json!("light"), json!("{}")),
            call(json!(1), json!("x"), json!("light"), json!("{\"a\"")),
            call(json!(1), json!("x"), Value::Null, json!(":1}")),
            call(json!(1), json!("x"), json!("sound"), json!("{}")),
        ];
        let told_apart = [("x", "light", "{}"), ("x", "light", "{\"a\":1}"), ("x", "sound", "{}")];
        assert_eq!(calls(&one_id), expected(&told_apart));
    }

    #[test]
    fn a_call_without_a_name_is_none() {
        let nameless = [delta(json!({ "content": "a" })), call(json!(0), json!("x"), json!(""), json!("{}"))];
        assert_eq!(calls(&nameless), []);
    }

    #[test]
    fn l1_an_answer_that_is_given_in_pieces_and_whole_is_given_once() {
        let whole = |text: &str| json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] });
        let behind = [delta(json!({ "content": "a" })), delta(json!({ "content": "b" })), whole("ab")];
        assert_eq!(assemble(&behind).map(|answer| answer.text), Ok("ab".to_owned()));
        let both = |piece: &str, all: &str| json!({ "choices": [{ "delta": { "content": piece }, "message": { "content": all } }] });
        let beside = [both("", ""), both("a", "a"), both("b", "ab"), both("", "ab")];
        assert_eq!(assemble(&beside).map(|answer| answer.text), Ok("ab".to_owned()));
        assert_eq!(assemble(&[both("", "ab")]).map(|answer| answer.text), Ok("ab".to_owned()));
        let nothing = json!({ "role": "assistant", "content": [{ "text": "" }], "reasoning_content": "" });
        let named = json!({ "choices": [{ "delta": nothing, "message": { "content": "ab" } }] });
        assert_eq!(assemble(&[named]).map(|answer| answer.text), Ok("ab".to_owned()));
        let thoughts = [delta(json!({ "content": "<think>hm" })), whole("ab")];
        assert_eq!(assemble(&thoughts).map(|answer| answer.text), Ok("ab".to_owned()));
        let only_thoughts = [delta(json!({ "content": "<think>hm" })), whole("")];
        assert_eq!(assemble(&only_thoughts), Err(Fault::OnlyThoughts));
        let blanks = [delta(json!({ "content": "\n" })), whole("\nab")];
        assert_eq!(assemble(&blanks).map(|answer| answer.text), Ok("\nab".to_owned()));
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        let finish = |reason: &str| json!({ "choices": [{ "message": { "content": "" }, "finish_reason": reason }] });
        assert_eq!(assemble(&[finish("stop")]), Err(Fault::Empty));
        assert_eq!(assemble(&[finish("length")]), Err(Fault::OnlyThoughts));
        assert_eq!(assemble(&[finish("content_filter")]), Err(Fault::Withheld));
        assert_eq!(assemble(&[delta(json!({ "content": "<think>hm" }))]), Err(Fault::OnlyThoughts));
        let error = json!({ "error": { "message": "secret", "type": "overloaded" } });
        assert_eq!(assemble(&[error]), Err(Fault::Reported(Some("overloaded".to_owned()))));
        let many: Vec<Value> = (0..=limits::MODEL_TOOL_CALLS)
            .map(|index| call(json!(index), Value::Null, json!("a"), json!("")))
            .collect();
        assert_eq!(assemble(&many), Err(Fault::TooLong));
        let long = delta(json!({ "content": "x".repeat(limits::MODEL_ANSWER_BYTES + 1) }));
        assert_eq!(assemble(&[long]), Err(Fault::TooLong));
    }
}
