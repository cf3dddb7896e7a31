//! Documents that are watched. Rule: a mode knows that it watches a document, or its event fails; the host itself leaves
//! out what is beyond its limit without a word.

use serde::{Deserialize, Serialize};

/// Documents that a mode watches at the same time: the host's own limit.
pub const WATCHES: usize = 32;

/// Keys of the watched documents. Part of the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Watches(Vec<String>);

impl Watches {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// False if no place is left. A document that is watched already takes no other one.
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
