//! How many instances live at once, over all sessions. Rule: an instance lives only with a permit
//! of this budget; where none is left, the least recently used sessions are asked to hibernate.

use std::sync::Arc;

use crate::limits;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The right to keep one instance alive.
pub(crate) type Permit = OwnedSemaphorePermit;

/// The permits of all sessions of the process.
pub(crate) struct Budget {
    permits: Arc<Semaphore>,
    cap: usize,
    pressure: Notify,
}

impl Budget {
    pub(crate) fn new(cap: usize) -> Self {
        let cap = cap.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(cap)), cap, pressure: Notify::new() }
    }

    /// A permit, if one is free. Asks for hibernation early, so that the next does not wait.
    pub(crate) fn try_permit(&self) -> Option<Permit> {
        if self.permits.available_permits() <= self.cap / 16 {
            self.pressure.notify_one();
        }
        self.permits.clone().try_acquire_owned().ok()
    }

    /// Waits for a permit; `None` if none came free in time. The caller must hold none itself,
    /// or two sessions could wait for each other.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        let acquire = self.permits.clone().acquire_owned();
        let mut acquire = std::pin::pin!(tokio::time::timeout(limits::PERMIT_PATIENCE, acquire));
        loop {
            // Asked for again while waiting: those who gave way before may have been overtaken.
            self.pressure.notify_one();
            tokio::select! {
                permit = &mut acquire => return permit.ok()?.ok(),
                () = tokio::time::sleep(limits::PERMIT_REMINDER) => {}
            }
        }
    }

    /// Asks for hibernation and gives others a moment for it: there is a permit, and no room all the same.
    pub(crate) async fn relieve(&self) {
        self.pressure.notify_one();
        tokio::time::sleep(limits::PERMIT_REMINDER).await;
    }

    /// Waits until permits run short; gives how many instances should be put to sleep.
    pub(crate) async fn pressure(&self) -> usize {
        self.pressure.notified().await;
        (self.cap / 8).max(1)
    }
}
