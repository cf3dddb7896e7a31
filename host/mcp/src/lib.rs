//! Client of the MCP server of a device: the handshake, the tool list and tool calls.
//!
//! # Layout, in the order of a call
//! - [`client`]: the client for one `hello` of a device: `initialize`, the pages of `tools/list`, `tools/call`
//! - [`rpc`]: JSON-RPC requests and their pending responses
//! - [`tool_list`]: the tools of a device, bounded, as models get them
//! - [`result`]: the result of a tool call as text for a model
//! - [`iot`]: firmware before 1.6.3, which describes things and takes commands instead of serving MCP
//! - [`error`]: why a request has no result
//! - [`metrics`]: the metrics of this crate
//!
//! Firmware does not accept `notifications/initialized`, so the client sends none.
//!
//! Rule: no IO. Messages are sent through the [`Transport`] of the caller and received through [`Client::receive`]; the
//! crate knows nothing of sessions, connections or modes.
#![warn(missing_docs)]

mod client;
mod error;
mod iot;
mod limits;
mod metrics;
mod result;
mod rpc;
mod tool_list;

pub use client::{Client, ToolResult, Vision, VisionService, VisionToken};
pub use error::McpError;
pub use iot::{IotCommand, IotThings};
pub use metrics::{count_unsolicited, describe_metrics};
pub use rpc::{Transport, TransportClosed};
pub use tool_list::ToolList;
