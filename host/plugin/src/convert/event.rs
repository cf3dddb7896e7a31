//! Contract events as borrowed WIT events. Rule: text is borrowed, never copied; only lists of texts need a list of
//! references for the duration of the call.

use modehost_contract::Event;
use modehost_contract::event::{Device, Document, EndReason, Failure};
use modehost_contract::mode_info::ModeInfo;

use crate::bindings::v0_2::modehost::mode::{events as wit, types};

/// Calls `call` with the WIT form of the event, which borrows from it.
pub(crate) fn with_wit_event<R>(event: &Event, call: impl FnOnce(wit::Event<'_>) -> R) -> R {
    match event {
        Event::Started(start) => with_wit_device(&start.device, |device| {
            let mode = start.mode.as_deref();
            let (session_id, language) = (&*start.session_id, &*start.language);
            call(wit::Event::Started(wit::Start { mode, device, session_id, language }))
        }),
        Event::Attached(device) => with_wit_device(device, |device| call(wit::Event::Attached(device))),
        Event::ConfigChanged { config, device } => {
            with_wit_device(device, |device| call(wit::Event::ConfigChanged(wit::Settings { config, device })))
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
            let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
            let queued: Vec<&str> = queued.iter().map(String::as_str).collect();
            let failed: Vec<_> = failed
                .iter()
                .map(|failure| wit::Undelivered { device: &failure.device, reason: &failure.reason })
                .collect();
            let delivered = wit::Delivered { request: *request, sent: &sent, queued: &queued, failed: &failed };
            call(wit::Event::Delivered(delivered))
        }
        Event::ModelDone(done) => {
            // Empty for nearly every answer, and then nothing is allocated.
            let tool_calls: Vec<_> = done
                .tool_calls
                .iter()
                .map(|call| types::ToolCallParam { id: &call.id, name: &call.name, arguments: &call.arguments })
                .collect();
            call(wit::Event::ModelDone(wit::ModelDone {
                request: done.request,
                text: &done.text,
                prompt_tokens: done.prompt_tokens,
                completion_tokens: done.completion_tokens,
                tool_calls: &tool_calls,
            }))
        }
        Event::Tools { request, tools } => {
            let tools: Vec<_> = tools
                .iter()
                .map(|tool| types::ToolParam {
                    name: &tool.name,
                    description: &tool.description,
                    parameters: &tool.parameters,
                })
                .collect();
            call(wit::Event::Tools(wit::ToolList { request: *request, tools: &tools }))
        }
        Event::Modes(modes) => with_wit_modes(modes, |modes| call(wit::Event::Modes(modes))),
        simple => call(borrow_event(simple)),
    }
}

/// Events that can be converted without temporary lists.
fn borrow_event(event: &Event) -> wit::Event<'_> {
    match event {
        Event::Message { kind, body } => wit::Event::Message(wit::Message { kind, body }),
        Event::Transcript(transcript) => wit::Event::Transcript(wit::Transcript {
            text: &transcript.text,
            is_final: transcript.is_final,
            start_ms: transcript.start_ms,
            end_ms: transcript.end_ms,
            segment: transcript.segment,
            source: &transcript.source,
        }),
        Event::Timer(id) => wit::Event::Timer(*id),
        Event::ModelChunk { request, text } => wit::Event::ModelChunk(wit::ModelChunk { request: *request, text }),
        Event::RequestFailed { request, reason, message } => {
            wit::Event::RequestFailed(wit::RequestFailed { request: *request, reason: failure(*reason), message })
        }
        Event::ToolDone { request, text, failed } => {
            wit::Event::ToolDone(wit::ToolDone { request: *request, text, failed: *failed })
        }
        Event::Aborted { reason, heard } => wit::Event::Aborted(wit::Aborted { reason, heard: heard.as_deref() }),
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
            EndReason::Requested => wit::EndReason::Requested,
            EndReason::Switched => wit::EndReason::Switched,
            EndReason::Expired => wit::EndReason::Expired,
            EndReason::Removed => wit::EndReason::Removed,
        }),
        Event::Extension { name, payload } => wit::Event::Extension(wit::Extension { name, payload }),
        // Listed instead of a wildcard, so that a new event does not compile until it is handled; `with_wit_event`
        // converts these.
        Event::Detached
        | Event::ModelDone(_)
        | Event::Tools { .. }
        | Event::Modes(_)
        | Event::Started(_)
        | Event::Attached(_)
        | Event::ConfigChanged { .. }
        | Event::JournalPage { .. }
        | Event::Delivered { .. } => wit::Event::Detached,
    }
}

fn with_wit_device<R>(device: &Device, call: impl FnOnce(types::Device<'_>) -> R) -> R {
    let groups: Vec<&str> = device.groups.iter().map(|group| &**group).collect();
    call(types::Device { id: &device.id, alias: device.alias.as_deref(), groups: &groups })
}

fn with_wit_modes<R>(modes: &[ModeInfo], call: impl FnOnce(&[types::ModeOfferParam<'_>]) -> R) -> R {
    let texts: Vec<[Vec<&str>; 2]> = modes
        .iter()
        .map(|mode| [&mode.aliases, &mode.phrases].map(|texts| texts.iter().map(String::as_str).collect()))
        .collect();
    let offers: Vec<_> = modes
        .iter()
        .zip(&texts)
        .map(|(mode, [aliases, phrases])| types::ModeOfferParam {
            name: &mode.name,
            aliases,
            description: &mode.description,
            phrases,
        })
        .collect();
    call(&offers)
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
        Failure::Rejected => wit::Failure::Rejected,
        Failure::Denied => wit::Failure::Denied,
        Failure::TooMany => wit::Failure::TooMany,
        Failure::Unsupported => wit::Failure::Unsupported,
        Failure::NotJson => wit::Failure::NotJson,
    }
}
