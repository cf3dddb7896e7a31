//! The JSON request of a question. Rule: the mode's request is validated once, and a provider is sent its settings, the
//! question, and the known adaptations; nothing else.

use std::sync::Arc;

use crate::limits;
use bytes::Bytes;
use modehost_contract::effect::{ModelRequest, Tool};
use serde_json::{Map, Value, json};

use crate::client_settings::ClientSettings;
use crate::fault::Fault;
use crate::messages;
use crate::names::Names;
use crate::remedy::{Plan, Remedy};
use crate::tool_list::ToolList;

/// A validated question; the request can be built any number of times.
#[derive(Debug)]
pub(crate) struct Question {
    request: ModelRequest,
    /// The parameter schemas of the tools.
    schemas: Vec<Value>,
    /// None without tools.
    pub(crate) tool_list: Option<Arc<ToolList>>,
    names: Names,
    pub(crate) json: bool,
    pub(crate) chunks: bool,
}

impl Question {
    /// # Errors
    /// If no provider could answer it.
    pub(crate) fn new(request: &ModelRequest) -> Result<Self, Fault> {
        if request.messages.is_empty() {
            return Err(Fault::InvalidQuestion("it has no messages"));
        }
        Ok(Self {
            schemas: request.tools.iter().map(schema).collect::<Result<_, _>>()?,
            tool_list: (!request.tools.is_empty()).then(|| Arc::new(ToolList::new(&request.tools))),
            names: Names::plain(request),
            json: request.json,
            chunks: request.chunks,
            request: request.clone(),
        })
    }

    /// Whether a streamed answer is requested.
    pub(crate) fn is_streamed(&self, plan: &Plan) -> bool {
        !plan.has(&Remedy::Whole) && (self.chunks || plan.has(&Remedy::Stream))
    }

    /// Whether tools are offered.
    pub(crate) fn offers_tools(&self, plan: &Plan) -> bool {
        self.tool_list.is_some() && !plan.has(&Remedy::NoTools)
    }

    /// The tool name that the mode knows.
    pub(crate) fn offered_name<'a>(&'a self, sent: &'a str) -> &'a str {
        self.names.offered(sent)
    }

    /// The members of the request.
    pub(crate) fn members(&self, settings: &ClientSettings, plan: &Plan) -> Map<String, Value> {
        let names = &self.names;
        let mut body: Map<String, Value> = settings.extra.clone().into_iter().collect();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                body.insert(name.to_owned(), value);
            }
        };
        set("model", json!(settings.model));
        set("messages", Value::Array(messages::shape(&self.request.messages, plan, names)));
        if self.offers_tools(plan) {
            set("tools", self.tools(plan, names));
        }
        set("temperature", json!(settings.temperature));
        set("top_p", json!(settings.top_p));
        if !plan.has(&Remedy::NoTokenLimit) {
            let other = plan.has(&Remedy::MaxCompletionTokens);
            set(if other { "max_completion_tokens" } else { "max_tokens" }, json!(self.tokens(settings, plan)));
        }
        if self.json {
            set("response_format", json!({ "type": "json_object" }));
        }
        if self.is_streamed(plan) {
            set("stream", json!(true));
            set("stream_options", json!({ "include_usage": true }));
        }
        if plan.disables_reasoning()
            && let Some((member, value)) = no_reasoning(&settings.address)
            && !body.contains_key(member)
        {
            body.insert(member.to_owned(), value);
        }
        for remedy in plan.remedies() {
            if let Remedy::Drop(member) = remedy {
                body.remove(&**member);
            }
        }
        body
    }

    /// The body of the request.
    pub(crate) fn body(&self, settings: &ClientSettings, plan: &Plan) -> Bytes {
        Value::Object(self.members(settings, plan)).to_string().into()
    }

    /// The requested token limit: that of the answer, plus a budget for reasoning if the model reasons, since services
    /// count both together.
    pub(crate) fn tokens(&self, settings: &ClientSettings, plan: &Plan) -> Option<u32> {
        let answer = settings.max_tokens.or(Some(self.request.max_tokens).filter(|tokens| *tokens > 0))?;
        let reasoning = answer
            .saturating_mul(limits::MODEL_REASONING_FACTOR)
            .clamp(limits::MODEL_REASONING_TOKENS_MIN, limits::MODEL_REASONING_TOKENS_MAX);
        let wanted = if plan.has_reasoning_budget() { answer.saturating_add(reasoning) } else { answer };
        let cap = plan.remedies().filter_map(|remedy| match remedy {
            Remedy::TokenCap { tokens, .. } => Some(*tokens),
            _ => None,
        });
        Some(cap.fold(wanted, u32::min))
    }

    fn tools(&self, plan: &Plan, names: &Names) -> Value {
        let tool = |(tool, schema): (&Tool, &Value)| {
            let parameters = if plan.has(&Remedy::PlainSchemas) { plain_schema(schema, 0) } else { schema.clone() };
            let name = names.sent(&tool.name);
            let function = json!({ "name": name, "description": tool.description, "parameters": parameters });
            json!({ "type": "function", "function": function })
        };
        self.request.tools.iter().zip(&self.schemas).map(tool).collect()
    }

    /// Removes texts of the question from an error message, so that only the service's own words are left.
    pub(crate) fn remove_from(&self, text: &str) -> String {
        /// Shorter texts may be words of the service, too.
        const LEAST: usize = 8;
        let own = self.request.messages.iter().map(|message| message.content.to_lowercase());
        own.filter(|own| own.len() >= LEAST).fold(text.to_owned(), |text, own| text.replace(&own, ""))
    }

    /// Loggable data of the question: its length and the first bytes of its digest.
    pub(crate) fn trace(&self) -> (usize, String) {
        let messages = messages::shape(&self.request.messages, &Plan::default(), &Names::default());
        let text = Value::Array(messages).to_string();
        (text.len(), crate::sha8::sha8(&text))
    }
}

