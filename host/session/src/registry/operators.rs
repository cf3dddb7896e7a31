//! Inspection and control of sessions by operators. Rule: the session itself acts on a control, in order with its
//! events, so that none of its state is touched from outside.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::limits;
use modehost_ids::{ConnectionId, DeviceId};
use modehost_outbox::close;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::{AttachError, Registry};
use crate::event::Control;
use crate::handle::SessionHandle;
use crate::inspect::{SessionDetail, SessionInfo};
use crate::observe::{Interest, Observation, Subject, TooManyObservers};
use crate::turns::TurnRecord;

/// The result of a request to close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KickOutcome {
    /// It is being closed.
    Closing,
    /// The device has a session but no connection.
    Away,
    /// There is no session of this device in memory.
    Unknown,
    /// The server is stopping, and closes all of them.
    Stopping,
}

/// A device that is being forgotten. It gets no session until this is dropped.
pub struct ForgetGuard {
    registry: Arc<Registry>,
    device: DeviceId,
    /// Whether it had a session in memory.
    pub had_session: bool,
}

impl Drop for ForgetGuard {
    fn drop(&mut self) {
        self.registry.open_to(&self.device);
    }
}

/// Sessions and turns as figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Devices that have a connection now.
    pub connected: usize,
    /// Sessions in memory.
    pub sessions: usize,
    /// Turns that have ended since the start.
    pub turns: u64,
}

/// What sessions hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Instances of plugins in memory.
    pub live_instances: usize,
    /// Messages of devices that wait to be handled.
    pub waiting_messages: usize,
}

/// Why a device cannot be forgotten now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgetError {
    /// The server is draining.
    #[error("the server is stopping; ask again when it serves")]
    Stopping,
    /// The device is being forgotten already.
    #[error("this device is being forgotten already; ask again in a moment")]
    InProgress,
    /// The session did not end in time.
    #[error("the session of this device is busy and has not ended yet; ask again in a moment")]
    Busy,
}

impl Registry {
    /// Shows calls and turns while they happen, until the returned value is dropped. `with_content`: texts and state as
    /// well.
    ///
    /// # Errors
    /// If there are as many observers as there may be.
    pub fn observe(&self, subject: Subject, with_content: bool) -> Result<Observation, TooManyObservers> {
        self.shared.observers.add(subject, if with_content { Interest::Content } else { Interest::Figures })
    }

    /// How many devices are connected, how many sessions are in memory, and how many turns have ended since the start.
    pub fn counts(&self) -> Counts {
        let sessions = self.shared.sessions.lock();
        let connected = sessions.values().filter(|session| session.connected.load(Ordering::Relaxed) != 0).count();
        Counts { connected, sessions: sessions.len(), turns: self.shared.observers.turns() }
    }

    /// What the sessions hold at this moment.
    pub fn load(&self) -> Load {
        let mut load = Load::default();
        for session in self.shared.all() {
            load.live_instances += session.published.live.load(Ordering::Relaxed);
            load.waiting_messages += session.messages.max_capacity() - session.messages.capacity();
        }
        load
    }

    /// Times to the first sound of the turns that have ended since this was called last, in ms; of many, the first ones.
    pub fn take_first_sounds(&self) -> Vec<u64> {
        self.shared.observers.take_first_sounds()
    }

    /// Ends the session of a device without saving anything, and creates none until the returned guard is dropped:
    /// nothing can write back what the caller removes from the storage.
    ///
    /// # Errors
    /// See [`ForgetError`]; the stored data is unchanged.
    pub async fn begin_forget(self: &Arc<Self>, device: &DeviceId, reason: &str) -> Result<ForgetGuard, ForgetError> {
        if self.is_draining() {
            return Err(ForgetError::Stopping);
        }
        if !self.close_to(device, AttachError::BeingForgotten, None) {
            return Err(ForgetError::InProgress);
        }
        let mut forgetting = ForgetGuard { registry: self.clone(), device: device.clone(), had_session: false };
        // From here on nothing attaches: sessions attached before are in the map.
        let Some(session) = self.find(device) else { return Ok(forgetting) };
        forgetting.had_session = true;
        let (done, mut all_done) = mpsc::channel(1);
        session.inbox.push_control(Control::Forget { code: close::POLICY, reason: reason.into(), done });
        let ended = async {
            let _ = all_done.recv().await;
            while self.find(device).is_some() {
                sleep(limits::STORAGE_BACKOFF).await;
            }
        };
        timeout(limits::FORGET_SESSION, ended).await.map_err(|_| ForgetError::Busy)?;
        Ok(forgetting)
    }

