//! When the record of a session is saved, and what became of it. Rule: state that is not on disk is saved at the latest
//! when the checkpoint is due; a save that failed is tried again, and a session that has ended leaves no record.

use crate::limits;
use modehost_storage::traits::{Batch, Outcome, StoredSession};
use modehost_storage::{Reply, StorageError};
use tokio::time::{Instant, sleep, timeout};

use crate::environment::Environment;

/// What is on its way to the disk.
#[derive(Default)]
pub(crate) struct Persistence {
    /// When unsaved state is saved at the latest.
    checkpoint: Option<Instant>,
    /// A record that is on its way to the disk, and that nobody waits for.
    saving: Option<Reply<()>>,
    /// Something is on disk for this device.
    stored: bool,
}

impl Persistence {
    /// State has changed that is not on disk.
    pub(crate) fn mark_dirty(&mut self, env: &Environment) {
        if self.checkpoint.is_none() {
            self.checkpoint = Some(Instant::now() + env.config().checkpoint);
        }
    }

    /// When unsaved state is saved at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        // One record at a time is on its way.
        self.checkpoint.filter(|_| self.saving.is_none())
    }

    /// Whether unsaved state is to be saved now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next_deadline().is_some_and(|at| at <= now)
    }

    /// A record is about to be made of the state as it is now.
    pub(crate) fn begin_record(&mut self) {
        self.checkpoint = None;
    }

    /// Whether something is on disk, which a record without content would take the place of.
    pub(crate) fn is_stored(&self) -> bool {
        self.stored
    }

    /// A record was found on disk.
    pub(crate) fn set_stored(&mut self) {
        self.stored = true;
    }

    /// Submits a record alone. The one before must have been answered.
    pub(crate) fn submit(&mut self, env: &Environment, record: StoredSession) -> Reply<()> {
        self.stored = true;
        env.services().sessions.save(record)
    }

    /// Leaves the answer of the storage to [`Self::saving`].
    pub(crate) fn save_unattended(&mut self, reply: Option<Reply<()>>) {
        self.saving = reply;
    }

    /// The save that nobody waits for, to be polled with the session.
    pub(crate) fn saving(&mut self) -> &mut Option<Reply<()>> {
        &mut self.saving
    }

    /// The save that nobody waited for has an answer.
    pub(crate) fn on_saved(&mut self, env: &Environment, saved: Result<(), StorageError>) {
        self.saving = None;
        self.check(env, saved);
    }

    /// What is not on disk will be tried again.
    pub(crate) fn check(&mut self, env: &Environment, saved: Result<(), StorageError>) {
        if let Err(error) = saved {
            if !error.is_told() {
                tracing::error!(device = %env.handle.device, %error, "the session's state could not be saved; it is tried again");
            }
            self.mark_dirty(env);
        }
    }

    /// Waits for the record that is on its way to the disk: what comes next must not be overtaken by it, whatever
    /// order a storage carries its calls out in.
    pub(crate) async fn settle(&mut self, env: &Environment) {
        if let Some(record) = self.saving.take() {
            let saved = timeout(limits::STORAGE_REPLY, record).await.unwrap_or_else(|_| Err(no_answer()));
            self.check(env, saved);
        }
    }

    /// Commits a batch in one durable step, behind the record that is on its way; the answer is the outcome of each
    /// write.
    ///
    /// # Errors
    /// If nothing of it was stored, or the storage gave no answer within its time.
    pub(crate) async fn commit(&mut self, env: &Environment, batch: Batch) -> Result<Vec<Outcome>, StorageError> {
        self.settle(env).await;
        self.stored |= batch.record.is_some();
        // The record of the batch has what the one before could not save.
        self.checkpoint = self.checkpoint.filter(|_| batch.record.is_none());
        let committed = env.services().sessions.commit(batch);
        timeout(limits::STORAGE_REPLY, committed).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// Removes the record of a session that has ended. Whatever the next session saves comes behind it, answered or not.
    pub(crate) async fn remove(&mut self, env: &Environment) {
        self.settle(env).await;
        self.checkpoint = None;
        if std::mem::take(&mut self.stored) {
            let removing = env.services().sessions.remove(&env.handle.device);
            if let Err(error) = timeout(limits::STORAGE_REPLY, removing).await.unwrap_or_else(|_| Err(no_answer())) {
                tracing::error!(device = %env.handle.device, %error, "the record of an ended session stays");
            }
        }
    }

    /// Nothing is saved any more, and what is on disk is somebody else's to remove.
    pub(crate) fn abandon(&mut self) {
        *self = Self::default();
    }
}

/// The record of an earlier process. A storage that is busy for a moment must not cost a state; one that does not work
/// keeps the device waiting for a moment only.
///
/// # Errors
/// If the storage gave no answer within its time.
pub(crate) async fn find_record(env: &Environment) -> Result<Option<StoredSession>, StorageError> {
    let begun = Instant::now();
    loop {
        let found = env.services().sessions.load(&env.handle.device).await;
        let patience = match found {
            Err(StorageError::Overloaded) => limits::STORAGE_REPLY,
            Err(StorageError::Unavailable(_)) => limits::STORAGE_REPLY / 10,
            _ => return found,
        };
        if begun.elapsed() >= patience {
            return found;
        }
        sleep(limits::STORAGE_PAUSE).await;
    }
}

fn no_answer() -> StorageError {
    StorageError::Unavailable("no answer in time".into())
}
