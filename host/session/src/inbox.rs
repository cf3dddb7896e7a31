//! What the server and the storage leave for a session. Rule: control and changes of watched documents are never lost and
//! never wait; what a device can flood goes through the bounded queue instead, and its sender waits.

use std::collections::VecDeque;

use modehost_ids::PluginId;
use modehost_storage::traits::Document;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::event::Control;

#[derive(Default)]
struct Side {
    controls: VecDeque<Control>,
    /// The newest value of each watched document that has changed.
    documents: VecDeque<(PluginId, Document)>,
}

/// What the server and the storage leave for a session.
#[derive(Default)]
pub(crate) struct Inbox {
    side: Mutex<Side>,
    filled: Notify,
}

impl Inbox {
    /// Leaves a control.
    pub(crate) fn control(&self, control: Control) {
        self.side.lock().controls.push_back(control);
        self.filled.notify_one();
    }

    /// A watched document has changed; a change that still waits is replaced by the newer one.
    pub(crate) fn document(&self, plugin: &PluginId, document: &Document) {
        let mut side = self.side.lock();
        let waiting = side.documents.iter_mut().find(|(who, old)| who == plugin && old.key == document.key);
        match waiting {
            // The storage tells changes in their order; a document that was removed has version 0.
            Some((_, old)) => *old = document.clone(),
            None => side.documents.push_back((plugin.clone(), document.clone())),
        }
        drop(side);
        self.filled.notify_one();
    }

    /// The next control, in order.
    pub(crate) fn next_control(&self) -> Option<Control> {
        self.side.lock().controls.pop_front()
    }

    /// The next changed document.
    pub(crate) fn next_document(&self) -> Option<(PluginId, Document)> {
        self.side.lock().documents.pop_front()
    }

    /// True if a connection waits to be attached: the session must not end now.
    pub(crate) fn is_wanted(&self) -> bool {
        let side = self.side.lock();
        side.controls.iter().any(|control| matches!(control, Control::Attach { .. }))
    }

    /// Everything that waits, to be let go of: nobody will look any more.
    pub(crate) fn take_all(&self) -> impl Drop {
        Box::new(std::mem::take(&mut *self.side.lock()))
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
            inbox.document(&plugin, &document(key, version));
        }
        let told = std::iter::from_fn(|| inbox.next_document()).map(|(_, told)| (told.key.to_string(), told.version));
        assert_eq!(told.collect::<Vec<_>>(), [("one".to_owned(), 0), ("other".to_owned(), 1)]);
    }
}
