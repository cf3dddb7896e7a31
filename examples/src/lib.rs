//! Clients to try the server with.
//!
//! # Layout, in the order in which a typed line walks
//! - [`command`]: what a line means
//! - [`client`]: a device at a terminal: sends what lines mean, remembers its board and mode
//! - [`log`]: a log as messages
//! - [`sound`]: a WAV file as what the microphone hears, and what the loudspeaker plays
//! - [`link`]: the WebSocket, which comes back by itself
//! - [`show`]: a message as a line for people
//! - [`script`]: the same lines from a file, with waits
//!
//! Rule: nothing here is used by the server; a device maker may copy it and change it.

pub mod client;
pub mod command;
pub mod link;
pub mod log;
pub mod script;
pub mod show;
pub mod sound;
