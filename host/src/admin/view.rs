//! What operators are told, as the document of the interface describes it. Rule: made from what the
//! rooms know field by field, so that nothing of theirs shows, or goes missing, by accident.

use modehost_config::{Problems, Reloaded};
use modehost_plugin::catalog::status::PluginStatus;
use modehost_session::SessionInfo;
use serde::Serialize;
use utoipa::ToSchema;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Device id.
    device: String,
    /// Whether the device has a connection now.
    connected: bool,
    /// The mode that runs; null for the default mode.
    mode: Option<String>,
    /// Instances of plugins in memory.
    live_instances: usize,
}

impl From<SessionInfo> for SessionView {
    fn from(info: SessionInfo) -> Self {
        let SessionInfo { device, connected, mode, live_instances } = info;
        Self { device, connected, mode, live_instances }
    }
}

/// A version of a plugin, or a file that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginView {
    /// Empty if the file does not say.
    id: String,
    version: String,
    /// Version of the contract that it was built against; null for a refused file.
    track: Option<String>,
    /// Counts up with every version and every change of its settings; null for a refused file.
    generation: Option<u64>,
    /// First 8 hex digits of the SHA-256 of the file.
    sha8: String,
    file: String,
    state: StateView,
    /// Why it was refused or rolled back.
    reason: Option<String>,
    /// Share of the devices that a candidate serves, in percent.
    percent: Option<u8>,
    /// Unix time in ms.
    loaded_at: u64,
    /// Events that it was given.
    calls: u64,
    faults: u64,
    /// The last fault in its own words, such as the sentence of a panic.
    last_fault: Option<String>,
    /// Sessions that went back from it and have not been served by it since.
    sessions_gone_back: usize,
    modes: Vec<String>,
    message_types: Vec<String>,
    /// The grants in force.
    grants: Vec<String>,
}

/// What a version does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum StateView {
    /// Serves, and has proven itself.
    Active,
    /// Serves all, and has yet to prove itself.
    Trial,
    /// Serves a share of the devices.
    Candidate,
    /// The one before: sessions that the newer one fails go back to it.
    Fallback,
    /// Serves nobody; the one before it serves instead, also after a restart.
    RolledBack,
    /// Never served.
    Refused,
    /// Does not serve yet: its machine code is being made.
    Compiling,
}

impl From<PluginStatus> for PluginView {
    fn from(status: PluginStatus) -> Self {
        use modehost_plugin::catalog::status::PluginState;
        let PluginStatus {
            id,
            version,
            track,
            generation,
            sha8,
            file,
            state,
            reason,
            percent,
            loaded_at,
            calls,
            faults,
            last_fault,
            sessions_gone_back,
            modes,
            message_types,
            grants,
        } = status;
        let state = match state {
            PluginState::Active => StateView::Active,
            PluginState::Trial => StateView::Trial,
            PluginState::Candidate => StateView::Candidate,
            PluginState::Fallback => StateView::Fallback,
            PluginState::RolledBack => StateView::RolledBack,
            PluginState::Refused => StateView::Refused,
            PluginState::Compiling => StateView::Compiling,
        };
        let track = track.map(|track| track.version().to_owned());
        Self {
            id,
            version,
            track,
            generation,
            sha8,
            file,
            state,
            reason,
            percent,
            loaded_at,
            calls,
            faults,
            last_fault,
            sessions_gone_back,
            modes,
            message_types,
            grants,
        }
    }
}

/// What was asked for is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// Always true.
    ok: bool,
}

impl Done {
    /// Done.
    pub const OK: Self = Self { ok: true };
}

/// A new reading of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReloadedView {
    /// False if it says what it said before.
    changed: bool,
    /// Settings whose new values need a restart; the old ones stay.
    needs_restart: Vec<String>,
}

impl From<Reloaded> for ReloadedView {
    fn from(reloaded: Reloaded) -> Self {
        let Reloaded { changed, needs_restart } = reloaded;
        Self { changed, needs_restart }
    }
}

/// Something was not done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    /// One sentence that says why, and what to do.
    error: String,
}

impl Refusal {
    /// With its sentence.
    pub fn new(error: impl ToString) -> Self {
        Self { error: error.to_string() }
    }
}

/// A configuration that is not valid.
#[derive(Debug, Serialize, ToSchema)]
pub struct BadConfiguration {
    /// Always false.
    ok: bool,
    error: String,
    /// Everything that is wrong, each with its place.
    problems: Vec<String>,
}

impl From<&Problems> for BadConfiguration {
    fn from(problems: &Problems) -> Self {
        let problems = problems.0.iter().map(ToString::to_string).collect();
        Self { ok: false, error: "the configuration is not valid; nothing has changed".to_owned(), problems }
    }
}
