//! What sessions and their registry share. Rule: one lock over the sessions; a session that has ended, or broken down, is
//! removed under it, so that nobody attaches to it afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::budget::Budget;
use crate::config::Config;
use crate::handle::SessionHandle;
use crate::services::Services;
use crate::trouble::Told;

/// What sessions and the registry share.
pub(crate) struct Shared {
    pub(crate) services: Services,
    /// A moment that all sessions count signs of life from.
    pub(crate) began: Instant,
    pub(crate) budget: Budget,
    /// Which devices have been told of which fault.
    pub(crate) told: Told,
    /// By device; the one lock that decides who comes and who has ended.
    pub(crate) sessions: Mutex<HashMap<DeviceId, Arc<SessionHandle>>>,
}

impl Shared {
    /// The settings as they are now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.services.config.borrow().clone()
    }

    /// The session has ended. False if somebody wants it after all.
    pub(crate) fn forget(&self, session: &Arc<SessionHandle>) -> bool {
        let mut sessions = self.sessions.lock();
        if session.inbox.is_wanted() {
            return false;
        }
        // Stays reachable under its device only if it is this very session.
        if sessions.get(&session.device).is_some_and(|known| Arc::ptr_eq(known, session)) {
            sessions.remove(&session.device);
            metrics::gauge!("modehost_sessions").set(sessions.len() as f64);
        }
        true
    }

    /// The session is no more, however it came to that.
    pub(crate) fn part_from(&self, session: &Arc<SessionHandle>) {
        let mut sessions = self.sessions.lock();
        let known = sessions.get(&session.device).is_some_and(|known| Arc::ptr_eq(known, session));
        let gone = if known { sessions.remove(&session.device) } else { None };
        if gone.is_some() {
            metrics::gauge!("modehost_sessions").set(sessions.len() as f64);
        }
        // Under the lock, so that nobody attaches to what is no more; let go of behind it.
        let waiting = session.inbox.take_all();
        drop(sessions);
        drop(waiting);
        if std::thread::panicking() {
            tracing::error!(device = %session.device, "this session broke down; its device is served anew when it connects");
        }
    }

    /// Sessions in memory.
    pub(crate) fn count(&self) -> usize {
        self.sessions.lock().len()
    }

    /// All sessions in memory.
    pub(crate) fn all(&self) -> Vec<Arc<SessionHandle>> {
        self.sessions.lock().values().cloned().collect()
    }
}
