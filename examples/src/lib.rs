//! Clients to try the server with.
//!
//! # Layout, in the order in which a typed line passes them
//! - [`command`]: parses a line
//! - [`client`]: a device at a terminal: sends the messages of commands, remembers its board and mode
//! - [`log`]: a log as messages
//! - [`sound`]: a WAV file as microphone audio, and the received speech as a WAV file
//! - [`link`]: the WebSocket, which reconnects by itself
//! - [`show`]: formats messages for people
//! - [`script`]: the same lines from a file, with waits
//!
//! Rule: the server uses nothing of this crate; a device maker may copy it and change it.

pub mod client;
pub mod command;
pub mod link;
pub mod log;
pub mod script;
pub mod show;
pub mod sound;
