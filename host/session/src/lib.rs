//! Sessions: what belongs to a device and outlives its connections. Logic only.
//!
//! # Layout, in the order in which a message walks
//! - [`registry`]: finds or makes the session of a device; attaches connections; takeover
//! - [`attachment`]: a connection's end of a session
//! - [`config`]: the settings of this room
//!
//! Rule: nothing here reads a socket, names a storage engine or runs a guest; events of one
//! session are handled one at a time, on the mode threads.

pub mod attachment;
pub mod config;
pub mod registry;

pub use attachment::{Attachment, Gone};
pub use config::{Config, DuplicateDevice, Roster};
pub use registry::{Refusal, Registry, Services, SessionInfo};
