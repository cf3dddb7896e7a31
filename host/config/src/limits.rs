//! Limits of configuration: default timeouts, queue depths and sizes, each with its unit and its reason. Rule: no other
//! file of this crate holds such a number; defaults of configuration keys come from here.

pub use modehost_limits::{CONFIG_BYTES, FILE_DEBOUNCE, PATH_POLL, WORKER_STACK_BYTES};

/// Size of a remote configuration; a file with thousands of devices in groups has about 200 KiB.
pub const REMOTE_CONFIG_BYTES: usize = 1024 * 1024;
