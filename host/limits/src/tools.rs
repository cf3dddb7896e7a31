//! Limits of the tools that devices offer. Rule: a device that never answers costs nobody else a wait.

use std::time::Duration;

/// A device's answer to what it offers. Firmware answers within 100 ms; some clients never do.
pub const TOOL_LIST_REPLY: Duration = Duration::from_secs(5);
/// A device that says it has tools and does not answer is not asked again for so long, unless it
/// says hello or that its tools have changed.
pub const TOOL_SILENCE: Duration = Duration::from_secs(60);
/// A device's answer to a call: taking and explaining a picture takes up to half a minute.
pub const TOOL_CALL_REPLY: Duration = Duration::from_secs(30);
/// Pages of a list of tools; firmware cuts them at 8,000 bytes.
pub const TOOL_PAGES: usize = 32;
/// Bytes of the descriptions and parameters of all tools: each question to a model carries them.
pub const TOOL_LIST_BYTES: usize = 64 * 1024;
/// A description where they do not all fit as they are, in bytes.
pub const TOOL_SHORT_BYTES: usize = 300;
/// Things that firmware before 1.6.3 describes.
pub const THINGS: usize = 32;
/// Calls that wait for one device: firmware works them off one after the other.
pub const TOOL_CALLS: usize = 8;
/// Text of a tool's answer.
pub const TOOL_TEXT_BYTES: usize = 16 * 1024;
