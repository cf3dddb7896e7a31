//! The real store of sessions, observed and disturbed. Rule: calls that are not disturbed go through to it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use modehost_ids::DeviceId;
use modehost_storage::traits::{Batch, Sessions, StoredSession, WriteResult};
use modehost_storage::{Reply, StorageError};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A session store that records and fails calls.
#[derive(Clone)]
pub struct SpyStore(Arc<Inner>);

struct Inner {
    real: Arc<dyn Sessions>,
    saved: Mutex<Vec<StoredSession>>,
    /// Errors for the next saves and loads.
    saves: Mutex<VecDeque<StorageError>>,
    loads: Mutex<VecDeque<StorageError>>,
    /// Records are removed only while the first is true; the second is set by the first attempt.
    removal_allowed: watch::Sender<bool>,
    removal_tried: watch::Sender<bool>,
    /// Batches with writes fail while this is true.
    fail_writes: AtomicBool,
}

impl SpyStore {
    pub fn new(real: Arc<dyn Sessions>) -> Self {
        Self(Arc::new(Inner {
            real,
            saved: Mutex::default(),
            saves: Mutex::default(),
            loads: Mutex::default(),
            removal_allowed: watch::Sender::new(true),
            removal_tried: watch::Sender::new(false),
            fail_writes: AtomicBool::new(false),
        }))
    }

    /// Every record that was submitted, in order.
    pub fn saved(&self) -> Vec<StoredSession> {
        self.0.saved.lock().clone()
    }

    pub fn fail_saves(&self, errors: impl IntoIterator<Item = StorageError>) {
        self.0.saves.lock().extend(errors);
    }

    pub fn fail_loads(&self, errors: impl IntoIterator<Item = StorageError>) {
        self.0.loads.lock().extend(errors);
    }

    /// Sets whether batches with writes fail.
    pub fn fail_writes(&self, refuses: bool) {
        self.0.fail_writes.store(refuses, Ordering::SeqCst);
    }

    /// Sets whether records may be removed.
    pub fn allow_removal(&self, allowed: bool) {
        self.0.removal_allowed.send_replace(allowed);
    }

    /// Waits for an attempt to remove a record.
    pub async fn wait_remove_attempt(&self) {
        let mut removal_tried = self.0.removal_tried.subscribe();
        let waited = tokio::time::timeout(
            std::time::Duration::from_secs(10),
            removal_tried.wait_for(|removal_tried| *removal_tried),
        )
        .await;
        waited.expect("removed").expect("open");
    }
}

impl Sessions for SpyStore {
    fn commit(&self, batch: Batch) -> Reply<Vec<WriteResult>> {
        self.0.saved.lock().extend(batch.record.clone());
        let refused = (!batch.writes.is_empty() && self.0.fail_writes.load(Ordering::SeqCst))
            .then(|| StorageError::Unavailable("the disk is full".into()));
        match refused.or_else(|| self.0.saves.lock().pop_front()) {
            Some(error) => Reply::ready(Err(error)),
            None => self.0.real.commit(batch),
        }
    }

    fn load(&self, device: &DeviceId) -> Reply<Option<StoredSession>> {
        match self.0.loads.lock().pop_front() {
            Some(error) => Reply::ready(Err(error)),
            None => self.0.real.load(device),
        }
    }

    fn remove(&self, device: &DeviceId, epoch: Option<u64>) -> Reply<()> {
        let (inner, device) = (self.0.clone(), device.clone());
        let mut allowed = inner.removal_allowed.subscribe();
        Reply::from_future(async move {
            inner.removal_tried.send_replace(true);
            let _ = allowed.wait_for(|allowed| *allowed).await;
            inner.real.remove(&device, epoch).await
        })
    }

    fn unfinished(&self) -> Reply<Vec<DeviceId>> {
        self.0.real.unfinished()
    }

    fn expire(&self, before: u64) -> Reply<u64> {
        self.0.real.expire(before)
    }

    fn recent(&self, most: usize) -> Reply<Vec<StoredSession>> {
        self.0.real.recent(most)
    }
}
