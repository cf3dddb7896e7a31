//! Limits of sessions: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{
    BOUNCE, CHECKPOINT, EFFECTS, HELD_MESSAGES, HIBERNATE_AFTER, IDLE, IDLE_BUFFER, IDLE_WARNINGS, JSON_DEPTH,
    LIVE_INSTANCES, MIGRATIONS_PER_SECOND, RESUME_WINDOW, SESSIONS_AT_EASE, SPEECH_BYTES, SPEECH_SENTENCES,
    STATE_SAMPLE_SESSIONS, STORAGE_PAUSE, STORAGE_REPLY, TAKEOVER_LINGER, TOOL_CALL_REPLY, TOOL_CALLS, TOOL_LIST_REPLY,
    TOOL_PAGES, TOOL_SILENCE,
};

// --- Sessions ------------------------------------------------------------------------------------

/// A new connection is spoken to when it has said hello, which every client expects to be the
/// first thing answered; one that says nothing is spoken to after this time.
pub const ARRIVAL: Duration = Duration::from_millis(500);
/// Bytes kept for a device that is expected back.
pub const HELD_BYTES: usize = 256 * 1024;
/// Sentences that a lost connection has left are shown on the next one by then, whoever speaks.
pub const KEPT_SPEECH: Duration = Duration::from_secs(10);
/// A session that answers after its device is gone may take this long in all.
pub const LINGER: Duration = Duration::from_secs(600);
/// An instance that only handles message types is kept this long after its last event: a burst is
/// served by one, and when thousands connect at once their instances do not pile up.
pub const HANDLER_LINGER: Duration = Duration::from_millis(250);
/// Messages waiting for a session. A device sends 17 audio frames and a few messages a second.
pub const SESSION_QUEUE: usize = 64;
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
/// How long a session waits for others to hibernate before its event fails.
pub const PERMIT_PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting session asks again for others to hibernate.
pub const PERMIT_REMINDER: Duration = Duration::from_millis(10);
/// An answer that is said in pieces ends when no further piece has come for this time: a slow model
/// pauses for seconds between sentences, and a device must not stay in its speaking state for ever.
pub const SPEECH_GAP: Duration = Duration::from_secs(30);
/// Devices that one delivery reaches: fewer than `WRITER_QUEUE`, so that all of them can be away.
pub const DELIVERY_DEVICES: usize = 4_000;

// --- Models and what is asked of others ----------------------------------------------------------

/// How long a person who was told of a fault is not told of it again.
pub const TROUBLE_TOLD_AGAIN: Duration = Duration::from_secs(60 * 60);
/// Turns of a session that operators can still look at.
pub const TURNS_KEPT: usize = 8;
/// Lines about turns that one session writes a second: nobody speaks or types faster; others are counted.
pub const TURN_LOG_LINES: u32 = 5;
/// What is shown of the reason of an interruption, which a device may have given.
pub const TURN_WHY_CHARACTERS: usize = 64;
/// Faults of devices that are remembered as told.
pub const TROUBLES_REMEMBERED: usize = 50_000;
/// A device that comes back on a new connection while it is being handed what waited for it: how
/// long the old connection may still say what arrived. What is open then is sent again.
pub const HAND_OVER_LEFT: Duration = TAKEOVER_LINGER;
/// How long a sender that is away itself may still be told that its message was handed over.
pub const NOTICE_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

// --- Operators -----------------------------------------------------------------------------------

/// How long a session may take to end when its device is forgotten: a write that it waits for, and then some.
pub const FORGET_SESSION: Duration = Duration::from_secs(15);

// --- Plugins -------------------------------------------------------------------------------------

/// How long sessions in memory may take to give theirs.
pub const STATE_SAMPLE_PATIENCE: Duration = Duration::from_millis(500);
/// Sessions that move to a new generation at the same time. More of them contend for the address
/// space of the process and hold up the messages of all others.
pub const MIGRATION_BATCH: usize = 4;
/// How long the next ones wait for one that is busy; it moves at its next event.
pub const MIGRATION_PATIENCE: Duration = Duration::from_millis(50);
/// A handler that faults is stopped for this long, doubling up to `BACKOFF_MAX`.
pub const BACKOFF: Duration = Duration::from_secs(1);
/// Longest stop of a handler that keeps faulting.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Faults in a row that a handler has free before it is stopped.
pub const FAULTS_FREE: u32 = 3;
