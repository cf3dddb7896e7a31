//! What requests and their outcomes have in common. Rule: every effect that opens a request and
//! every event that answers one has its line here.

use modehost_contract::event::{Failure, RequestId};
use modehost_contract::{Effect, Event};

/// A part of the world whose requests a test may let fail.
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

/// The part of the world that a request goes to, if tests may let that fail.
pub(crate) fn part_of(effect: &Effect) -> Option<(Part, RequestId)> {
    Some(match effect {
        Effect::ReadDocument { request, .. } | Effect::WriteDocument { request, .. } => (Part::Documents, *request),
        Effect::AppendJournal { request, .. }
        | Effect::ReadJournal { request, .. }
        | Effect::RemoveJournal { request, .. } => (Part::Journals, *request),
        Effect::Archive(entry) => (Part::Archives, entry.request),
        Effect::PostHook(post) => (Part::Hooks, post.request),
        _ => return None,
    })
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

/// That a request has failed.
pub(crate) fn failed(request: RequestId, reason: Failure) -> Event {
    Event::RequestFailed { request, reason, message: "as the test wants it".into() }
}
