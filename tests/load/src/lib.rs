//! The project's load generator: what a server does under many devices, compared with a baseline (the floor).
//!
//! Rule: every metric is measured from outside, over real sockets and from `/proc`, and the floor (a bare
//! tokio-tungstenite echo server) is measured in the same run on the same machine, so that ratios are meaningful where
//! absolute values are not.
//!
//! # Layout
//! - [`cli`]: the command line
//! - [`target`]: the server under test, or the floor, as a child process or at an address
//! - [`floor`]: the bare echo server
//! - [`device`]: one connection of a device; [`fleet`]: many
//! - [`talk`]: messages at an interval, matched with their replies
//! - [`hold`], [`ping`], [`echo`], [`vanish`], [`hostile`], [`swap`], [`converse`],
//!   [`feed`], [`listen`], [`speak`], [`soak`], [`start`], [`cluster`]: the measurements
//! - [`child`]: services that measurements need, each in its own process
//! - [`process`]: memory, CPU time and limits; [`http`]: a minimal HTTP client
//! - [`metrics`]: metrics, their percentiles and the result table

pub mod child;
pub mod cli;
pub mod cluster;
pub mod converse;
pub mod device;
pub mod echo;
pub mod feed;
pub mod fleet;
pub mod floor;
pub mod hold;
pub mod hostile;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod ping;
pub mod process;
pub mod soak;
pub mod speak;
pub mod start;
pub mod swap;
pub mod talk;
pub mod target;
pub mod vanish;
