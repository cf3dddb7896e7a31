//! A question from queueing to its last part. Rule: exactly one `Done` or `Failed` is sent, last and within the
//! timeout; dropping the stream cancels the work behind it at once.

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
use crate::question::Question;
use crate::request_metrics::RequestMetrics;
use crate::retry::answer;

/// The work of one question.
struct Job {
    client: Arc<Client>,
    purpose: Arc<str>,
    request: ModelRequest,
    /// Parent: the event that caused the question.
    span: Span,
}

/// The stream of parts. The work runs on the IO threads, so that polling this costs little.
pub(crate) struct Call(State);

enum State {
    /// Starts at the first poll.
    Pending(Box<Job>),
    Running {
        parts: mpsc::Receiver<ModelPart>,
        /// A part that was received after a chunk that could be merged with others.
        next: Option<ModelPart>,
        /// Dropping it cancels the work.
        _task: IoTask<()>,
    },
    Finished,
}

impl Call {
    pub(crate) fn new(client: Arc<Client>, purpose: Arc<str>, request: ModelRequest) -> Self {
        let span = tracing::trace_span!(
            target: "modehost::trace", "model.question", alias = &*client.settings.alias, purpose = &*purpose,
            outcome = Empty, tries = Empty
        );
        // Without a trace subscriber, log lines still carry the current span.
        let span = span.or_current();
        Self(State::Pending(Box::new(Job { client, purpose, request, span })))
    }
}

impl Stream for Call {
    type Item = ModelPart;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ModelPart>> {
        if let State::Pending(_) = self.0
            && let State::Pending(job) = std::mem::replace(&mut self.0, State::Finished)
        {
            let (sender, parts) = mpsc::channel(limits::MODEL_PARTS);
            let span = job.span.clone();
            self.0 = State::Running { parts, next: None, _task: spawn_io(job.run(sender).instrument(span)) };
        }
        let State::Running { parts, next, .. } = &mut self.0 else { return Poll::Ready(None) };
        let part = match next.take() {
            Some(part) => part,
            None => match parts.poll_recv(context) {
                Poll::Ready(Some(part)) => part,
                Poll::Ready(None) => {
                    let message = "the question failed within the server; see the log".to_owned();
                    ModelPart::Failed { reason: Failure::Interrupted, message }
                }
                Poll::Pending => return Poll::Pending,
            },
        };
        let part = match part {
            ModelPart::Chunk(text) => merge_queued(text, parts, next),
            last => {
                self.0 = State::Finished;
                last
            }
        };
        Poll::Ready(Some(part))
    }
}

/// Merges a chunk with those queued behind it: each one costs the session an event.
fn merge_queued(text: Arc<str>, parts: &mut mpsc::Receiver<ModelPart>, next: &mut Option<ModelPart>) -> ModelPart {
    let Ok(mut following) = parts.try_recv() else { return ModelPart::Chunk(text) };
    let mut joined = text.to_string();
    loop {
        match following {
            ModelPart::Chunk(text) => joined.push_str(&text),
            last => {
                *next = Some(last);
                break;
            }
        }
        match parts.try_recv() {
            Ok(part) => following = part,
            Err(_) => break,
        }
    }
    ModelPart::Chunk(joined.into())
}

impl Job {
    async fn run(self: Box<Self>, parts: mpsc::Sender<ModelPart>) {
        let alias = &self.client.settings.alias;
        let last = match Question::new(&self.request) {
            Ok(question) => {
                let mut metrics = RequestMetrics::start(alias, &self.purpose, &question);
                let result = answer(&self.client, &question, &parts, &mut metrics).await;
                let result = result.and_then(|answer| {
                    metrics.record_raw(&answer);
                    extract_json(answer, &question)
                });
                metrics.finish(result.as_ref());
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
        // Fails if the caller is gone.
        let _ = parts.send(last).await;
    }
}

/// Replaces the text by the JSON object in it, if JSON was requested.
fn extract_json(mut answer: Answer, question: &Question) -> Result<Answer, Fault> {
    // A model that calls tools first has not answered yet.
    if question.json && answer.tool_calls.is_empty() {
        answer.text = json::extract_object(&answer.text).ok_or(Fault::NotJson)?;
    }
    Ok(answer)
}
