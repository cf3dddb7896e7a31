//! All default times, depths and sizes, each with its unit and the reason for the figure.
//!
//! Rule: no other file holds a number of this kind; what an operator can change starts from here.

#![warn(missing_docs)]

mod breaker;
mod model;
mod operators;
mod plugins;
pub mod sound;
mod storage;
mod tools;

use std::time::Duration;

pub use breaker::*;
pub use model::*;
pub use operators::*;
pub use plugins::*;
pub use storage::*;
pub use tools::*;

// --- Devices and their connections -----------------------------------------------------------

/// Handshake until the 101: firmware gives up after 10 s itself.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Largest message from a device. Firmware cannot send more than 65,535 bytes a frame; desktop
/// clients send logs, so four times the largest snapshot.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Read buffer of a connection: tungstenite zero-fills it at every read and keeps it.
pub const READ_BUFFER_BYTES: usize = 4096;
/// Messages that have begun and are not whole, over all connections: 128 of the largest. Then the connection that
/// holds most is closed.
pub const UNFINISHED_BYTES: usize = 128 * 1024 * 1024;
/// What one connection may hold of such a message without its being counted; firmware's messages are smaller.
pub const UNFINISHED_FREE: usize = 64 * 1024;
/// Nesting of JSON from a device; serde_json stops at 128, guests have small stacks.
pub const JSON_DEPTH: usize = 64;
/// Text and audio waiting for a device. A minute of 60 ms audio frames is 1,000.
pub const OUTBOX_FRAMES: usize = 256;
/// Bytes waiting for a device.
pub const OUTBOX_BYTES: usize = 2 * 1024 * 1024;
/// One write to a device may take this long before it counts as gone.
pub const WRITE: Duration = Duration::from_secs(10);
/// The old socket of a device that connected anew stays open, so that dictation is not cut.
pub const TAKEOVER_LINGER: Duration = Duration::from_millis(1500);
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
/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);
/// How often the files of a certificate are looked at: a renewed one is in use well within the days
/// that it is renewed early.
pub const TLS_LOOK: Duration = Duration::from_secs(5);
/// Connections that the kernel holds for us until they are accepted; the kernel may cut it.
pub const BACKLOG: u32 = 4096;
/// Pause after the system has refused to accept a connection (no file descriptors left).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Request line and headers of one request. Browsers send 1 to 2 KiB.
pub const REQUEST_HEAD_BYTES: usize = 16 * 1024;
/// Body of an OTA request; firmware sends about 2 KiB.
pub const OTA_BODY_BYTES: usize = 64 * 1024;
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
/// A device that was sent nothing for this long is sent something: firmware calls a channel dead
/// after 120 s without data, and 100 s is promised.
pub const SILENCE: Duration = Duration::from_secs(95);
/// A device that nothing was heard of for this long, and for `IDLE_BUFFER` beyond, is closed: people
/// take breaks of some minutes, and firmware connects anew at the next word.
pub const IDLE: Duration = Duration::from_secs(600);
/// What is added to `IDLE`, whatever the mode.
pub const IDLE_BUFFER: Duration = Duration::from_secs(60);
/// How long before the end a device is warned.
pub const IDLE_WARNINGS: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(10)];
/// Messages that a connection takes in one go before others have their turn, where those of more than a
/// KiB count for several: under 0.1 ms of work.
pub const READ_BURST: usize = 16;
/// Messages that a connection holds while its session's queue is full; then it stops reading.
pub const PENDING_MESSAGES: usize = 64;
/// Bytes of the messages that a connection holds while its session's queue is full.
pub const PENDING_BYTES: usize = 256 * 1024;
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

// --- Sign-in ----------------------------------------------------------------------------------

/// A token. Those of identity providers have 1 to 4 KiB.
pub const TOKEN_BYTES: usize = 8 * 1024;
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
/// A provider that could not be reached is not asked again for this long: callers are refused at
/// once then, instead of filling the places of the handshake.
pub const IDENTITY_BACKOFF: Duration = Duration::from_secs(1);
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
/// A file with keys is read again after this time.
pub const KEY_FILE_TTL: Duration = Duration::from_secs(10);
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

// --- Sessions -----------------------------------------------------------------------------

