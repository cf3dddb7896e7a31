//! Events as a guest of the track 0.1 takes them. Rule: text is lent, never copied; what this track
//! has no word for is not given.

use modehost_contract::Event;
use modehost_contract::event::{Device, Document, EndReason, Failure};

use crate::bindings::v0_1::modehost::mode::{events as wit, types};

/// Hands the event in the guest's words to `call`; none if there are no words for it.
pub(crate) fn with_wit_event<R>(event: &Event, call: impl FnOnce(wit::Event<'_>) -> R) -> Option<R> {
    Some(match event {
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
        Event::Delivered { request, sent, queued, failed } => {
            let now: Vec<&str> = sent.iter().map(String::as_str).collect();
            let queued: Vec<&str> = queued.iter().map(String::as_str).collect();
            let failed: Vec<_> = failed
                .iter()
                .map(|failure| wit::Undelivered { device: &failure.device, reason: &failure.reason })
                .collect();
            let delivered = wit::Delivered { request: *request, now: &now, queued: &queued, failed: &failed };
            call(wit::Event::Delivered(delivered))
        }
        Event::Tools { .. } | Event::ToolDone { .. } | Event::Aborted { .. } | Event::Modes(_) => return None,
        plain => call(lend_plain(plain)),
    })
}

/// The events whose parts can be lent one by one.
fn lend_plain(event: &Event) -> wit::Event<'_> {
    match event {
        Event::Message { kind, body } => wit::Event::Message(wit::Message { kind, body }),
        Event::Transcript(transcript) => wit::Event::Transcript(wit::Transcript {
            text: &transcript.text,
            confirmed: transcript.is_final,
            start_ms: transcript.start_ms,
            end_ms: transcript.end_ms,
            segment: transcript.segment,
            source: &transcript.source,
        }),
        Event::Timer(id) => wit::Event::Timer(*id),
        Event::ModelChunk { request, text } => wit::Event::ModelChunk(wit::ModelChunk { request: *request, text }),
        // Tools are not offered on this track, so there are no calls to tell of.
        Event::ModelDone(done) => wit::Event::ModelDone(wit::ModelDone {
            request: done.request,
            text: &done.text,
            prompt_tokens: done.prompt_tokens,
            answer_tokens: done.completion_tokens,
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
            EndReason::Requested => wit::EndReason::Asked,
            EndReason::Switched => wit::EndReason::Switched,
            EndReason::Expired => wit::EndReason::Gone,
            EndReason::Removed => wit::EndReason::Removed,
        }),
        Event::Extension { name, payload } => wit::Event::Extension(wit::Extension { name, payload }),
        // Those that `lend` keeps for itself are listed, so that a new event cannot be missed.
        Event::Detached
        | Event::Tools { .. }
        | Event::ToolDone { .. }
        | Event::Aborted { .. }
        | Event::Modes(_)
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
        // The nearest word that this track has.
        Failure::Rejected | Failure::NotJson => wit::Failure::Refused,
        Failure::Denied => wit::Failure::Denied,
        Failure::TooMany => wit::Failure::TooMany,
        Failure::Unsupported => wit::Failure::Unsupported,
    }
}
