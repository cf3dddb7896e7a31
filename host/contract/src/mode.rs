//! Instances and generations of modes. Rule: an instance is owned by one session and called by it alone; every failure
//! inside is returned as a [`Fault`].

use std::sync::Arc;

use modehost_ids::{GenerationId, PluginId};
use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::event::Event;
use crate::mode_info::ModeInfo;

/// Time and randomness for one event; a mode has no other source of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Unix ms; never decreases within a session.
    pub now: u64,
    /// 64 random bits.
    pub seed: u64,
}

/// The state of an instance, from which another can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of the state's format, defined by the plugin.
    pub schema: u32,
    /// The state, opaque to the host.
    pub state: Vec<u8>,
}

/// An error for the device: the input was invalid, the mode is not at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// A machine-readable error code.
    pub code: String,
    /// A readable message.
    pub message: String,
    /// After how many ms a retry may succeed; none where time does not help.
    pub retry_after_ms: Option<u32>,
}

/// Why a call returned nothing. All but `Rejected` and `Capacity` count against the plugin; after all but `Rejected`,
/// `Failed` and `Restore` the instance must be dropped, since its store is poisoned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The guest rejected the input.
    #[error("rejected the input: {} ({})", .0.message, .0.code)]
    Rejected(Rejection),
    /// The guest returned an error.
    #[error("reported a failure: {0}")]
    Failed(String),
    /// The guest trapped.
    #[error("trapped: {0}")]
    Trapped(String),
    /// The call exceeded its time budget, in ms.
    #[error("ran longer than {0} ms")]
    TimedOut(u64),
    /// The guest exceeded its memory limit.
    #[error("exceeded its memory limit")]
    OutOfMemory,
    /// The effects failed their checks.
    #[error("returned invalid effects: {0}")]
    BadEffects(String),
    /// The guest did not accept the snapshot.
    #[error("refused the snapshot: {0}")]
    Restore(String),
    /// The guest did not accept its configuration.
    #[error("refused its configuration: {0}")]
    Configure(String),
    /// The component could not be instantiated.
    #[error("could not be opened: {0}")]
    Open(String),
    /// The host has no capacity for an instance. It says nothing about the plugin.
    #[error("no capacity for an instance: {0}")]
    Capacity(String),
}

impl Fault {
    /// Every label, for metrics that exist from the start.
    pub const LABELS: [&str; 10] =
        ["rejected", "failed", "trap", "timeout", "memory", "effects", "restore", "configure", "open", "capacity"];

    /// A short label for metrics; one of [`Self::LABELS`].
    pub fn label(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Failed(_) => "failed",
            Self::Trapped(_) => "trap",
            Self::TimedOut(_) => "timeout",
            Self::OutOfMemory => "memory",
            Self::BadEffects(_) => "effects",
            Self::Restore(_) => "restore",
            Self::Configure(_) => "configure",
            Self::Open(_) => "open",
            Self::Capacity(_) => "capacity",
        }
    }

    /// False where the input or the host is to blame.
    pub fn is_plugin_fault(&self) -> bool {
        !matches!(self, Self::Rejected(_) | Self::Capacity(_))
    }
}

/// One instance of one mode, owned by one session. Dropping it frees its memory.
pub trait Instance: Send {
    /// Handles one event; returns effects that have been checked. Synchronous, bounded in time.
    ///
    /// # Errors
    /// See [`Fault`]; after a poisoning one the instance must be dropped.
    fn handle(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault>;

    /// The state between two events.
    ///
    /// # Errors
    /// If the guest traps or exceeds a limit.
    fn snapshot(&mut self) -> Result<Snapshot, Fault>;

    /// Bytes of linear memory that it holds.
    fn memory_used(&self) -> usize;
}

/// One published generation of a plugin. Instances keep the compiled code alive.
pub trait Generation: Send + Sync {
    /// A counter over the life of the process.
    fn id(&self) -> GenerationId;

    /// The plugin's manifest.
    fn manifest(&self) -> &Manifest;

    /// SHA-256 of the component in hex. Two generations with the same code differ in their configuration and grants
    /// only, so a session reconfigures its handler between them instead of migrating it.
    fn code(&self) -> &str;

    /// The plugin's section of the configuration as JSON, with which instances are configured.
    fn config(&self) -> Arc<str>;

    /// A new, configured instance.
    ///
    /// # Errors
    /// If it cannot be instantiated or rejects its configuration.
    fn open(&self) -> Result<Box<dyn Instance>, Fault>;

    /// A configured instance that continues from a snapshot.
    ///
    /// # Errors
    /// As `open`, and [`Fault::Restore`] if the guest does not accept the snapshot.
    fn restore(&self, snapshot: &Snapshot) -> Result<Box<dyn Instance>, Fault>;
}

/// Which mode gets recognised speech while a plugin's mode runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoicePolicy {
    /// This mode only, unless it declines; the mode records what is said.
    Exclusive,
    /// This mode first; what it declines goes to the default mode.
    FirstRefusal,
    /// The default mode.
    None,
}

/// Events that a plugin gets only if it has subscribed to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subscriptions {
    /// `attached` and `detached`.
    pub attachment: bool,
    /// `hello`.
    pub hello: bool,
    /// `mode-changed`.
    pub mode_change: bool,
    /// `modes`.
    pub modes: bool,
}

/// The manifest of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    /// The plugin.
    pub id: PluginId,
    /// The version of the plugin, chosen by its author.
    pub version: String,
    /// The modes that it implements.
    pub modes: Vec<ModeInfo>,
    /// Types of device messages that it handles.
    pub message_types: Vec<String>,
    /// Who gets recognised speech while its mode runs.
    pub voice: VoicePolicy,
    /// Snapshot schemas that it can restore.
    pub snapshot_schemas: Vec<u32>,
    /// JSON Schema of the plugin's configuration section.
    pub config_schema: String,
    /// Events that it has subscribed to.
    pub subscriptions: Subscriptions,
}
