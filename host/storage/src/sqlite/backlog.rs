//! The bounded queue in front of a storage thread.
//!
//! Rule: `push` never waits. What was pushed before `close` is still taken.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use crate::reply::StorageError;

/// First in, first out.
pub(super) struct Backlog<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    capacity: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Backlog<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::new(State { waiting: VecDeque::new(), closed: false }), wake: Condvar::new(), capacity }
    }

    /// Adds to the end.
    ///
    /// # Errors
    /// `Overloaded` if `capacity` wait already, `Closed` after `close`.
    pub(super) fn push(&self, item: T) -> Result<(), StorageError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(StorageError::Closed);
        }
        if state.waiting.len() >= self.capacity {
            return Err(StorageError::Overloaded);
        }
        state.waiting.push_back(item);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Waits until there is something and moves at most `most` of it over; the answer is how many
    /// are left. `None`: closed, and nothing is left.
    pub(super) fn take(&self, most: usize, into: &mut Vec<T>) -> Option<usize> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            self.wake.wait(&mut state);
        }
        let count = most.min(state.waiting.len());
        into.extend(state.waiting.drain(..count));
        Some(state.waiting.len())
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Nothing more is accepted.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_all();
    }

    /// Closes and throws away what waits, so that nobody waits for a thread that is gone.
    pub(super) fn abandon(&self) {
        self.close();
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        // Dropped outside the lock: dropping a job answers its caller.
        drop(waiting);
    }
}

/// Abandons the backlog when its thread ends, be it by a panic.
pub(super) struct AbandonOnExit<'b, T>(pub(super) &'b Backlog<T>);

impl<T> Drop for AbandonOnExit<'_, T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_backlog_refuses_at_once_and_a_closed_one_is_emptied_in_order() {
        let backlog = Backlog::new(2);
        assert_eq!(backlog.push(1), Ok(()));
        assert_eq!(backlog.push(2), Ok(()));
        assert_eq!(backlog.push(3), Err(StorageError::Overloaded));
        backlog.close();
        assert_eq!(backlog.push(3), Err(StorageError::Closed));
        let mut taken = Vec::new();
        assert_eq!(backlog.take(1, &mut taken), Some(1));
        assert_eq!(backlog.take(9, &mut taken), Some(0));
        assert_eq!(backlog.take(9, &mut taken), None);
        assert_eq!(taken, [1, 2]);
    }
}
