//! The bounded queue in front of a storage thread.
//!
//! Rule: `push` never blocks. Items pushed before `close` are still delivered.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use crate::reply::StorageError;

/// A bounded FIFO queue.
pub(super) struct Backlog<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Backlog<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::new(State { items: VecDeque::new(), closed: false }), wake: Condvar::new(), capacity }
    }

    /// Appends an item.
    ///
    /// # Errors
    /// `Overloaded` if `capacity` items wait already, `Closed` after `close`.
    pub(super) fn push(&self, item: T) -> Result<(), StorageError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(StorageError::Closed);
        }
        if state.items.len() >= self.capacity {
            return Err(StorageError::Overloaded);
        }
        state.items.push_back(item);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Blocks until there are items, moves up to `max` of them into `into` and returns how many are left. `None`:
    /// closed and empty.
    pub(super) fn take(&self, max: usize, into: &mut Vec<T>) -> Option<usize> {
        let mut state = self.state.lock();
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            self.wake.wait(&mut state);
        }
        let count = max.min(state.items.len());
        into.extend(state.items.drain(..count));
        Some(state.items.len())
    }

    /// Number of waiting items.
    pub(super) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Whether `close` was called.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Appends items beyond the capacity, for a caller that waits until they are done.
    ///
    /// # Errors
    /// `Closed` after `close`.
    pub(super) fn push_all(&self, items: impl IntoIterator<Item = T>) -> Result<(), StorageError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(StorageError::Closed);
        }
        state.items.extend(items);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Rejects further items.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_all();
    }

    /// Closes and drops the waiting items, so that no caller waits for a thread that is gone.
    pub(super) fn abandon(&self) {
        self.close();
        let items = std::mem::take(&mut self.state.lock().items);
        // Dropped outside the lock: dropping a job answers its caller.
        drop(items);
    }
}

/// Abandons the backlog when its thread ends, even by a panic.
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
