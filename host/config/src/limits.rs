//! Limits of configuration: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

pub use modehost_limits::{APART_STACK_BYTES, CONFIG_BYTES, FILE_SETTLE, PATH_LOOK};

/// The text; a file with thousands of devices in groups has about 200 KiB.
pub const REMOTE_CONFIG_BYTES: usize = 1024 * 1024;
