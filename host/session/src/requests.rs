//! Open requests. Rule: a request belongs to the session, not to the instance that made it, so it survives hibernation
//! and swap; ending the session cancels it.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use futures_util::stream::{BoxStream, FuturesUnordered};
use modehost_contract::event::{Failure, ModelDone};
use modehost_contract::id::RequestId;
use modehost_contract::{Event, ModelPart};
use modehost_ids::PluginId;
use modehost_storage::StorageError;

use crate::turns::TurnLink;

/// The outcome of a request.
pub(crate) struct Outcome {
    pub(crate) plugin: PluginId,
    pub(crate) request: RequestId,
    /// Distinguishes this request from an earlier, cancelled one with the same id.
    pub(crate) serial: u64,
    /// None where success is not reported.
    pub(crate) event: Option<Event>,
    /// The storage failed; the device is told.
    pub(crate) storage: Option<StorageError>,
    /// The rest of a model's stream: this was not the last part.
    pub(crate) rest: Option<BoxStream<'static, ModelPart>>,
}

impl Outcome {
    /// The final outcome of a request, with its event.
    pub(crate) fn with_event(plugin: PluginId, request: RequestId, serial: u64, event: Event) -> Self {
        Self { plugin, request, serial, event: Some(event), storage: None, rest: None }
    }
}

/// `None` if the request was cancelled before it had an outcome.
type Pending = Pin<Box<dyn Future<Output = Option<Outcome>> + Send>>;

/// A handler's open request. Dropping it cancels the work behind the request.
pub(crate) struct OpenRequest {
    pub(crate) serial: u64,
    /// A question whose answer would be spoken: a boundary cancels it (C.16).
    pub(crate) spoken: bool,
    /// The turn that it was made in, if any.
    pub(crate) turn_link: Option<TurnLink>,
    cancel: AbortHandle,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.cancel.abort();
    }
}

/// Connects the future of a request to its handler.
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
    /// A new request: the handler's side, and the ticket for its future.
    pub(crate) fn issue(&mut self) -> (OpenRequest, Ticket) {
        self.serial += 1;
        let (cancel, registration) = AbortHandle::new_pair();
        (
            OpenRequest { serial: self.serial, spoken: false, turn_link: None, cancel },
            Ticket { serial: self.serial, registration },
        )
    }

    /// Polls `outcome` with the session from now on, until the handler drops its side.
    pub(crate) fn open(&mut self, ticket: Ticket, outcome: impl Future<Output = Outcome> + Send + 'static) {
        let outcome = Abortable::new(outcome, ticket.registration);
        self.open.push(Box::pin(async move { outcome.await.ok() }));
    }

    /// The serial of the newest request.
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

/// The event of a failed request.
pub(crate) fn request_failed(request: RequestId, reason: Failure, message: &str) -> Event {
    Event::RequestFailed { request, reason, message: message.into() }
}

/// The outcome of a storage call: an event made from its reply, or the failure.
pub(crate) async fn storage_outcome<T>(
    plugin: PluginId,
    request: RequestId,
    serial: u64,
    reply: impl Future<Output = Result<T, StorageError>>,
    event: impl FnOnce(T) -> Option<Event>,
) -> Outcome {
    let answer = match tokio::time::timeout(crate::limits::STORAGE_TIMEOUT, reply).await {
        Ok(answer) => answer,
        Err(_) => Err(StorageError::Unavailable("it does not answer".into())),
    };
    match answer {
        Ok(answer) => Outcome { plugin, request, serial, event: event(answer), storage: None, rest: None },
        Err(error) => {
            let event = Some(request_failed(request, Failure::Unavailable, &error.to_string()));
            Outcome { plugin, request, serial, event, storage: Some(error), rest: None }
        }
    }
}

/// The next part of a model's answer.
pub(crate) async fn next_model_part(
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
        Some(ModelPart::Failed { reason, message }) => (request_failed(request, reason, &message), None),
        None => (request_failed(request, Failure::Rejected, "the model ended without an answer"), None),
    };
    Outcome { plugin, request, serial, event: Some(event), storage: None, rest }
}

/// The outcome of a webhook.
pub(crate) async fn hook_outcome(
    plugin: PluginId,
    request: RequestId,
    serial: u64,
    posting: impl Future<Output = Result<u16, (Failure, String)>>,
) -> Outcome {
    let event = match posting.await {
        Ok(status) => Event::RequestDone { request, value: u64::from(status) },
        Err((reason, message)) => request_failed(request, reason, &message),
    };
    Outcome::with_event(plugin, request, serial, event)
}
