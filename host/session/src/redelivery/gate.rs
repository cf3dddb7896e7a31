//! Whether others may speak to a device past its queue. Rule: the gate of a connection opens when
//! the device has been answered and nothing waits for it; whatever is queued closes it again.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// What an empty queue means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The gate is open; whoever queues something from now on starts a new hand-over.
    Open,
    /// Something has been queued since the queue was looked at.
    Again,
    /// Somebody was turned back, and has not yet queued what they had.
    Expected,
}

struct State {
    /// The device has been answered, or given up on saying hello.
    answered: bool,
    /// A hand-over is under way, and looks at the queue until it is empty.
    handing: bool,
    /// Something has been queued since the hand-over last looked.
    again: bool,
    /// Messages that were turned back here and are not in the queue yet.
    expected: usize,
    /// The connection is not served any more; until then it may say what arrived.
    left: Option<Instant>,
}

/// The gate of one connection. It begins closed, with a hand-over under way.
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let state = State { answered: false, handing: true, again: false, expected: 0, left: None };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// True if a message may go past the queue. If not, its sender is expected to queue it, and to
    /// say so.
    pub(crate) fn admit(&self) -> bool {
        let mut state = self.state.lock();
        let open = state.answered && !state.handing && state.expected == 0;
        state.expected += usize::from(!open);
        open
    }

    /// Something has been queued, or came to nothing. True if a hand-over must be started.
    pub(crate) fn queued(&self) -> bool {
        let mut state = self.state.lock();
        state.expected = state.expected.saturating_sub(1);
        state.again = true;
        let start = !std::mem::replace(&mut state.handing, true);
        drop(state);
        self.changed.notify_one();
        start
    }

    /// From now on the device may be spoken to.
    pub(crate) fn answer(&self) {
        self.state.lock().answered = true;
        self.changed.notify_one();
    }

    /// The connection is not served any more: it has `patience` to say what arrived.
    pub(crate) fn leave(&self, patience: Duration) {
        self.state.lock().left.get_or_insert_with(|| Instant::now() + patience);
        self.changed.notify_one();
    }

    /// The queue is about to be looked at.
    pub(super) fn look(&self) {
        self.state.lock().again = false;
    }

    /// The queue was empty.
    pub(super) fn settle(&self) -> Settled {
        let mut state = self.state.lock();
        match state {
            _ if state.again => Settled::Again,
            _ if state.expected > 0 => Settled::Expected,
            _ => {
                state.handing = false;
                Settled::Open
            }
        }
    }

    /// Opens the gate whatever waits: the queue cannot be read, or what was written not removed.
    pub(super) fn give_up(&self) {
        let mut state = self.state.lock();
        state.handing = false;
        state.expected = 0;
    }

    /// Waits until something has been queued or the connection is left; no longer than `patience`,
    /// after which nobody is expected any more.
    pub(super) async fn expect(&self, patience: Duration) {
        let queued = async {
            while !self.is_settled() {
                self.changed.notified().await;
            }
        };
        if timeout(patience, queued).await.is_err() {
            self.state.lock().expected = 0;
        }
    }

    fn is_settled(&self) -> bool {
        let mut state = self.state.lock();
        if state.left.is_some() {
            state.expected = 0;
        }
        state.again || state.expected == 0
    }

    /// Waits until the device may be spoken to; false if the connection was left before.
    pub(super) async fn answered(&self) -> bool {
        loop {
            {
                let state = self.state.lock();
                if state.answered || state.left.is_some() {
                    return state.left.is_none();
                }
            }
            self.changed.notified().await;
        }
    }

    /// Ends when the connection has been left and its time to say what arrived is over.
    pub(super) async fn over(&self) {
        loop {
            let left = self.state.lock().left;
            match left {
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
        let gate = Gate::new();
        assert!(!gate.admit(), "what waits goes first");
        assert!(!gate.queued(), "the hand-over is under way");
        assert_eq!(gate.settle(), Settled::Again);
        gate.look();
        assert_eq!(gate.settle(), Settled::Open);
        assert!(!gate.admit(), "the device has not been answered");
        gate.answer();
        assert!(!gate.admit(), "one that was turned back before may still be on its way into the queue");
        assert!(gate.queued() && !gate.queued(), "one hand-over at a time");
        gate.look();
        assert_eq!(gate.settle(), Settled::Open);
        assert!(gate.admit());
        assert!(gate.queued());
        assert!(!gate.admit());
        gate.give_up();
        assert!(gate.admit());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_expected_for_ever() {
        let gate = Gate::new();
        gate.answer();
        assert!(!gate.admit());
        assert_eq!(gate.settle(), Settled::Expected);
        gate.expect(Duration::from_secs(5)).await;
        assert_eq!(gate.settle(), Settled::Open);
    }
}
