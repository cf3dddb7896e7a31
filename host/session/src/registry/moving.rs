//! Devices that come from other nodes of a cluster, and go there. Rule: a session that is let go is saved before another
//! node claims its device; one whose device was claimed already writes nothing more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::limits;
use modehost_ids::DeviceId;
use modehost_outbox::close;
use modehost_storage::StorageError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::{AttachError, Closed, Registry};
use crate::event::Control;
use crate::handle::SessionHandle;

const REASON: &str = "another node serves this device; connect again";

impl Registry {
    /// Makes this process the one that serves a device, before its connection is attached. At once where there is one
    /// process only.
    ///
    /// # Errors
    /// If the storage does not answer, or not in time.
    pub async fn claim(&self, device: &DeviceId) -> Result<(), StorageError> {
        if self.is_evacuating() {
            // It is refused when it is attached.
            return Ok(());
        }
        let no_answer = || StorageError::Unavailable("no answer in time".into());
        let let_go = self.closed_to.lock().get(device).is_some_and(|closed| closed.why == AttachError::Moved);
        let let_go = self.find(device).filter(|_| let_go);
        let claimed = timeout(limits::STORAGE_TIMEOUT, self.shared.services.claims.claim(device)).await;
        let epoch = claimed.unwrap_or_else(|_| Err(no_answer()))?;
        if !self.end_stale(device, epoch, let_go).await {
            return Err(no_answer());
        }
        // It was let go to another node, and has come back.
        let mut closed_to = self.closed_to.lock();
        if closed_to.get(device).is_some_and(|closed| closed.why == AttachError::Moved) {
            closed_to.remove(device);
        }
        Ok(())
    }

    /// Begins the session of a device that this process has taken up from its record, without waiting for the device.
    pub async fn take_up(self: &Arc<Self>, device: &DeviceId) {
        let Some(epoch) = self.shared.services.claims.epoch(device) else { return };
        if self.end_stale(device, epoch, None).await {
            self.resume(device);
        }
    }

    /// Ends a session of another epoch than this: others may have served the device since, so that it must neither serve
    /// a connection nor write anything. Also `let_go`, which is about to end. False if it has not ended in time.
    async fn end_stale(&self, device: &DeviceId, epoch: u64, let_go: Option<Arc<SessionHandle>>) -> bool {
        let of_before = self.find(device).filter(|present| present.life.owner_epoch != epoch);
        let Some(stale) = of_before.or(let_go).filter(|stale| self.serves(stale)) else { return true };
        self.shared.leave(&stale);
        let ended = async {
            while self.serves(&stale) {
                sleep(limits::STORAGE_BACKOFF).await;
            }
        };
        timeout(limits::FORGET_SESSION, ended).await.is_ok()
    }

    /// Whether sessions are handed over to other nodes, so that no connection is attached.
    pub fn is_evacuating(&self) -> bool {
        self.evacuating.load(Ordering::Acquire)
    }

    /// See [`Self::is_evacuating`].
    pub fn set_evacuating(&self, evacuating: bool) {
        self.evacuating.store(evacuating, Ordering::Release);
    }

    /// Saves the session of a device and ends it, with the connection, for a node that is about to claim the device.
    /// Returns when it is saved. For a moment no session of the device begins here.
    pub async fn let_go(self: &Arc<Self>, device: &DeviceId) {
        if self.is_draining() || !self.close_to(device, AttachError::Moved, Some(limits::MOVING)) {
            return;
        }
        let session = self.shared.sessions.lock().get(device).cloned();
        if let Some(session) = session {
            let (done, mut all_done) = mpsc::channel(1);
            session.inbox.push_control(Control::Drain { code: close::MOVED, reason: REASON.into(), done });
            drop(session);
            let _ = timeout(limits::STORAGE_TIMEOUT, all_done.recv()).await;
        }
    }

    /// Whether this is the present session of its device.
    fn serves(&self, session: &Arc<SessionHandle>) -> bool {
        self.find(&session.device).is_some_and(|present| Arc::ptr_eq(&present, session))
    }

    /// Ends the session of a device that another node has claimed, without saving anything.
    pub fn end_moved(&self, device: &DeviceId) {
        // It may have come back meanwhile.
        let present = self.shared.services.claims.epoch(device);
        let stale = self.find(device).filter(|session| present != Some(session.life.owner_epoch));
        if let Some(stale) = stale {
            self.shared.leave(&stale);
        }
    }

    /// Lets no session of the device begin, until [`Self::open_to`] or for this long. False if none may already.
    pub(super) fn close_to(&self, device: &DeviceId, why: AttachError, time: Option<Duration>) -> bool {
        let (now, mut closed_to) = (Instant::now(), self.closed_to.lock());
        closed_to.retain(|_, closed| closed.until.is_none_or(|until| now < until));
        let is_open = !closed_to.contains_key(device);
        if is_open {
            closed_to.insert(device.clone(), Closed { why, until: time.map(|time| now + time) });
        }
        is_open
    }

    /// Ends [`Self::close_to`].
    pub(super) fn open_to(&self, device: &DeviceId) {
        self.closed_to.lock().remove(device);
    }
}
