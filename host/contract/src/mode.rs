//! Instances and generations of modes. Rule: an instance is owned by one session and called by
//! it alone; whatever goes wrong inside comes out as a [`Fault`].

use std::sync::Arc;

use modehost_ids::{GenerationId, PluginId};
use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::event::Event;

/// What a mode may know of time and chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Unix ms; never decreases within a session.
    pub now: u64,
    /// 64 random bits.
    pub seed: u64,
}

/// State on its way from one instance to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub schema: u32,
    pub state: Vec<u8>,
}

/// An error for the device; the mode is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub code: String,
    pub message: String,
}

/// Why a call gave nothing. All but `Rejected` and `Capacity` count against the plugin; after all but
/// `Rejected`, `Failed` and `Restore` the instance must be dropped, since its store is poisoned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("rejected the input: {} ({})", .0.message, .0.code)]
    Rejected(Rejection),
    #[error("reported a failure: {0}")]
    Failed(String),
    #[error("trapped: {0}")]
    Trapped(String),
    #[error("ran longer than {0} ms")]
    TimedOut(u64),
    #[error("wanted more memory than it may have")]
    OutOfMemory,
    #[error("returned what it must not: {0}")]
    BadEffects(String),
    #[error("refused the snapshot: {0}")]
    Restore(String),
    #[error("refused its configuration: {0}")]
    Configure(String),
    #[error("could not be opened: {0}")]
    Open(String),
    /// The host has no room for an instance. It says nothing of the plugin.
    #[error("found no room for an instance: {0}")]
    Capacity(String),
}

impl Fault {
    /// Every word, for metrics that are there from the start.
    pub const LABELS: [&str; 10] =
        ["rejected", "failed", "trap", "timeout", "memory", "effects", "restore", "configure", "open", "capacity"];

    /// A short word for metrics; one of [`Self::LABELS`].
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

    /// False where the input is to blame, or the host.
    pub fn is_of_plugin(&self) -> bool {
        !matches!(self, Self::Rejected(_) | Self::Capacity(_))
    }
}

/// One instance of one mode, lent to one session. Dropping it frees its memory.
pub trait Instance: Send {
    /// Gives one event; returns effects that have been checked. Synchronous, bounded in time.
    ///
    /// # Errors
    /// See [`Fault`]; after a poisoning one the instance must be dropped.
    fn handle(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault>;

    /// The state between two events.
    ///
    /// # Errors
    /// If the guest traps or gives more than it may.
    fn snapshot(&mut self) -> Result<Snapshot, Fault>;
}

/// One published version of a plugin. Instances keep the compiled code alive.
pub trait Generation: Send + Sync {
    /// Counted over the life of the process.
    fn id(&self) -> GenerationId;

    /// What the plugin says of itself.
    fn manifest(&self) -> &Manifest;

    /// SHA-256 of the component in hex. Two generations of the same code differ in their
    /// configuration only, so live instances are told of it instead of being replaced.
    fn code(&self) -> &str;

    /// The plugin's section of the configuration as JSON, as instances are configured with it.
    fn config(&self) -> Arc<str>;

    /// A fresh, configured instance.
    ///
    /// # Errors
    /// If it cannot be instantiated or refuses its configuration.
    fn open(&self) -> Result<Box<dyn Instance>, Fault>;

    /// A configured instance that carries on from a snapshot.
    ///
    /// # Errors
    /// As `open`, and [`Fault::Restore`] if the guest does not take the snapshot.
    fn restore(&self, snapshot: &Snapshot) -> Result<Box<dyn Instance>, Fault>;
}

/// What becomes of recognised speech while a plugin's mode runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoicePolicy {
    Exclusive,
    FirstRefusal,
    None,
}

/// Events that come without being asked for by message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subscriptions {
    pub attachment: bool,
    pub hello: bool,
    pub mode_change: bool,
}

/// A mode that a plugin offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModeOffer {
    pub name: String,
    pub aliases: Vec<String>,
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    pub id: PluginId,
    pub version: String,
    pub modes: Vec<ModeOffer>,
    pub message_types: Vec<String>,
    pub voice: VoicePolicy,
    pub snapshot_schemas: Vec<u32>,
    /// JSON Schema of the plugin's section.
    pub config_schema: String,
    pub subscriptions: Subscriptions,
}
