//! Finds or makes the session of a device. Rule: at most one session per device id, whatever
//! connects at the same time; one lock decides who comes and who has ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use modehost_contract::{Catalog, Hooks, Models, Snapshot};
use modehost_ids::{ConnectionId, DeviceId, PluginId};
use modehost_limits as limits;
use modehost_outbox::Outbox;
use modehost_speech::{Ear, Speech};
use modehost_storage::traits::{
    Archives, DeviceFacts, Devices, Directory, Documents, Journals, OfflineQueue, Sessions,
};
use modehost_task::{IoTask, WorkTask, WorkThreads, spawn_io};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::actor::Session;
use crate::attachment::Attachment;
use crate::boundary::Boundary;
use crate::budget::Budget;
use crate::config::{Config, DuplicateDevice};
use crate::extensions::Extensions;
use crate::hearing::Ears;
use crate::inbox::{Control, Inbound, Inbox};
use crate::presence::Presence;
use crate::trouble::Told;

/// Everything that sessions use, each behind the trait that they know it by.
#[derive(Clone)]
pub struct Services {
    pub threads: Arc<WorkThreads>,
    pub catalog: Arc<dyn Catalog>,
    pub documents: Arc<dyn Documents>,
    pub journals: Arc<dyn Journals>,
    pub archives: Arc<dyn Archives>,
    pub queue: Arc<dyn OfflineQueue>,
    pub sessions: Arc<dyn Sessions>,
    pub devices: Arc<dyn Devices>,
    pub directory: Arc<dyn Directory>,
    /// None where no language model is configured.
    pub models: Option<Arc<dyn Models>>,
    /// None where no webhook is configured.
    pub hooks: Option<Arc<dyn Hooks>>,
    pub speech: Arc<Speech>,
    pub config: watch::Receiver<Arc<Config>>,
}

/// Why a connection cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The device is connected, and duplicates are rejected.
    AlreadyConnected,
    /// The server drains.
    ShuttingDown,
}

/// A session as operators see it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SessionInfo {
    pub device: String,
    pub connected: bool,
    /// None for the default mode.
    pub mode: Option<String>,
    pub live_instances: usize,
}

/// What others hold of a session.
pub(crate) struct SessionHandle {
    pub(crate) device: DeviceId,
    pub(crate) inbox: Inbox,
    pub(crate) messages: mpsc::Sender<Inbound>,
    /// Hears what the device sends.
    pub(crate) ear: Ear,
    /// Of the sound that comes now. Rises with every boundary: what was made of older sound is for nobody, or
    /// only for a mode that records.
    epoch: AtomicU64,
    pub(crate) presence: Presence,
    pub(crate) extensions: Extensions,
    /// The connection that is served; 0 for none.
    pub(crate) connected: AtomicU64,
    /// Live instances.
    pub(crate) live: AtomicUsize,
    /// Unix ms of the last event.
    pub(crate) used: AtomicU64,
    pub(crate) mode: Mutex<Option<Arc<str>>>,
    /// The session's own task; it ends itself, or is stopped with the registry.
    task: Mutex<Option<WorkTask>>,
}

impl SessionHandle {
    /// Of the sound that comes now.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Something has been found out about the device; what is new is kept for good.
    pub(crate) fn learn(&self, facts: DeviceFacts) {
        if self.extensions.learn(facts) {
            self.inbox.control(Control::Learnt);
        }
    }

    /// Another epoch begins.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }
}

/// What sessions and the registry share.
pub(crate) struct Shared {
    pub(crate) services: Services,
    began: Instant,
    pub(crate) budget: Budget,
    /// Of faults.
    pub(crate) told: Told,
    sessions: Mutex<HashMap<DeviceId, Arc<SessionHandle>>>,
}

impl Shared {
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
    fn part_from(&self, session: &Arc<SessionHandle>) {
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

    pub(crate) fn count(&self) -> usize {
        self.sessions.lock().len()
    }

    fn all(&self) -> Vec<Arc<SessionHandle>> {
        self.sessions.lock().values().cloned().collect()
    }
}

/// Goes with a session's task. One that broke down is forgotten like one that has ended, so that its
/// device can be served by another, and nobody waits for what it was asked.
struct Leaving {
    shared: Arc<Shared>,
    session: Arc<SessionHandle>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.shared.part_from(&self.session);
    }
}

