//! Messages in the form that a service accepts. Rule: whatever is changed, the instructions and the user's
//! last message stay, and a tool call is never sent without its result.

use modehost_contract::effect::{ChatMessage, Role, ToolCall};
use serde_json::{Value, json};

use crate::names::Names;
use crate::remedy::{Plan, Remedy};

/// Content for services that reject empty messages.
const FILLER: &str = "OK.";

/// The messages of a request.
pub(crate) fn shape(messages: &[ChatMessage], plan: &Plan, names: &Names) -> Vec<Value> {
    let mut messages = shorten(messages, plan.shortenings());
    // Tools that are not offered cannot have been called.
    if plan.has(&Remedy::CallsAsText) || plan.has(&Remedy::NoTools) {
        messages = calls_as_text(messages);
    }
    // An empty message carries no information, and many services reject it.
    if messages.iter().any(|message| !is_empty(message)) {
        messages.retain(|message| !is_empty(message));
    }
    if plan.has(&Remedy::SystemIntoUser) {
        messages = system_into_user(messages);
    }
    if plan.has(&Remedy::MergeRoles) {
        messages = merge_roles(messages);
    }
    messages.iter().map(|message| render(message, plan, names)).collect()
}

fn is_empty(message: &ChatMessage) -> bool {
    message.content.trim().is_empty() && message.tool_calls.is_empty() && message.role != Role::Tool
}

fn render(message: &ChatMessage, plan: &Plan, names: &Names) -> Value {
    let role = match message.role {
        Role::System if plan.has(&Remedy::DeveloperRole) => "developer",
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let fill = message.content.trim().is_empty() && plan.has(&Remedy::FillContent);
    let content = if fill { FILLER } else { &message.content };
    let mut object = json!({ "role": role, "content": content });
    let id = |id: &str| if plan.has(&Remedy::CallIds) { short_id(id) } else { id.to_owned() };
    if !message.tool_calls.is_empty() {
        let call = |call: &ToolCall| {
            let function = json!({ "name": names.sent(&call.name), "arguments": call.arguments });
            json!({ "id": id(&call.id), "type": "function", "function": function })
        };
        object["tool_calls"] = message.tool_calls.iter().map(call).collect();
    }
    if let Some(call) = &message.tool_call_id {
        object["tool_call_id"] = json!(id(call));
    }
    object
}

/// Nine letters and digits, deterministic per id.
fn short_id(id: &str) -> String {
    let is_short = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_short { id.to_owned() } else { format!("{:0>9}", crate::sha8::sha8(id)) }
}

/// Drops the oldest turns: half of them each time. A turn starts with a user message, so calls stay with their results.
fn shorten(messages: &[ChatMessage], times: u32) -> Vec<ChatMessage> {
    let starts: Vec<usize> =
        messages.iter().enumerate().filter(|(_, message)| message.role == Role::User).map(|(at, _)| at).collect();
    let older = starts.len().saturating_sub(1);
    let remaining = older.checked_shr(times).unwrap_or(0);
    if times == 0 || starts.is_empty() {
        return messages.to_vec();
    }
    let from = starts[older - remaining];
    let keep =
        |(at, message): (usize, &ChatMessage)| (at >= from || message.role == Role::System).then(|| message.clone());
    messages.iter().enumerate().filter_map(keep).collect()
}

/// Moves the instructions into the first user message.
fn system_into_user(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let (system, mut others): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.role == Role::System);
    if system.is_empty() {
        return others;
    }
    let instructions = join(system.iter().map(|message| message.content.as_str()));
    match others.iter_mut().find(|message| message.role == Role::User) {
        Some(first) => first.content = join([instructions.as_str(), &first.content].into_iter()),
        None => others.insert(0, plain(Role::User, instructions)),
    }
    others
}

/// One system message, then alternating user and assistant messages, starting with the user.
fn merge_roles(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let (system, others): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.role == Role::System);
    let mut merged: Vec<ChatMessage> = Vec::new();
    if !system.is_empty() {
        merged.push(plain(Role::System, join(system.iter().map(|message| message.content.as_str()))));
    }
    for message in others {
        let first = merged.last().is_none_or(|last| last.role == Role::System);
        if first && message.role == Role::Assistant {
            // Some prompt templates require the user to begin.
            merged.push(plain(Role::User, FILLER.to_owned()));
        }
        match merged.last_mut() {
            Some(last) if last.role == message.role && message.role != Role::Tool && last.tool_calls.is_empty() => {
                last.content = join([last.content.as_str(), &message.content].into_iter());
                last.tool_calls = message.tool_calls;
            }
            _ => merged.push(message),
        }
    }
    merged
}

/// Rewrites calls and results as user text: as assistant text, the model would repeat such words to a person.
fn calls_as_text(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let mut converted: Vec<ChatMessage> = Vec::new();
    let mut calls: Vec<ToolCall> = Vec::new();
    let append = |converted: &mut Vec<ChatMessage>, text: String| match converted.last_mut() {
        Some(last) if last.role == Role::User => last.content = join([last.content.as_str(), &text].into_iter()),
        _ => converted.push(plain(Role::User, text)),
    };
    for mut message in messages {
        if message.role == Role::Tool {
            let call = calls.iter().find(|call| Some(&call.id) == message.tool_call_id.as_ref());
            let what =
                call.map_or_else(|| "A tool".to_owned(), |call| format!("The tool {} ({})", call.name, call.arguments));
            append(&mut converted, format!("[{what} gave: {}]", message.content));
            continue;
        }
        calls.append(&mut message.tool_calls);
        if !message.content.trim().is_empty() {
            converted.push(message);
        }
    }
    converted
}

fn plain(role: Role, content: String) -> ChatMessage {
    ChatMessage { role, content, tool_calls: Vec::new(), tool_call_id: None }
}

fn join<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests;
