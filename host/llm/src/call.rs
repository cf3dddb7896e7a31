//! A question from its turn to its last part. Rule: exactly one `Done` or `Failed` comes, last and
//! within the time of the question; dropping the stream ends the work behind it at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::limits;
use futures_util::Stream;
use modehost_contract::effect::ModelRequest;
use modehost_contract::event::Failure;
use modehost_contract::service::ModelPart;
use modehost_task::{IoTask, spawn_io};
use tokio::sync::mpsc;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::answer::Answer;
use crate::client::Client;
use crate::fault::Fault;
use crate::json;
use crate::meter::Meter;
use crate::question::Question;
use crate::tries::answer;

/// What there is to do.
struct Work {
    client: Arc<Client>,
    purpose: Arc<str>,
    request: ModelRequest,
    /// Belongs to the event that has asked.
    span: Span,
}

/// The parts of an answer. The work runs on the IO threads, so that whoever polls this does none.
pub(crate) struct Call(State);

enum State {
    /// Begins with the first poll.
    Asked(Box<Work>),
    Running {
        parts: mpsc::Receiver<ModelPart>,
        /// What was received behind a piece that could be joined with others.
        next: Option<ModelPart>,
        /// Dropping it stops the work.
        _task: IoTask<()>,
    },
    Over,
}

impl Call {
    pub(crate) fn new(client: Arc<Client>, purpose: Arc<str>, request: ModelRequest) -> Self {
        let span = tracing::trace_span!(
            target: "modehost::trace", "model.question", alias = &*client.terms.alias, purpose = &*purpose,
            outcome = Empty, tries = Empty
        );
        // Where no traces are taken, lines of the log still say whose question it is.
        let span = span.or_current();
        Self(State::Asked(Box::new(Work { client, purpose, request, span })))
    }
}

impl Stream for Call {
    type Item = ModelPart;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ModelPart>> {
        if let State::Asked(_) = self.0
            && let State::Asked(work) = std::mem::replace(&mut self.0, State::Over)
        {
            let (sender, parts) = mpsc::channel(limits::MODEL_PARTS);
            let span = work.span.clone();
            self.0 = State::Running { parts, next: None, _task: spawn_io(work.run(sender).instrument(span)) };
        }
        let State::Running { parts, next, .. } = &mut self.0 else { return Poll::Ready(None) };
        let part = match next.take() {
            Some(part) => part,
            None => match parts.poll_recv(context) {
                Poll::Ready(Some(part)) => part,
                Poll::Ready(None) => {
                    let message = "the question was lost within the server; see its log".to_owned();
                    ModelPart::Failed { reason: Failure::Interrupted, message }
                }
                Poll::Pending => return Poll::Pending,
            },
        };
        let part = match part {
            ModelPart::Chunk(text) => join(text, parts, next),
            last => {
                self.0 = State::Over;
                last
            }
        };
        Poll::Ready(Some(part))
    }
}

/// A piece with all those that are there already: each one costs the session an event.
fn join(text: Arc<str>, parts: &mut mpsc::Receiver<ModelPart>, next: &mut Option<ModelPart>) -> ModelPart {
    let Ok(mut follower) = parts.try_recv() else { return ModelPart::Chunk(text) };
    let mut joined = text.to_string();
    loop {
        match follower {
            ModelPart::Chunk(text) => joined.push_str(&text),
            last => {
                *next = Some(last);
                break;
            }
        }
        match parts.try_recv() {
            Ok(part) => follower = part,
            Err(_) => break,
        }
    }
    ModelPart::Chunk(joined.into())
}

impl Work {
    async fn run(self: Box<Self>, parts: mpsc::Sender<ModelPart>) {
        let alias = &self.client.terms.alias;
        let last = match Question::new(&self.request) {
            Ok(question) => {
                let mut meter = Meter::begin(alias, &self.purpose, &question);
                let result = answer(&self.client, &question, &parts, &mut meter).await;
                let result = result.and_then(|answer| {
                    meter.note_raw(&answer);
                    take_json(answer, &question)
                });
                meter.end(result.as_ref());
                result
            }
            Err(fault) => Err(fault),
        };
        let last = match last {
            Ok(Answer { text, tool_calls, prompt_tokens, completion_tokens }) => {
                ModelPart::Done { text: text.into(), prompt_tokens, completion_tokens, tool_calls }
            }
            Err(fault) => ModelPart::Failed { reason: fault.reason(), message: fault.sentence(alias) },
        };
        // Nobody waits any more: then nobody is told.
        let _ = parts.send(last).await;
    }
}

/// Puts the JSON object in place of the text that holds it, where one was asked for.
fn take_json(mut answer: Answer, question: &Question) -> Result<Answer, Fault> {
    // A model that wants tools called first has not answered yet.
    if question.json && answer.tool_calls.is_empty() {
        answer.text = json::extract_object(&answer.text).ok_or(Fault::NotJson)?;
    }
    Ok(answer)
}
