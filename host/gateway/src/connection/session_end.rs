//! What a connection needs of its session. Rule: one trait, so that a test can play the session; it adds nothing to
//! what an attachment does.

use std::future::Future;

use modehost_ids::DeviceId;
use modehost_protocol::DeviceMessage;
use modehost_session::{Attachment, Gone, Incoming};

/// A connection's end of its session.
pub(crate) trait SessionEnd: Sync {
    /// Gives the message back where the session's queue is full.
    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, Gone>;
    /// Waits while the session's queue is full. Cancelling drops the message.
    fn message(&self, message: Incoming) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Looks at a message in its place among the sound, before anything else is done with it. Never waits.
    fn overhear(&self, message: DeviceMessage) -> Incoming;
    /// Never waits.
    fn audio(&self, packet: &[u8]) -> Result<(), Gone>;
    /// The person has given a sign of life. Never waits, and wakes nobody.
    fn touch(&self);
    /// Something has come. Never waits, and wakes nobody.
    fn touch_transport(&self);
    /// The device ends the connection by itself. Never waits.
    fn hang_up(&self);
    /// The device has sent a message of one of our own types. Never waits.
    fn used_extension(&self);
    /// The device knows messages of our own types.
    fn knows_extensions(&self) -> bool;
    /// Whose it is, for the log.
    fn device(&self) -> &DeviceId;
}

impl SessionEnd for Attachment {
    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, Gone> {
        Self::try_message(self, message)
    }

    fn message(&self, message: Incoming) -> impl Future<Output = Result<(), Gone>> + Send {
        Self::message(self, message)
    }

    fn overhear(&self, message: DeviceMessage) -> Incoming {
        Self::overhear(self, message)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        Self::audio(self, packet)
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
        Self::used_extension(self);
    }

    fn knows_extensions(&self) -> bool {
        Self::knows_extensions(self)
    }

    fn device(&self) -> &DeviceId {
        Self::device(self)
    }
}
