//! Subscriptions to document changes.
//!
//! Rule: only the writer thread notifies, after the commit, so that every watcher of a key sees its changes in order.
//! No lock is held while a watcher runs, so it may add or drop watches.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::traits::{Document, Watch, Watcher};

/// All watches of this process.
#[derive(Default)]
pub(super) struct Watches(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    watchers: HashMap<Arc<str>, Vec<(u64, Arc<Watcher>)>>,
}

/// Removes the watch when dropped.
struct Guard {
    watches: Weak<Watches>,
    key: Arc<str>,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(watches) = self.watches.upgrade() {
            watches.remove(&self.key, self.id);
        }
    }
}

impl Watches {
    /// Adds a watch. A call of the watcher that is running when the watch is dropped may still complete.
    pub(super) fn begin(self: &Arc<Self>, key: &str, watcher: Watcher) -> Watch {
        let key: Arc<str> = key.into();
        let mut state = self.0.lock();
        state.next += 1;
        let id = state.next;
        state.watchers.entry(key.clone()).or_default().push((id, Arc::new(watcher)));
        drop(state);
        Watch::new(Guard { watches: Arc::downgrade(self), key, id })
    }

    /// Notifies all watchers of the document.
    pub(super) fn notify(&self, document: &Document) {
        let Some(watchers) = self.0.lock().watchers.get(&document.key).cloned() else {
            return;
        };
        for (id, watcher) in watchers {
            // A panic in one watcher must not end the writer thread.
            let keep_watch = catch_unwind(AssertUnwindSafe(|| watcher(document))).unwrap_or_else(|_| {
                tracing::error!("a watcher of a document panicked; its watch has ended");
                false
            });
            if !keep_watch {
                self.remove(&document.key, id);
            }
        }
    }

    fn remove(&self, key: &str, id: u64) {
        let mut state = self.0.lock();
        let mut ended = Vec::new();
        if let Some(watchers) = state.watchers.get_mut(key) {
            ended.extend(watchers.extract_if(.., |(watcher, _)| *watcher == id));
            if watchers.is_empty() {
                state.watchers.remove(key);
            }
        }
        // Dropping a watcher may drop other watches, so it is done outside the lock.
        drop(state);
        drop(ended);
    }
}
