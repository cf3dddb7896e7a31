//! Documents of the devices of a kit. Rule: versions grow as the contract promises and no more regularly, so that a mode
//! that counts on the next number is found out.

use std::collections::BTreeMap;

/// By how much versions grow, in turn.
const VERSION_STEPS: [u64; 5] = [3, 1, 11, 2, 7];

/// All documents, by key.
#[derive(Default)]
pub(crate) struct Documents(BTreeMap<String, StoredDocument>);

/// A document, also once it has been removed.
#[derive(Default)]
struct StoredDocument {
    version: u64,
    value: Option<String>,
    writes: usize,
}

impl Documents {
    /// Version and value; 0 and none where it does not exist.
    pub(crate) fn get(&self, key: &str) -> (u64, Option<String>) {
        let stored = self.0.get(key).filter(|stored| stored.value.is_some());
        stored.map(|stored| (stored.version, stored.value.clone())).unwrap_or_default()
    }

    /// How often a document was written.
    pub(crate) fn writes(&self, key: &str) -> usize {
        self.0.get(key).map_or(0, |stored| stored.writes)
    }

    /// Writes or removes a document; gives its new version.
    pub(crate) fn put(&mut self, key: &str, value: Option<String>) -> u64 {
        let stored = self.0.entry(key.to_owned()).or_default();
        stored.version += VERSION_STEPS[stored.writes % VERSION_STEPS.len()];
        stored.value = value;
        stored.writes += 1;
        stored.version
    }
}
