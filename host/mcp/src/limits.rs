//! Limits of the MCP client: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

pub use modehost_limits::{
    MODEL_TOOLS, TOOL_CALL_REPLY, TOOL_CALLS, TOOL_LIST_REPLY, TOOL_NAME_BYTES, TOOL_PAGES, TOOL_SILENCE,
};

/// Bytes of the descriptions and parameters of all tools: each question to a model carries them.
pub const TOOL_LIST_BYTES: usize = 64 * 1024;
/// A description where they do not all fit as they are, in bytes.
pub const TOOL_SHORT_BYTES: usize = 300;
/// Things that firmware before 1.6.3 describes.
pub const THINGS: usize = 32;
/// Text of a tool's answer.
pub const TOOL_TEXT_BYTES: usize = 16 * 1024;
