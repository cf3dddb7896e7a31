//! Limits of the ports, connections and their handshakes: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{
    CERTIFICATE_BYTES, DAY, HANDSHAKE, IDENTITY_BACKOFF, JSON_DEPTH, KEY_FILE_TTL, MESSAGE_BYTES, OTA_BODY_BYTES,
    OUTBOX_FRAMES, PENDING_BYTES, PENDING_MESSAGES, REQUEST_HEAD_BYTES, SILENCE, TLS_LOOK, WRITE,
};

// --- Devices and their connections ---------------------------------------------------------------

/// Read buffer of a connection: tungstenite zero-fills it at every read and keeps it.
pub const READ_BUFFER_BYTES: usize = 4096;
/// Messages that have begun and are not whole, over all connections: 128 of the largest. Then the connection that
/// holds most is closed.
pub const UNFINISHED_BYTES: usize = 128 * 1024 * 1024;
/// What one connection may hold of such a message without its being counted; firmware's messages are smaller.
pub const UNFINISHED_FREE: usize = 64 * 1024;
/// A close handshake that the other side does not answer.
pub const CLOSE_HANDSHAKE: Duration = Duration::from_secs(2);
/// Connections accepted and not yet through their handshake, over the whole server.
pub const HALF_OPEN: usize = 1024;
/// Files that devices leave to others where there are plenty: half-open connections, HTTP, storage, logs, plugins,
/// and connections to providers.
pub const FILES_KEPT: usize = 4096;
/// Of these, beyond what is open before anybody is served, at the least.
pub const FILES_SPARE: usize = 32;
/// A device that finds all seats taken is told to come again after so long: others end meanwhile.
pub const FULL_RETRY: Duration = Duration::from_secs(30);
/// A certificate that ends within so many days is warned of: renewals come 30 days before the end.
pub const CERTIFICATE_WARNING_DAYS: i64 = 14;
/// Connections that the kernel holds for us until they are accepted; the kernel may cut it.
pub const BACKLOG: u32 = 4096;
/// Pause after the system has refused to accept a connection (no file descriptors left).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Connections on the HTTP port, over the whole server.
pub const HTTP_CONNECTIONS: usize = 256;
/// Of these, one address without the operators' token; an office of 200 devices asks in turns of milliseconds.
pub const HTTP_SHARE: usize = 128;
/// Beyond `HTTP_CONNECTIONS`, for those who found no place: they are read, in case they ask for health or are operators.
pub const HTTP_RESERVE: usize = 64;
/// A connection of the HTTP port that has asked nothing yet keeps its place so long, whoever else wants one: a
/// request follows its connection within a round trip.
pub const HTTP_GRACE: Duration = Duration::from_secs(1);
/// Whoever finds no place on the HTTP port waits so long for one, then is told to come again.
pub const HTTP_PATIENCE: Duration = Duration::from_secs(5);
/// The body of one request on the HTTP port, however steadily it trickles.
pub const HTTP_BODY: Duration = Duration::from_secs(10);
/// While places are full, handshakes of devices give way after so long: over a slow link one takes less than that.
pub const HANDSHAKE_GRACE: Duration = Duration::from_secs(2);
/// Half-open connections of one address beyond which they give way at once to those of others.
pub const HALF_OPEN_SHARE: usize = 256;
/// How often whoever waits for a place looks again, should nobody have called.
pub const PLACES_LOOK: Duration = Duration::from_millis(50);
/// One line in so long says that places run short.
pub const PLACES_LOG: Duration = Duration::from_secs(60);
/// One connection of the HTTP port in all, so that a caller that reads no answer gives its place
/// back; requests take seconds, and pages that watch connect again by themselves.
pub const HTTP_CONNECTION: Duration = Duration::from_secs(300);
/// Messages that a connection takes in one go before others have their turn, where those of more than a
/// KiB count for several: under 0.1 ms of work.
pub const READ_BURST: usize = 16;
/// A connection that has ended may take this long to hand over what it received before.
pub const HAND_OVER: Duration = Duration::from_secs(10);
/// A connection looks again after this time at what is due and could not yet be written.
pub const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How often a connection asks the system what the device has acknowledged, while somebody wants to
/// know: a few round trips of a good Wi-Fi.
pub const MARK_LOOK: Duration = Duration::from_millis(20);
/// Write buffer of a connection: enough for a batch of replies in one system call.
pub const WRITE_BUFFER_BYTES: usize = 4096;
/// Connections may take this long to end once all have been asked to, when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);
/// At a restart with the sockets handed over, handshakes that have begun may take this long to end.
pub const HANDOVER_HANDSHAKES: Duration = Duration::from_secs(1);
/// When the server ends, requests on the HTTP port that have begun may take this long.
pub const HTTP_DRAIN: Duration = Duration::from_secs(1);
/// Port for devices.
pub const DEVICE_PORT: u16 = 8004;
/// Port for HTTP.
pub const HTTP_PORT: u16 = 8003;
/// Offset of the devices' clocks from UTC, in minutes: China.
pub const TIMEZONE_OFFSET_MIN: i32 = 480;
/// A random number in the name of a device that gives none; eight digits.
pub const AUTO_IDS: u32 = 100_000_000;

// --- Sign-in -------------------------------------------------------------------------------------

/// Refused sign-ins that are logged a second; the others are counted.
pub const SIGN_IN_LOG_LINES: u32 = 20;
/// Connections, their ends and OTA requests that are logged a second, each; the others are counted.
pub const VISIT_LOG_LINES: u32 = 200;
/// Server messages with a wrong secret from one address within `SECRET_WINDOW`: an operator mistypes
/// once or twice.
pub const SECRET_FAILURES: u32 = 5;
/// In which the failures above are counted.
pub const SECRET_WINDOW: Duration = Duration::from_secs(60);
/// Addresses whose wrong secrets are remembered: about 256 KiB.
pub const SECRET_TABLE: usize = 4096;
/// Hops of a forwarded request that are looked at.
pub const FORWARDED_HOPS: usize = 32;

// --- Models and what is asked of others ----------------------------------------------------------

/// What is shown of the name and the version that a device gives itself.
pub const AGENT_CHARACTERS: usize = 64;
/// Devices whose firmware is remembered from their last question for the address: it says so there alone. Some 300 bytes
/// each.
pub const FIRMWARE_KNOWN: usize = 10_000;

// --- Operators -----------------------------------------------------------------------------------

/// How often files of keys are looked at for sign-ins that do not hold any more: they are read again after 10 s, and
/// a look is one call of the system for each.
pub const SIGN_IN_LOOK: Duration = Duration::from_secs(2);
/// Sign-ins that are judged again side by side: an identity provider may have to be asked about each of them.
pub const SIGN_IN_RECHECKS: usize = 16;
