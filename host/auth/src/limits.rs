//! Limits of sign-in: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{IDENTITY_BACKOFF, KEY_FILE_TTL, TOKEN_BYTES};

/// Clocks of an issuer and of this server may differ by this much.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(60);
/// Devices that one token may name.
pub const TOKEN_DEVICES: usize = 64;
/// How long a device token is good: what the servers that brought it up say.
pub const DEVICE_TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// One request to an identity provider in all; well under `HANDSHAKE`, so that the device is told.
pub const IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests to one identity provider at the same time.
pub const IDENTITY_CONCURRENT: usize = 32;
/// An idle connection to an identity provider is kept this long.
pub const IDENTITY_IDLE: Duration = Duration::from_secs(30);
/// A key set. One key has about 2 KiB with its certificates.
pub const KEY_SET_BYTES: usize = 256 * 1024;
/// Keys of a set that are looked at; providers have two to ten.
pub const KEY_SET_KEYS: usize = 64;
/// A key set from an address is read again after this time.
pub const KEY_SET_TTL: Duration = Duration::from_secs(600);
/// Shortest time between two reads of a key set from an address.
pub const KEY_SET_REFRESH: Duration = Duration::from_secs(10);
/// Shortest time between two reads of a file with keys.
pub const KEY_FILE_REFRESH: Duration = Duration::from_secs(1);
/// Keys that are tried for a token which does not name its key; each try costs up to 1 ms.
pub const KEY_TRIES: usize = 4;
/// Bits of an RSA key at least; a shorter one can be broken.
pub const RSA_KEY_BITS: usize = 2048;
/// An answer about a token.
pub const INTROSPECTION_BYTES: usize = 64 * 1024;
/// An answer about a good token is kept until the token expires, and for this long at the most: a
/// token that was withdrawn opens nothing any more then.
pub const INTROSPECTION_CACHE: Duration = Duration::from_secs(3600);
/// An answer about a bad token is kept for this long.
pub const INTROSPECTION_NEGATIVE: Duration = Duration::from_secs(10);
/// Answers about good tokens that are kept, and again as many about bad ones: about 4 MiB.
pub const INTROSPECTION_ENTRIES: usize = 16_384;
/// Failed sign-ins from one address a minute. A house full of devices with an old token tries about
/// this often; a guesser gets nowhere with it.
pub const SIGN_IN_FAILURES: u32 = 60;
/// Failed sign-ins as one device a minute, over all addresses.
pub const SIGN_IN_DEVICE_FAILURES: u32 = 30;
/// How long those are not heard at the most who had many failures on their way at once.
pub const SIGN_IN_LONGEST: Duration = Duration::from_secs(600);
/// In which the failures above are counted.
pub const SIGN_IN_WINDOW: Duration = Duration::from_secs(60);
/// Addresses and devices whose failures are remembered, and places where devices have signed in:
/// about 1 MiB each at the most.
pub const SIGN_IN_TABLE: usize = 32_768;
/// How long a device is known at an address from which it has signed in.
pub const SIGN_IN_KNOWN: Duration = Duration::from_secs(24 * 60 * 60);
