//! Response types of the admin API, as its OpenAPI document describes them. Rule: built field by field from the types
//! of other crates, so that no field of theirs leaks or goes missing by accident.

use modehost_config::{Diagnostics, Reloaded};
use modehost_contract::mode_info::ModeInfo;
use modehost_plugin::catalog::status::PluginStatus;
use modehost_session::SessionInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A session.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Device id.
    device: String,
    /// Whether the device has a connection now.
    connected: bool,
    /// The active mode; null for the default mode.
    mode: Option<String>,
    /// Number of plugin instances in memory.
    live_instances: usize,
    /// The node of the cluster that has it; null where this server is alone.
    node: Option<String>,
}

impl SessionView {
    /// A session of this node.
    pub fn new(info: SessionInfo, node: Option<&str>) -> Self {
        let SessionInfo { device, connected, mode, live_instances } = info;
        Self { device, connected, mode, live_instances, node: node.map(str::to_owned) }
    }

    /// Its device.
    pub fn device(&self) -> &str {
        &self.device
    }
}

/// A generation of a plugin, or a rejected file.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PluginView {
    /// Empty if the file declares none.
    id: String,
    version: String,
    /// Contract version that it was built against; null for a rejected file.
    track: Option<String>,
    /// Increases with every loaded version and every change of its settings; null for a rejected file.
    generation: Option<u64>,
    /// First 8 hex digits of the SHA-256 of the file.
    sha8: String,
    file: String,
    state: StateView,
    /// Why it was rejected or rolled back.
    reason: Option<String>,
    /// Share of the devices served by a canary, in percent.
    percent: Option<u8>,
    /// Unix time in ms.
    loaded_at: u64,
    /// Number of events that it handled.
    calls: u64,
    faults: u64,
    /// The last fault in the plugin's own words, such as a panic message.
    last_fault: Option<String>,
    /// Sessions that rolled back from it and that it has not served since.
    sessions_gone_back: usize,
    modes: Vec<String>,
    /// Its modes as it offers them, in the same order.
    mode_offers: Vec<ModeOfferView>,
    message_types: Vec<String>,
    /// The grants in force.
    grants: Vec<String>,
    /// The nodes of the cluster where it stands so, whose counters are added up; empty where this server is alone.
    nodes: Vec<String>,
}

impl PluginView {
    /// As a node of a cluster tells it.
    pub fn of_node(self, node: Option<&str>) -> Self {
        Self { nodes: node.map(str::to_owned).into_iter().collect(), ..self }
    }

    /// Rows of several nodes: those about the same file in the same state become one.
    pub fn merge(rows: Vec<Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for row in rows {
            let is_same = |other: &&mut Self| {
                (&other.id, &other.sha8, other.state, other.percent) == (&row.id, &row.sha8, row.state, row.percent)
            };
            match merged.iter_mut().find(is_same) {
                None => merged.push(row),
                Some(known) => {
                    known.calls += row.calls;
                    known.faults += row.faults;
                    known.sessions_gone_back += row.sessions_gone_back;
                    known.last_fault = known.last_fault.take().or(row.last_fault);
                    known.reason = known.reason.take().or(row.reason);
                    known.nodes.extend(row.nodes);
                }
            }
        }
        merged
    }

    /// What decides whether somebody who looks has to be told: all but the counters of calls.
    pub fn digest(&self) -> String {
        let Self { id, generation, state, faults, percent, sha8, nodes, .. } = self;
        format!("{id} {generation:?} {state:?} {faults} {percent:?} {sha8} {nodes:?}\n")
    }
}

/// A mode, as its plugin offers it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ModeOfferView {
    name: String,
    /// Other names that are accepted for it.
    aliases: Vec<String>,
    /// What it is for, in one sentence; may be empty.
    description: String,
    /// What people say to begin it; the default mode decides whether it does.
    phrases: Vec<String>,
}

impl From<ModeInfo> for ModeOfferView {
    fn from(ModeInfo { name, aliases, description, phrases }: ModeInfo) -> Self {
        Self { name, aliases, description, phrases }
    }
}

/// Role of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum StateView {
    /// Serves all sessions, after its trial.
    Active,
    /// Serves all sessions and is still on trial.
    Trial,
    /// Canary: serves a share of the devices.
    Candidate,
    /// The previous generation: sessions roll back to it when the newer one fails.
    Fallback,
    /// Serves nobody; the previous generation serves instead, also after a restart.
    RolledBack,
    /// Rejected when it was loaded; never served.
    Refused,
    /// Not serving yet: it is being compiled.
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
            mode_offers,
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
            mode_offers: mode_offers.into_iter().map(ModeOfferView::from).collect(),
            message_types,
            grants,
            nodes: Vec::new(),
        }
    }
}

/// The request succeeded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// Always true.
    ok: bool,
}

impl Done {
    /// Done.
    pub const OK: Self = Self { ok: true };
}

/// Outcome of a reload of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReloadedView {
    /// False if the document is unchanged.
    changed: bool,
    /// Settings whose new values take effect after a restart; the old ones stay in force.
    needs_restart: Vec<String>,
}

impl From<Reloaded> for ReloadedView {
    fn from(reloaded: Reloaded) -> Self {
        let Reloaded { changed, needs_restart } = reloaded;
        Self { changed, needs_restart }
    }
}

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    /// One sentence that says why, and what to do.
    error: String,
}

impl Refusal {
    /// From its sentence.
    pub fn new(error: impl ToString) -> Self {
        Self { error: error.to_string() }
    }
}

/// An invalid configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct BadConfiguration {
    /// Always false.
    ok: bool,
    error: String,
    /// All diagnostics, each with its location.
    problems: Vec<String>,
}

impl BadConfiguration {
    /// A text that cannot be taken, in one sentence.
    pub fn of_sentence(why: String) -> Self {
        Self { ok: false, error: why, problems: Vec::new() }
    }
}

impl From<&Diagnostics> for BadConfiguration {
    fn from(problems: &Diagnostics) -> Self {
        let problems = problems.0.iter().map(ToString::to_string).collect();
        Self { ok: false, error: "the configuration is not valid; nothing has changed".to_owned(), problems }
    }
}
