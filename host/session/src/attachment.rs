//! A connection's end of a session. Rule: dropping the attachment detaches the connection, so that no code path can
//! forget to; a dialogue boundary is applied to the audio stream here, in order with the packets, before the
//! session gets the message.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use modehost_ids::{ClientId, ConnectionId, DeviceId, SessionId};
use modehost_protocol::{DeviceMessage, Listen, ListenMode, ListenState};
use modehost_speech::{AsrResult, AudioEvent, InputEvent};
use modehost_storage::traits::DeviceFacts;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::boundary::{Boundaries, Boundary};
use crate::event::{Control, Departure, DeviceEvent, Incoming};
use crate::handle::SessionHandle;

/// The session has ended; the connection should close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEnded;

/// A connection attached to a session. Dropping it detaches.
pub struct Attachment {
    pub(crate) connection: ConnectionId,
    pub(crate) session: Arc<SessionHandle>,
    boundaries: Mutex<Boundaries>,
    /// The device has closed the connection itself.
    hung_up: AtomicBool,
}

impl Attachment {
    pub(crate) fn new(connection: ConnectionId, session: Arc<SessionHandle>) -> Self {
        Self { connection, session, boundaries: Mutex::default(), hung_up: AtomicBool::new(false) }
    }

    /// The id of this connection: a counter over the life of the process.
    pub fn connection_id(&self) -> ConnectionId {
        self.connection
    }

    /// The session id as the device sees it; empty until the session has loaded its record.
    pub fn session(&self) -> Arc<OnceLock<SessionId>> {
        self.session.id.clone()
    }

    /// The device that the session belongs to.
    pub fn device(&self) -> &DeviceId {
        &self.session.device
    }

    /// Records the peer address and the client's headers, for operators.
    pub fn set_client_info(&self, address: IpAddr, client: &ClientId, protocol_version: Option<u64>) {
        self.session.record_caller(self.connection, address, client.clone(), protocol_version);
    }

    /// Records activity of the user that no message for the session stands for, such as a heartbeat. Wakes nobody.
    pub fn touch(&self) {
        self.session.activity.touch();
    }

    /// Records activity of the connection, whatever it says of the user.
    pub fn touch_transport(&self) {
        self.session.activity.touch_transport();
    }

    /// The device closes the connection itself, by a close frame or an orderly end. Must be called before the
    /// attachment is dropped; otherwise the connection counts as lost.
    pub fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Relaxed);
    }

    /// True if the device understands message types that are this server's own.
    pub fn knows_extensions(&self) -> bool {
        self.session.extensions.are_supported()
    }

    /// The device has sent a message of one of this server's own types, valid or not.
    pub fn record_extension_use(&self) {
        self.session.learn(DeviceFacts { knows_extensions: true, ..DeviceFacts::default() });
    }

    /// Sends a message to the session. Waits while the session's queue is full, which slows down a device that sends
    /// faster than its mode works. Cancelling drops the message.
    ///
    /// # Errors
    /// If the session has ended.
    pub async fn send(&self, message: Incoming) -> Result<(), SessionEnded> {
        self.session.messages.send(DeviceEvent::Message(self.connection, message)).await.map_err(|_| SessionEnded)
    }

    /// As `message`, without waiting: returns the message if the queue is full.
    ///
    /// # Errors
    /// If the session has ended.
    pub fn try_send(&self, message: Incoming) -> Result<Option<Incoming>, SessionEnded> {
        use tokio::sync::mpsc::error::TrySendError;
        match self.session.messages.try_send(DeviceEvent::Message(self.connection, message)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(DeviceEvent::Message(_, message))) => Ok(Some(message)),
            Err(_) => Err(SessionEnded),
        }
    }

    /// Sends a transcript of this connection's audio to the session. Waits as `message` does.
    ///
    /// # Errors
    /// If the session has ended.
    pub async fn transcript(&self, words: AsrResult) -> Result<(), SessionEnded> {
        self.transcript_at_epoch(self.epoch(), words).await
    }

    /// The current audio epoch. It rises with every dialogue boundary.
    pub fn epoch(&self) -> u64 {
        self.session.epoch()
    }

    /// As `transcript`, for audio of this epoch.
    ///
    /// # Errors
    /// If the session has ended.
    pub async fn transcript_at_epoch(&self, epoch: u64, words: AsrResult) -> Result<(), SessionEnded> {
        self.session
            .messages
            .send(DeviceEvent::Asr(epoch, InputEvent::Transcript(words)))
            .await
            .map_err(|_| SessionEnded)
    }

    /// Processes a message in order with the audio packets: sets the audio format, starts and stops listening, and
    /// applies a dialogue boundary to the audio. Never waits.
    pub fn preprocess(&self, message: DeviceMessage) -> Incoming {
        let from = self.connection.0;
        if is_of_person(&message) {
            self.touch();
        }
        let boundary = self.boundaries.lock().detect(&message, Instant::now());
        if let Some(boundary) = boundary {
            self.apply_boundary(boundary);
        }
        match &message {
            DeviceMessage::Hello(hello) => {
                self.session.extensions.announce(hello.extensions);
                self.session.record_hello(hello);
                self.session.audio.push(AudioEvent::Format(from, hello.audio));
            }
            DeviceMessage::Mode { .. } => self.record_extension_use(),
            DeviceMessage::Listen(Listen { state: ListenState::Start, mode, .. }) => {
                self.session.audio.push(AudioEvent::Endpoint(from, Some(mode.unwrap_or(ListenMode::Auto))));
            }
            DeviceMessage::Listen(Listen { state: ListenState::Stop, .. }) => {
                self.session.audio.push(AudioEvent::Endpoint(from, None));
            }
            _ => {}
        }
        Incoming { message, boundary }
    }

    /// Drops the audio from before the boundary, or lets it be recognised for a mode that records.
    fn apply_boundary(&self, boundary: Boundary) {
        // Messages of a connection that has been replaced are no boundaries.
        if self.session.connected.load(Ordering::Acquire) == self.connection.0 {
            self.session.apply_boundary(boundary);
        }
    }

    /// Passes an audio packet on; it is dropped and counted if the session cannot keep up.
    ///
    /// # Errors
    /// If the session has ended.
    pub fn send_audio(&self, packet: &[u8]) -> Result<(), SessionEnded> {
        use tokio::sync::mpsc::error::TrySendError;
        if self.session.audio.has_recogniser() {
            self.session.audio.push(AudioEvent::Packet(self.connection.0, packet.into()));
            return if self.session.messages.is_closed() { Err(SessionEnded) } else { Ok(()) };
        }
        match self.session.messages.try_send(DeviceEvent::AudioWithoutAsr) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(SessionEnded),
        }
    }
}

/// Whether a message shows that the user is present (C.17), as opposed to messages that a device sends by itself.
fn is_of_person(message: &DeviceMessage) -> bool {
    match message {
        DeviceMessage::Mcp { .. }
        | DeviceMessage::Iot { .. }
        | DeviceMessage::Ignored
        | DeviceMessage::Server { .. } => false,
        // Firmware starts listening again by itself after each answer.
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
            self.apply_boundary(Boundary::HangUp);
        }
        // If a newer connection has replaced this one, its state is left alone.
        let mine = self.connection.0;
        if self.session.connected.compare_exchange(mine, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.session.record_away();
        }
        self.session.inbox.push_control(Control::Detach(self.connection, departure));
    }
}
