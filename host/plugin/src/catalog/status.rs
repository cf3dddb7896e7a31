//! The plugins as operators see them. Rule: one row a generation or refused file; nothing in it is
//! secret.

use modehost_contract::Generation;
use serde::Serialize;

use super::refused::Refused;
use super::release::{Release, RolledBack};
use super::releases::Releases;
use super::slot::{CandidateRelease, PluginSlot};
use crate::generation::WasmGeneration;
use crate::track::Track;

/// What a generation does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// Serves, and has proven itself.
    Active,
    /// Serves all; the one before it is kept until it has proven itself.
    Trial,
    /// Serves a share of the devices.
    Candidate,
    /// The one before: sessions that the newer one fails go back to it.
    Fallback,
    /// Serves nobody; the one before it serves instead, also after a restart.
    RolledBack,
    /// Never served; see the reason.
    Refused,
    /// Does not serve yet: its machine code is being made.
    Compiling,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct PluginStatus {
    /// Empty if the file does not say.
    pub id: String,
    /// As its `plugin.toml` says it; empty if the file does not say.
    pub version: String,
    /// The version of the contract that it was built against; none for a refused file.
    pub track: Option<Track>,
    /// None for a refused file.
    pub generation: Option<u64>,
    /// First 8 hex digits of the file's SHA-256.
    pub sha8: String,
    /// Name of the file in the plugin folder.
    pub file: String,
    /// What this generation does at the moment.
    pub state: PluginState,
    /// Why it was refused or rolled back.
    pub reason: Option<String>,
    /// Share of the devices, in percent, for a candidate.
    pub percent: Option<u8>,
    /// Unix ms.
    pub loaded_at: u64,
    /// Calls of its instances so far.
    pub calls: u64,
    /// Of these, calls that failed.
    pub faults: u64,
    /// The last fault in its own words, such as the sentence of a panic.
    pub last_fault: Option<String>,
    /// Sessions that went back from it and have not been served by it since.
    pub sessions_gone_back: usize,
    /// Names of its modes.
    pub modes: Vec<String>,
    /// Types of messages that it claims.
    pub message_types: Vec<String>,
    /// The grants in force.
    pub grants: Vec<String>,
}

/// A plugin that serves nobody since its section of the configuration does not fit it.
#[derive(Clone, Debug)]
pub struct Misconfigured {
    /// The plugin's id.
    pub id: String,
    /// JSON Schema that the section does not fit; none where the plugin itself has refused it.
    pub schema: Option<String>,
    /// One sentence.
    pub why: String,
}

/// Rows of all generations, by plugin.
pub(crate) fn rows(releases: &Releases) -> Vec<PluginStatus> {
    let mut rows = Vec::new();
    for (id, slot) in &releases.slots {
        let PluginSlot { active, candidate, fallback, .. } = slot;
        let sessions_gone_back = slot.open_faults();
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

/// The row of a refused file.
pub(crate) fn refused_row(refused: &Refused) -> PluginStatus {
    PluginStatus {
        id: refused.id.clone(),
        version: refused.version.clone(),
        sha8: refused.sha8.clone(),
        file: refused.file.display().to_string(),
        reason: Some(refused.reason.clone()),
        loaded_at: refused.at,
        ..PluginStatus::blank(PluginState::Refused)
    }
}

fn rolled_back_row(rolled_back: &RolledBack) -> PluginStatus {
    let RolledBack { id, version, code, file, cause, release } = rolled_back;
    let served = release.as_ref().map(|release| row(release, PluginState::RolledBack));
    PluginStatus {
        id: id.to_string(),
        version: version.clone(),
        sha8: sha8(code),
        file: file.display().to_string(),
        reason: Some(cause.why.clone()),
        loaded_at: cause.at,
        ..served.unwrap_or_else(|| PluginStatus::blank(PluginState::RolledBack))
    }
}

fn row(release: &Release, state: PluginState) -> PluginStatus {
    let generation: &WasmGeneration = &release.generation;
    let manifest = generation.manifest();
    let tally = generation.tally();
    PluginStatus {
        id: manifest.id.to_string(),
        version: manifest.version.clone(),
        track: Some(generation.track()),
        generation: Some(generation.id().0),
        sha8: sha8(generation.code()),
        file: release.file.display().to_string(),
        loaded_at: release.loaded_at,
        calls: tally.calls,
        faults: tally.faults,
        last_fault: tally.last_fault,
        modes: manifest.modes.iter().map(|offer| offer.name.clone()).collect(),
        message_types: manifest.message_types.clone(),
        grants: generation.grants().to_texts(),
        ..PluginStatus::blank(state)
    }
}

fn sha8(code: &str) -> String {
    code.chars().take(8).collect()
}

impl PluginStatus {
    pub(super) fn blank(state: PluginState) -> Self {
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
            message_types: Vec::new(),
            grants: Vec::new(),
        }
    }
}