/// The member that disables reasoning, for hosted services that are known to accept it. Matched by host: others reject
/// unknown members.
fn no_reasoning(address: &str) -> Option<(&'static str, Value)> {
    const BY_ENABLE: [&str; 3] = [".aliyuncs.com", ".siliconflow.cn", ".modelscope.cn"];
    const BY_TYPE: [&str; 6] =
        ["open.bigmodel.cn", "api.z.ai", ".volces.com", "api.deepseek.com", "api.moonshot.cn", "api.moonshot.ai"];
    let url = reqwest::Url::parse(address).ok()?;
    let host = url.host_str()?;
    let is_of =
        |hosts: &[&str]| hosts.iter().any(|known| host == known.trim_start_matches('.') || host.ends_with(known));
    if is_of(&BY_ENABLE) {
        return Some(("enable_thinking", json!(false)));
    }
    is_of(&BY_TYPE).then(|| ("thinking", json!({ "type": "disabled" })))
}

fn schema(tool: &Tool) -> Result<Value, Fault> {
    let parameters: Value = match tool.parameters.trim() {
        "" => json!({ "type": "object", "properties": {} }),
        text => {
            serde_json::from_str(text).map_err(|_| Fault::InvalidQuestion("the parameters of a tool are not JSON"))?
        }
    };
    if !parameters.is_object() {
        return Err(Fault::InvalidQuestion("the parameters of a tool are no JSON Schema object"));
    }
    Ok(parameters)
}

/// The schema reduced to keywords that every service knows.
fn plain_schema(schema: &Value, depth: usize) -> Value {
    let Some(object) = schema.as_object().filter(|_| depth < limits::JSON_DEPTH) else { return json!({}) };
    let mut plain = Map::new();
    for (name, value) in object {
        match name.as_str() {
            "type" => {
                // A single type; `null` can be omitted.
                let first = value.as_array().and_then(|types| types.iter().find(|kind| *kind != "null"));
                plain.insert(name.clone(), first.unwrap_or(value).clone());
            }
            "description" | "enum" | "required" => drop(plain.insert(name.clone(), value.clone())),
            "items" => drop(plain.insert(name.clone(), plain_schema(value, depth + 1))),
            "properties" => {
                let inner = value.as_object().into_iter().flatten();
                let inner: Map<_, _> =
                    inner.map(|(name, value)| (name.clone(), plain_schema(value, depth + 1))).collect();
                plain.insert(name.clone(), Value::Object(inner));
            }
            _ => {}
        }
    }
    if depth == 0 {
        plain.entry("type").or_insert(json!("object"));
        plain.entry("properties").or_insert(json!({}));
    }
    Value::Object(plain)
}

#[cfg(test)]
mod tests;
