//! Messages that have been received and that the session has no room for yet. Rule: they leave in
//! the order in which they came, one at a time, and their number and bytes are bounded.

use std::collections::VecDeque;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_session::{Gone, Incoming};

use super::session_end::SessionEnd;

/// What waits for the session, in order; `'a` is as long as the session's end is held.
#[derive(Default)]
pub(super) struct Backlog<'a> {
    waiting: VecDeque<Waiting>,
    /// Of all that wait.
    bytes: usize,
    /// The oldest, on its way; it waits for room in the session's queue. None: nothing is on its way.
    handing_over: Option<BoxFuture<'a, Result<(), Gone>>>,
}

/// A message that waits.
struct Waiting {
    message: Incoming,
    /// Of the text that it came as.
    bytes: usize,
}

impl<'a> Backlog<'a> {
    /// Gives the session a message that came as `bytes` bytes of text, or keeps it behind those that wait.
    ///
    /// # Errors
    /// If the session is gone.
    pub(super) fn pass_on<A: SessionEnd>(&mut self, message: Incoming, bytes: usize, session: &A) -> Result<(), Gone> {
        // The way of almost every message goes past the queue.
        let kept = if self.is_empty() { session.try_message(message)? } else { Some(message) };
        if let Some(message) = kept {
            self.bytes += bytes;
            self.waiting.push_back(Waiting { message, bytes });
        }
        Ok(())
    }

    /// Begins to hand the oldest message over, if one waits and none is on its way.
    pub(super) fn hand_over<A: SessionEnd>(&mut self, session: &'a A) {
        if self.handing_over.is_none()
            && let Some(message) = self.pop()
        {
            self.handing_over = Some(Box::pin(session.message(message)));
        }
    }

    /// True while a message is on its way.
    pub(super) fn is_handing_over(&self) -> bool {
        self.handing_over.is_some()
    }

    /// Waits until the message that is on its way has been taken. Cancelling loses nothing.
    ///
    /// # Errors
    /// If the session is gone.
    pub(super) async fn handed_over(&mut self) -> Result<(), Gone> {
        let Some(message) = &mut self.handing_over else { return Ok(()) };
        let outcome = message.await;
        self.handing_over = None;
        outcome
    }

    /// True if the session has everything.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.handing_over.is_none()
    }

    /// False while the device must wait; a single message may go over the limit of bytes.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < limits::PENDING_MESSAGES && self.bytes < limits::PENDING_BYTES
    }

    /// Hands everything over.
    ///
    /// # Errors
    /// If the session is gone.
    pub(super) async fn drain<A: SessionEnd>(mut self, session: &A) -> Result<(), Gone> {
        self.handed_over().await?;
        while let Some(message) = self.pop() {
            session.message(message).await?;
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<Incoming> {
        let Waiting { message, bytes } = self.waiting.pop_front()?;
        self.bytes -= bytes;
        // An idle connection keeps no queue of its busiest moment.
        if self.waiting.is_empty() && self.waiting.capacity() > 4 {
            self.waiting = VecDeque::new();
        }
        Some(message)
    }
}
