//! Limits of sessions: default times, depths and sizes, each with its unit and its reason. Rule: no other file of this
//! crate defines one; configurable values default to these.

use std::time::Duration;

pub use modehost_limits::{
    CHECKPOINT, EFFECTS, ENDPOINT_DEBOUNCE, HIBERNATE_AFTER, IDLE_BUFFER, IDLE_TIMEOUT, IDLE_WARNINGS, JSON_DEPTH,
    LIVE_INSTANCES, MIGRATIONS_PER_SECOND, RESUME_MESSAGES, RESUME_WINDOW, SESSION_SOFT_LIMIT, SPEECH_BYTES,
    SPEECH_SENTENCES, STATE_SAMPLE_SESSIONS, STORAGE_BACKOFF, STORAGE_TIMEOUT, TAKEOVER_LINGER, TOOL_CALL_TIMEOUT,
    TOOL_CALLS, TOOL_LIST_BACKOFF, TOOL_LIST_TIMEOUT, TOOL_PAGES,
};

// --- Sessions ------------------------------------------------------------------------------------

/// Messages are sent to a new connection once it has got its answer to `hello`, which every client expects first; a
/// connection that sends no `hello` is served after this time.
pub const HELLO_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of messages kept for a device that is expected to reconnect.
pub const PENDING_BYTES: usize = 256 * 1024;
/// Sentences left by a lost connection are shown on the next one within this time, even while the user speaks.
pub const MISSED_SPEECH: Duration = Duration::from_secs(10);
/// How long an expired session may take in all to answer its last requests.
pub const LINGER: Duration = Duration::from_secs(600);
/// An instance that only handles message types is kept this long after its last event: one instance serves a burst, and
/// when thousands of devices connect at once their instances do not pile up.
pub const HANDLER_LINGER: Duration = Duration::from_millis(250);
/// Messages queued for a session. A device sends 17 audio frames and a few messages a second.
pub const SESSION_QUEUE: usize = 64;
/// Events kept since the last snapshot, for replay after a trap; then a new snapshot is taken.
pub const REPLAY_EVENTS: usize = 16;
/// Events kept for replay while a mode fails to take snapshots; beyond it, the mode gets no further events.
pub const UNSAVED_EVENTS: usize = 4 * REPLAY_EVENTS;
/// Bytes of these events.
pub const UNSAVED_BYTES: usize = 8 * REPLAY_BYTES;
/// Bytes of events kept for replay.
pub const REPLAY_BYTES: usize = 32 * 1024;
/// Events kept while a new generation is on trial, for an exact rollback. A busy device sends 17 a second for the 30 s
/// of a trial.
pub const TRIAL_EVENTS: usize = 512;
/// Bytes of events kept while a new generation is on trial.
pub const TRIAL_BYTES: usize = 256 * 1024;
/// Events kept for an exact rollback after the trial, for a late one.
pub const PROVEN_EVENTS: usize = 32;
/// Bytes of these events and of the state at the swap.
pub const PROVEN_BYTES: usize = 8 * 1024;
pub use modehost_limits::{TIMER_LEAST, TIMER_MOST};
/// Timers that one handler may have running.
pub const TIMERS: usize = 64;
/// Requests that one handler may have open.
pub const REQUESTS: usize = 32;
/// Documents that one handler may watch.
pub const WATCHES: usize = 32;
/// `dispatch` and `switch-mode` effects that one message may trigger in all, against loops.
pub const CASCADE: usize = 16;
/// Events that the host itself may send to the modes of a session after one message (failed requests, mostly), against
/// loops: four full lists of effects.
pub const HOST_REPLIES: usize = 4 * EFFECTS;
/// Time after which a session yields its thread to others.
pub const SESSION_TURN: Duration = Duration::from_millis(2);
/// How long a session waits for others to hibernate before its event fails.
pub const PERMIT_PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting session asks again for others to hibernate.
pub const PERMIT_REMINDER: Duration = Duration::from_millis(10);
/// Streamed speech ends when no further text has come for this time: a slow model pauses for seconds between sentences,
/// and a device must not stay in its speaking state for ever.
pub const SPEECH_GAP: Duration = Duration::from_secs(30);
/// Devices that one delivery reaches: fewer than `WRITER_QUEUE`, so that all of them can be offline.
pub const DELIVERY_DEVICES: usize = 4_000;

// --- Alerts, turns and redelivery ----------------------------------------------------------------

/// A user who has been alerted to a fault is not alerted to it again for this long.
pub const ALERT_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Turns of a session that operators can still see.
pub const RECENT_TURNS: usize = 8;
/// Log lines about turns that one session writes a second: nobody speaks or types faster; others are counted.
pub const TURN_LOG_LINES: u32 = 5;
/// Characters that are logged of the reason of an interruption, which a device may have given.
pub const TURN_WHY_CHARACTERS: usize = 64;
/// Alerts that are remembered, over all devices.
pub const ALERTS_REMEMBERED: usize = 50_000;
/// After a takeover in the middle of a backlog: how long the old connection may still acknowledge messages. Those that
/// it does not acknowledge are sent again.
pub const ACK_GRACE: Duration = TAKEOVER_LINGER;
/// How long a delivery receipt is queued for a sender that is offline itself.
pub const RECEIPT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

// --- Operators -----------------------------------------------------------------------------------

/// How long a session may take to end when its device is forgotten: the timeout of a pending write, and a margin.
pub const FORGET_SESSION: Duration = Duration::from_secs(15);
/// How long a device gets no session here after it was let go, unless another node claims it earlier.
pub const MOVING: Duration = Duration::from_secs(2);
/// Observers of calls and turns at the same time: several operators with several pages.
pub const OBSERVERS: usize = 32;
/// Records that wait for one observer: a burst of a second of one busy plugin.
pub const OBSERVED_QUEUE: usize = 256;
/// Length to which each text of a call is cut that an observer is shown, in bytes.
pub const OBSERVED_TEXT_BYTES: usize = 2_000;
/// States of more bytes are shown by their size only.
pub const OBSERVED_STATE_BYTES: usize = 16 * 1024;

// --- Plugins -------------------------------------------------------------------------------------

/// How long sessions in memory may take to send samples of their state.
pub const STATE_SAMPLE_PATIENCE: Duration = Duration::from_millis(500);
/// Sessions that migrate to a new generation at the same time. More of them contend for the address space of the
/// process and delay the messages of all others.
pub const MIGRATION_BATCH: usize = 4;
/// How long a migration batch waits for a busy session, which then migrates at its next event.
pub const MIGRATION_PATIENCE: Duration = Duration::from_millis(50);
/// A handler that faults is stopped for this long, doubling up to `BACKOFF_MAX`.
pub const BACKOFF: Duration = Duration::from_secs(1);
/// Longest stop of a handler that keeps faulting.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Consecutive faults before a handler is stopped.
pub const FAULTS_FREE: u32 = 3;
/// Times to the first sound that are kept until somebody takes them.
pub const FIRST_SOUNDS: usize = 1_000;
