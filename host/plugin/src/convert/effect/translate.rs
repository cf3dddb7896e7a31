//! Conversion of checked effects to the contract's types. Rule: texts are moved and not checked again; JSON objects
//! into which the session inserts members as text are trimmed.

use modehost_contract::Effect;
use modehost_contract::effect::{self as to, Call, Local, Output, Query, Write};

use crate::bindings::v0_2::modehost::mode::{effects as wit, types};

/// The effect, in its category.
pub(super) fn effect(effect: wit::Effect) -> Effect {
    match effect {
        wit::Effect::Send(body) => Output::Send(trimmed(body)).into(),
        wit::Effect::Say(wit::Speech { text, interrupt, more }) => Output::Say { text, interrupt, more }.into(),
        wit::Effect::Listen(command) => Output::Listen(listen(command)).into(),
        wit::Effect::Decline => Output::Decline.into(),
        wit::Effect::Broadcast(sent) => Output::Broadcast {
            group: sent.group,
            body: trimmed(sent.body),
            include_self: sent.include_self,
            supersedes: sent.supersedes,
        }
        .into(),
        wit::Effect::Dispatch(body) => Output::Dispatch(trimmed(body)).into(),
        wit::Effect::SwitchMode(mode) => Output::SwitchMode(mode).into(),
        wit::Effect::HangUp => Output::HangUp.into(),

        wit::Effect::StartTimer(wit::Timer { id, delay_ms }) => Local::StartTimer { id, delay_ms }.into(),
        wit::Effect::StopTimer(id) => Local::StopTimer(id).into(),
        wit::Effect::Cancel(request) => Local::Cancel(request).into(),
        wit::Effect::UnwatchDocument(key) => Local::UnwatchDocument(key).into(),

        wit::Effect::ReadDocument(wit::DocumentRead { request, key }) => Query::ReadDocument { request, key }.into(),
        wit::Effect::WatchDocument(wit::DocumentRead { request, key }) => Query::WatchDocument { request, key }.into(),
        wit::Effect::ReadJournal(wit::JournalRead { request, journal, after, limit }) => {
            Query::ReadJournal { request, journal, after, limit }.into()
        }
        wit::Effect::ListTools(request) => Query::ListTools(request).into(),
        wit::Effect::Extension(wit::ExtensionRequest { request, name, payload }) => {
            Query::Extension { request, name, payload }.into()
        }

        wit::Effect::WriteDocument(wit::DocumentWrite { request, key, expected, value }) => {
            Write::WriteDocument { request, key, expected, value }.into()
        }
        wit::Effect::AppendJournal(wit::JournalAppend { request, journal, entry, notify }) => {
            Write::AppendJournal { request, journal, entry, notify }.into()
        }
        wit::Effect::RemoveJournal(wit::JournalRemoval { request, journal }) => {
            Write::RemoveJournal { request, journal }.into()
        }
        wit::Effect::Archive(entry) => Write::Archive(archive_entry(entry)).into(),

        wit::Effect::AskModel(ask) => Call::AskModel(model_request(ask)).into(),
        wit::Effect::CallTool(wit::ToolRequest { request, name, arguments }) => {
            Call::CallTool { request, name, arguments: trimmed(arguments) }.into()
        }
        wit::Effect::PostHook(post) => Call::PostHook(hook_request(post)).into(),
        wit::Effect::Deliver(sent) => Call::Deliver(delivery(sent)).into(),
    }
}

/// Without surrounding white space.
fn trimmed(text: String) -> String {
    let kept = text.trim_ascii();
    if kept.len() == text.len() { text } else { kept.to_owned() }
}

fn listen(command: wit::ListenCommand) -> to::ListenCommand {
    match command {
        wit::ListenCommand::Start(wit::ListenMode::Automatic) => to::ListenCommand::Start(to::ListenMode::Automatic),
        wit::ListenCommand::Start(wit::ListenMode::Manual) => to::ListenCommand::Start(to::ListenMode::Manual),
        wit::ListenCommand::Start(wit::ListenMode::Realtime) => to::ListenCommand::Start(to::ListenMode::Realtime),
        wit::ListenCommand::Stop => to::ListenCommand::Stop,
    }
}

fn delivery(delivery: wit::Delivery) -> to::Delivery {
    to::Delivery {
        request: delivery.request,
        to: match delivery.to {
            wit::Audience::Devices(devices) => to::Audience::Devices(devices),
            wit::Audience::Group(group) => to::Audience::Group(group),
            wit::Audience::Everyone => to::Audience::Everyone,
        },
        except: delivery.except,
        body: trimmed(delivery.body),
        offline_body: delivery.offline_body.map(trimmed),
        receipt: delivery.receipt.map(trimmed),
        ttl_ms: delivery.ttl_ms,
    }
}

fn archive_entry(entry: wit::ArchiveEntry) -> to::ArchiveEntry {
    to::ArchiveEntry {
        request: entry.request,
        kind: entry.kind,
        id: entry.id,
        title: entry.title,
        content: trimmed(entry.content),
        text: entry.text,
        journal: entry.journal.map(journal_part),
        keep: entry.keep,
    }
}

fn hook_request(post: wit::HookRequest) -> to::HookRequest {
    to::HookRequest {
        request: post.request,
        hook: post.hook,
        sender: post.sender,
        body: trimmed(post.body),
        journal: post.journal.map(journal_part),
    }
}

fn journal_part(part: wit::JournalPart) -> to::JournalPart {
    to::JournalPart { journal: part.journal, member: part.member, line: part.line }
}

fn model_request(ask: wit::ModelRequest) -> to::ModelRequest {
    let tool = |tool: types::ToolResult| to::Tool {
        name: tool.name,
        description: tool.description,
        parameters: tool.parameters,
    };
    to::ModelRequest {
        request: ask.request,
        purpose: ask.purpose,
        messages: ask.messages.into_iter().map(message).collect(),
        max_tokens: ask.max_tokens,
        json: ask.json,
        chunks: ask.chunks,
        spoken: ask.spoken,
        tools: ask.tools.into_iter().map(tool).collect(),
    }
}

fn message(message: wit::ChatMessage) -> to::ChatMessage {
    let call = |call: types::ToolCallResult| to::ToolCall { id: call.id, name: call.name, arguments: call.arguments };
    to::ChatMessage {
        role: match message.role {
            wit::Role::System => to::Role::System,
            wit::Role::User => to::Role::User,
            wit::Role::Assistant => to::Role::Assistant,
            wit::Role::Tool => to::Role::Tool,
        },
        content: message.content,
        tool_calls: message.tool_calls.into_iter().map(call).collect(),
        tool_call_id: message.tool_call_id,
    }
}
