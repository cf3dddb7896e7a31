//! A request for an answer as JSON. Rule: what a mode asks is checked once, and what a provider is
//! sent is its own settings and the question, nothing else.

use bytes::Bytes;
use modehost_contract::effect::{ChatMessage, ModelRequest, Role, Tool, ToolCall};
use serde_json::{Map, Value, json};

use crate::client::{Quirks, Terms};
use crate::fault::Fault;

/// A question that can be asked any number of times.
#[derive(Debug)]
pub(crate) struct Question {
    messages: Value,
    /// Null without tools.
    tools: Value,
    max_tokens: u32,
    pub(crate) json: bool,
    pub(crate) chunks: bool,
}

impl Question {
    /// # Errors
    /// If no provider could answer it.
    pub(crate) fn new(request: &ModelRequest) -> Result<Self, Fault> {
        if request.messages.is_empty() {
            return Err(Fault::Unaskable("it has no messages"));
        }
        let tools: Vec<Value> = request.tools.iter().map(tool).collect::<Result<_, _>>()?;
        Ok(Self {
            messages: request.messages.iter().map(message).collect(),
            tools: if tools.is_empty() { Value::Null } else { Value::Array(tools) },
            max_tokens: request.max_tokens,
            json: request.json,
            chunks: request.chunks,
        })
    }

    /// The body of the request.
    pub(crate) fn body(&self, terms: &Terms, quirks: &Quirks) -> Bytes {
        let mut body: Map<String, Value> = terms.extra.clone().into_iter().collect();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                body.insert(name.to_owned(), value);
            }
        };
        set("model", json!(terms.model));
        set("messages", self.messages.clone());
        set("tools", self.tools.clone());
        set("temperature", json!(terms.temperature));
        set("top_p", json!(terms.top_p));
        let name = if quirks.other_max_tokens() { "max_completion_tokens" } else { "max_tokens" };
        set(name, json!(terms.max_tokens.or(Some(self.max_tokens).filter(|tokens| *tokens > 0))));
        if self.json && !quirks.no_json_mode() {
            set("response_format", json!({ "type": "json_object" }));
        }
        if self.chunks {
            set("stream", json!(true));
            if !quirks.no_usage() {
                set("stream_options", json!({ "include_usage": true }));
            }
        }
        Value::Object(body).to_string().into()
    }

    /// What the log may say of the question: its length and the first bytes of its digest.
    pub(crate) fn trace(&self) -> (usize, String) {
        let text = self.messages.to_string();
        (text.len(), crate::meter::sha8(&text))
    }
}

fn message(message: &ChatMessage) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut object = json!({ "role": role, "content": message.content });
    if !message.tool_calls.is_empty() {
        object["tool_calls"] = message.tool_calls.iter().map(tool_call).collect();
    }
    if let Some(id) = &message.tool_call_id {
        object["tool_call_id"] = json!(id);
    }
    object
}

fn tool_call(call: &ToolCall) -> Value {
    let function = json!({ "name": call.name, "arguments": call.arguments });
    json!({ "id": call.id, "type": "function", "function": function })
}

fn tool(tool: &Tool) -> Result<Value, Fault> {
    let parameters: Value = match tool.parameters.trim() {
        "" => json!({ "type": "object", "properties": {} }),
        text => serde_json::from_str(text).map_err(|_| Fault::Unaskable("the parameters of a tool are not JSON"))?,
    };
    if !parameters.is_object() {
        return Err(Fault::Unaskable("the parameters of a tool are no JSON Schema object"));
    }
    let function = json!({ "name": tool.name, "description": tool.description, "parameters": parameters });
    Ok(json!({ "type": "function", "function": function }))
}
