//! State shared by sessions and their registry. Rule: one lock over the sessions; a session that has ended, or
//! panicked, is removed under it, so that nothing attaches to it afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use modehost_ids::DeviceId;
use modehost_outbox::close;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::alerts::AlertThrottle;
use crate::budget::Budget;
use crate::config::Config;
use crate::event::Control;
use crate::handle::SessionHandle;
use crate::observe::Observers;
use crate::services::Services;

/// State shared by sessions and their registry.
pub(crate) struct Shared {
    pub(crate) services: Services,
    /// The origin of all activity timestamps.
    pub(crate) began: Instant,
    pub(crate) budget: Budget,
    /// Which devices have been alerted to which fault.
    pub(crate) alert_throttle: AlertThrottle,
    /// Who observes calls and turns.
    pub(crate) observers: Arc<Observers>,
    /// By device; the one lock that decides which connections attach and which sessions have ended.
    pub(crate) sessions: Mutex<HashMap<DeviceId, Arc<SessionHandle>>>,
}

impl Shared {
    /// The current settings.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.services.config.borrow().clone()
    }

    /// Removes a session that has ended. False if a connection waits to attach to it after all.
    pub(crate) fn remove_if_ended(&self, session: &Arc<SessionHandle>) -> bool {
        let mut sessions = self.sessions.lock();
        if session.inbox.has_pending_attach() {
            return false;
        }
        // Another session of the same device stays.
        if sessions.get(&session.device).is_some_and(|known| Arc::ptr_eq(known, session)) {
            sessions.remove(&session.device);
            metrics::gauge!("modehost_sessions").set(sessions.len() as f64);
        }
        true
    }

    /// Removes a session whose task is over, by its end or by a panic.
    pub(crate) fn remove(&self, session: &Arc<SessionHandle>) {
        let mut sessions = self.sessions.lock();
        let known = sessions.get(&session.device).is_some_and(|known| Arc::ptr_eq(known, session));
        let gone = if known { sessions.remove(&session.device) } else { None };
        if gone.is_some() {
            metrics::gauge!("modehost_sessions").set(sessions.len() as f64);
        }
        // Emptied under the lock, so that nothing attaches to it; dropped outside of it.
        let waiting = session.inbox.take_all();
        drop(sessions);
        drop(waiting);
        if std::thread::panicking() {
            tracing::error!(device = %session.device, "a session panicked; its device gets a new one when it connects");
        }
    }

    /// Ends a session whose device another node serves, without saving anything.
    pub(crate) fn leave(&self, session: &Arc<SessionHandle>) {
        tracing::info!(device = %session.device, "another node serves this device now");
        let (done, _) = mpsc::channel(1);
        let reason = "another node serves this device; connect again".into();
        session.inbox.push_control(Control::Forget { code: close::MOVED, reason, done });
    }

    /// Number of sessions in memory.
    pub(crate) fn count(&self) -> usize {
        self.sessions.lock().len()
    }

    /// All sessions in memory.
    pub(crate) fn all(&self) -> Vec<Arc<SessionHandle>> {
        self.sessions.lock().values().cloned().collect()
    }
}
