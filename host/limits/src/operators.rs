//! What operators may ask for. Rule: an answer has a bound in bytes, and nobody who talks waits for long.

use std::time::Duration;

/// How often files of keys are looked at for sign-ins that do not hold any more: they are read again after 10 s, and
/// a look is one call of the system for each.
pub const SIGN_IN_LOOK: Duration = Duration::from_secs(2);
/// Sign-ins that are judged again side by side: an identity provider may have to be asked about each of them.
pub const SIGN_IN_RECHECKS: usize = 16;
/// A database up to this many bytes is rewritten while the server runs: about a second of a common disk, in which
/// writes wait and none is refused.
pub const VACUUM_BYTES: u64 = 128 * 1024 * 1024;
/// What is given out of one device in one answer, in bytes before it becomes JSON; it is made in memory.
pub const EXPORT_BYTES: i64 = 64 * 1024 * 1024;
/// The same as an answer: bytes become a third longer, and marks in texts twice as long.
pub const EXPORT_ANSWER_BYTES: u64 = 192 * 1024 * 1024;
/// Documents that stay although they name a device that is forgotten, in one answer.
pub const SHARED_NAMED: u32 = 100;
/// Devices that hold most, in one answer.
pub const LARGEST_DEVICES: u32 = 10;
/// How long files of finished work are waited for when a device is forgotten; what takes longer follows.
pub const FORGET_FILES: Duration = Duration::from_secs(10);
/// How long the journals of nobody may be swept while an operator waits.
pub const COMPACT_SWEEP: Duration = Duration::from_secs(60);
/// How long a session may take to end when its device is forgotten: a write that it waits for, and then some.
pub const FORGET_SESSION: Duration = Duration::from_secs(15);