/// A session waits this long for its device to come back.
pub const RESUME_WINDOW: Duration = Duration::from_secs(120);
/// A new connection is spoken to when it has said hello, which every client expects to be the
/// first thing answered; one that says nothing is spoken to after this time.
pub const ARRIVAL: Duration = Duration::from_millis(500);
/// Messages kept for a device that is expected back.
pub const HELD_MESSAGES: usize = 64;
/// Bytes kept for a device that is expected back.
pub const HELD_BYTES: usize = 256 * 1024;
/// Sentences that a lost connection has left are shown on the next one by then, whoever speaks.
pub const KEPT_SPEECH: Duration = Duration::from_secs(10);
/// Sessions beyond which one that no mode has anything in ends with its connection: twice what a server is
/// made for, so that only a flood of made-up devices gets there. Each takes some 10 KiB.
pub const SESSIONS_AT_EASE: usize = 20_000;
/// A session that answers after its device is gone may take this long in all.
pub const LINGER: Duration = Duration::from_secs(600);
/// An idle session's mode gives its memory back after this time.
pub const HIBERNATE_AFTER: Duration = Duration::from_secs(60);
/// An instance that only handles message types is kept this long after its last event: a burst is
/// served by one, and when thousands connect at once their instances do not pile up.
pub const HANDLER_LINGER: Duration = Duration::from_millis(250);
/// Messages waiting for a session. A device sends 17 audio frames and a few messages a second.
pub const SESSION_QUEUE: usize = 64;
/// State that no durable effect has written is at most this much behind on a kill.
pub const CHECKPOINT: Duration = Duration::from_secs(2);
/// Events kept since the last snapshot, for replay after a trap; then a snapshot is taken.
pub const REPLAY_EVENTS: usize = 16;
/// Events kept for replay of a mode that gives no snapshot; then it is told no more.
pub const UNSAVED_EVENTS: usize = 4 * REPLAY_EVENTS;
/// Bytes of them.
pub const UNSAVED_BYTES: usize = 8 * REPLAY_BYTES;
/// Bytes of events kept for replay.
pub const REPLAY_BYTES: usize = 32 * 1024;
/// Events kept while a new generation is on trial, for an exact way back. A busy device sends 17
/// a second for the 30 s of a trial.
pub const TRIAL_EVENTS: usize = 512;
/// Bytes of events kept while a new generation is on trial.
pub const TRIAL_BYTES: usize = 256 * 1024;
/// Events that are kept for the exact way back once the trial is over, for what comes late.
pub const PROVEN_EVENTS: usize = 32;
/// Bytes of them, and of the state at the swap.
pub const PROVEN_BYTES: usize = 8 * 1024;
/// Shortest delay of a timer: a mode that starts it anew each time it rings is woken fifty times a second then,
/// and does not take a thread for itself.
pub const TIMER_LEAST: Duration = Duration::from_millis(20);
/// Longest delay of a timer: ten years, so that adding it to a time cannot overflow.
pub const TIMER_MOST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Timers that one handler may have running.
pub const TIMERS: usize = 64;
/// Requests that one handler may have open.
pub const REQUESTS: usize = 32;
/// Documents that one handler may watch.
pub const WATCHES: usize = 32;
/// `dispatch` and `switch-mode` effects that one message may set off in all, against loops.
pub const CASCADE: usize = 16;
/// Answers that the host gives itself (refused requests, mostly) to the modes of a session after one
/// message, against loops: four whole lists of effects.
pub const OWN_ANSWERS: usize = 4 * EFFECTS;
/// Work of one session after which others have their turn on its thread.
pub const SESSION_TURN: Duration = Duration::from_millis(2);
/// How long a request to the storage may take before the device is told.
pub const STORAGE_REPLY: Duration = Duration::from_secs(5);
/// Before a session asks a storage again that had too much to do.
pub const STORAGE_PAUSE: Duration = Duration::from_millis(50);

/// How long a session waits for others to hibernate before its event fails.
pub const PERMIT_PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting session asks again for others to hibernate.
pub const PERMIT_REMINDER: Duration = Duration::from_millis(10);

/// An answer that is said in pieces ends when no further piece has come for this time: a slow model
/// pauses for seconds between sentences, and a device must not stay in its speaking state for ever.
pub const SPEECH_GAP: Duration = Duration::from_secs(30);
/// Devices that one delivery reaches: fewer than `WRITER_QUEUE`, so that all of them can be away.
pub const DELIVERY_DEVICES: usize = 4_000;

// --- Models and what is asked of others -------------------------------------------------------

