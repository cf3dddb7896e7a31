//! The session record: what survives a restart of the server. Rule: everything that a mode would miss is in the record;
//! on load, handlers first get the events that they missed.

use crate::limits;
use modehost_storage::traits::StoredSession;
use modehost_storage::{Reply, StorageError};
use tokio::time::{Instant, sleep, timeout};

use super::Session;
use crate::clock::unix_ms;
use crate::persistence::find_record;
use crate::roles::Resumed;

impl Session {
    /// Submits the record alone; `None` if there is nothing to record.
    pub(super) fn save(&mut self) -> Option<Reply<()>> {
        let record = self.record()?;
        Some(self.persistence.submit(&self.env, record))
    }

    /// The current record, about to be stored; `None` if there is nothing to record.
    pub(super) fn record(&mut self) -> Option<StoredSession> {
        self.persistence.begin_record();
        let (handlers, saved_at) = self.roles.stored(&self.work);
        let mode = self.roles.mode.as_ref().map(|mode| mode.to_string());
        if handlers.is_empty() && mode.is_none() && !self.persistence.is_stored() {
            return None;
        }
        Some(StoredSession {
            device: self.env.handle.device.clone(),
            session: self.env.id.clone(),
            mode,
            saved_at,
            unfinished: self.roles.is_unfinished(),
            segments: self.input.segments(),
            turns: self.turns.count(),
            handlers,
        })
    }

    /// Saves and waits until the record is on disk; retries for a while if the storage is overloaded.
    pub(super) async fn save_now(&mut self) {
        self.persistence.flush(&self.env).await;
        let patience = Instant::now() + limits::STORAGE_TIMEOUT;
        while let Some(reply) = self.save() {
            match reply.await {
                Err(StorageError::Overloaded) if Instant::now() < patience => sleep(limits::STORAGE_BACKOFF).await,
                saved => return self.persistence.check(&self.env, saved),
            }
        }
    }

    /// Restores the record of an earlier process, if the resume window is still open.
    pub(super) async fn load(&mut self) {
        self.load_facts().await;
        let stored = match find_record(&self.env).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(device = %self.env.handle.device, %error, "the stored session cannot be read; a new one begins");
                return;
            }
        };
        self.persistence.set_stored();
        let window = u64::try_from(self.config().resume_window.as_millis()).unwrap_or(u64::MAX);
        if !stored.unfinished && stored.saved_at.saturating_add(window) < unix_ms() {
            return;
        }
        self.env.id = stored.session;
        self.input.resume_at(stored.segments);
        self.turns.resume_at(stored.turns);
        let resumed = Resumed { language: self.language(), work: &mut self.work };
        self.roles.restore_all(&self.env, (stored.mode, stored.handlers), stored.saved_at, resumed);
    }

    /// Loads what earlier sessions found out about the device.
    async fn load_facts(&mut self) {
        let (handle, devices) = (&self.env.handle, &self.env.services().devices);
        handle.extensions.grant(&self.env.config().extensions, &self.env.device);
        // Not awaited: what is queued for the device from now on is written after it.
        drop(devices.record_seen(&handle.device, unix_ms()));
        match timeout(limits::STORAGE_TIMEOUT, devices.facts(&handle.device)).await {
            Ok(Ok(facts)) => {
                let _ = handle.extensions.learn(facts);
                if facts.sends_stop {
                    handle.audio.set_sends_stop();
                }
            }
            // It will be found out again.
            Ok(Err(error)) => {
                tracing::warn!(device = %handle.device, %error, "the facts about a device cannot be read")
            }
            Err(_) => tracing::warn!(device = %handle.device, "the facts about a device were not read in time"),
        }
    }

    /// Stores what has been found out about the device; not awaited.
    pub(super) fn store_facts(&self) {
        let handle = &self.env.handle;
        drop(self.env.services().devices.add_facts(&handle.device, handle.extensions.facts(), unix_ms()));
    }
}
