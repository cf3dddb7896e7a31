//! A connection's end of a session. Rule: the session hears of the end of the connection by the
//! attachment being dropped, so that no path can forget to say it; and a boundary of the person takes
//! effect in its place among the sound, before the session has come to the message.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use modehost_ids::{ClientId, ConnectionId, DeviceId, SessionId};
use modehost_protocol::{DeviceMessage, Listen, ListenMode, ListenState};
use modehost_speech::{Report, Sound, Words};
use modehost_storage::traits::DeviceFacts;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::boundary::{Boundaries, Boundary};
use crate::event::{Control, Departure, DeviceEvent, Incoming};
use crate::handle::SessionHandle;

/// The session is gone; the connection should close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A connection attached to a session. Dropping it detaches.
pub struct Attachment {
    pub(crate) connection: ConnectionId,
    pub(crate) session: Arc<SessionHandle>,
    boundaries: Mutex<Boundaries>,
    /// The device has closed the connection by itself.
    hung_up: AtomicBool,
}

impl Attachment {
    pub(crate) fn new(connection: ConnectionId, session: Arc<SessionHandle>) -> Self {
        Self { connection, session, boundaries: Mutex::default(), hung_up: AtomicBool::new(false) }
    }

    /// Counted over the life of the process.
    pub fn connection_id(&self) -> ConnectionId {
        self.connection
    }

    /// What the device is told that its session is called; empty until the session has found it.
    pub fn session(&self) -> Arc<OnceLock<SessionId>> {
        self.session.id.clone()
    }

    /// Whose session it is.
    pub fn device(&self) -> &DeviceId {
        &self.session.device
    }

    /// Where the connection comes from and what it said of itself, for operators.
    pub fn came_from(&self, address: IpAddr, client: &ClientId, protocol_version: Option<u64>) {
        self.session.note_caller(self.connection, address, client.clone(), protocol_version);
    }

    /// The person has given a sign of life that no message for the session stands for, such as a heartbeat.
    /// Nobody is woken for it.
    pub fn touch(&self) {
        self.session.activity.touch();
    }

    /// Something has come on the connection, whatever it says of the person.
    pub fn touch_transport(&self) {
        self.session.activity.touch_transport();
    }

    /// The device closes the connection by itself: a close frame or an orderly end. Said before the
    /// attachment is dropped; without it the connection counts as lost.
    pub fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Relaxed);
    }

    /// True if the device knows messages that are not the ecosystem's.
    pub fn knows_extensions(&self) -> bool {
        self.session.extensions.are_known()
    }

    /// The device has sent a message of one of this server's own types, whether it could be read or not.
    pub fn used_extension(&self) {
        self.session.learn(DeviceFacts { knows_extensions: true, ..DeviceFacts::default() });
    }

    /// Hands a message over. Waits while the session's queue is full, which is what slows down a
    /// device that sends faster than its mode works. Cancelling drops the message.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn message(&self, message: Incoming) -> Result<(), Gone> {
        self.session.messages.send(DeviceEvent::Message(self.connection, message)).await.map_err(|_| Gone)
    }

    /// As `message`, without waiting: gives the message back where the queue is full.
    ///
    /// # Errors
    /// If the session is gone.
    pub fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, Gone> {
        use tokio::sync::mpsc::error::TrySendError;
        match self.session.messages.try_send(DeviceEvent::Message(self.connection, message)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(DeviceEvent::Message(_, message))) => Ok(Some(message)),
            Err(_) => Err(Gone),
        }
    }

    /// Hands over what a recogniser has made of this connection's sound. Waits as `message` does.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn words(&self, words: Words) -> Result<(), Gone> {
        self.words_of(self.epoch(), words).await
    }

    /// Of the sound that comes now. It rises with every boundary of the person.
    pub fn epoch(&self) -> u64 {
        self.session.epoch()
    }

    /// As `words`, of sound of this epoch.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn words_of(&self, epoch: u64, words: Words) -> Result<(), Gone> {
        self.session.messages.send(DeviceEvent::Recogniser(epoch, Report::Words(words))).await.map_err(|_| Gone)
    }

    /// Looks at a message in its place among the sound: what the packets are, where the device begins and
    /// stops listening, and where what was said before is not wanted any more. Never waits.
    pub fn overhear(&self, message: DeviceMessage) -> Incoming {
        let from = self.connection.0;
        if is_of_person(&message) {
            self.touch();
        }
        let boundary = self.boundaries.lock().find(&message, Instant::now());
        if let Some(boundary) = boundary {
            self.divide_sound(boundary);
        }
        match &message {
            DeviceMessage::Hello(hello) => {
                self.session.extensions.announce(hello.extensions);
                self.session.note_hello(hello);
                self.session.audio.put(Sound::Format(from, hello.audio));
            }
            DeviceMessage::Mode { .. } => self.used_extension(),
            DeviceMessage::Listen(Listen { state: ListenState::Start, mode, .. }) => {
                self.session.audio.put(Sound::Boundary(from, Some(mode.unwrap_or(ListenMode::Auto))));
            }
            DeviceMessage::Listen(Listen { state: ListenState::Stop, .. }) => {
                self.session.audio.put(Sound::Boundary(from, None));
            }
            _ => {}
        }
        Incoming { message, boundary }
    }

    /// What was said before the boundary is forgotten, or recognised to its end for whoever records.
    fn divide_sound(&self, boundary: Boundary) {
        // Of a connection that another has taken the place of, nothing is a boundary any more.
        if self.session.connected.load(Ordering::Acquire) == self.connection.0 {
            self.session.divide_sound(boundary);
        }
    }

    /// Hands a packet of audio over; it is dropped and counted if the session cannot keep up.
    ///
    /// # Errors
    /// If the session is gone.
    pub fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        use tokio::sync::mpsc::error::TrySendError;
        if self.session.audio.can_hear() {
            self.session.audio.put(Sound::Packet(self.connection.0, packet.into()));
            return if self.session.messages.is_closed() { Err(Gone) } else { Ok(()) };
        }
        match self.session.messages.try_send(DeviceEvent::UnheardSound) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(Gone),
        }
    }
}

/// Whether a message says that a person is there (C.17): not what a device sends by itself.
fn is_of_person(message: &DeviceMessage) -> bool {
    match message {
        DeviceMessage::Mcp { .. }
        | DeviceMessage::Iot { .. }
        | DeviceMessage::Ignored
        | DeviceMessage::Server { .. } => false,
        // Firmware begins to listen again by itself after each answer.
        DeviceMessage::Listen(Listen { state: ListenState::Start, mode, .. }) => *mode == Some(ListenMode::Manual),
        _ => true,
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let departure = match self.hung_up.load(Ordering::Relaxed) {
            true => Departure::HungUp,
            false => Departure::Lost,
        };
        if departure == Departure::HungUp {
            self.divide_sound(Boundary::HangUp);
        }
        // A newer connection may have taken the place; then this one has no say any more.
        let mine = self.connection.0;
        if self.session.connected.compare_exchange(mine, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.session.note_away();
        }
        self.session.inbox.control(Control::Detach(self.connection, departure));
    }
}
