//! Events as JSON, and effects as JSON. Rule: numbers of requests and timers are left out of effects: another version may
//! give others.

use modehost_sdk::{
    Context, Delivered, Device, Document, Effect, EndReason, Event, Failure, JournalEntry, JournalPage, Message,
    ModelChunk, ModelDone, RequestDone, RequestFailed, Start, Tool, ToolCall, ToolDone, ToolList, Transcript,
    WriteDone,
};
use serde_json::{Value, json};

/// The moment of every event.
pub(crate) const CONTEXT: Context = Context { now: 1_760_000_000_000, seed: 7 };

fn device() -> Device {
    Device { id: "dev-1".into(), alias: None, groups: vec!["g".into(), "h".into()] }
}

/// An event written as one member: its kind, with what it carries.
pub(crate) fn event(written: &Value) -> Event {
    let (kind, with) = written.as_object().and_then(|object| object.iter().next()).expect("one member");
    let text = |index: usize| with[index].as_str().unwrap_or_default().to_owned();
    let number = |index: usize| with[index].as_u64().unwrap_or_default();
    let request = number(0);
    let document = || Document {
        request: Some(request),
        key: text(1),
        version: number(2),
        value: with[3].as_str().map(str::to_owned),
    };
    match kind.as_str() {
        "start" => Event::Started(Start {
            mode: with[0].as_str().map(str::to_owned),
            device: device(),
            session_id: "s".into(),
            language: "en".into(),
        }),
        "say" => Event::Transcript(Transcript {
            text: text(0),
            is_final: true,
            start_ms: 5,
            end_ms: 9,
            segment: number(1),
            source: "typed".into(),
        }),
        "message" => Event::Message(Message { kind: text(0), body: text(1) }),
        "chunk" => Event::ModelChunk(ModelChunk { request, text: text(1) }),
        "model" => Event::ModelDone(ModelDone {
            request,
            text: text(1),
            prompt_tokens: 0,
            completion_tokens: 0,
            tool_calls: match with[2].as_str() {
                Some(name) => vec![ToolCall { id: "c".into(), name: name.into(), arguments: "{}".into() }],
                None => Vec::new(),
            },
        }),
        "tools" => Event::Tools(ToolList {
            request,
            tools: vec![Tool { name: "lamp".into(), description: "A lamp.".into(), parameters: "{}".into() }],
        }),
        "tool" => Event::ToolDone(ToolDone { request, text: text(1), failed: false }),
        "document" => Event::Document(document()),
        "conflict" => Event::WriteConflict(document()),
        "written" => Event::WriteDone(WriteDone { request, key: text(1), version: number(2) }),
        "done" => Event::RequestDone(RequestDone { request, value: 1 }),
        "page" => {
            let entries = with[2].as_array().into_iter().flatten();
            let entries = entries.zip(1..).map(|(value, sequence)| JournalEntry {
                sequence,
                at: 1,
                value: value.as_str().unwrap_or_default().into(),
            });
            Event::JournalPage(JournalPage { request, journal: text(1), entries: entries.collect(), complete: true })
        }
        "delivered" => {
            Event::Delivered(Delivered { request, sent: vec!["b".into()], queued: Vec::new(), failed: Vec::new() })
        }
        "interrupted" => failed(request, Failure::Interrupted),
        "unavailable" => failed(request, Failure::Unavailable),
        "timer" => Event::Timer(request),
        "end" => Event::Ended(EndReason::Switched),
        other => panic!("an event of the kind {other}"),
    }
}

fn failed(request: u64, reason: Failure) -> Event {
    Event::RequestFailed(RequestFailed { request, reason, message: "it failed".into() })
}

/// What of an effect must be the same: everything but the numbers of requests and timers. Stopping a timer is left
/// out, since one that does not run may be stopped or not.
pub(crate) fn line(effect: &Effect) -> Option<Value> {
    Some(match effect {
        Effect::Send(body) => json!({ "send": serde_json::from_str::<Value>(body).expect("JSON") }),
        Effect::Say(speech) => json!({ "say": [speech.text, speech.interrupt, speech.more] }),
        Effect::StartTimer(timer) => json!({ "timer": timer.delay_ms }),
        Effect::StopTimer(_) => return None,
        Effect::AskModel(question) => json!({ "ask": [question.purpose, question.messages.len()] }),
        Effect::CallTool(call) => json!({ "call": call.name }),
        Effect::ReadDocument(read) => json!({ "read": read.key }),
        Effect::WriteDocument(write) => json!({ "write": [write.key, write.expected, write.value] }),
        Effect::AppendJournal(append) => json!({ "append": [append.journal, append.entry] }),
        Effect::ReadJournal(read) => json!({ "page": [read.journal, read.after] }),
        Effect::Archive(entry) => json!({ "archive": entry.title }),
        Effect::PostHook(hook) => json!({ "hook": hook.body }),
        Effect::Deliver(delivery) => json!({ "deliver": [delivery.body, delivery.offline_body] }),
        Effect::Broadcast(message) => json!({ "broadcast": message.body }),
        Effect::Dispatch(body) => json!({ "dispatch": body }),
        other => json!({ "other": format!("{other:?}").split('(').next().unwrap_or_default() }),
    })
}
