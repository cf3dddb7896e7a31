//! The contract's events as a guest takes them. Rule: text is lent, never copied; only lists of
//! texts need a list of references for the time of the call.

use modehost_contract::Event;
use modehost_contract::event::{Device, Document, EndReason, Failure};

use crate::bindings::modehost::mode::{events as wit, types};

/// Hands the event in the guest's words to `call`.
pub(crate) fn lend<R>(event: &Event, call: impl FnOnce(wit::Event<'_>) -> R) -> R {
    match event {
        Event::Started(start) => lend_device(&start.device, |device| {
            let mode = start.mode.as_deref();
            call(wit::Event::Started(wit::Start { mode, device, session_id: &start.session_id }))
        }),
        Event::Attached(device) => lend_device(device, |device| call(wit::Event::Attached(device))),
        Event::ConfigChanged { config, device } => {
            lend_device(device, |device| call(wit::Event::ConfigChanged(wit::Settings { config, device })))
        }
        Event::JournalPage { request, journal, entries, complete } => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| wit::JournalEntry { sequence: entry.sequence, at: entry.at, value: &entry.value })
                .collect();
            let page = wit::JournalPage { request: *request, journal, entries: &entries, complete: *complete };
            call(wit::Event::JournalPage(page))
        }
        Event::Delivered { request, now, queued, failed } => {
            let now: Vec<&str> = now.iter().map(String::as_str).collect();
            let queued: Vec<&str> = queued.iter().map(String::as_str).collect();
            let failed: Vec<_> = failed
                .iter()
                .map(|failure| wit::Undelivered { device: &failure.device, reason: &failure.reason })
                .collect();
            let delivered = wit::Delivered { request: *request, now: &now, queued: &queued, failed: &failed };
            call(wit::Event::Delivered(delivered))
        }
        plain => call(lend_plain(plain)),
    }
}

/// The events whose parts can be lent one by one.
fn lend_plain(event: &Event) -> wit::Event<'_> {
    match event {
        Event::Message { kind, body } => wit::Event::Message(wit::Message { kind, body }),
        Event::Transcript(transcript) => wit::Event::Transcript(wit::Transcript {
            text: &transcript.text,
            confirmed: transcript.confirmed,
            start_ms: transcript.start_ms,
            end_ms: transcript.end_ms,
            segment: transcript.segment,
            source: &transcript.source,
        }),
        Event::Timer(id) => wit::Event::Timer(*id),
        Event::ModelChunk { request, text } => wit::Event::ModelChunk(wit::ModelChunk { request: *request, text }),
        Event::ModelDone { request, text, prompt_tokens, answer_tokens } => wit::Event::ModelDone(wit::ModelDone {
            request: *request,
            text,
            prompt_tokens: *prompt_tokens,
            answer_tokens: *answer_tokens,
        }),
        Event::RequestFailed { request, reason, message } => {
            wit::Event::RequestFailed(wit::RequestFailed { request: *request, reason: failure(*reason), message })
        }
        Event::Document(current) => wit::Event::Document(document(current)),
        Event::WriteDone { request, key, version } => {
            wit::Event::WriteDone(wit::WriteDone { request: *request, key, version: *version })
        }
        Event::WriteConflict(current) => wit::Event::WriteConflict(document(current)),
        Event::RequestDone { request, value } => {
            wit::Event::RequestDone(wit::RequestDone { request: *request, value: *value })
        }
        Event::Hello(message) => wit::Event::Hello(message),
        Event::ModeChanged(mode) => wit::Event::ModeChanged(mode),
        Event::Upgraded { old_version } => wit::Event::Upgraded(old_version),
        Event::Ended(reason) => wit::Event::Ended(match reason {
            EndReason::Asked => wit::EndReason::Asked,
            EndReason::Switched => wit::EndReason::Switched,
            EndReason::Gone => wit::EndReason::Gone,
            EndReason::Removed => wit::EndReason::Removed,
        }),
        Event::Extension { name, payload } => wit::Event::Extension(wit::Extension { name, payload }),
        // The five that `lend` keeps for itself are listed, so that a new event cannot be missed.
        Event::Detached
        | Event::Started(_)
        | Event::Attached(_)
        | Event::ConfigChanged { .. }
        | Event::JournalPage { .. }
        | Event::Delivered { .. } => wit::Event::Detached,
    }
}

fn lend_device<R>(device: &Device, call: impl FnOnce(types::Device<'_>) -> R) -> R {
    let groups: Vec<&str> = device.groups.iter().map(|group| &**group).collect();
    call(types::Device { id: &device.id, alias: device.alias.as_deref(), groups: &groups })
}

fn document(document: &Document) -> wit::Document<'_> {
    wit::Document {
        request: document.request,
        key: &document.key,
        version: document.version,
        value: document.value.as_deref(),
    }
}

fn failure(failure: Failure) -> wit::Failure {
    match failure {
        Failure::Interrupted => wit::Failure::Interrupted,
        Failure::Unavailable => wit::Failure::Unavailable,
        Failure::TimedOut => wit::Failure::TimedOut,
        Failure::Refused => wit::Failure::Refused,
        Failure::Denied => wit::Failure::Denied,
        Failure::TooMany => wit::Failure::TooMany,
        Failure::Unsupported => wit::Failure::Unsupported,
    }
}
