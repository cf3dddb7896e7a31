//! Documents of a kit. Rule: versions grow as the contract promises and in irregular steps, so that a mode that
//! relies on the next number fails its tests.

use std::collections::BTreeMap;

/// Increments of a version, in rotation.
const VERSION_STEPS: [u64; 5] = [3, 1, 11, 2, 7];

/// All documents, by key.
#[derive(Default)]
pub(crate) struct Documents(BTreeMap<String, StoredDocument>);

/// A document; it stays after its removal, so that its version continues to grow.
#[derive(Default)]
struct StoredDocument {
    version: u64,
    value: Option<String>,
    writes: usize,
}

impl Documents {
    /// Version and value; 0 and `None` if it does not exist.
    pub(crate) fn get(&self, key: &str) -> (u64, Option<String>) {
        let stored = self.0.get(key).filter(|stored| stored.value.is_some());
        stored.map(|stored| (stored.version, stored.value.clone())).unwrap_or_default()
    }

    /// Number of writes and removals of a document.
    pub(crate) fn writes(&self, key: &str) -> usize {
        self.0.get(key).map_or(0, |stored| stored.writes)
    }

    /// Writes or removes a document; returns its new version.
    pub(crate) fn put(&mut self, key: &str, value: Option<String>) -> u64 {
        let stored = self.0.entry(key.to_owned()).or_default();
        stored.version += VERSION_STEPS[stored.writes % VERSION_STEPS.len()];
        stored.value = value;
        stored.writes += 1;
        stored.version
    }
}
