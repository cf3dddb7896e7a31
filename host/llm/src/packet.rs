//! One object of an answer: all of it, or a piece. Rule: what compatible services call its parts, leave out
//! or write in other types is borne; nothing in here knows what came before.

use serde_json::Value;

use crate::fault::Fault;
use crate::half::with_stand_ins;

/// A whole answer, or a piece of one.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    /// What is added.
    pub delta: Piece,
    /// All of it: where it is given at once, and with some services again behind its pieces or with each.
    pub message: Piece,
    pub finish: Option<Finish>,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// What stands there in place of an answer.
    pub error: Option<Value>,
}

/// Why the model stopped. Services say so early, too: what counts is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    /// Its tokens were used up.
    Length,
    Withheld,
    /// The service gave up in the middle.
    Failed,
}

/// Text, thoughts and calls.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// With stand-ins for halves of characters.
    pub texts: Vec<String>,
    /// It has a thought, which is a sign of life and not part of the answer.
    pub has_thought: bool,
    pub calls: Vec<CallPiece>,
}

#[derive(Debug, Default)]
pub(crate) struct CallPiece {
    pub index: Option<usize>,
    pub id: Option<String>,
    pub name: Option<String>,
    /// JSON as text, or a piece of it.
    pub arguments: String,
}

/// Members that hold what a model thinks.
const THOUGHTS: [&str; 6] =
    ["reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts", "reasoning_details"];

impl Piece {
    /// Whether it gives nothing, not even a thought.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.iter().all(String::is_empty) && self.calls.is_empty() && !self.has_thought
    }

    fn of(value: &Value) -> Self {
        let mut piece = Self::default();
        match value {
            Value::Object(object) => {
                piece.has_thought = THOUGHTS.iter().any(|name| object.get(*name).is_some_and(has_words));
                let content = ["content", "text", "output_text", "refusal"]
                    .iter()
                    .filter_map(|name| object.get(*name))
                    .find(|content| has_words(content));
                if let Some(content) = content {
                    piece.add_content(content);
                }
                piece.calls = match &value["tool_calls"] {
                    Value::Array(calls) => calls.iter().filter_map(CallPiece::of).collect(),
                    call => CallPiece::of(call).into_iter().collect(),
                };
                if piece.calls.is_empty() {
                    piece.calls.extend(CallPiece::of(&value["function_call"]));
                }
            }
            Value::String(_) => piece.add_content(value),
            _ => {}
        }
        piece
    }

    fn add_content(&mut self, content: &Value) {
        match content {
            Value::String(text) => self.texts.push(text.clone()),
            Value::Array(parts) => parts.iter().for_each(|part| self.add_content(part)),
            Value::Object(part) => {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                if kind.contains("think") || kind.contains("reason") || kind.contains("thought") {
                    self.has_thought |= part.iter().any(|(name, value)| name != "type" && has_words(value));
                    return;
                }
                let named = ["text", "output_text", "content", "value", "refusal"];
                if let Some(inner) = named.iter().find_map(|name| part.get(*name)) {
                    self.add_content(inner);
                }
            }
            _ => {}
        }
    }
}

/// Whether there is any text in it.
fn has_words(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(has_words),
        Value::Object(object) => object.values().any(has_words),
        _ => false,
    }
}

impl CallPiece {
    fn of(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        // Some services leave the object around the name out.
        let function = object.get("function").and_then(Value::as_object).unwrap_or(object);
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let arguments = match function.get("arguments") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => object.to_string(),
        };
        let index = object.get("index").and_then(|index| match index {
            Value::String(digits) => digits.trim().parse().ok(),
            number => number.as_u64().and_then(|index| index.try_into().ok()),
        });
        Some(Self { index, id: text(object.get("id")), name: text(function.get("name")), arguments })
    }
}

impl Packet {
    /// Reads an object.
    ///
    /// # Errors
    /// If it is no JSON.
    pub(crate) fn read(json: &[u8]) -> Result<Self, Fault> {
        let value: Value =
            serde_json::from_str(&with_stand_ins(json)).map_err(|_| Fault::Garbled("not the JSON of an answer"))?;
        Ok(Self::of(&value, true))
    }

    /// Reads an object that was announced as an error.
    pub(crate) fn read_error(json: &[u8]) -> Self {
        let value = serde_json::from_str(&with_stand_ins(json)).unwrap_or_default();
        let error = error_of(&value).unwrap_or(value);
        Self { error: Some(error), ..Self::default() }
    }

