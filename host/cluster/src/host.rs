//! What sessions do when other nodes ask for them. Rule: this crate knows no session; the server gives it a
//! [`SessionHost`].

use std::pin::Pin;

use modehost_ids::DeviceId;

/// The sessions of this node.
pub trait SessionHost: Send + Sync {
    /// Saves the session of a device, ends it and closes its connection, if there is one. Until the device is claimed by
    /// another node, or for a moment, none begins here.
    fn let_go(&self, device: DeviceId) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Another node owns the device: its session here, if there is one, ends at once and without a trace.
    fn on_moved(&self, device: &DeviceId);

    /// This node owns the device now, and its unfinished session goes on here, from what is stored.
    fn resume(&self, device: DeviceId) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
