//! Outcomes that are still to come. Rule: a request belongs to the session, not to the instance
//! that made it, so it survives hibernation and swap; ending the session drops it.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use futures_util::stream::{BoxStream, FuturesUnordered};
use modehost_contract::event::{Failure, ModelDone, RequestId};
use modehost_contract::{Event, ModelPart};
use modehost_ids::PluginId;
use modehost_storage::StorageError;

use crate::turns::Tie;

/// What a request came to.
pub(crate) struct Outcome {
    pub(crate) plugin: PluginId,
    pub(crate) request: RequestId,
    /// Tells this request from an earlier, cancelled one of the same id.
    pub(crate) serial: u64,
    /// None where success is not told.
    pub(crate) event: Option<Event>,
    /// The storage could not do it; the device is told.
    pub(crate) storage: Option<StorageError>,
    /// A model that goes on writing: this was not the end.
    pub(crate) rest: Option<BoxStream<'static, ModelPart>>,
}

impl Outcome {
    /// The end of a request, told by this event.
    pub(crate) fn told(plugin: PluginId, request: RequestId, serial: u64, event: Event) -> Self {
        Self { plugin, request, serial, event: Some(event), storage: None, rest: None }
    }
}

/// `None` if the request was cancelled before it had an outcome.
type Pending = Pin<Box<dyn Future<Output = Option<Outcome>> + Send>>;

/// A handler's hold on one of its requests. Dropping it cancels the work behind the request.
pub(crate) struct Open {
    pub(crate) serial: u64,
    /// A question whose answer would be spoken: it ends where the person moves on (C.16).
    pub(crate) spoken: bool,
    /// The turn that it was made in, if in one.
    pub(crate) tie: Option<Tie>,
    cancel: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.cancel.abort();
    }
}

/// What the future of a request is tied to its handler with.
pub(crate) struct Ticket {
    pub(crate) serial: u64,
    registration: AbortRegistration,
}

/// All open requests of a session.
#[derive(Default)]
pub(crate) struct Requests {
    open: FuturesUnordered<Pending>,
    serial: u64,
}

impl Requests {
    /// A new request: the handler's hold, and the tie for its future.
    pub(crate) fn issue(&mut self) -> (Open, Ticket) {
        self.serial += 1;
        let (cancel, registration) = AbortHandle::new_pair();
        (Open { serial: self.serial, spoken: false, tie: None, cancel }, Ticket { serial: self.serial, registration })
    }

    /// Polls `outcome` with the session from now on, until the handler lets go.
    pub(crate) fn open(&mut self, ticket: Ticket, outcome: impl Future<Output = Outcome> + Send + 'static) {
        let outcome = Abortable::new(outcome, ticket.registration);
        self.open.push(Box::pin(async move { outcome.await.ok() }));
    }

    /// Of the newest request.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The next outcome; `None` where a cancelled request has ended. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Outcome> {
        self.open.next().await.flatten()
    }
}

/// The event of a request that has failed.
pub(crate) fn failed(request: RequestId, reason: Failure, message: &str) -> Event {
    Event::RequestFailed { request, reason, message: message.into() }
}

/// The outcome of a storage call: an event made from its answer, or the failure.
pub(crate) async fn stored<T>(
    plugin: PluginId,
    request: RequestId,
    serial: u64,
    reply: impl Future<Output = Result<T, StorageError>>,
    event: impl FnOnce(T) -> Option<Event>,
) -> Outcome {
    let answer = match tokio::time::timeout(crate::limits::STORAGE_REPLY, reply).await {
        Ok(answer) => answer,
        Err(_) => Err(StorageError::Unavailable("it does not answer".into())),
    };
    match answer {
        Ok(answer) => Outcome { plugin, request, serial, event: event(answer), storage: None, rest: None },
        Err(error) => {
            let event = Some(failed(request, Failure::Unavailable, &error.to_string()));
            Outcome { plugin, request, serial, event, storage: Some(error), rest: None }
        }
    }
}

/// The next piece of a model's answer.
pub(crate) async fn answered(
    plugin: PluginId,
    request: RequestId,
    serial: u64,
    mut answer: BoxStream<'static, ModelPart>,
) -> Outcome {
    let (event, rest) = match answer.next().await {
        Some(ModelPart::Chunk(text)) => (Event::ModelChunk { request, text }, Some(answer)),
        Some(ModelPart::Done { text, prompt_tokens, completion_tokens, tool_calls }) => {
            (Event::ModelDone(ModelDone { request, text, prompt_tokens, completion_tokens, tool_calls }), None)
        }
        Some(ModelPart::Failed { reason, message }) => (failed(request, reason, &message), None),
        None => (failed(request, Failure::Rejected, "the model ended without an answer"), None),
    };
    Outcome { plugin, request, serial, event: Some(event), storage: None, rest }
}

/// What became of a webhook.
pub(crate) async fn posted(
    plugin: PluginId,
    request: RequestId,
    serial: u64,
    posting: impl Future<Output = Result<u16, (Failure, String)>>,
) -> Outcome {
    let event = match posting.await {
        Ok(status) => Event::RequestDone { request, value: u64::from(status) },
        Err((reason, message)) => failed(request, reason, &message),
    };
    Outcome::told(plugin, request, serial, event)
}
