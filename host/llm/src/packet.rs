//! One JSON object of a response: a whole answer, or a delta. Rule: what compatible services rename, omit or send in
//! other types is tolerated; this module keeps no state between objects.

use serde_json::Value;

use crate::fault::Fault;
use crate::split_character::with_placeholders;

/// A whole answer, or a delta of one.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    /// What is added.
    pub delta: Delta,
    /// The whole message: where it is sent at once, and with some services also after or with each delta.
    pub message: Delta,
    pub finish: Option<Finish>,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// An error object in place of an answer.
    pub error: Option<Value>,
}

/// Finish reason. Services may report it early: the last one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    /// The token limit was reached.
    Length,
    Filtered,
    /// The service failed during the answer.
    Failed,
}

/// Text, reasoning and tool calls.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    /// With placeholders for halves of characters.
    pub texts: Vec<String>,
    /// Contains reasoning, which is progress but not part of the answer.
    pub has_reasoning: bool,
    pub calls: Vec<CallDelta>,
}

#[derive(Debug, Default)]
pub(crate) struct CallDelta {
    pub index: Option<usize>,
    pub id: Option<String>,
    pub name: Option<String>,
    /// JSON as text, or a fragment of it.
    pub arguments: String,
}

/// Members that contain reasoning.
const REASONING: [&str; 6] =
    ["reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts", "reasoning_details"];

impl Delta {
    /// Whether it contains nothing, not even reasoning.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.iter().all(String::is_empty) && self.calls.is_empty() && !self.has_reasoning
    }

    fn of(value: &Value) -> Self {
        let mut delta = Self::default();
        match value {
            Value::Object(object) => {
                delta.has_reasoning = REASONING.iter().any(|name| object.get(*name).is_some_and(has_text));
                let content = ["content", "text", "output_text", "refusal"]
                    .iter()
                    .filter_map(|name| object.get(*name))
                    .find(|content| has_text(content));
                if let Some(content) = content {
                    delta.add_content(content);
                }
                delta.calls = match &value["tool_calls"] {
                    Value::Array(calls) => calls.iter().filter_map(CallDelta::of).collect(),
                    call => CallDelta::of(call).into_iter().collect(),
                };
                if delta.calls.is_empty() {
                    delta.calls.extend(CallDelta::of(&value["function_call"]));
                }
            }
            Value::String(_) => delta.add_content(value),
            _ => {}
        }
        delta
    }

    fn add_content(&mut self, content: &Value) {
        match content {
            Value::String(text) => self.texts.push(text.clone()),
            Value::Array(parts) => parts.iter().for_each(|part| self.add_content(part)),
            Value::Object(part) => {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                if kind.contains("think") || kind.contains("reason") || kind.contains("thought") {
                    self.has_reasoning |= part.iter().any(|(name, value)| name != "type" && has_text(value));
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

/// Whether it contains any text.
fn has_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(has_text),
        Value::Object(object) => object.values().any(has_text),
        _ => false,
    }
}

impl CallDelta {
    fn of(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        // Some services omit the `function` object.
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
    /// Parses an object.
    ///
    /// # Errors
    /// If it is not JSON.
    pub(crate) fn read(json: &[u8]) -> Result<Self, Fault> {
        let value: Value = serde_json::from_str(&with_placeholders(json))
            .map_err(|_| Fault::Malformed("not the JSON of an answer"))?;
        Ok(Self::of(&value, true))
    }

    /// Parses an object of an event named `error`.
    pub(crate) fn read_error(json: &[u8]) -> Self {
        let value = serde_json::from_str(&with_placeholders(json)).unwrap_or_default();
        let error = error_of(&value).unwrap_or(value);
        Self { error: Some(error), ..Self::default() }
    }

    fn of(value: &Value, may_be_wrapped: bool) -> Self {
        let mut packet = match &value["choices"] {
            // One choice is requested, whatever its index; usage events have none.
            Value::Array(choices) => {
                let number = |choice: &Value| count(&choice["index"]).unwrap_or(0);
                let numbered = choices.iter().map(|choice| (number(choice), Self::of_choice(choice)));
                let is_empty = |choice: &Self| choice.delta.is_empty() && choice.message.is_empty();
                let first = numbered.min_by_key(|(number, choice)| (is_empty(choice), *number));
                first.map(|(_, choice)| choice).unwrap_or_default()
            }
            choice @ Value::Object(_) => Self::of_choice(choice),
            // A `message` string is a gateway's status text.
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
            // Gateways wrap the answer into an object of their own.
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
        let delta = Delta::of(&choice["delta"]);
        let mut message = Delta::of(&choice["message"]);
        if delta.is_empty() && message.is_empty() {
            // Older formats have the text directly in the choice.
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
            | "blocklist" | "refusal" => Self::Filtered,
            "error" | "failed" | "network_error" | "insufficient_system_resource" | "abort" | "aborted" => Self::Failed,
            _ => Self::Stop,
        })
    }
}

/// A token count, which some services send as a string.
fn count(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(digits) => digits.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    (number >= 0.0).then_some(number as u32)
}

/// Whether the value of a member `error` is an error.
fn is_error(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
    }
}

/// The error that an object is or contains.
pub(crate) fn error_of(value: &Value) -> Option<Value> {
    let own = ["error", "errors"].iter().map(|name| &value[*name]).find(|error| is_error(error));
    if let Some(error) = own {
        // Members beside it may contain more details.
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
    let is_bad = coded.iter().any(|name| !fine(&value[*name])) && says || has_text(&value["detail"]);
    is_bad.then(|| value.clone())
}

#[cfg(test)]
mod tests;
