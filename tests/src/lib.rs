//! End-to-end test harness: the real server as a child process, real WebSocket devices, real files.
//!
//! # Layout
//! - [`server`]: the child process, its directories and its lifecycle
//! - [`settings`]: the configuration file that a test writes for the server
//! - [`device`]: a WebSocket client that records everything it received
//! - [`sound`]: microphone audio as Opus packets, and decoding of what was played
//! - [`stock`]: a simulation of stock firmware, which knows the ecosystem's messages only
//! - [`raw`]: raw bytes on a socket, for input that no well-behaved client would send
//! - [`http`]: one request, one response
//! - [`lines`]: a response that goes on, line by line
//! - [`nats`]: NATS servers, for clusters
//! - [`cut`]: a connection that can be cut
//! - [`guest`]: the plugin components that tests install
//! - [`skip`]: skipping a test whose prerequisites this machine lacks
//! - [`wait`]: waiting for a condition with a deadline
//!
//! Rule: the harness does not depend on the server's code; a test observes only what a device, an operator or the file
//! system can observe, and a failed test prints the server's output.

mod compile_cache;
pub mod cut;
pub mod device;
pub mod guest;
pub mod http;
pub mod lines;
pub mod nats;
pub mod raw;
pub mod server;
pub mod settings;
pub mod skip;
pub mod sound;
pub mod stock;
pub mod wait;

pub use device::{Device, Seen};
pub use nats::Nats;
pub use server::Server;
pub use settings::Settings;
pub use stock::StockDevice;
