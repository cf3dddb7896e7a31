//! The project's own load generator: what a server does under many devices, beside the floor.
//!
//! Rule: every figure is taken from outside, over real sockets and from `/proc`, and the floor (a
//! bare tokio-tungstenite echo) is measured in the same run on the same machine, so that ratios
//! mean something where absolute figures do not.
//!
//! # Layout
//! - [`cli`]: the command line
//! - [`target`]: the server under test, or the floor, as a child process or an address
//! - [`floor`]: the bare echo server
//! - [`device`]: one connection of a device; [`fleet`]: many
//! - [`talk`]: messages at an interval, and what became of their replies
//! - [`hold`], [`ping`], [`echo`], [`vanish`], [`hostile`], [`swap`], [`converse`],
//!   [`listen`], [`speak`], [`soak`], [`start`]: the measures
//! - [`child`]: services that measures need, in processes of their own
//! - [`process`]: memory, processor time and limits; [`http`]: the least of HTTP
//! - [`figures`]: figures, their spread and their table

pub mod child;
pub mod cli;
pub mod converse;
pub mod device;
pub mod echo;
pub mod figures;
pub mod fleet;
pub mod floor;
pub mod hold;
pub mod hostile;
pub mod http;
pub mod listen;
pub mod ping;
pub mod process;
pub mod soak;
pub mod speak;
pub mod start;
pub mod swap;
pub mod talk;
pub mod target;
pub mod vanish;
