//! Outcomes of requests, and the tags that wait for them.
//!
//! Rule: a request whose outcome is handled carries a tag of the mode's own type, [`Mode::Next`](crate::Mode::Next).
//! The tag is part of the snapshot and is returned with the outcome, so a mode stores no request ids, and an outcome
//! is delivered after a swap, a hibernation or a crash.

use serde::{Deserialize, Serialize};

use crate::{
    Cx, Delivered, Document, Effect, Event, JournalPage, Mode, ModelChunk, ModelDone, RequestDone, RequestFailed,
    RequestId, ToolDone, ToolList, WriteDone,
};

/// The outcome of a request, or a chunk of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A chunk of a streamed answer; [`Reply::Model`] or [`Reply::Failed`] follows.
    Chunk(String),
    /// The complete answer of a model, also after chunks.
    Model(ModelDone),
    /// Tools that the device offers.
    Tools(ToolList),
    /// The result of a tool of the device.
    Tool(ToolDone),
    /// A document that was read.
    Document(Document),
    /// A write is stored on disk.
    Written(WriteDone),
    /// A write expected a version that is not the current one; this is the current document.
    Conflict(Document),
    /// Part of a journal.
    Page(JournalPage),
    /// An append, a removal, an archive entry or a webhook is done.
    Done(RequestDone),
    /// The outcome of a delivery.
    Delivered(Delivered),
    /// The request has failed for good, or the process ended before its outcome was known.
    Failed(RequestFailed),
}

impl Reply {
    /// Whether another reply to the same request follows.
    pub fn is_partial(&self) -> bool {
        matches!(self, Self::Chunk(_))
    }

    /// The reply in an event, with its request id; any other event is returned as the error.
    #[allow(clippy::result_large_err, reason = "what is no reply is handed on, not reported")]
    pub(crate) fn of(event: Event) -> Result<(RequestId, Self), Event> {
        Ok(match event {
            Event::ModelChunk(ModelChunk { request, text }) => (request, Self::Chunk(text)),
            Event::ModelDone(done) => (done.request, Self::Model(done)),
            Event::Tools(list) => (list.request, Self::Tools(list)),
            Event::ToolDone(done) => (done.request, Self::Tool(done)),
            Event::Document(document) => match document.request {
                Some(request) => (request, Self::Document(document)),
                None => return Err(Event::Document(document)),
            },
            Event::WriteDone(done) => (done.request, Self::Written(done)),
            Event::WriteConflict(current) => match current.request {
                Some(request) => (request, Self::Conflict(current)),
                None => return Err(Event::WriteConflict(current)),
            },
            Event::JournalPage(page) => (page.request, Self::Page(page)),
            Event::RequestDone(done) => (done.request, Self::Done(done)),
            Event::Delivered(delivered) => (delivered.request, Self::Delivered(delivered)),
            Event::RequestFailed(failed) => (failed.request, Self::Failed(failed)),
            other => return Err(other),
        })
    }
}

/// A request under construction. If it is dropped as it is, its outcome is ignored.
#[must_use = "say with `then` what comes next, or with `unanswered` that nothing does"]
pub struct Request<'c, 'a, M: Mode> {
    cx: &'c mut Cx<'a, M>,
    id: RequestId,
}

impl<'c, 'a, M: Mode> Request<'c, 'a, M> {
    pub(crate) fn new(cx: &'c mut Cx<'a, M>, id: RequestId) -> Self {
        Self { cx, id }
    }

    /// Passes the outcome to [`Mode::on_reply`](crate::Mode::on_reply) with this tag.
    pub fn then(self, next: M::Next) {
        self.wait(next, false);
    }

    /// Passes only a failure to [`Mode::on_reply`](crate::Mode::on_reply). The success of an append to a journal does
    /// not even wake the mode, so its tag stays until [`Cx::forget`] removes it; the latest 256 tags of this kind are
    /// kept.
    pub fn if_it_fails(self, next: M::Next) {
        self.wait(next, true);
    }

    /// Ignores the outcome.
    pub fn unanswered(self) {}

    fn wait(self, next: M::Next, only_failure: bool) {
        let Self { cx, id } = self;
        let mut spoken = false;
        match cx.effects.last_mut() {
            Some(Effect::AppendJournal(append)) if append.request == id => append.notify = !only_failure,
            Some(Effect::AskModel(question)) if question.request == id => spoken = question.spoken,
            _ => {}
        }
        cx.waiting.push(Waiting { id, next, spoken, only_failure });
    }
}

/// Limit of tags that wait for a failure only.
const ONLY_FAILURES: usize = 256;

/// A tag and its request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Waiting<N> {
    id: RequestId,
    next: N,
    /// The host drops the request once the person has moved on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    spoken: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    only_failure: bool,
}

/// All tags of a mode, oldest first. Part of the snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct WaitingList<N>(Vec<Waiting<N>>);

impl<N> Default for WaitingList<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<N> WaitingList<N> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &N> {
        self.0.iter().map(|waiting| &waiting.next)
    }

    fn push(&mut self, waiting: Waiting<N>) {
        if waiting.only_failure {
            let kept = self.0.iter().filter(|waiting| waiting.only_failure).count();
            if kept >= ONLY_FAILURES
                && let Some(oldest) = self.0.iter().position(|waiting| waiting.only_failure)
            {
                self.0.remove(oldest);
            }
        }
        self.0.push(waiting);
    }

    /// Registers a request of an older version of the mode under a tag.
    pub(crate) fn adopt(&mut self, id: RequestId, next: N) {
        self.0.push(Waiting { id, next, spoken: false, only_failure: false });
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Mirrors the host, which drops spoken questions once the person has moved on.
    pub(crate) fn drop_spoken(&mut self) {
        self.0.retain(|waiting| !waiting.spoken);
    }

    /// Removes all entries with matching tags and returns their request ids.
    pub(crate) fn remove(&mut self, fits: impl Fn(&N) -> bool) -> Vec<RequestId> {
        let (out, kept) = std::mem::take(&mut self.0).into_iter().partition(|waiting: &Waiting<N>| fits(&waiting.next));
        self.0 = kept;
        out.into_iter().map(|waiting: Waiting<N>| waiting.id).collect()
    }
}

impl<N: Clone> WaitingList<N> {
    /// The tag of a request; it is kept if more replies follow.
    pub(crate) fn answer(&mut self, id: RequestId, reply: &Reply) -> Option<N> {
        let index = self.0.iter().position(|waiting| waiting.id == id)?;
        let is_wanted = !self.0[index].only_failure || matches!(reply, Reply::Failed(_));
        if reply.is_partial() {
            return is_wanted.then(|| self.0[index].next.clone());
        }
        let waiting = self.0.remove(index);
        is_wanted.then_some(waiting.next)
    }
}
