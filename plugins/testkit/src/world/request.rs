//! Requests and the events that answer them. Rule: every effect that opens a request and every event that answers one
//! is listed here.

use modehost_contract::effect::{Call, Query, Write};
use modehost_contract::event::Failure;
use modehost_contract::id::RequestId;
use modehost_contract::{Effect, Event};

/// A part of the environment whose requests a test can let fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// `read-document` and `write-document`.
    Documents,
    /// `append-journal`, `read-journal` and `remove-journal`.
    Journals,
    /// `archive`.
    Archives,
    /// `post-hook`.
    Hooks,
}

/// The part that a request goes to, if tests can let it fail.
pub(crate) fn part_of(effect: &Effect) -> Option<(Part, RequestId)> {
    match effect {
        Effect::Query(query) => {
            let part = match query {
                Query::ReadDocument { .. } => Part::Documents,
                Query::ReadJournal { .. } => Part::Journals,
                Query::WatchDocument { .. } | Query::ListTools(_) | Query::Extension { .. } | Query::Denied { .. } => {
                    return None;
                }
            };
            Some((part, query.request()))
        }
        Effect::Write(write) => {
            let part = match write {
                Write::WriteDocument { .. } => Part::Documents,
                Write::AppendJournal { .. } | Write::RemoveJournal { .. } => Part::Journals,
                Write::Archive(_) => Part::Archives,
            };
            Some((part, write.request()))
        }
        Effect::Call(Call::PostHook(post)) => Some((Part::Hooks, post.request)),
        Effect::Call(Call::AskModel(_) | Call::CallTool { .. } | Call::Deliver(_))
        | Effect::Local(_)
        | Effect::Output(_) => None,
    }
}

/// The request that an event answers.
pub(crate) fn answered(event: &Event) -> Option<RequestId> {
    match event {
        Event::ModelDone(done) => Some(done.request),
        Event::Document(document) | Event::WriteConflict(document) => document.request,
        Event::ModelChunk { request, .. }
        | Event::RequestFailed { request, .. }
        | Event::Tools { request, .. }
        | Event::ToolDone { request, .. }
        | Event::WriteDone { request, .. }
        | Event::JournalPage { request, .. }
        | Event::RequestDone { request, .. }
        | Event::Delivered { request, .. } => Some(*request),
        _ => None,
    }
}

/// The event for a request that has failed.
pub(crate) fn failed(request: RequestId, reason: Failure) -> Event {
    Event::RequestFailed { request, reason, message: "as the test wants it".into() }
}
