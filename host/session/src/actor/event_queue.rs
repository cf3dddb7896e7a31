//! The sources that wake a session, by priority. Rule: controls go first, even before an event that was received while
//! they arrived: a connection is attached before its first message, and detached before anything later.

use std::pin::Pin;

use crate::limits;
use futures_util::future::OptionFuture;
use modehost_storage::Reply;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::event::{DeviceEvent, SessionEvent};
use crate::inbox::Inbox;
use crate::requests::Requests;

/// The events of a session.
pub(super) struct EventQueue {
    /// From the device; bounded, senders wait.
    messages: mpsc::Receiver<DeviceEvent>,
    /// Received while a control may have arrived, which goes first.
    deferred: Option<SessionEvent>,
    /// The one timer of the session.
    timer: Pin<Box<Sleep>>,
}

impl EventQueue {
    pub(super) fn new(messages: mpsc::Receiver<DeviceEvent>) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + limits::RESUME_WINDOW));
        Self { messages, deferred: None, timer }
    }

    /// The next event. `deadline`: when the session has to wake at the latest.
    pub(super) async fn next(
        &mut self,
        inbox: &Inbox,
        deadline: Option<Instant>,
        requests: &mut Requests,
        saving: &mut Option<Reply<()>>,
    ) -> SessionEvent {
        if let Some(deadline) = deadline
            && deadline != self.timer.deadline()
        {
            self.timer.as_mut().reset(deadline);
        }
        loop {
            if let Some(control) = inbox.next_control() {
                return SessionEvent::Control(control);
            }
            if let Some(event) = self.deferred.take() {
                return event;
            }
            if let Some((plugin, document)) = inbox.next_document() {
                return SessionEvent::Document(plugin, document);
            }
            self.deferred = tokio::select! {
                biased;
                () = inbox.filled() => None,
                outcome = requests.next(), if !requests.is_empty() => outcome.map(SessionEvent::Outcome),
                () = self.timer.as_mut(), if deadline.is_some() => Some(SessionEvent::Deadline),
                saved = OptionFuture::from(saving.as_mut()), if saving.is_some() => saved.map(SessionEvent::Saved),
                Some(event) = self.messages.recv() => Some(SessionEvent::Device(event)),
            };
        }
    }

    /// Whether an event has been deferred.
    pub(super) fn has_deferred(&self) -> bool {
        self.deferred.is_some()
    }

    /// Takes the deferred event.
    pub(super) fn take_deferred(&mut self) -> Option<SessionEvent> {
        self.deferred.take()
    }

    /// Defers an event to the next call of `next`.
    pub(super) fn defer(&mut self, event: DeviceEvent) {
        self.deferred = Some(SessionEvent::Device(event));
    }

    /// The next message of the device, if one is queued; never waits.
    pub(super) fn try_next(&mut self) -> Option<DeviceEvent> {
        self.messages.try_recv().ok()
    }
}
