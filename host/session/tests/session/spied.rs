//! The real store of sessions, looked at and disturbed. Rule: what is not disturbed goes through to it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use modehost_ids::DeviceId;
use modehost_storage::traits::{Batch, Outcome, Sessions, StoredSession};
use modehost_storage::{Reply, StorageError};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A store that somebody watches.
#[derive(Clone)]
pub struct Spied(Arc<Inner>);

struct Inner {
    real: Arc<dyn Sessions>,
    saved: Mutex<Vec<StoredSession>>,
    /// What the next saves and loads come to in place of what they should.
    saves: Mutex<VecDeque<StorageError>>,
    loads: Mutex<VecDeque<StorageError>>,
    /// Records are removed only while this is true; and somebody has tried.
    removes: watch::Sender<bool>,
    tried: watch::Sender<bool>,
    /// Batches with writes fail while this is true.
    refuses_writes: AtomicBool,
}

impl Spied {
    pub fn new(real: Arc<dyn Sessions>) -> Self {
        Self(Arc::new(Inner {
            real,
            saved: Mutex::default(),
            saves: Mutex::default(),
            loads: Mutex::default(),
            removes: watch::Sender::new(true),
            tried: watch::Sender::new(false),
            refuses_writes: AtomicBool::new(false),
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

    /// Whether batches with writes fail.
    pub fn refuses_writes(&self, refuses: bool) {
        self.0.refuses_writes.store(refuses, Ordering::SeqCst);
    }

    /// Whether records may be removed.
    pub fn removes(&self, may: bool) {
        self.0.removes.send_replace(may);
    }

    /// Waits until somebody has tried to remove a record.
    pub async fn is_removing(&self) {
        let mut tried = self.0.tried.subscribe();
        let waited = tokio::time::timeout(std::time::Duration::from_secs(10), tried.wait_for(|tried| *tried)).await;
        waited.expect("removed").expect("open");
    }
}

impl Sessions for Spied {
    fn commit(&self, batch: Batch) -> Reply<Vec<Outcome>> {
        self.0.saved.lock().extend(batch.record.clone());
        let refused = (!batch.writes.is_empty() && self.0.refuses_writes.load(Ordering::SeqCst))
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

    fn remove(&self, device: &DeviceId) -> Reply<()> {
        let (inner, device) = (self.0.clone(), device.clone());
        let mut may = inner.removes.subscribe();
        Reply::of(async move {
            inner.tried.send_replace(true);
            let _ = may.wait_for(|may| *may).await;
            inner.real.remove(&device).await
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
