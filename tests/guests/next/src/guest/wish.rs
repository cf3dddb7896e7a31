//! Every effect of 0.2. Rule: what a message leaves out is empty, and nothing is mended.

use serde_json::Value;

use super::modehost::mode::effects::{
    ArchiveEntry, Audience, ChatMessage, Delivery, DocumentRead, DocumentWrite, Effect, ExtensionRequest, GroupMessage,
    HookRequest, JournalAppend, JournalPart, JournalRead, JournalRemoval, ListenCommand, ListenMode, ModelRequest,
    Role, Speech, Timer, ToolRequest,
};
use super::modehost::mode::types::{Tool, ToolCall};

const REQUEST: u64 = 7;

/// The effect that a message asks for; none if there is no such wish.
pub(crate) fn effect(wish: &str, body: &Value) -> Option<Effect> {
    let text = |name: &str| text(body, name);
    let (request, journal) = (REQUEST, journal(&body["journal"]));
    let number = |name: &str| body[name].as_u64().unwrap_or_default();
    let flag = |name: &str| body[name] == true;
    let option = |name: &str| body[name].as_str().map(str::to_owned);
    Some(match wish {
        "send" => Effect::Send(text("body")),
        "say" => Effect::Say(Speech { text: text("text"), interrupt: flag("interrupt"), more: flag("more") }),
        "listen" => Effect::Listen(match body["mode"].as_str().unwrap_or_default() {
            "automatic" => ListenCommand::Start(ListenMode::Automatic),
            "manual" => ListenCommand::Start(ListenMode::Manual),
            "realtime" => ListenCommand::Start(ListenMode::Realtime),
            _ => ListenCommand::Stop,
        }),
        "decline" => Effect::Decline,
        "start-timer" => Effect::StartTimer(Timer { id: number("id"), delay_ms: number("delay") }),
        "stop-timer" => Effect::StopTimer(number("id")),
        "cancel" => Effect::Cancel(request),
        "read-document" => Effect::ReadDocument(DocumentRead { request, key: text("key") }),
        "watch-document" => Effect::WatchDocument(DocumentRead { request, key: text("key") }),
        "unwatch-document" => Effect::UnwatchDocument(text("key")),
        "write-document" => Effect::WriteDocument(DocumentWrite {
            request,
            key: text("key"),
            expected: number("expected"),
            value: option("value"),
        }),
        "append-journal" => Effect::AppendJournal(JournalAppend {
            request,
            journal: text("key"),
            entry: text("entry"),
            notify: flag("notify"),
        }),
        "read-journal" => {
            Effect::ReadJournal(JournalRead { request, journal: text("key"), after: number("after"), limit: 10 })
        }
        "broadcast" => Effect::Broadcast(GroupMessage {
            group: text("group"),
            body: text("body"),
            include_self: flag("self"),
            supersedes: option("supersedes"),
        }),
        "dispatch" => Effect::Dispatch(text("body")),
        "switch-mode" => Effect::SwitchMode(option("mode")),
        "hang-up" => Effect::HangUp,
        "extension" => Effect::Extension(ExtensionRequest { request, name: text("name"), payload: text("payload") }),
        "say-more" => Effect::Say(Speech { text: text("text"), interrupt: false, more: true }),
        "list-tools" => Effect::ListTools(request),
        "call-tool" => Effect::CallTool(ToolRequest { request, name: text("name"), arguments: text("arguments") }),
        "ask" => Effect::AskModel(ModelRequest {
            request,
            purpose: "chat".to_owned(),
            messages: list(&body["messages"], message),
            max_tokens: 10,
            json: false,
            chunks: true,
            spoken: true,
            tools: list(&body["tools"], tool),
        }),
        "remove-journal" => Effect::RemoveJournal(JournalRemoval { request, journal: text("key") }),
        "archive" => Effect::Archive(ArchiveEntry {
            request,
            kind: text("kind"),
            id: text("id"),
            title: text("title"),
            content: text("content"),
            text: text("text"),
            journal,
            keep: 3,
        }),
        "hook" => Effect::PostHook(HookRequest {
            request,
            hook: text("hook"),
            sender: text("sender"),
            body: text("body"),
            journal,
        }),
        "deliver" => Effect::Deliver(Delivery {
            request,
            to: match body["group"].as_str() {
                Some(group) => Audience::Group(group.to_owned()),
                None if body["devices"].is_array() => Audience::Devices(texts(&body["devices"])),
                None => Audience::Everyone,
            },
            except: texts(&body["except"]),
            body: text("body"),
            offline_body: option("late"),
            receipt: option("notice"),
            ttl_ms: 1_000,
        }),
        _ => return None,
    })
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

fn list<T>(values: &Value, each: impl Fn(&Value) -> T) -> Vec<T> {
    values.as_array().into_iter().flatten().map(each).collect()
}

fn texts(values: &Value) -> Vec<String> {
    list(values, |value| value.as_str().unwrap_or_default().to_owned())
}

fn journal(part: &Value) -> Option<JournalPart> {
    let text = |name| text(part, name);
    part.is_object().then(|| JournalPart { journal: text("journal"), member: text("member"), line: text("line") })
}

fn tool(tool: &Value) -> Tool {
    let text = |name| text(tool, name);
    Tool { name: text("name"), description: text("description"), parameters: text("parameters") }
}

fn message(message: &Value) -> ChatMessage {
    let call =
        |call: &Value| ToolCall { id: text(call, "id"), name: text(call, "name"), arguments: text(call, "arguments") };
    ChatMessage {
        role: match message["role"].as_str().unwrap_or_default() {
            "system" => Role::System,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            _ => Role::User,
        },
        content: text(message, "content"),
        tool_calls: list(&message["calls"], call),
        tool_call_id: message["call"].as_str().map(str::to_owned),
    }
}