/// All sessions of this process. Dropping it stops them where they are.
pub struct Registry {
    shared: Arc<Shared>,
    connections: AtomicU64,
    draining: AtomicBool,
    _tasks: [IoTask<()>; 2],
}

impl Registry {
    /// No sessions yet. Must be called within the IO runtime.
    pub fn new(services: Services) -> Arc<Self> {
        let budget = Budget::new(services.config.borrow().live_instances);
        let changes = services.config.clone();
        let (began, told) = (Instant::now(), Told::default());
        let shared = Arc::new(Shared { services, began, budget, told, sessions: Mutex::default() });
        let tasks = [spawn_io(pass_on_settings(shared.clone(), changes)), spawn_io(relieve_pressure(shared.clone()))];
        Arc::new(Self { shared, connections: AtomicU64::new(0), draining: AtomicBool::new(false), _tasks: tasks })
    }

    /// Attaches a connection that has signed in as `device`, making its session if there is none.
    /// With `Takeover`, an older connection is told, lingers 1.5 s and is closed.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn attach(
        self: &Arc<Self>,
        device: &DeviceId,
        outbox: Outbox,
        duplicate: DuplicateDevice,
    ) -> Result<Attachment, Refusal> {
        let connection = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let mut sessions = self.shared.sessions.lock();
        // Under the lock: whoever gets in before the drain is drained.
        if self.draining.load(Ordering::Acquire) {
            return Err(Refusal::ShuttingDown);
        }
        let session = self.find_or_make(&mut sessions, device);
        if duplicate == DuplicateDevice::Reject && session.connected.load(Ordering::Acquire) != 0 {
            return Err(Refusal::AlreadyConnected);
        }
        let before = session.connected.swap(connection.0, Ordering::AcqRel);
        if before != 0 {
            // What was said on the one before is not for this one (C.16).
            session.divide_sound(Boundary::TakenOver);
        }
        session.inbox.control(Control::Attach { connection, outbox });
        Ok(Attachment::new(connection, session))
    }

    fn find_or_make(
        &self,
        sessions: &mut HashMap<DeviceId, Arc<SessionHandle>>,
        device: &DeviceId,
    ) -> Arc<SessionHandle> {
        if let Some(session) = sessions.get(device) {
            return session.clone();
        }
        let (sender, receiver) = mpsc::channel(limits::SESSION_QUEUE);
        let session = Arc::new_cyclic(|handle| SessionHandle {
            device: device.clone(),
            inbox: Inbox::default(),
            messages: sender,
            ear: Ear::new(self.shared.services.speech.clone(), Box::new(Ears { handle: handle.clone() })),
            epoch: AtomicU64::new(0),
            presence: Presence::new(self.shared.began),
            extensions: Extensions::default(),
            connected: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            used: AtomicU64::new(0),
            mode: Mutex::default(),
            task: Mutex::default(),
        });
        let actor = Session::new(session.clone(), self.shared.clone(), receiver);
        let leaving = Leaving { shared: self.shared.clone(), session: session.clone() };
        let life = async move {
            let _leaving = leaving;
            actor.run().await;
        };
        *session.task.lock() = Some(self.shared.services.threads.spawn(life));
        sessions.insert(device.clone(), session.clone());
        metrics::gauge!("modehost_sessions").set(sessions.len() as f64);
        session
    }

    /// Takes up the sessions with unfinished work that an earlier process left behind, and
    /// forgets finished ones that nobody is waited for any more.
    pub async fn resume_unfinished(self: &Arc<Self>) {
        let stored = &self.shared.services.sessions;
        match stored.unfinished().await {
            Ok(devices) => {
                if !devices.is_empty() {
                    tracing::info!(sessions = devices.len(), "taking up unfinished sessions");
                }
                for device in devices {
                    let mut sessions = self.shared.sessions.lock();
                    self.find_or_make(&mut sessions, &device).inbox.control(Control::Resume);
                }
            }
            Err(error) => tracing::error!(%error, "unfinished sessions cannot be found; they wait for their devices"),
        }
        let window = u64::try_from(self.shared.config().resume_window.as_millis()).unwrap_or(u64::MAX);
        let before = crate::clock::unix_ms().saturating_sub(window);
        if let Err(error) = stored.expire(before).await {
            tracing::warn!(%error, "old sessions were not removed");
        }
    }

    /// Moves every session to what the catalog holds now: a few at a time, so that messages of the
    /// others come in between, and no more than a bounded number per second. Called after each
    /// change of the catalog; returns when all have moved, but for those that are kept busy by
    /// something else and move at their next event. Cancelling leaves the rest to do the same.
    pub async fn migrate(self: &Arc<Self>) {
        let rate = self.shared.config().migrations_per_second.max(1);
        let began = Instant::now();
        let mut asked = 0_u32;
        for batch in self.shared.all().chunks(limits::MIGRATION_BATCH) {
            let (done, mut all_done) = mpsc::channel(1);
            for session in batch {
                session.inbox.control(Control::Migrate(done.clone()));
                asked += 1;
            }
            drop(done);
            // Ends when every session has dropped its sender; nobody ever sends.
            let _ = tokio::time::timeout(limits::MIGRATION_PATIENCE, all_done.recv()).await;
            tokio::time::sleep_until(began + Duration::from_secs(1) * asked / rate).await;
        }
    }

    /// The state that sessions in memory have of a plugin, of up to `most` of them, those that were used last
    /// first. Waits for a bounded time.
    pub async fn samples(&self, plugin: &PluginId, most: usize) -> Vec<Snapshot> {
        let mut sessions = self.shared.all();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.used.load(Ordering::Relaxed)));
        sessions.truncate(limits::STATE_SAMPLE_SESSIONS);
        let (samples, mut given) = mpsc::channel(most.max(1));
        for session in sessions {
            session.inbox.control(Control::Sample(plugin.clone(), samples.clone()));
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

    /// Saves every session and closes every connection with `code` and `reason`. No connection
    /// is attached from now on. Returns when all have ended.
    pub async fn drain(self: &Arc<Self>, code: u16, reason: &str) {
        self.draining.store(true, Ordering::Release);
        let (done, mut all_done) = mpsc::channel(1);
        let reason: Arc<str> = reason.into();
        let sessions = std::mem::take(&mut *self.shared.sessions.lock());
        for session in sessions.values() {
            session.inbox.control(Control::Drain { code, reason: reason.clone(), done: done.clone() });
        }
        drop(done);
        let _ = all_done.recv().await;
    }

    /// Counts what waits for sessions. Called now and then, since nobody counts it as it happens.
    pub fn measure(&self) {
        let queues = self.shared.all();
        let waiting: usize =
            queues.iter().map(|session| session.messages.max_capacity() - session.messages.capacity()).sum();
        metrics::gauge!("modehost_session_waiting_messages").set(waiting as f64);
    }

    /// For operators, in the order of the device ids.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        let mut infos: Vec<SessionInfo> = self.shared.all().iter().map(|session| info(session)).collect();
        infos.sort_by(|one, other| one.device.cmp(&other.device));
        infos
    }
}

