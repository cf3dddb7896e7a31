//! A connection's end of a session. Rule: the session hears of the end of the connection by the
//! attachment being dropped, so that no path can forget to say it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use modehost_ids::{ConnectionId, DeviceId};
use modehost_protocol::{DeviceMessage, Listen, ListenMode, ListenState};
use modehost_speech::{Report, Sound, Words};

use crate::inbox::{Control, Inbound};
use crate::registry::SessionHandle;

/// The session is gone; the connection should close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A connection attached to a session. Dropping it detaches.
pub struct Attachment {
    pub(crate) connection: ConnectionId,
    pub(crate) session: Arc<SessionHandle>,
}

impl Attachment {
    /// Counted over the life of the process.
    pub fn connection_id(&self) -> ConnectionId {
        self.connection
    }

    /// Whose session it is.
    pub fn device(&self) -> &DeviceId {
        &self.session.device
    }

    /// The device has sent something: a message, a heartbeat, sound. It is not idle, then; nobody is
    /// woken for it.
    pub fn touch(&self) {
        self.session.touch();
    }

    /// Hands a message over. Waits while the session's queue is full, which is what slows down a
    /// device that sends faster than its mode works. Cancelling drops the message.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn message(&self, message: DeviceMessage) -> Result<(), Gone> {
        self.session.messages.send(Inbound::Message(self.connection, message)).await.map_err(|_| Gone)
    }

    /// As `message`, without waiting: gives the message back where the queue is full.
    ///
    /// # Errors
    /// If the session is gone.
    pub fn try_message(&self, message: DeviceMessage) -> Result<Option<DeviceMessage>, Gone> {
        use tokio::sync::mpsc::error::TrySendError;
        match self.session.messages.try_send(Inbound::Message(self.connection, message)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(Inbound::Message(_, message))) => Ok(Some(message)),
            Err(_) => Err(Gone),
        }
    }

    /// Hands over what a recogniser has made of this connection's sound. Waits as `message` does.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn words(&self, words: Words) -> Result<(), Gone> {
        let age = self.session.sound_age.load(Ordering::Acquire);
        self.session.messages.send(Inbound::Heard(age, Report::Words(words))).await.map_err(|_| Gone)
    }

    /// Lets the session's ear hear what concerns it, in its place among the sound: what the packets
    /// are, and where the device begins and stops listening. The message itself goes on to the session.
    pub fn overhear(&self, message: &DeviceMessage) {
        let from = self.connection.0;
        let sound = match message {
            DeviceMessage::Hello(hello) => Sound::Format(from, hello.audio),
            DeviceMessage::Listen(Listen { state: ListenState::Start, mode, .. }) => {
                Sound::Boundary(from, Some(mode.unwrap_or(ListenMode::Auto)))
            }
            DeviceMessage::Listen(Listen { state: ListenState::Stop, .. }) => Sound::Boundary(from, None),
            _ => return,
        };
        self.session.ear.put(sound);
    }

    /// Hands a packet of audio over; it is dropped and counted if the session cannot keep up.
    ///
    /// # Errors
    /// If the session is gone.
    pub fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        use tokio::sync::mpsc::error::TrySendError;
        if self.session.ear.can_hear() {
            self.session.ear.put(Sound::Packet(self.connection.0, packet.into()));
            return if self.session.messages.is_closed() { Err(Gone) } else { Ok(()) };
        }
        match self.session.messages.try_send(Inbound::Audio) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(Gone),
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // A newer connection may have taken the place; then this one has no say any more.
        let mine = self.connection.0;
        let _ = self.session.connected.compare_exchange(mine, 0, Ordering::AcqRel, Ordering::Acquire);
        self.session.inbox.control(Control::Detach(self.connection));
    }
}
