//! Limits of installing plugins, each with its unit and its reason. Rule: no other file of this crate holds such a
//! number.

use std::time::Duration;

pub use modehost_limits::PLUGIN_FILE_BYTES;

/// Until a connection is there; the machine is reachable or it is not.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A whole file; 20 MB over a slow line.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(300);

/// Addresses that lead to others: stores of releases answer with one or two.
pub const REDIRECTS: usize = 5;

/// A minisign signature has about 300 bytes.
pub const SIGNATURE_BYTES: usize = 4096;

/// A lock file; about 400 bytes a plugin.
pub const LOCK_BYTES: usize = 1024 * 1024;

/// A manifest of a registry; the specification asks registries for at least this.
pub const MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// The answer of a token service; tokens have 1 to 4 KiB.
pub const TOKEN_BYTES: usize = 64 * 1024;

/// Docker's file of logins.
pub const CREDENTIALS_BYTES: usize = 1024 * 1024;
