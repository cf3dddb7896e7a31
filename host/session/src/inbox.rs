//! Controls and document changes for a session. Rule: they are never lost and never wait; what a device can flood goes
//! through the bounded queue instead, and its sender waits.

use std::collections::VecDeque;

use modehost_ids::PluginId;
use modehost_storage::traits::Document;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::event::Control;

#[derive(Default)]
struct Queues {
    controls: VecDeque<Control>,
    /// The newest value of each watched document that has changed.
    documents: VecDeque<(PluginId, Document)>,
}

/// Controls and document changes for a session.
#[derive(Default)]
pub(crate) struct Inbox {
    queues: Mutex<Queues>,
    filled: Notify,
}

impl Inbox {
    /// Adds a control.
    pub(crate) fn push_control(&self, control: Control) {
        self.queues.lock().controls.push_back(control);
        self.filled.notify_one();
    }

    /// Adds a change of a watched document; replaces a pending change of the same document.
    pub(crate) fn push_document(&self, plugin: &PluginId, document: &Document) {
        let mut queues = self.queues.lock();
        let waiting = queues.documents.iter_mut().find(|(who, old)| who == plugin && old.key == document.key);
        match waiting {
            // The storage reports changes in order; a removed document has version 0.
            Some((_, old)) => *old = document.clone(),
            None => queues.documents.push_back((plugin.clone(), document.clone())),
        }
        drop(queues);
        self.filled.notify_one();
    }

    /// The next control, in order.
    pub(crate) fn next_control(&self) -> Option<Control> {
        self.queues.lock().controls.pop_front()
    }

    /// The next changed document.
    pub(crate) fn next_document(&self) -> Option<(PluginId, Document)> {
        self.queues.lock().documents.pop_front()
    }

    /// True if a connection waits to be attached: the session must not end now.
    pub(crate) fn has_pending_attach(&self) -> bool {
        let queues = self.queues.lock();
        queues.controls.iter().any(|control| matches!(control, Control::Attach { .. }))
    }

    /// Takes everything, to be dropped outside the registry lock: the session handles it no more.
    pub(crate) fn take_all(&self) -> impl Drop {
        Box::new(std::mem::take(&mut *self.queues.lock()))
    }

    /// Waits until something may be there.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(key: &str, version: u64) -> Document {
        Document { key: key.into(), version, value: (version > 0).then(|| "1".into()) }
    }

    #[test]
    fn the_removal_of_a_document_takes_the_place_of_a_change_that_waits() {
        let (inbox, plugin) = (Inbox::default(), PluginId::from("red"));
        for (key, version) in [("one", 5), ("other", 1), ("one", 0)] {
            inbox.push_document(&plugin, &document(key, version));
        }
        let changed =
            std::iter::from_fn(|| inbox.next_document()).map(|(_, changed)| (changed.key.to_string(), changed.version));
        assert_eq!(changed.collect::<Vec<_>>(), [("one".to_owned(), 0), ("other".to_owned(), 1)]);
    }
}
