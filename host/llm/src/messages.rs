//! Messages as a service takes them. Rule: whatever is changed, the instructions and the last thing that the
//! user said stay, and a call goes nowhere without its result.

use modehost_contract::effect::{ChatMessage, Role, ToolCall};
use serde_json::{Value, json};

use crate::names::Names;
use crate::remedy::{Plan, Remedy};

/// Stands where a service takes no message without words.
const FILLER: &str = "OK.";

/// The messages of a request.
pub(crate) fn shape(messages: &[ChatMessage], plan: &Plan, names: &Names) -> Vec<Value> {
    let mut messages = shorten(messages, plan.shortenings());
    // What is not offered cannot have been called.
    if plan.has(&Remedy::CallsAsText) || plan.has(&Remedy::NoTools) {
        messages = calls_as_text(messages);
    }
    // A message without anything says nothing, and many services take none.
    if messages.iter().any(|message| !is_empty(message)) {
        messages.retain(|message| !is_empty(message));
    }
    if plan.has(&Remedy::SystemIntoUser) {
        messages = system_into_user(messages);
    }
    if plan.has(&Remedy::MergeRoles) {
        messages = merge_roles(messages);
    }
    messages.iter().map(|message| one(message, plan, names)).collect()
}

fn is_empty(message: &ChatMessage) -> bool {
    message.content.trim().is_empty() && message.tool_calls.is_empty() && message.role != Role::Tool
}

fn one(message: &ChatMessage, plan: &Plan, names: &Names) -> Value {
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

/// Nine letters and digits, the same for the same id.
fn short_id(id: &str) -> String {
    let is_short = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_short { id.to_owned() } else { format!("{:0>9}", crate::meter::sha8(id)) }
}

/// Without the oldest turns: half of them with each time. A turn begins with what the user says, so calls and
/// their results go together.
fn shorten(messages: &[ChatMessage], times: u32) -> Vec<ChatMessage> {
    let starts: Vec<usize> =
        messages.iter().enumerate().filter(|(_, message)| message.role == Role::User).map(|(at, _)| at).collect();
    let older = starts.len().saturating_sub(1);
    let stay = older.checked_shr(times).unwrap_or(0);
    if times == 0 || starts.is_empty() {
        return messages.to_vec();
    }
    let from = starts[older - stay];
    let kept =
        |(at, message): (usize, &ChatMessage)| (at >= from || message.role == Role::System).then(|| message.clone());
    messages.iter().enumerate().filter_map(kept).collect()
}

/// With the instructions before the first words of the user.
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

/// One message of instructions, then user and assistant in turns, beginning with the user.
fn merge_roles(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let (system, others): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.role == Role::System);
    let mut merged: Vec<ChatMessage> = Vec::new();
    if !system.is_empty() {
        merged.push(plain(Role::System, join(system.iter().map(|message| message.content.as_str()))));
    }
    for message in others {
        let first = merged.last().is_none_or(|last| last.role == Role::System);
        if first && message.role == Role::Assistant {
            // Some templates want the user to begin.
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

/// With calls and results as something that the user is told: what an assistant has said in these words it
/// would say again, to a person.
fn calls_as_text(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let mut told: Vec<ChatMessage> = Vec::new();
    let mut calls: Vec<ToolCall> = Vec::new();
    let append = |told: &mut Vec<ChatMessage>, text: String| match told.last_mut() {
        Some(last) if last.role == Role::User => last.content = join([last.content.as_str(), &text].into_iter()),
        _ => told.push(plain(Role::User, text)),
    };
    for mut message in messages {
        if message.role == Role::Tool {
            let call = calls.iter().find(|call| Some(&call.id) == message.tool_call_id.as_ref());
            let what =
                call.map_or_else(|| "A tool".to_owned(), |call| format!("The tool {} ({})", call.name, call.arguments));
            append(&mut told, format!("[{what} gave: {}]", message.content));
            continue;
        }
        calls.append(&mut message.tool_calls);
        if !message.content.trim().is_empty() {
            told.push(message);
        }
    }
    told
}

fn plain(role: Role, content: String) -> ChatMessage {
    ChatMessage { role, content, tool_calls: Vec::new(), tool_call_id: None }
}

fn join<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests;
