//! The interface of a connection to its session. Rule: one trait, so that tests can use a fake session; it adds nothing
//! to an attachment.

use std::future::Future;

use modehost_ids::DeviceId;
use modehost_protocol::DeviceMessage;
use modehost_session::{Attachment, Incoming, SessionEnded};

/// A connection's handle to its session.
pub(crate) trait SessionHandle: Sync {
    /// Returns the message if the session's queue is full.
    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, SessionEnded>;
    /// Waits while the session's queue is full. Cancelling drops the message.
    fn message(&self, message: Incoming) -> impl Future<Output = Result<(), SessionEnded>> + Send;
    /// Inspects a message at its position in the audio stream, before it is queued. Never waits.
    fn observe(&self, message: DeviceMessage) -> Incoming;
    /// Forwards an audio packet. Never waits.
    fn audio(&self, packet: &[u8]) -> Result<(), SessionEnded>;
    /// Records user activity. Never waits, and wakes no task.
    fn touch(&self);
    /// Records transport activity: a frame was received. Never waits, and wakes no task.
    fn touch_transport(&self);
    /// The device closed the connection deliberately. Never waits.
    fn hang_up(&self);
    /// The device has sent an extension message. Never waits.
    fn used_extension(&self);
    /// Whether the device supports extension messages.
    fn knows_extensions(&self) -> bool;
    /// The device, for the log.
    fn device(&self) -> &DeviceId;
}

impl SessionHandle for Attachment {
    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, SessionEnded> {
        Self::try_send(self, message)
    }

    fn message(&self, message: Incoming) -> impl Future<Output = Result<(), SessionEnded>> + Send {
        Self::send(self, message)
    }

    fn observe(&self, message: DeviceMessage) -> Incoming {
        Self::preprocess(self, message)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), SessionEnded> {
        Self::send_audio(self, packet)
    }

    fn touch(&self) {
        Self::touch(self);
    }

    fn touch_transport(&self) {
        Self::touch_transport(self);
    }

    fn hang_up(&self) {
        Self::hang_up(self);
    }

    fn used_extension(&self) {
        Self::record_extension_use(self);
    }

    fn knows_extensions(&self) -> bool {
        Self::knows_extensions(self)
    }

    fn device(&self) -> &DeviceId {
        Self::device(self)
    }
}