fn info(session: &SessionHandle) -> SessionInfo {
    SessionInfo {
        device: session.device.to_string(),
        connected: session.connected.load(Ordering::Relaxed) != 0,
        mode: session.mode.lock().as_ref().map(|mode| mode.to_string()),
        live_instances: session.live.load(Ordering::Relaxed),
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for session in self.shared.all() {
            session.task.lock().take();
        }
        self.shared.sessions.lock().clear();
    }
}

/// Tells every session that the settings have changed.
async fn pass_on_settings(shared: Arc<Shared>, mut changes: watch::Receiver<Arc<Config>>) {
    while changes.changed().await.is_ok() {
        for session in shared.all() {
            session.inbox.control(Control::Reconfigured);
        }
    }
}

/// Asks the least recently used sessions to hibernate when live instances run short.
async fn relieve_pressure(shared: Arc<Shared>) {
    loop {
        let wanted = shared.budget.pressure().await;
        let mut sessions = shared.all();
        sessions.retain(|session| session.live.load(Ordering::Relaxed) > 0);
        sessions.sort_by_key(|session| session.used.load(Ordering::Relaxed));
        let mut freed = 0;
        for session in sessions {
            if freed >= wanted {
                break;
            }
            freed += session.live.load(Ordering::Relaxed);
            session.inbox.control(Control::Hibernate);
        }
    }
}
