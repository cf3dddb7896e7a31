//! A connection's end of a session. Rule: the session hears of the end of the connection by the
//! attachment being dropped, so that no path can forget to say it.

use modehost_ids::{ConnectionId, SessionId};
use modehost_protocol::DeviceMessage;

/// The session is gone; the connection should close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A connection attached to a session. Dropping it detaches.
pub struct Attachment {
    connection: ConnectionId,
    session: SessionId,
}

impl Attachment {
    /// For `hello` and the log.
    pub fn session_id(&self) -> &SessionId {
        &self.session
    }

    /// Counted over the life of the process.
    pub fn connection_id(&self) -> ConnectionId {
        self.connection
    }

    /// Hands a message over. Waits while the session's queue is full, which is what slows down a
    /// device that sends faster than its mode works. Cancelling drops the message.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn message(&self, _message: DeviceMessage) -> Result<(), Gone> {
        Err(Gone)
    }

    /// Hands a packet of audio over; it is dropped and counted if the session cannot keep up.
    ///
    /// # Errors
    /// If the session is gone.
    pub fn audio(&self, _packet: &[u8]) -> Result<(), Gone> {
        Err(Gone)
    }
}
