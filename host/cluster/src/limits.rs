//! Limits between nodes: times, depths and sizes, each with its unit and its reason. Rule: no other file of this crate
//! defines a constant of this kind.

use std::time::Duration;

/// How long the start waits for NATS.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long the start waits for NATS servers that have no leader, or too few peers, yet.
pub const ENGINE_START: Duration = Duration::from_secs(15);
/// How long NATS may take to answer a question about streams and consumers.
pub const ENGINE_ANSWER: Duration = Duration::from_secs(5);
/// How long NATS may take to acknowledge a command. The command is then sent again, under the same id.
pub const ACKNOWLEDGE: Duration = Duration::from_secs(2);
/// Pause before a command is sent again, and before the log is read again after a failure.
pub const RETRY: Duration = Duration::from_millis(250);
/// Commands sent and not acknowledged.
pub const IN_FLIGHT: usize = 1024;
/// Commands that wait to be sent.
pub const WAITING: usize = 4096;
/// Entries applied in one transaction.
pub const APPLY_AT_ONCE: usize = 512;
/// Largest entry that NATS has to accept: a batch with many writes, or a session with large states.
pub const ENTRY_BYTES: usize = 8 * 1024 * 1024;
/// How long NATS remembers ids of commands, to drop those that are sent twice.
pub const DUPLICATES: Duration = Duration::from_secs(120);
/// Interval of heartbeats.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// A node that is not heard of for this long counts as dead.
pub const DEAD: Duration = Duration::from_secs(5);
/// How long a new node listens for the others before it takes up sessions.
pub const LISTEN: Duration = Duration::from_millis(2500);
/// Interval at which sessions that nobody serves are looked for, beside each change of the living.
pub const LOOK: Duration = Duration::from_secs(10);
/// How long a device that connects waits for a lost connection to NATS; less than devices wait for their `hello`.
pub const RECONNECT: Duration = Duration::from_secs(3);
/// How long a device that connects where it was served last waits for the log to confirm that; then it is refused for
/// the moment. NATS that is away, or has no majority, is known as such and not waited for.
pub const CONFIRM: Duration = Duration::from_secs(4);
/// How long a node may take to save a session that is to move.
pub const LET_GO: Duration = Duration::from_millis(300);
/// How long another node may take to answer.
pub const ANSWER: Duration = Duration::from_secs(1);
/// Requests of other nodes handled at the same time.
pub const REQUESTS: usize = 256;
/// Log entries beyond which the living node with the smallest id stores a snapshot and trims the log.
pub const TRIM_ENTRIES: u64 = 200_000;
/// The same in bytes.
pub const TRIM_BYTES: u64 = 512 * 1024 * 1024;
/// Entries that stay in the log after that: a node that was away for a moment does not need the snapshot.
pub const KEEP_ENTRIES: u64 = 20_000;
/// Interval of that check.
pub const TRIM_CHECK: Duration = Duration::from_secs(60);
/// How long another node may take to answer a call of the operators' API: some wait for devices, or for the compiler.
pub const CALL: Duration = Duration::from_secs(125);
/// Calls of other nodes handled at the same time, those included whose response goes on.
pub const CALLS: usize = 128;
/// Largest piece of a body.
pub const PIECE: usize = 512 * 1024;
/// How long a piece may take.
pub const BODY_ANSWER: Duration = Duration::from_secs(10);
/// After this much silence an empty piece says that the writer lives.
pub const BODY_SILENCE: Duration = Duration::from_secs(4);
/// A body that nobody pulls for this long is given up.
pub const BODY_IDLE: Duration = Duration::from_secs(30);
/// How often a piece is asked for whose subject NATS does not know, and the pause between.
pub const BODY_ATTEMPTS: u32 = 20;
/// See [`BODY_ATTEMPTS`].
pub const BODY_RETRY: Duration = Duration::from_millis(50);
/// Nodes that are gone, kept for operators to see.
pub const GONE: usize = 64;
/// Largest file of a plugin.
pub const COMPONENT_BYTES: u64 = modehost_limits::PLUGIN_FILE_BYTES;
/// Files that stay in NATS though no plugin has them any more: one that was just stored is not in the table yet.
pub const UNUSED_COMPONENTS: usize = 32;
/// How long a device that comes from another node waits for plugins that are on their way; less than devices wait for
/// their `hello`.
pub const COMPONENTS_READY: Duration = Duration::from_secs(4);
