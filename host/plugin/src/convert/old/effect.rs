//! Effects of a guest of the track 0.1 in the words of 0.2. Rule: each says what it said there,
//! with the members that are new set to what the old track meant without them.

use crate::bindings::v0_1::modehost::mode::effects as old;
use crate::bindings::v0_2::modehost::mode::effects as new;

/// Old guests could not name the sender of a webhook; this one signs for them.
const SENDER: &str = "Modehost";

/// The same effect in the words of 0.2; texts are moved.
pub(crate) fn to_v0_2(effect: old::Effect) -> new::Effect {
    match effect {
        old::Effect::Send(body) => new::Effect::Send(body),
        old::Effect::Say(old::Speech { text, interrupt }) => {
            new::Effect::Say(new::Speech { text, interrupt, more: false })
        }
        old::Effect::Listen(command) => new::Effect::Listen(listen(command)),
        old::Effect::Decline => new::Effect::Decline,
        old::Effect::StartTimer(old::Timer { id, delay_ms }) => new::Effect::StartTimer(new::Timer { id, delay_ms }),
        old::Effect::StopTimer(id) => new::Effect::StopTimer(id),
        old::Effect::AskModel(ask) => new::Effect::AskModel(new::ModelRequest {
            request: ask.request,
            purpose: ask.purpose,
            messages: ask.messages.into_iter().map(message).collect(),
            max_tokens: ask.max_tokens,
            json: ask.json,
            chunks: ask.chunks,
            // An answer in pieces was asked for to be spoken as it comes.
            spoken: ask.chunks,
            tools: Vec::new(),
        }),
        old::Effect::Cancel(request) => new::Effect::Cancel(request),
        old::Effect::ReadDocument(read) => new::Effect::ReadDocument(document_read(read)),
        old::Effect::WatchDocument(read) => new::Effect::WatchDocument(document_read(read)),
        old::Effect::UnwatchDocument(key) => new::Effect::UnwatchDocument(key),
        old::Effect::WriteDocument(old::DocumentWrite { request, key, expected, value }) => {
            new::Effect::WriteDocument(new::DocumentWrite { request, key, expected, value })
        }
        old::Effect::AppendJournal(old::JournalAppend { request, journal, entry, notify }) => {
            new::Effect::AppendJournal(new::JournalAppend { request, journal, entry, notify })
        }
        old::Effect::ReadJournal(old::JournalRead { request, journal, after, limit }) => {
            new::Effect::ReadJournal(new::JournalRead { request, journal, after, limit })
        }
        old::Effect::Archive(entry) => new::Effect::Archive(new::ArchiveEntry {
            request: entry.request,
            kind: entry.kind,
            id: entry.id,
            title: entry.title,
            content: entry.content,
            text: entry.text,
            journal: None,
            keep: entry.keep,
        }),
        old::Effect::PostHook(old::HookRequest { request, hook, body }) => {
            new::Effect::PostHook(new::HookRequest { request, hook, sender: SENDER.to_owned(), body, journal: None })
        }
        old::Effect::Broadcast(old::GroupMessage { group, body, include_self, supersedes }) => {
            new::Effect::Broadcast(new::GroupMessage { group, body, include_self, supersedes })
        }
        old::Effect::Deliver(old::Delivery { request, devices, body, ttl_ms }) => {
            let to = new::Audience::Devices(devices);
            let (except, offline_body, receipt) = (Vec::new(), None, None);
            new::Effect::Deliver(new::Delivery { request, to, except, body, offline_body, receipt, ttl_ms })
        }
        old::Effect::Dispatch(body) => new::Effect::Dispatch(body),
        old::Effect::SwitchMode(mode) => new::Effect::SwitchMode(mode),
        old::Effect::Extension(old::ExtensionRequest { request, name, payload }) => {
            new::Effect::Extension(new::ExtensionRequest { request, name, payload })
        }
    }
}

fn listen(command: old::ListenCommand) -> new::ListenCommand {
    match command {
        old::ListenCommand::Start(old::ListenMode::Automatic) => new::ListenCommand::Start(new::ListenMode::Automatic),
        old::ListenCommand::Start(old::ListenMode::Manual) => new::ListenCommand::Start(new::ListenMode::Manual),
        old::ListenCommand::Start(old::ListenMode::Realtime) => new::ListenCommand::Start(new::ListenMode::Realtime),
        old::ListenCommand::Stop => new::ListenCommand::Stop,
    }
}

fn message(message: old::ChatMessage) -> new::ChatMessage {
    let role = match message.role {
        old::Role::System => new::Role::System,
        old::Role::User => new::Role::User,
        old::Role::Assistant => new::Role::Assistant,
    };
    new::ChatMessage { role, content: message.content, tool_calls: Vec::new(), tool_call_id: None }
}

fn document_read(read: old::DocumentRead) -> new::DocumentRead {
    new::DocumentRead { request: read.request, key: read.key }
}
