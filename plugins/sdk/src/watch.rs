//! Watched documents. Rule: a document is watched, or the event fails; beyond its limit the host itself ignores a
//! watch silently.

use serde::{Deserialize, Serialize};

/// Limit of documents that a mode watches, equal to the host's.
pub const WATCHES: usize = 32;

/// Keys of the watched documents. Part of the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Watches(Vec<String>);

impl Watches {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// False if the limit is reached. A document that is already watched counts once.
    pub(crate) fn begin(&mut self, key: &str) -> bool {
        let is_watched = self.0.iter().any(|watched| watched == key);
        if !is_watched && self.0.len() < WATCHES {
            self.0.push(key.to_owned());
            return true;
        }
        is_watched
    }

    pub(crate) fn end(&mut self, key: &str) {
        self.0.retain(|watched| watched != key);
    }
}