/// Purposes that metrics and log lines call by their names beside the configured ones: modes choose
/// them, and labels must be few.
pub const MODEL_PURPOSES: usize = 32;
/// Name of such a purpose, in bytes.
pub const MODEL_PURPOSE_BYTES: usize = 32;
/// Tools that one question to a model may offer; more than a handful confuse small models, and
/// providers refuse more than 128.
pub const MODEL_TOOLS: usize = 128;
/// Name of a tool; the longest that providers take.
pub const TOOL_NAME_BYTES: usize = 128;
/// The same as services of models take it.
pub const MODEL_TOOL_NAME_BYTES: usize = 64;
/// Kind of an archive entry, which names a folder.
pub const ARCHIVE_KIND_BYTES: usize = 64;
/// The list of a folder of finished work: some hundred bytes an entry, and whatever else a person keeps there.
pub const ARCHIVE_INDEX_BYTES: usize = 64 * 1024 * 1024;
/// A file of finished work that is read again. A day of speech takes 10 MiB.
pub const ARCHIVE_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Id of an archive entry, which names files: file systems take 255 bytes with the ending and with
/// what a temporary file adds.
pub const ARCHIVE_ID_BYTES: usize = 128;
/// Name of the sender in the signature header of a webhook.
pub const HOOK_SENDER_BYTES: usize = 32;
/// How long a person who was told of a fault is not told of it again.
pub const TROUBLE_TOLD_AGAIN: Duration = Duration::from_secs(60 * 60);
/// What is shown of the name and the version that a device gives itself.
pub const AGENT_CHARACTERS: usize = 64;
/// Devices whose firmware is remembered from their last question for the address: it says so there alone. Some 300 bytes
/// each.
pub const FIRMWARE_KNOWN: usize = 10_000;
/// Turns of a session that operators can still look at.
pub const TURNS_KEPT: usize = 8;
/// Lines about turns that one session writes a second: nobody speaks or types faster; others are counted.
pub const TURN_LOG_LINES: u32 = 5;
/// What is shown of the reason of an interruption, which a device may have given.
pub const TURN_WHY_CHARACTERS: usize = 64;
/// Faults of devices that are remembered as told.
pub const TROUBLES_REMEMBERED: usize = 50_000;
/// Devices about which something is remembered for good; those learnt of first go first.
pub const DEVICE_FACTS: u64 = 100_000;
/// How often it is written down that a device which comes every day is still there.
pub const DEVICE_SEEN: Duration = Duration::from_secs(24 * 60 * 60);
/// The database, in MiB: far more than a house fills in years, and less than the disk of a small machine.
pub const STORAGE_MIB: u32 = 4096;
/// Messages that wait for devices which are away, in MiB: an eighth of the database, so that a flood of them
/// leaves room for everything else.
pub const QUEUE_MIB: u32 = 512;
/// Those of them that one device has sent, in MiB: sixteen such devices fill the queue, and one does not.
pub const QUEUE_SENDER_MIB: u32 = 32;
/// The same as a count: two deliveries to as many devices as one delivery reaches, and some.
pub const QUEUE_SENDER_MESSAGES: u64 = 10_000;
/// Expired messages that are cleared at once where room is scarce: some milliseconds.
pub const QUEUE_CLEARED: u32 = 1_024;
/// Messages kept for a device that is away; the oldest goes first.
pub const QUEUE_PER_DEVICE: u32 = 100;
/// Expired messages of other devices cleared with each new one: more than one, so they run out.
pub const QUEUE_SWEEP: u32 = 8;
/// Bytes of the messages that are read from the queue at once and are on their way to a returning
/// device: well under `OUTBOX_BYTES`, so that a slow device does not count as too slow by it. The
/// message that reaches it is the last.
pub const QUEUE_PAGE_BYTES: usize = 256 * 1024;
/// Messages read from the queue at once; fewer than `OUTBOX_FRAMES`.
pub const QUEUE_PAGE: usize = 128;
/// A device that comes back on a new connection while it is being handed what waited for it: how
/// long the old connection may still say what arrived. What is open then is sent again.
pub const HAND_OVER_LEFT: Duration = TAKEOVER_LINGER;
/// Messages in the file that takes over where the database cannot be used: it is rewritten as a
/// whole, and 10,000 short ones are about 3 MB.
pub const SPARE_MESSAGES: usize = 10_000;
/// Bytes of the messages in that file.
pub const SPARE_BYTES: usize = 16 * 1024 * 1024;
/// Of that file, one sender has this part at the most.
pub const SPARE_SHARE: usize = 8;
/// The file itself: JSON writes some characters as six.
pub const SPARE_FILE_BYTES: usize = 6 * SPARE_BYTES + 256 * SPARE_MESSAGES;
/// How often the database is asked whether it takes messages again.
pub const SPARE_RETRY: Duration = Duration::from_secs(2);
/// How often it is said that the database, or the file itself, takes no messages: a sender tries many times.
pub const SPARE_TOLD_AGAIN: Duration = Duration::from_secs(60);
/// How long a device that is being handed messages from the file may take to say what arrived.
pub const SPARE_LENT: Duration = Duration::from_secs(30);
/// Calls that wait for the file, and at most as many are written at once.
pub const SPARE_JOBS: usize = 1024;
/// What a sender is told of a kept message; a type, an event and a few words.
pub const NOTICE_BYTES: usize = 4096;
/// How long a sender that is away itself may still be told that its message was handed over.
pub const NOTICE_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

