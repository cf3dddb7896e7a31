//! The budget of live instances over all sessions. Rule: an instance is live only with a permit of this budget; when
//! permits run out, the least recently used sessions are asked to hibernate.

use std::sync::Arc;

use crate::limits;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The permission to keep one instance live.
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

    /// A permit, if one is free. Signals pressure early, so that the next caller need not wait.
    pub(crate) fn try_permit(&self) -> Option<Permit> {
        if self.permits.available_permits() <= self.cap / 16 {
            self.pressure.notify_one();
        }
        self.permits.clone().try_acquire_owned().ok()
    }

    /// Waits for a permit; `None` if none was released in time. The caller must hold none itself, or two sessions could
    /// deadlock.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        let acquire = self.permits.clone().acquire_owned();
        let mut acquire = std::pin::pin!(tokio::time::timeout(limits::PERMIT_PATIENCE, acquire));
        loop {
            // Repeated while waiting: permits that were released before may have gone to others.
            self.pressure.notify_one();
            tokio::select! {
                permit = &mut acquire => return permit.ok()?.ok(),
                () = tokio::time::sleep(limits::PERMIT_REMINDER) => {}
            }
        }
    }

    /// Signals pressure and gives others a moment to hibernate: there is a permit, but the instance pool is full.
    pub(crate) async fn relieve(&self) {
        self.pressure.notify_one();
        tokio::time::sleep(limits::PERMIT_REMINDER).await;
    }

    /// Waits until permits run short; returns how many instances should hibernate.
    pub(crate) async fn pressure(&self) -> usize {
        self.pressure.notified().await;
        (self.cap / 8).max(1)
    }
}
