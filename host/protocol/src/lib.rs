//! Frames of a device to typed messages and back. Rule: no IO and no state; whatever a device
//! may send gets a typed message or an [`Invalid`] that says exactly what is wrong.
//!
//! # Layout
//! - [`check`]: one pass over a text frame: well-formed, not too deep, which type
//! - [`message`]: what devices say
//! - [`reply`]: what the server says

pub mod check;
pub mod message;
pub mod reply;

pub use check::{Checked, check};
pub use message::{DeviceMessage, Hello, Listen, ListenState};
pub use reply::{ErrorCode, Invalid, Reference};