// --- Webhooks ---------------------------------------------------------------------------------

/// One attempt in all, from connecting to the end of the answer.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Shortest pause before the one retry; by chance between this and `HOOK_RETRY_MOST`, so that what
/// failed together does not come back together.
pub const HOOK_RETRY_LEAST: Duration = Duration::from_secs(2);
/// Longest pause before the one retry.
pub const HOOK_RETRY_MOST: Duration = Duration::from_secs(5);
/// Posts to one hook at the same time.
pub const HOOK_CONCURRENT: usize = 4;
/// Posts that wait for their turn at one hook; each may hold a whole transcript.
pub const HOOK_WAITING: usize = 64;
/// Bytes of an answer that are read, so that the connection can be used again.
pub const HOOK_ANSWER_BYTES: usize = 64 * 1024;
/// An idle connection to a hook is kept this long.
pub const HOOK_IDLE: Duration = Duration::from_secs(30);

// --- Log files --------------------------------------------------------------------------------

/// After a failure to write a log file the next try waits so long; lines in between are counted.
pub const LOG_RETRY: Duration = Duration::from_secs(10);
/// How often old log files are looked for, beside each time that a new file begins.
pub const LOG_SWEEP: Duration = Duration::from_secs(60 * 60);

// --- Files that are watched -------------------------------------------------------------------

/// A file must be left alone this long before it is read: editors and compilers write in bursts.
pub const FILE_SETTLE: Duration = Duration::from_millis(100);
/// How often what is open or watched is compared with what its path leads to now: events are bound to the
/// folder that was there when the watch began. Some dozen looks at the file system each time.
pub const PATH_LOOK: Duration = Duration::from_secs(1);

// --- Files of the operator ----------------------------------------------------------------------

/// The configuration file, and schemas of plugins; one with ten thousand devices in groups has less than 2 MiB.
pub const CONFIG_BYTES: usize = 8 * 1024 * 1024;
/// A certificate with its chain, or its key; the longest chains have 20 KiB.
pub const CERTIFICATE_BYTES: usize = 1024 * 1024;

// --- A configuration on another machine ---------------------------------------------------------

/// One fetch in all: a start waits for it, and firmware waits 10 s for its answer.
pub const REMOTE_CONFIG: Duration = Duration::from_secs(5);
/// The text; a file with thousands of devices in groups has about 200 KiB.
pub const REMOTE_CONFIG_BYTES: usize = 1024 * 1024;

// --- Work beside the message path -----------------------------------------------------------

/// Threads for compiling plugins and other blocking work.
pub const MAX_BLOCKING: usize = 2;
/// Mode threads beyond the number of cores, so that guests that use up their whole budget do not
/// hold up all others.
pub const SPARE_MODE_THREADS: usize = 1;
/// Blocking work that has not ended this long after everything else is left behind at a stop.
pub const STOP: Duration = Duration::from_secs(3);
/// How often the storage is tried for `/readyz`: a small write to disk each time.
pub const HEALTH_LOOK: Duration = Duration::from_secs(5);
/// Looks in a row that must agree before `/readyz` changes its mind, so that one slow write turns
/// nobody away.
pub const HEALTH_AGREE: u32 = 2;
/// Signs of life within the time that the service manager waits for one.
pub const WATCHDOG_SHARE: u32 = 3;
/// How often the samples of histograms are put into their buckets.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How long a program may take to say its version before it is put in the place of the one that runs.
pub const PROGRAM_CHECK: Duration = Duration::from_secs(10);
/// Stack of a thread for long work. Readers of configurations go down as deep as a text is, up to 64 levels, and need
/// 32 KiB for each in a development build; pages that are not touched cost nothing.
pub const APART_STACK_BYTES: usize = 16 * 1024 * 1024;
/// Orders of operators that are carried out side by side.
pub const OPERATOR_ORDERS: usize = 4;
/// How long the command line waits for an answer of a running server.
pub const ADMIN_REPLY: Duration = Duration::from_secs(5);
/// The same where it may have to compile a plugin first.
pub const ADMIN_WORK: Duration = Duration::from_secs(120);
/// Bytes of an answer of a running server that the command line reads.
pub const ADMIN_REPLY_BYTES: u64 = 16 * 1024 * 1024;
/// Trials of a plugin whose calls run out of time, before it is refused.
pub const PROBE_ATTEMPTS: u32 = 3;
/// Live instances of the runtime that looks at single plugin files: the two of a probe, and spare.
pub const PROBE_INSTANCES: usize = 8;
