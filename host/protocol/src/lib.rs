//! Frames of a device to typed messages and back. Rule: no IO and no state; whatever a device
//! may send gets a typed message or an [`Invalid`] that says exactly what is wrong.
//!
//! # Layout
//! - [`framing`]: sound in binary frames, and how it is found out which frames they are
//! - [`opus`]: the shape of a packet
//! - [`mod@check`]: one pass over a text frame: well-formed, not too deep, which type
//! - [`kind`]: the message types that belong to the server
//! - [`message`]: what devices say
//! - [`hello`]: what they say of themselves
//! - [`reply`]: what the server says

#![warn(missing_docs)]

pub mod check;
pub mod framing;
pub mod hello;
pub mod kind;
pub mod message;
pub mod opus;
pub mod reply;

pub use check::{Checked, check};
pub use framing::{BadFrame, Evidence, Framing, Unwrapped};
pub use hello::{AudioFormat, Codec, Hello};
pub use kind::HostKind;
pub use message::{DeviceMessage, Listen, ListenMode, ListenState};
pub use reply::{ErrorCode, Invalid, Reference};
