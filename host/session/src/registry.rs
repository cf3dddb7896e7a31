//! Finds or creates the session of a device. Rule: at most one session per device id, whatever connects at the same
//! time; one lock decides which connections attach and which sessions have ended.
//!
//! Further methods in `registry/`: [`operators`] (inspection and control by operators),
//! [`device_tools`] (tools of a device, and sounds for it), [`moving`] (devices that come from other nodes, and go).

mod device_tools;
mod moving;
mod operators;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::limits;
use modehost_contract::Snapshot;
use modehost_ids::{ConnectionId, DeviceId, PluginId};
use modehost_outbox::Outbox;
use modehost_speech::AudioInput;
use modehost_task::{IoTask, spawn_io};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::activity::Activity;
use crate::actor::Session;
use crate::alerts::AlertThrottle;
use crate::attachment::Attachment;
use crate::boundary::Boundary;
use crate::budget::Budget;
use crate::clock::unix_ms;
use crate::config::{Config, DuplicateDevice};
use crate::event::Control;
use crate::handle::{Served, SessionHandle};
use crate::listener::AsrListener;
use crate::services::Services;
use crate::shared::Shared;

pub use self::device_tools::DeviceRefusal;
pub use self::operators::{Counts, ForgetError, ForgetGuard, KickOutcome, Load};

/// Why a connection cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachError {
    /// The device is connected, and duplicates are rejected.
    AlreadyConnected,
    /// The server is draining.
    ShuttingDown,
    /// The data of this device is being removed; it may connect again in a moment, as a new device.
    BeingForgotten,
    /// Another node of the cluster serves the device, or is about to.
    Moved,
}

/// Why a device gets no session for a while.
struct Closed {
    why: AttachError,
    /// None: until it is taken back.
    until: Option<Instant>,
}

/// Owned by a session's task. A session that panicked is removed like one that has ended, so that its device gets a new
/// one, and nobody waits for its replies.
struct RemoveOnDrop {
    shared: Arc<Shared>,
    session: Arc<SessionHandle>,
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        self.shared.remove(&self.session);
    }
}

/// All sessions of this process. Dropping it stops them where they are.
pub struct Registry {
    shared: Arc<Shared>,
    connections: AtomicU64,
    draining: AtomicBool,
    /// Sessions are handed over to other nodes.
    evacuating: AtomicBool,
    /// Devices that get no session for a while, and why.
    closed_to: Mutex<HashMap<DeviceId, Closed>>,
    /// Sessions by mode and generation, as counted last.
    mode_counts: Mutex<HashMap<Served, usize>>,
    _tasks: [IoTask<()>; 2],
}

impl Registry {
    /// No sessions yet. Must be called within the IO runtime.
    pub fn new(services: Services) -> Arc<Self> {
        let budget = Budget::new(services.config.borrow().live_instances);
        let changes = services.config.clone();
        let (began, alert_throttle) = (Instant::now(), AlertThrottle::default());
        let (observers, sessions) = (Arc::default(), Mutex::default());
        let shared = Arc::new(Shared { services, began, budget, alert_throttle, observers, sessions });
        let tasks =
            [spawn_io(broadcast_config_change(shared.clone(), changes)), spawn_io(relieve_pressure(shared.clone()))];
        Arc::new(Self {
            shared,
            connections: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            evacuating: AtomicBool::new(false),
            closed_to: Mutex::default(),
            mode_counts: Mutex::default(),
            _tasks: tasks,
        })
    }

