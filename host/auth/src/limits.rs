//! Limits of sign-in: default timeouts, depths and sizes, each with its unit and its reason. Rule: no other file of
//! this crate contains such a number; configurable values take their default from here.

use std::time::Duration;

pub use modehost_limits::{IDENTITY_BACKOFF, KEY_FILE_TTL, TOKEN_BYTES};

/// Tolerated difference between the clocks of an issuer and of this server.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(60);
/// Devices that one token may name.
pub const TOKEN_DEVICES: usize = 64;
/// Lifetime of a device token, as in the servers that introduced it.
pub const DEVICE_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Timeout of one request to an identity provider; well under `HANDSHAKE`, so that the device gets the reason.
pub const IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);
/// Concurrent requests to one identity provider.
pub const IDENTITY_CONCURRENCY: usize = 32;
/// Idle timeout of a connection to an identity provider.
pub const IDENTITY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum size of a key set. One key has about 2 KiB with its certificates.
pub const KEY_SET_BYTES: usize = 256 * 1024;
/// Maximum number of keys of a set that are used; providers have two to ten.
pub const KEY_SET_KEYS: usize = 64;
/// Refresh interval of a key set from a URL.
pub const KEY_SET_TTL: Duration = Duration::from_secs(600);
/// Minimum interval between two refreshes of a key set from a URL.
pub const KEY_SET_REFRESH: Duration = Duration::from_secs(10);
/// Minimum interval between two reads of a key file.
pub const KEY_FILE_REFRESH: Duration = Duration::from_secs(1);
/// Keys that are tried for a token without a key id; each costs up to 1 ms.
pub const MAX_KEYS_TRIED: usize = 4;
/// Minimum length of an RSA key, in bits; a shorter one can be broken.
pub const RSA_KEY_BITS: usize = 2048;
/// Maximum size of an introspection response.
pub const INTROSPECTION_BYTES: usize = 64 * 1024;
/// How long the response for an active token is cached, unless the token expires earlier: a revoked token stays valid
/// for this long.
pub const INTROSPECTION_TTL: Duration = Duration::from_secs(3600);
/// How long the response for an inactive token is cached.
pub const INTROSPECTION_NEGATIVE_TTL: Duration = Duration::from_secs(10);
/// Cached responses of active tokens, and as many of inactive ones: about 4 MiB.
pub const INTROSPECTION_ENTRIES: usize = 16_384;
/// Failed sign-ins per minute from one address. A household of devices with an outdated token makes about this many; it
/// is too few for guessing.
pub const SIGN_IN_FAILURES: u32 = 60;
/// Failed sign-ins per minute as one device, over all addresses.
pub const SIGN_IN_DEVICE_FAILURES: u32 = 30;
/// Upper bound of a sign-in lockout.
pub const MAX_LOCKOUT: Duration = Duration::from_secs(600);
/// Window of the failure limits above.
pub const SIGN_IN_WINDOW: Duration = Duration::from_secs(60);
/// Size of the failure table, and of the table of devices with the addresses from which they have signed in: about 1
/// MiB each at most.
pub const FAILURE_TABLE_ENTRIES: usize = 32_768;
/// How long a device counts as known at an address from which it has signed in.
pub const KNOWN_DEVICE_TTL: Duration = Duration::from_secs(24 * 60 * 60);
