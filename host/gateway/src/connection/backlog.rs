//! Received messages for which the session's queue has no capacity yet. Rule: FIFO, one delivery at a time; number and
//! bytes are bounded.

use std::collections::VecDeque;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_session::{Incoming, SessionEnded};

use super::session_handle::SessionHandle;

/// Messages that wait for the session, in order; `'a` is the borrow of the session handle.
#[derive(Default)]
pub(super) struct Backlog<'a> {
    waiting: VecDeque<Pending>,
    /// Total of `waiting`.
    bytes: usize,
    /// Delivery of the oldest message, which waits for capacity in the session's queue.
    delivery: Option<BoxFuture<'a, Result<(), SessionEnded>>>,
}

struct Pending {
    message: Incoming,
    /// Length of the text that the message was parsed from.
    bytes: usize,
}

impl<'a> Backlog<'a> {
    /// Sends a message, received as `bytes` bytes of text, to the session, or queues it behind those that wait.
    ///
    /// # Errors
    /// If the session has ended.
    pub(super) fn enqueue<A: SessionHandle>(
        &mut self,
        message: Incoming,
        bytes: usize,
        session: &A,
    ) -> Result<(), SessionEnded> {
        // Fast path: almost every message bypasses the backlog.
        let undelivered = if self.is_empty() { session.try_message(message)? } else { Some(message) };
        if let Some(message) = undelivered {
            self.bytes += bytes;
            self.waiting.push_back(Pending { message, bytes });
        }
        Ok(())
    }

    /// Starts to deliver the oldest message, if one waits and no delivery is in progress.
    pub(super) fn start_delivery<A: SessionHandle>(&mut self, session: &'a A) {
        if self.delivery.is_none()
            && let Some(message) = self.pop()
        {
            self.delivery = Some(Box::pin(session.message(message)));
        }
    }

    /// True while a delivery is in progress.
    pub(super) fn is_delivering(&self) -> bool {
        self.delivery.is_some()
    }

    /// Waits until the delivery in progress has finished. Cancel-safe.
    ///
    /// # Errors
    /// If the session has ended.
    pub(super) async fn delivered(&mut self) -> Result<(), SessionEnded> {
        let Some(message) = &mut self.delivery else { return Ok(()) };
        let outcome = message.await;
        self.delivery = None;
        outcome
    }

    /// True if every message has been delivered.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.delivery.is_none()
    }

    /// False while reading must pause; a single message may exceed the byte limit.
    pub(super) fn has_capacity(&self) -> bool {
        self.waiting.len() < limits::PENDING_MESSAGES && self.bytes < limits::PENDING_BYTES
    }

    /// Delivers all messages.
    ///
    /// # Errors
    /// If the session has ended.
    pub(super) async fn drain<A: SessionHandle>(mut self, session: &A) -> Result<(), SessionEnded> {
        self.delivered().await?;
        while let Some(message) = self.pop() {
            session.message(message).await?;
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<Incoming> {
        let Pending { message, bytes } = self.waiting.pop_front()?;
        self.bytes -= bytes;
        // Free the memory of the peak: an idle connection keeps no queue.
        if self.waiting.is_empty() && self.waiting.capacity() > 4 {
            self.waiting = VecDeque::new();
        }
        Some(message)
    }
}