    /// Attaches a connection that has signed in as `device`, creating its session if there is none. With `Takeover`, an
    /// older connection gets a message, lingers 1.5 s and is closed.
    ///
    /// # Errors
    /// See [`AttachError`].
    pub fn attach(
        self: &Arc<Self>,
        device: &DeviceId,
        outbox: Outbox,
        duplicate: DuplicateDevice,
    ) -> Result<Attachment, AttachError> {
        let connection = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let mut sessions = self.shared.sessions.lock();
        // Under the lock: a connection that attaches before the drain is drained.
        if self.draining.load(Ordering::Acquire) {
            return Err(AttachError::ShuttingDown);
        }
        if self.is_evacuating() {
            return Err(AttachError::Moved);
        }
        if let Some(closed) = self.closed_to.lock().get(device)
            && closed.until.is_none_or(|until| Instant::now() < until)
        {
            return Err(closed.why);
        }
        let epoch = self.shared.services.claims.epoch(device).ok_or(AttachError::Moved)?;
        let session = self.find_or_create(&mut sessions, device, epoch);
        if session.life.owner_epoch != epoch {
            return Err(AttachError::Moved);
        }
        if duplicate == DuplicateDevice::Reject && session.connected.load(Ordering::Acquire) != 0 {
            return Err(AttachError::AlreadyConnected);
        }
        let before = session.connected.swap(connection.0, Ordering::AcqRel);
        if before != 0 {
            // Audio of the previous connection does not belong to this one (C.16).
            session.apply_boundary(Boundary::TakenOver);
        }
        session.inbox.push_control(Control::Attach { connection, outbox });
        Ok(Attachment::new(connection, session))
    }

    fn find_or_create(
        &self,
        sessions: &mut HashMap<DeviceId, Arc<SessionHandle>>,
        device: &DeviceId,
        epoch: u64,
    ) -> Arc<SessionHandle> {
        if let Some(session) = sessions.get(device) {
            return session.clone();
        }
        let (sender, receiver) = mpsc::channel(limits::SESSION_QUEUE);
        let session = Arc::new_cyclic(|handle| {
            let listener = Box::new(AsrListener { handle: handle.clone() });
            let audio = AudioInput::new(self.shared.services.speech.clone(), listener);
            SessionHandle::new((device.clone(), epoch), sender, audio, Activity::new(self.shared.began))
        });
        let actor = Session::new(session.clone(), self.shared.clone(), receiver);
        let guard = RemoveOnDrop { shared: self.shared.clone(), session: session.clone() };
        let life = async move {
            let _guard = guard;
            actor.run().await;
        };
        *session.life.task.lock() = Some(self.shared.services.threads.spawn(life));
        sessions.insert(device.clone(), session.clone());
        metrics::gauge!("modehost_sessions").set(sessions.len() as f64);
        session
    }

    /// Starts the sessions with unfinished work of an earlier process, and removes finished ones whose resume window is
    /// over.
    pub async fn resume_unfinished(self: &Arc<Self>) {
        let stored = &self.shared.services.sessions;
        match stored.unfinished().await {
            Ok(devices) => {
                if !devices.is_empty() {
                    tracing::info!(sessions = devices.len(), "resuming unfinished sessions");
                }
                for device in devices {
                    self.resume(&device);
                }
            }
            Err(error) => tracing::error!(%error, "unfinished sessions cannot be found; they wait for their devices"),
        }
        self.expire_finished().await;
    }

    /// Starts the session of a device from its record, without waiting for the device.
    pub fn resume(self: &Arc<Self>, device: &DeviceId) {
        let mut sessions = self.shared.sessions.lock();
        if let Some(epoch) = self.shared.services.claims.epoch(device) {
            self.find_or_create(&mut sessions, device, epoch).inbox.push_control(Control::Resume);
        }
    }

    /// Removes finished sessions whose resume window is over.
    pub async fn expire_finished(&self) {
        let stored = &self.shared.services.sessions;
        let window = u64::try_from(self.shared.config().resume_window.as_millis()).unwrap_or(u64::MAX);
        let before = unix_ms().saturating_sub(window);
        if let Err(error) = stored.expire(before).await {
            tracing::warn!(%error, "old sessions were not removed");
        }
    }

    /// Migrates every session to the generations that the catalog serves: a few at a time, so that messages of others
    /// are handled in between, and at a bounded rate per second. Called after each change of the catalog; returns when
    /// all have migrated, except busy sessions, which migrate at their next event. Cancelling leaves the rest to do the
    /// same.
    pub async fn migrate(self: &Arc<Self>) {
        let rate = self.shared.config().migrations_per_second.max(1);
        let began = Instant::now();
        let mut asked = 0_u32;
        for batch in self.shared.all().chunks(limits::MIGRATION_BATCH) {
            let (done, mut all_done) = mpsc::channel(1);
            for session in batch {
                session.inbox.push_control(Control::Migrate(done.clone()));
                asked += 1;
            }
            drop(done);
            // Ends when every session has dropped its sender; nobody ever sends.
            let _ = tokio::time::timeout(limits::MIGRATION_PATIENCE, all_done.recv()).await;
            tokio::time::sleep_until(began + Duration::from_secs(1) * asked / rate).await;
        }
    }

