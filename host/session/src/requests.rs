//! Outcomes that are still to come. Rule: a request belongs to the session, not to the instance
//! that made it, so it survives hibernation and swap; ending the session drops it.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use modehost_contract::Event;
use modehost_contract::event::{Failure, RequestId};
use modehost_ids::PluginId;
use modehost_storage::StorageError;

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
}

type Pending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// All open requests of a session.
#[derive(Default)]
pub(crate) struct Requests {
    open: FuturesUnordered<Pending>,
    serial: u64,
}

impl Requests {
    /// A number that no other request of this session has.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Polls `outcome` with the session from now on.
    pub(crate) fn open(&mut self, outcome: impl Future<Output = Outcome> + Send + 'static) {
        self.open.push(Box::pin(outcome));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The next outcome; never ends while there is none. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Outcome> {
        self.open.next().await
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
    let answer = match tokio::time::timeout(modehost_limits::STORAGE_REPLY, reply).await {
        Ok(answer) => answer,
        Err(_) => Err(StorageError::Unavailable("it does not answer".into())),
    };
    match answer {
        Ok(answer) => Outcome { plugin, request, serial, event: event(answer), storage: None },
        Err(error) => {
            let event = Some(failed(request, Failure::Unavailable, &error.to_string()));
            Outcome { plugin, request, serial, event, storage: Some(error) }
        }
    }
}
