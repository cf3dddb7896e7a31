//! What a request has come to, and who has been waiting for it.
//!
//! Rule: a request that is to be answered carries a tag of the mode's own type, [`Mode::Next`](crate::Mode::Next). The
//! tag is part of the snapshot and comes back with the outcome, so a mode keeps no request ids of its own and an
//! outcome finds its way after a swap, a hibernation or a crash.

use serde::{Deserialize, Serialize};

use crate::{
    Cx, Delivered, Document, Effect, Event, JournalPage, Mode, ModelChunk, ModelDone, RequestDone, RequestFailed,
    RequestId, ToolDone, ToolList, WriteDone,
};

/// The outcome of a request, or a piece of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A piece of a streamed answer; [`Reply::Model`] or [`Reply::Failed`] follows.
    Chunk(String),
    /// A whole answer of a model, also where chunks came before.
    Model(ModelDone),
    /// What the device offers.
    Tools(ToolList),
    /// A tool of the device has answered.
    Tool(ToolDone),
    /// A document that was read.
    Document(Document),
    /// A write is on disk.
    Written(WriteDone),
    /// A write named a version that is not the current one; this is the current document.
    Conflict(Document),
    /// Part of a journal.
    Page(JournalPage),
    /// An append, a removal, an archive entry or a webhook has been done.
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

    /// The reply in an event, with its request; any other event is handed back.
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

/// A request that is being made. Dropped as it is, nobody hears of its outcome.
#[must_use = "say with `then` what comes next, or with `unanswered` that nothing does"]
pub struct Request<'c, 'a, M: Mode> {
    cx: &'c mut Cx<'a, M>,
    id: RequestId,
}

impl<'c, 'a, M: Mode> Request<'c, 'a, M> {
    pub(crate) fn new(cx: &'c mut Cx<'a, M>, id: RequestId) -> Self {
        Self { cx, id }
    }

    /// The outcome comes to [`Mode::on_reply`](crate::Mode::on_reply) with this tag.
    pub fn then(self, next: M::Next) {
        self.wait(next, false);
    }

    /// Only a failure comes to [`Mode::on_reply`](crate::Mode::on_reply). Where nothing fails, the tag stays until
    /// [`Cx::forget`] lets go of it; the latest 256 of this kind are kept. A journal is then appended to without
    /// waking the mode.
    pub fn if_it_fails(self, next: M::Next) {
        self.wait(next, true);
    }

    /// Nothing comes of its outcome.
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

/// Tags that wait for nothing but a failure, at most.
const ONLY_FAILURES: usize = 256;

/// A tag and the request that it belongs to.
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

    /// A request of an older version of the mode, whose tag is known by now.
    pub(crate) fn adopt(&mut self, id: RequestId, next: N) {
        self.0.push(Waiting { id, next, spoken: false, only_failure: false });
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// The host drops spoken questions by itself when the person has moved on.
    pub(crate) fn drop_spoken(&mut self) {
        self.0.retain(|waiting| !waiting.spoken);
    }

    /// Takes out all that fit; gives their requests.
    pub(crate) fn remove(&mut self, fits: impl Fn(&N) -> bool) -> Vec<RequestId> {
        let (out, kept) = std::mem::take(&mut self.0).into_iter().partition(|waiting: &Waiting<N>| fits(&waiting.next));
        self.0 = kept;
        out.into_iter().map(|waiting: Waiting<N>| waiting.id).collect()
    }
}

impl<N: Clone> WaitingList<N> {
    /// The tag of a request; it stays where more is to come.
    pub(crate) fn answer(&mut self, id: RequestId, reply: &Reply) -> Option<N> {
        let index = self.0.iter().position(|waiting| waiting.id == id)?;
        if reply.is_partial() {
            return Some(self.0[index].next.clone());
        }
        Some(self.0.remove(index).next)
    }
}
