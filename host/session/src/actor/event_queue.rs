//! What wakes a session, in order of urgency. Rule: controls go before everything, also before what was found while they
//! came: a connection is attached before its first message, and detached before anything that comes later.

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
    /// Found while a control may have come that goes before it.
    held_back: Option<SessionEvent>,
    /// The one timer of the session.
    timer: Pin<Box<Sleep>>,
}

impl EventQueue {
    pub(super) fn new(messages: mpsc::Receiver<DeviceEvent>) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + limits::RESUME_WINDOW));
        Self { messages, held_back: None, timer }
    }

    /// The next event. `deadline`: when the session is to be woken at the latest.
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
            if let Some(event) = self.held_back.take() {
                return event;
            }
            if let Some((plugin, document)) = inbox.next_document() {
                return SessionEvent::Document(plugin, document);
            }
            self.held_back = tokio::select! {
                biased;
                () = inbox.filled() => None,
                outcome = requests.next(), if !requests.is_empty() => outcome.map(SessionEvent::Outcome),
                () = self.timer.as_mut(), if deadline.is_some() => Some(SessionEvent::Deadline),
                saved = OptionFuture::from(saving.as_mut()), if saving.is_some() => saved.map(SessionEvent::Saved),
                Some(event) = self.messages.recv() => Some(SessionEvent::Device(event)),
            };
        }
    }

    /// Whether an event was found and is held back.
    pub(super) fn holds_back(&self) -> bool {
        self.held_back.is_some()
    }

    /// What was found and is held back.
    pub(super) fn take_held_back(&mut self) -> Option<SessionEvent> {
        self.held_back.take()
    }

    /// Holds an event back, for the next look.
    pub(super) fn hold_back(&mut self, event: DeviceEvent) {
        self.held_back = Some(SessionEvent::Device(event));
    }

    /// What the device has sent and nobody has looked at; never waits.
    pub(super) fn try_next(&mut self) -> Option<DeviceEvent> {
        self.messages.try_recv().ok()
    }
}
