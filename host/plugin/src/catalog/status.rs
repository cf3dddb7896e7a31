//! The plugins as operators see them. Rule: one row per generation or rejected file; no row contains a secret.

use modehost_contract::Generation;
use modehost_contract::mode_info::ModeInfo;
use serde::Serialize;

use super::rejected::RejectedFile;
use super::release::{Release, RolledBackRelease};
use super::releases::Releases;
use super::slot::{CandidateRelease, PluginSlot};
use crate::contract_version::ContractVersion;
use crate::generation::WasmGeneration;

/// State of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// Active, trial passed.
    Active,
    /// Active for all devices, on trial; the previous release is its fallback.
    Trial,
    /// Active for a share of the devices.
    Candidate,
    /// The previous release: sessions for which the newer one fails roll back to it.
    Fallback,
    /// Rolled back, in favour of the previous release, also after a restart.
    RolledBack,
    /// Never active; see the reason.
    Refused,
    /// Not active yet: it is being compiled.
    Compiling,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct PluginStatus {
    /// Empty if it cannot be read from the file.
    pub id: String,
    /// The version in its `plugin.toml`; empty if it cannot be read from the file.
    pub version: String,
    /// The contract version that it was built against; `None` for a rejected file.
    pub track: Option<ContractVersion>,
    /// `None` for a rejected file.
    pub generation: Option<u64>,
    /// First 8 hex digits of the file's SHA-256.
    pub sha8: String,
    /// Path of the file in the plugin directory.
    pub file: String,
    /// State of this generation.
    pub state: PluginState,
    /// Why it was rejected or rolled back.
    pub reason: Option<String>,
    /// Share of the devices, in percent, for a candidate.
    pub percent: Option<u8>,
    /// Unix ms.
    pub loaded_at: u64,
    /// Number of calls of its instances.
    pub calls: u64,
    /// Of these, calls that failed.
    pub faults: u64,
    /// Message of the last fault, such as that of a panic.
    pub last_fault: Option<String>,
    /// Sessions that were rolled back from it and have not been served by it since.
    pub sessions_gone_back: usize,
    /// Names of its modes.
    pub modes: Vec<String>,
    /// Its modes as it offers them, in the same order.
    pub mode_offers: Vec<ModeInfo>,
    /// Message types that it claims.
    pub message_types: Vec<String>,
    /// The effective grants.
    pub grants: Vec<String>,
}

/// A plugin that is not active because its configuration section does not fit it.
#[derive(Clone, Debug)]
pub struct Misconfigured {
    /// The plugin's id.
    pub id: String,
    /// JSON Schema that the section does not fit; `None` if the plugin itself rejected the section.
    pub schema: Option<String>,
    /// One sentence.
    pub why: String,
}

/// Rows of all generations, by plugin.
pub(crate) fn rows(releases: &Releases) -> Vec<PluginStatus> {
    let mut rows = Vec::new();
    for (id, slot) in &releases.slots {
        let PluginSlot { active, candidate, fallback, .. } = slot;
        let sessions_gone_back = slot.rolled_back_sessions();
        match candidate {
            Some(CandidateRelease { release, percent }) => {
                rows.push(row(active, PluginState::Active));
                let candidate = row(release, PluginState::Candidate);
                rows.push(PluginStatus { percent: Some(*percent), sessions_gone_back, ..candidate });
            }
            None => {
                let state = if slot.is_on_trial() { PluginState::Trial } else { PluginState::Active };
                rows.push(PluginStatus { sessions_gone_back, ..row(active, state) });
            }
        }
        rows.extend(fallback.as_ref().map(|fallback| row(fallback, PluginState::Fallback)));
        rows.extend(releases.rolled_back.get(id).map(rolled_back_row));
    }
    rows
}

/// The row of a rejected file.
pub(crate) fn rejected_row(rejected: &RejectedFile) -> PluginStatus {
    PluginStatus {
        id: rejected.id.clone(),
        version: rejected.version.clone(),
        sha8: rejected.sha8.clone(),
        file: rejected.file.display().to_string(),
        reason: Some(rejected.reason.clone()),
        loaded_at: rejected.at,
        ..PluginStatus::empty(PluginState::Refused)
    }
}

fn rolled_back_row(rolled_back: &RolledBackRelease) -> PluginStatus {
    let RolledBackRelease { id, version, code, file, cause, release } = rolled_back;
    let served = release.as_ref().map(|release| row(release, PluginState::RolledBack));
    PluginStatus {
        id: id.to_string(),
        version: version.clone(),
        sha8: sha8(code),
        file: file.display().to_string(),
        reason: Some(cause.why.clone()),
        loaded_at: cause.at,
        ..served.unwrap_or_else(|| PluginStatus::empty(PluginState::RolledBack))
    }
}

fn row(release: &Release, state: PluginState) -> PluginStatus {
    let generation: &WasmGeneration = &release.generation;
    let manifest = generation.manifest();
    let stats = generation.call_stats();
    PluginStatus {
        id: manifest.id.to_string(),
        version: manifest.version.clone(),
        track: Some(generation.contract_version()),
        generation: Some(generation.id().0),
        sha8: sha8(generation.code()),
        file: release.file.display().to_string(),
        loaded_at: release.loaded_at,
        calls: stats.calls,
        faults: stats.faults,
        last_fault: stats.last_fault,
        modes: manifest.modes.iter().map(|offer| offer.name.clone()).collect(),
        mode_offers: manifest.modes.clone(),
        message_types: manifest.message_types.clone(),
        grants: generation.grants().to_texts(),
        ..PluginStatus::empty(state)
    }
}

fn sha8(code: &str) -> String {
    code.chars().take(8).collect()
}

impl PluginStatus {
    pub(super) fn empty(state: PluginState) -> Self {
        Self {
            id: String::new(),
            version: String::new(),
            track: None,
            generation: None,
            sha8: String::new(),
            file: String::new(),
            state,
            reason: None,
            percent: None,
            loaded_at: 0,
            calls: 0,
            faults: 0,
            last_fault: None,
            sessions_gone_back: 0,
            modes: Vec::new(),
            mode_offers: Vec::new(),
            message_types: Vec::new(),
            grants: Vec::new(),
        }
    }
}