    fn of(value: &Value, may_be_wrapped: bool) -> Self {
        let mut packet = match &value["choices"] {
            // One answer is asked for, whatever number it has; the events that only tell the usage have none.
            Value::Array(choices) => {
                let number = |choice: &Value| count(&choice["index"]).unwrap_or(0);
                let numbered = choices.iter().map(|choice| (number(choice), Self::of_choice(choice)));
                let is_empty = |choice: &Self| choice.delta.is_empty() && choice.message.is_empty();
                let first = numbered.min_by_key(|(number, choice)| (is_empty(choice), *number));
                first.map(|(_, choice)| choice).unwrap_or_default()
            }
            choice @ Value::Object(_) => Self::of_choice(choice),
            // A message in words is what a gateway says of it.
            _ if value["message"].is_string() => Self::default(),
            _ => Self::of_choice(value),
        };
        let usage = &value["usage"];
        packet.prompt_tokens = count(&usage["prompt_tokens"]).or_else(|| count(&usage["input_tokens"])).unwrap_or(0);
        packet.completion_tokens =
            count(&usage["completion_tokens"]).or_else(|| count(&usage["output_tokens"])).unwrap_or(0);
        packet.error = packet.error.or_else(|| error_of(value));
        let is_empty = packet.delta.is_empty() && packet.message.is_empty() && packet.finish.is_none();
        if is_empty && packet.error.is_none() && may_be_wrapped {
            // Gateways put the answer into an object of their own.
            let inner = ["output", "data", "result", "response"].iter().map(|name| &value[*name]);
            if let Some(inner) = inner.filter(|inner| inner.is_object()).map(|inner| Self::of(inner, false)).next() {
                return Self {
                    prompt_tokens: packet.prompt_tokens.max(inner.prompt_tokens),
                    completion_tokens: packet.completion_tokens.max(inner.completion_tokens),
                    ..inner
                };
            }
        }
        packet
    }

    fn of_choice(choice: &Value) -> Self {
        let delta = Piece::of(&choice["delta"]);
        let mut message = Piece::of(&choice["message"]);
        if delta.is_empty() && message.is_empty() {
            // Older shapes have the text without anything around it.
            let bare = ["text", "output_text", "content", "response", "output"];
            let text = bare.iter().map(|name| &choice[*name]).find(|text| text.is_string() || text.is_array());
            if let Some(text) = text {
                message.add_content(text);
            }
        }
        let reasons = ["finish_reason", "finishReason", "stop_reason", "done_reason"];
        let finish = reasons.iter().find_map(|name| Finish::of(&choice[*name]));
        let done = (choice["done"] == true).then_some(Finish::Stop);
        let error = Some(&choice["error"]).filter(|error| is_error(error)).cloned();
        Self { delta, message, finish: finish.or(done), error, ..Self::default() }
    }
}

impl Finish {
    fn of(value: &Value) -> Option<Self> {
        let reason = value.as_str()?.trim().to_ascii_lowercase();
        Some(match reason.as_str() {
            "" | "null" | "none" | "nil" | "undefined" | "unspecified" | "finish_reason_unspecified" => return None,
            "length" | "max_tokens" | "max_output_tokens" | "model_length" | "max_length" | "token_limit" => {
                Self::Length
            }
            "content_filter" | "content_filtered" | "sensitive" | "safety" | "prohibited_content" | "recitation"
            | "blocklist" | "refusal" => Self::Withheld,
            "error" | "failed" | "network_error" | "insufficient_system_resource" | "abort" | "aborted" => Self::Failed,
            _ => Self::Stop,
        })
    }
}

/// A count of tokens, which some services write as text.
fn count(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(digits) => digits.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    (number >= 0.0).then_some(number as u32)
}

/// Whether a member `error` tells one.
fn is_error(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
    }
}

/// The error that an object is or holds.
pub(crate) fn error_of(value: &Value) -> Option<Value> {
    let own = ["error", "errors"].iter().map(|name| &value[*name]).find(|error| is_error(error));
    if let Some(error) = own {
        // What stands beside it may tell more.
        return Some(if error.is_object() { error.clone() } else { value.clone() });
    }
    if value["object"] == "error" || value["type"] == "error" || value["success"] == false {
        return Some(value.clone());
    }
    let fine = |code: &Value| match code {
        Value::Null => true,
        Value::Number(code) => matches!(code.as_i64(), Some(0 | 200)),
        Value::String(code) => matches!(code.to_ascii_lowercase().as_str(), "" | "0" | "200" | "ok" | "success"),
        _ => true,
    };
    let nested = &value["base_resp"];
    if !fine(&nested["status_code"]) {
        return Some(nested.clone());
    }
    let has_answer = ["choices", "delta", "output", "response", "text"].iter().any(|name| !value[*name].is_null());
    if has_answer {
        return None;
    }
    let coded = ["code", "error_code", "err_code", "errcode", "status", "status_code"];
    let explained = ["message", "msg", "error_msg", "err_msg", "errmsg", "status_msg"];
    let says = explained.iter().any(|name| value[*name].is_string());
    let is_bad = coded.iter().any(|name| !fine(&value[*name])) && says || has_words(&value["detail"]);
    is_bad.then(|| value.clone())
}

#[cfg(test)]
mod tests;
