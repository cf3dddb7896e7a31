//! Several nodes that serve the same devices from the same data, with NATS JetStream as the log between them.
//!
//! Rule: what is durable goes through the log and is decided by its order alone (decision 0034); everything else between
//! nodes is a message that may be lost, and whoever sends one does without its answer after a moment. async-nats is
//! named in this crate only.
//!
//! # Layout
//! - [`config`]: the settings of this crate
//! - `engine`: the connection to NATS, and what is required of it
//! - `append`: commands of this node on their way into the log
//! - `follow`: the log on its way into the storage
//! - `snapshot`: copies of the database for nodes that begin
//! - `trim`: the length of the log
//! - `members`: which nodes are alive
//! - `requests`: what nodes ask each other
//! - `answering`: what a node does when it is asked
//! - `directory`: connected devices of all nodes
//! - `calls`: calls of the operators' API on other nodes
//! - `bodies`: their bodies
//! - `host`: what sessions do when others ask for them
//! - `claims`: devices that come to this node, and sessions of nodes that died
//! - `plugin_gate`: whether this node has the plugins of the cluster
//! - `metrics`: descriptions of this crate's metrics
//! - `cluster`: all of it together

#![warn(missing_docs)]

mod answering;
mod append;
mod bodies;
mod calls;
mod claims;
mod cluster;
pub mod config;
mod directory;
mod engine;
mod follow;
mod host;
mod limits;
mod members;
mod metrics;
mod plugin_gate;
mod requests;
mod snapshot;
mod trim;

pub use self::bodies::Body;
pub use self::calls::{Call, CallError, CallHost, CallResponse};
pub use self::cluster::{Cluster, ComponentError};
pub use self::config::Config;
pub use self::engine::ClusterError;
pub use self::host::SessionHost;
pub use self::members::Members;
pub use self::metrics::describe_metrics;
