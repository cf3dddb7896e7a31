//! Conversion between frames of a device and typed messages. Rule: no IO and no state; any input yields a typed message
//! or an [`Invalid`] that says exactly what is wrong.
//!
//! # Layout
//! - [`framing`]: audio in binary frames, and detection of their framing
//! - [`opus`]: validation of the structure of a packet
//! - [`mod@check`]: validation of a text frame in one pass: well-formed, not too deep, which type
//! - [`kind`]: the message types that the server handles itself
//! - [`message`]: messages of devices
//! - [`hello`]: the capabilities of a device
//! - [`reply`]: messages of the server

#![warn(missing_docs)]

pub mod check;
pub mod framing;
pub mod hello;
pub mod kind;
pub mod message;
pub mod opus;
pub mod reply;

pub use check::{Checked, check};
pub use framing::{FrameError, Framing, FramingDetector, Payload};
pub use hello::{AudioFormat, Codec, Hello};
pub use kind::HostKind;
pub use message::{DeviceMessage, Listen, ListenMode, ListenState};
pub use reply::{ErrorCode, Invalid, Reference};
