//! What end-to-end tests stand on: the real server as a child process, real devices, real files.
//!
//! # Layout
//! - [`server`]: the child process, its folders and its life
//! - [`settings`]: the configuration file that a test gives it
//! - [`device`]: a WebSocket client that remembers everything it was told
//! - [`sound`]: what a microphone sends and a loudspeaker is given
//! - [`stock`]: stock firmware, which does what it is told and knows the ecosystem's messages only
//! - [`raw`]: bytes on a socket, for what a well-behaved client would never send
//! - [`http`]: one request, one response
//! - [`guest`]: the components that tests install
//! - [`lacking`]: what this machine does not have
//! - [`wait`]: waiting for a condition with a deadline
//!
//! Rule: nothing here knows the server's code; a test sees what a device, an operator or a file
//! system sees, and a failed test shows what the server wrote.

mod compiled;
pub mod device;
pub mod guest;
pub mod http;
pub mod lacking;
pub mod raw;
pub mod server;
pub mod settings;
pub mod sound;
pub mod stock;
pub mod wait;

pub use device::{Device, Seen};
pub use server::Server;
pub use settings::Settings;
pub use stock::Stock;
