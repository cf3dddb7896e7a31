//! Limits of ports, handshakes and connections: default timeouts, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate contains such a number; configurable values take their default from here.

use std::time::Duration;

pub use modehost_limits::{
    CERTIFICATE_BYTES, DAY, HANDSHAKE_TIMEOUT, IDENTITY_BACKOFF, JSON_DEPTH, KEEPALIVE, KEY_FILE_TTL, MESSAGE_BYTES,
    OTA_BODY_BYTES, OUTBOX_FRAMES, PENDING_BYTES, PENDING_MESSAGES, REQUEST_HEAD_BYTES, TLS_POLL, WRITE_TIMEOUT,
};

// --- Devices and their connections ---------------------------------------------------------------

/// Read buffer of a connection: tungstenite zero-fills it on every read and retains it.
pub const READ_BUFFER_BYTES: usize = 4096;
/// Total of incomplete messages over all connections: 128 of the largest. Beyond it, the connection that holds the most
/// is closed.
pub const PARTIAL_MESSAGE_BYTES: usize = 128 * 1024 * 1024;
/// Incomplete messages up to this size are not counted; messages of firmware are smaller.
pub const PARTIAL_MESSAGE_UNCOUNTED_BYTES: usize = 64 * 1024;
/// Timeout of a close handshake that the peer does not answer.
pub const CLOSE_HANDSHAKE: Duration = Duration::from_secs(2);
/// Accepted connections whose handshake is not finished, over the whole server.
pub const HALF_OPEN: usize = 1024;
/// File descriptors that devices leave to other purposes if the limit is high: half-open connections, HTTP, storage,
/// logs, plugins, and connections to providers.
pub const RESERVED_FILES: usize = 4096;
/// The minimum of these, in addition to the descriptors that are open before serving starts.
pub const RESERVED_FILES_MIN: usize = 32;
/// `Retry-After` of a device that is rejected at the device limit: other connections end meanwhile.
pub const DEVICE_LIMIT_RETRY_AFTER: Duration = Duration::from_secs(30);
/// `Retry-After` of a device that comes to a node which hands its devices over: the balancer leads it elsewhere.
pub const EVACUATING_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Expiry of a certificate is warned of this many days ahead: renewals usually happen 30 days ahead.
pub const CERTIFICATE_WARNING_DAYS: i64 = 14;
/// Backlog of a listener; the kernel may reduce it.
pub const BACKLOG: u32 = 4096;
/// Pause after a failed accept (no file descriptors left).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Connections on the HTTP port, over the whole server.
pub const HTTP_CONNECTIONS: usize = 256;
/// Of these, the quota of one address without the operators' token; an office of 200 devices sends its requests spread
/// over milliseconds.
pub const HTTP_ADDRESS_QUOTA: usize = 128;
/// Provisional slots in addition to `HTTP_CONNECTIONS`: their requests are read, in case they are health checks or from
/// operators.
pub const HTTP_RESERVE: usize = 64;
/// Protects a connection of the HTTP port that has sent no request yet from eviction: a request follows its connection
/// within a round trip.
pub const HTTP_GRACE: Duration = Duration::from_secs(1);
/// How long a provisional connection waits for a regular slot before it is answered 503.
pub const HTTP_SLOT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a request body on the HTTP port, for what arrives slower than [`HTTP_BODY_RATE`].
pub const HTTP_BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request body that extend its timeout and the lifetime of its connection by a second: a plugin or a sound
/// over a slow link takes longer than the timeout, and one that trickles does not.
pub const HTTP_BODY_RATE: u32 = 32 * 1024;
/// While slots are exhausted, handshakes of devices become evictable after this time: over a slow link one takes less.
pub const HANDSHAKE_GRACE: Duration = Duration::from_secs(2);
/// Half-open connections of one address beyond which they are evicted at once in favour of other addresses.
pub const HALF_OPEN_ADDRESS_QUOTA: usize = 256;
/// How often a connection that waits for a slot checks again without a notification.
pub const SLOT_RECHECK: Duration = Duration::from_millis(50);
/// Interval between log lines about exhausted slots.
pub const SLOT_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Lifetime of a connection on the HTTP port, so that a client that reads no response releases its slot; requests take
/// seconds, and pages that watch reconnect by themselves.
pub const HTTP_CONNECTION_LIFETIME: Duration = Duration::from_secs(300);
/// Messages that a connection handles before it yields, where those of more than a KiB count for several: under 0.1 ms
/// of work.
pub const READ_BURST: usize = 16;
/// A connection that has ended may take this long to deliver its backlog to the session.
pub const BACKLOG_DRAIN: Duration = Duration::from_secs(10);
/// Delay before the keepalive timer fires again for a frame that is due and not yet written.
pub const KEEPALIVE_RECHECK: Duration = Duration::from_millis(10);
/// How often a connection polls the kernel for acknowledged bytes while ack markers wait: a few round trips of a good
/// Wi-Fi.
pub const ACK_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Write buffer of a connection: enough for a batch of replies in one system call.
pub const WRITE_BUFFER_BYTES: usize = 4096;
/// On shutdown, how long connections may take to end.
pub const DRAIN: Duration = Duration::from_secs(10);
/// On a restart with socket handover, how long handshakes in progress may take.
pub const HANDOVER_HANDSHAKES: Duration = Duration::from_secs(1);
/// On shutdown, how long running HTTP requests may take.
pub const HTTP_DRAIN: Duration = Duration::from_secs(1);
/// Default port for devices.
pub const DEVICE_PORT: u16 = 8004;
/// Default port for HTTP.
pub const HTTP_PORT: u16 = 8003;
/// Offset of the devices' clocks from UTC, in minutes: China.
pub const TIMEZONE_OFFSET_MIN: i32 = 480;
/// Number of generated device ids; eight digits.
pub const GENERATED_IDS: u32 = 100_000_000;

// --- Sign-in -------------------------------------------------------------------------------------

/// Failed sign-ins logged per second; the others are counted.
pub const SIGN_IN_LOG_LINES: u32 = 20;
/// Lines per second about connections that begin, that end, and about OTA requests, each; the others are counted.
pub const CONNECTION_LOG_LINES: u32 = 200;
/// Wrong secrets of operator commands from one address within `SECRET_WINDOW`: an operator mistypes once or twice.
pub const SECRET_FAILURES: u32 = 5;
/// Window of `SECRET_FAILURES`.
pub const SECRET_WINDOW: Duration = Duration::from_secs(60);
/// Addresses whose wrong secrets are counted: about 256 KiB.
pub const SECRET_FAILURE_ADDRESSES: usize = 4096;
/// Maximum number of hops of a forwarded request that are evaluated.
pub const FORWARDED_HOPS: usize = 32;

// --- Software that devices report -----------------------------------------------------------------

/// Length to which the name and the version that a device reports are truncated.
pub const SOFTWARE_CHARACTERS: usize = 64;
/// Devices whose firmware version from their last OTA request is kept, since they report it there only. Some 300 bytes
/// each.
pub const SOFTWARE_TABLE_DEVICES: usize = 10_000;

// --- Operators -----------------------------------------------------------------------------------

/// How often key files are checked for changes that revoke sign-ins: they are re-read after 10 s, and a check is one
/// system call per file.
pub const KEY_FILE_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Sign-ins that are re-checked concurrently: each may need a request to an identity provider.
pub const CONCURRENT_RECHECKS: usize = 16;