    /// Has a connected device say this, after what it is speaking, or show it as a notice. False if it is not connected.
    pub fn tell(&self, device: &DeviceId, text: &str, spoken: bool) -> bool {
        let Some(session) = self.find(device).filter(|session| session.connected.load(Ordering::Acquire) != 0) else {
            return false;
        };
        session.inbox.push_control(Control::Tell { text: text.into(), spoken });
        true
    }

    /// Closes the connection of a device with 1008 and this reason; its state stays.
    pub fn kick(&self, device: &DeviceId, reason: &str) -> KickOutcome {
        if self.is_draining() {
            return KickOutcome::Stopping;
        }
        let Some(session) = self.find(device) else { return KickOutcome::Unknown };
        if session.connected.load(Ordering::Acquire) == 0 {
            return KickOutcome::Away;
        }
        session.inbox.push_control(Control::Kick { connection: None, reason: reason.into() });
        KickOutcome::Closing
    }

    /// Closes this one connection, if the device still has it.
    pub fn kick_connection(&self, device: &DeviceId, connection: ConnectionId, reason: &str) {
        if let Some(session) = self.find(device) {
            session.inbox.push_control(Control::Kick { connection: Some(connection), reason: reason.into() });
        }
    }

    /// Whether the device has a connection now.
    pub fn is_connected(&self, device: &DeviceId) -> bool {
        self.find(device).is_some_and(|session| session.connected.load(Ordering::Acquire) != 0)
    }

    /// Whether the server is draining: no connection is attached any more.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// All sessions in memory, in the order of the device ids.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        let mut infos: Vec<SessionInfo> = self.shared.all().iter().map(|session| info(session)).collect();
        infos.sort_by(|one, other| one.device.cmp(&other.device));
        infos
    }

    /// The last turns of a device's session, oldest first; none where it has no session in memory.
    pub fn turns(&self, device: &DeviceId) -> Option<Vec<TurnRecord>> {
        let session = self.find(device)?;
        let records = session.published.turns.lock().records();
        Some(records)
    }

    /// The current state of a session; none where the device has none in memory. Waits for a bounded time.
    pub async fn detail(&self, device: &DeviceId) -> Option<SessionDetail> {
        let session = self.find(device)?;
        let (sender, mut receiver) = mpsc::channel(1);
        session.inbox.push_control(Control::Inspect(sender));
        let inside = timeout(limits::STATE_SAMPLE_PATIENCE, receiver.recv()).await.ok().flatten();
        let connected = session.connected.load(Ordering::Acquire) != 0;
        let (caller, features, away_since) = {
            let facts = session.connection_facts.lock();
            (facts.caller.clone(), facts.features, facts.away_since.filter(|_| !connected))
        };
        let mode = session.published.mode.lock().as_ref().map(|mode| mode.to_string());
        let turns = session.published.turns.lock().records();
        Some(SessionDetail {
            connected,
            client: caller,
            features,
            knows_extensions: session.extensions.are_supported(),
            away_since,
            session: session.id.get().cloned(),
            mode,
            waiting: session.messages.max_capacity() - session.messages.capacity(),
            state: inside,
            turns,
        })
    }

    pub(super) fn find(&self, device: &DeviceId) -> Option<Arc<SessionHandle>> {
        self.shared.sessions.lock().get(device).cloned()
    }
}

fn info(session: &SessionHandle) -> SessionInfo {
    SessionInfo {
        device: session.device.to_string(),
        connected: session.connected.load(Ordering::Relaxed) != 0,
        mode: session.published.mode.lock().as_ref().map(|mode| mode.to_string()),
        live_instances: session.published.live.load(Ordering::Relaxed),
    }
}
