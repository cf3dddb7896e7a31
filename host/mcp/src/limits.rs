//! Limits of the MCP client: default times, depths and sizes, each with its unit and its reason. Rule: no other file of
//! this crate defines one; configurable values default to these.

pub use modehost_limits::{
    MODEL_TOOLS, TOOL_CALL_TIMEOUT, TOOL_CALLS, TOOL_LIST_BACKOFF, TOOL_LIST_TIMEOUT, TOOL_NAME_BYTES, TOOL_PAGES,
};

/// Bytes of the descriptions and parameters of all tools: each question to a model carries them.
pub const TOOL_LIST_BYTES: usize = 64 * 1024;
/// Bytes of a description when the full descriptions do not fit.
pub const TOOL_SHORT_BYTES: usize = 300;
/// Things that one device may describe.
pub const THINGS: usize = 32;
/// Bytes of the text of a tool result.
pub const TOOL_TEXT_BYTES: usize = 16 * 1024;
