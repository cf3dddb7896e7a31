//! Saving the session record. Rule: unsaved state is saved when the checkpoint is due at the latest; a failed save is
//! retried, and a session that has ended leaves no record.

use crate::limits;
use modehost_storage::traits::{Batch, StoredSession, WriteResult};
use modehost_storage::{Reply, StorageError};
use tokio::time::{Instant, sleep, timeout};

use crate::environment::Environment;

/// The save state of the record.
#[derive(Default)]
pub(crate) struct Persistence {
    /// When unsaved state is saved at the latest.
    checkpoint: Option<Instant>,
    /// A background save in flight.
    saving: Option<Reply<()>>,
    /// A record is on disk for this device.
    stored: bool,
}

impl Persistence {
    /// Marks state as not on disk.
    pub(crate) fn mark_dirty(&mut self, env: &Environment) {
        if self.checkpoint.is_none() {
            self.checkpoint = Some(Instant::now() + env.config().checkpoint);
        }
    }

    /// When unsaved state is saved at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        // One save at a time is in flight.
        self.checkpoint.filter(|_| self.saving.is_none())
    }

    /// Whether unsaved state is to be saved now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next_deadline().is_some_and(|at| at <= now)
    }

    /// A record of the current state is about to be made.
    pub(crate) fn begin_record(&mut self) {
        self.checkpoint = None;
    }

    /// Whether a record is on disk, which an empty record would have to replace.
    pub(crate) fn is_stored(&self) -> bool {
        self.stored
    }

    /// A record was found on disk.
    pub(crate) fn set_stored(&mut self) {
        self.stored = true;
    }

    /// Submits a record alone. The previous save must have been answered.
    pub(crate) fn submit(&mut self, env: &Environment, record: StoredSession) -> Reply<()> {
        self.stored = true;
        let committed = env.services().sessions.commit(Batch { epoch: env.owner_epoch(), ..Batch::of(record) });
        Reply::from_future(async move { committed.await.map(drop) })
    }

    /// Lets the save run in the background, to be polled through [`Self::saving`].
    pub(crate) fn save_in_background(&mut self, reply: Option<Reply<()>>) {
        self.saving = reply;
    }

    /// The background save, to be polled with the session.
    pub(crate) fn saving(&mut self) -> &mut Option<Reply<()>> {
        &mut self.saving
    }

    /// The background save has been answered.
    pub(crate) fn on_saved(&mut self, env: &Environment, saved: Result<(), StorageError>) {
        self.saving = None;
        self.check(env, saved);
    }

    /// Reports a failed save; it will be retried.
    pub(crate) fn check(&mut self, env: &Environment, saved: Result<(), StorageError>) {
        if let Err(error) = saved {
            if !error.is_logged_by_storage() {
                tracing::error!(device = %env.handle.device, %error, "the session's state could not be saved; it is tried again");
            }
            self.mark_dirty(env);
        }
    }

    /// Waits for the save in flight: the next write must not be overtaken by it, whatever order the storage applies its
    /// calls in.
    pub(crate) async fn flush(&mut self, env: &Environment) {
        if let Some(record) = self.saving.take() {
            let saved = timeout(limits::STORAGE_TIMEOUT, record).await.unwrap_or_else(|_| Err(no_answer()));
            self.check(env, saved);
        }
    }

    /// Commits a batch in one transaction, after the save in flight; returns the outcome of each write.
    ///
    /// # Errors
    /// If nothing of it was stored, or the storage did not answer in time.
    pub(crate) async fn commit(&mut self, env: &Environment, batch: Batch) -> Result<Vec<WriteResult>, StorageError> {
        self.flush(env).await;
        self.stored |= batch.record.is_some();
        // The record of the batch includes what a failed save has missed.
        self.checkpoint = self.checkpoint.filter(|_| batch.record.is_none());
        let committed = env.services().sessions.commit(batch);
        timeout(limits::STORAGE_TIMEOUT, committed).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// Removes the record of a session that has ended. Saves of the next session come after it, answered or not.
    pub(crate) async fn remove(&mut self, env: &Environment) {
        self.flush(env).await;
        self.checkpoint = None;
        if std::mem::take(&mut self.stored) {
            let removing = env.services().sessions.remove(&env.handle.device, env.owner_epoch());
            if let Err(error) = timeout(limits::STORAGE_TIMEOUT, removing).await.unwrap_or_else(|_| Err(no_answer())) {
                tracing::error!(device = %env.handle.device, %error, "the record of an ended session stays");
            }
        }
    }

    /// Saves nothing any more; the record on disk is removed by the caller.
    pub(crate) fn abandon(&mut self) {
        *self = Self::default();
    }
}

/// Loads the record of an earlier process. A storage that is briefly overloaded must not cost the state; one that is
/// down delays the device for a moment only.
///
/// # Errors
/// If the storage did not answer in time.
pub(crate) async fn find_record(env: &Environment) -> Result<Option<StoredSession>, StorageError> {
    let begun = Instant::now();
    loop {
        let found = env.services().sessions.load(&env.handle.device).await;
        let patience = match found {
            Err(StorageError::Overloaded) => limits::STORAGE_TIMEOUT,
            Err(StorageError::Unavailable(_)) => limits::STORAGE_TIMEOUT / 10,
            _ => return found,
        };
        if begun.elapsed() >= patience {
            return found;
        }
        sleep(limits::STORAGE_BACKOFF).await;
    }
}

fn no_answer() -> StorageError {
    StorageError::Unavailable("no answer in time".into())
}
