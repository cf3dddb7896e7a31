//! The delivery gate: whether others may send directly to a device, past its queue. Rule: the gate of a connection
//! opens when the device is ready and its queue is empty; a message that is queued closes it again.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// The result of trying to open the gate on an empty queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenResult {
    /// The gate is open; the next message that is queued starts a new drain.
    Opened,
    /// A message has been queued since the queue was read.
    QueueChanged,
    /// A sender was turned away, and has not queued its message yet.
    EnqueuePending,
}

struct State {
    /// `hello` has been answered, or has not come in time.
    ready: bool,
    /// A drain is running and reads the queue until it is empty.
    draining: bool,
    /// A message has been queued since the drain last read the queue.
    queue_changed: bool,
    /// Messages that were turned away here and are not in the queue yet.
    pending_enqueues: usize,
    /// The connection is not served any more; it may send acknowledgements until then.
    leave_deadline: Option<Instant>,
}

/// The gate of one connection. It starts closed, with a drain running.
pub(crate) struct DeliveryGate {
    state: Mutex<State>,
    changed: Notify,
}

impl DeliveryGate {
    pub(crate) fn new() -> Self {
        let state =
            State { ready: false, draining: true, queue_changed: false, pending_enqueues: 0, leave_deadline: None };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// True if a message may be sent directly. If not, its sender has to queue it, and to call `queued`.
    pub(crate) fn admit(&self) -> bool {
        let mut state = self.state.lock();
        let open = state.ready && !state.draining && state.pending_enqueues == 0;
        state.pending_enqueues += usize::from(!open);
        open
    }

    /// A message has been queued, or its sender gave up. True if a drain must be started.
    pub(crate) fn queued(&self) -> bool {
        let mut state = self.state.lock();
        state.pending_enqueues = state.pending_enqueues.saturating_sub(1);
        state.queue_changed = true;
        let start = !std::mem::replace(&mut state.draining, true);
        drop(state);
        self.changed.notify_one();
        start
    }

    /// The device is ready for messages.
    pub(crate) fn set_ready(&self) {
        self.state.lock().ready = true;
        self.changed.notify_one();
    }

    /// The connection is not served any more: it has this long to send acknowledgements.
    pub(crate) fn leave(&self, patience: Duration) {
        self.state.lock().leave_deadline.get_or_insert_with(|| Instant::now() + patience);
        self.changed.notify_one();
    }

    /// The queue is about to be read.
    pub(super) fn mark_read(&self) {
        self.state.lock().queue_changed = false;
    }

    /// The queue was empty: opens the gate, if nothing is pending.
    pub(super) fn try_open(&self) -> OpenResult {
        let mut state = self.state.lock();
        match state {
            _ if state.queue_changed => OpenResult::QueueChanged,
            _ if state.pending_enqueues > 0 => OpenResult::EnqueuePending,
            _ => {
                state.draining = false;
                OpenResult::Opened
            }
        }
    }

    /// Opens the gate whatever is pending: the queue cannot be read, or delivered messages cannot be removed.
    pub(super) fn force_open(&self) {
        let mut state = self.state.lock();
        state.draining = false;
        state.pending_enqueues = 0;
    }

    /// Waits until a message has been queued or the connection is left; at most this long, after which pending messages
    /// are no longer waited for.
    pub(super) async fn wait_for_enqueue(&self, patience: Duration) {
        let queued = async {
            while !self.is_quiescent() {
                self.changed.notified().await;
            }
        };
        if timeout(patience, queued).await.is_err() {
            self.state.lock().pending_enqueues = 0;
        }
    }

    fn is_quiescent(&self) -> bool {
        let mut state = self.state.lock();
        if state.leave_deadline.is_some() {
            state.pending_enqueues = 0;
        }
        state.queue_changed || state.pending_enqueues == 0
    }

    /// Waits until the device is ready; false if the connection was left before.
    pub(super) async fn wait_ready(&self) -> bool {
        loop {
            {
                let state = self.state.lock();
                if state.ready || state.leave_deadline.is_some() {
                    return state.leave_deadline.is_none();
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits until the connection has been left and its time for acknowledgements is over.
    pub(super) async fn acks_closed(&self) {
        loop {
            let leave_deadline = self.state.lock().leave_deadline;
            match leave_deadline {
                Some(until) => return sleep_until(until).await,
                None => self.changed.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p4_the_gate_opens_once_answered_and_empty_and_closes_when_something_is_queued() {
        let gate = DeliveryGate::new();
        assert!(!gate.admit(), "what waits goes first");
        assert!(!gate.queued(), "the hand-over is under way");
        assert_eq!(gate.try_open(), OpenResult::QueueChanged);
        gate.mark_read();
        assert_eq!(gate.try_open(), OpenResult::Opened);
        assert!(!gate.admit(), "the device has not been answered");
        gate.set_ready();
        assert!(!gate.admit(), "one that was turned back before may still be on its way into the queue");
        assert!(gate.queued() && !gate.queued(), "one hand-over at a time");
        gate.mark_read();
        assert_eq!(gate.try_open(), OpenResult::Opened);
        assert!(gate.admit());
        assert!(gate.queued());
        assert!(!gate.admit());
        gate.force_open();
        assert!(gate.admit());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_expected_for_ever() {
        let gate = DeliveryGate::new();
        gate.set_ready();
        assert!(!gate.admit());
        assert_eq!(gate.try_open(), OpenResult::EnqueuePending);
        gate.wait_for_enqueue(Duration::from_secs(5)).await;
        assert_eq!(gate.try_open(), OpenResult::Opened);
    }
}