    /// The state of a plugin in up to `most` sessions in memory, most recently used first. Waits for a bounded time.
    pub async fn state_samples(&self, plugin: &PluginId, most: usize) -> Vec<Snapshot> {
        let mut sessions = self.shared.all();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.published.used.load(Ordering::Relaxed)));
        sessions.truncate(limits::STATE_SAMPLE_SESSIONS);
        let (samples, mut given) = mpsc::channel(most.max(1));
        for session in sessions {
            session.inbox.push_control(Control::Sample(plugin.clone(), samples.clone()));
        }
        drop(samples);
        let mut taken = Vec::new();
        let taking = async {
            while taken.len() < most
                && let Some(sample) = given.recv().await
            {
                taken.push(sample);
            }
        };
        // A session that is busy for longer is left out.
        let _ = tokio::time::timeout(limits::STATE_SAMPLE_PATIENCE, taking).await;
        taken
    }

    /// Saves every session and closes every connection with `code` and `reason`. No connection is attached from now on.
    /// Returns when all have ended.
    pub async fn drain(self: &Arc<Self>, code: u16, reason: &str) {
        self.draining.store(true, Ordering::Release);
        let (done, mut all_done) = mpsc::channel(1);
        let reason: Arc<str> = reason.into();
        let sessions = std::mem::take(&mut *self.shared.sessions.lock());
        for session in sessions.values() {
            session.inbox.push_control(Control::Drain { code, reason: reason.clone(), done: done.clone() });
        }
        drop(done);
        let _ = all_done.recv().await;
    }

    /// Updates the gauges of queued messages and of sessions by mode. Called periodically, since nothing counts them as
    /// they change.
    pub fn update_gauges(&self) {
        let queues = self.shared.all();
        let waiting: usize =
            queues.iter().map(|session| session.messages.max_capacity() - session.messages.capacity()).sum();
        metrics::gauge!("modehost_session_waiting_messages").set(waiting as f64);
        self.count_modes(&queues);
    }

    /// Counts sessions by mode and generation. A pair that no session has any more is set to zero.
    fn count_modes(&self, sessions: &[Arc<SessionHandle>]) {
        let mut counts = self.mode_counts.lock();
        counts.values_mut().for_each(|count| *count = 0);
        for session in sessions {
            let served = session.published.served.lock().clone();
            *counts.entry(served).or_default() += 1;
        }
        for (served, count) in &*counts {
            let (mode, generation) = served.as_ref().map_or(("none", 0), |(mode, generation)| (&**mode, generation.0));
            let labels = [("mode", mode.to_owned()), ("generation", generation.to_string())];
            metrics::gauge!("modehost_mode_sessions", &labels).set(*count as f64);
        }
        // Reported as zero once; a version that comes back is counted anew.
        counts.retain(|_, count| *count > 0);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for session in self.shared.all() {
            session.life.task.lock().take();
        }
        self.shared.sessions.lock().clear();
    }
}

/// Tells every session that the settings have changed.
async fn broadcast_config_change(shared: Arc<Shared>, mut changes: watch::Receiver<Arc<Config>>) {
    while changes.changed().await.is_ok() {
        for session in shared.all() {
            session.inbox.push_control(Control::ConfigChanged);
        }
    }
}

/// Asks the least recently used sessions to hibernate when live instances run short.
async fn relieve_pressure(shared: Arc<Shared>) {
    loop {
        let wanted = shared.budget.pressure().await;
        let mut sessions = shared.all();
        sessions.retain(|session| session.published.live.load(Ordering::Relaxed) > 0);
        sessions.sort_by_key(|session| session.published.used.load(Ordering::Relaxed));
        let mut freed = 0;
        for session in sessions {
            if freed >= wanted {
                break;
            }
            freed += session.published.live.load(Ordering::Relaxed);
            session.inbox.push_control(Control::Hibernate);
        }
    }
}
