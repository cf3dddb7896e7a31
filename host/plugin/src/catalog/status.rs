//! The plugins as operators see them. Rule: one row a generation or refused file; nothing in it is
//! secret.

use std::path::Path;

use modehost_contract::Generation;
use serde::Serialize;

use super::shelf::{Served, Shelf};
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
    /// Kept in case the one on trial fails.
    Fallback,
    /// Taken back; serves nobody.
    RolledBack,
    /// Never served; see the reason.
    Refused,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct PluginStatus {
    /// Empty if the file does not say.
    pub id: String,
    pub version: String,
    /// The version of the contract that it was built against; none for a refused file.
    pub track: Option<Track>,
    /// None for a refused file.
    pub generation: Option<u64>,
    /// First 8 hex digits of the file's SHA-256.
    pub sha8: String,
    pub file: String,
    pub state: PluginState,
    /// Why it was refused or rolled back.
    pub reason: Option<String>,
    /// Share of the devices, in percent, for a candidate.
    pub percent: Option<u8>,
    /// Unix ms.
    pub loaded_at: u64,
    pub calls: u64,
    pub faults: u64,
    pub modes: Vec<String>,
    pub message_types: Vec<String>,
    /// The grants in force.
    pub grants: Vec<String>,
}

/// A file that was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub id: String,
    pub version: String,
    pub sha8: String,
    pub reason: String,
    /// Unix ms.
    pub at: u64,
}

/// Rows of all generations, by plugin.
pub(crate) fn rows(shelf: &Shelf) -> Vec<PluginStatus> {
    let mut rows = Vec::new();
    for (id, slot) in &shelf.slots {
        let serving = if slot.fallback.is_some() { PluginState::Trial } else { PluginState::Active };
        rows.push(row(&slot.active, serving));
        if let Some((candidate, percent)) = &slot.candidate {
            rows.push(PluginStatus { percent: Some(*percent), ..row(candidate, PluginState::Candidate) });
        }
        rows.extend(slot.fallback.as_ref().map(|fallback| row(fallback, PluginState::Fallback)));
        if let Some(taken) = shelf.taken_back.get(id) {
            let reason = Some(taken.why.clone());
            rows.push(PluginStatus { reason, ..row(&taken.served, PluginState::RolledBack) });
        }
    }
    rows
}

/// The row of a refused file.
pub(crate) fn refused_row(file: &Path, refused: &Refused) -> PluginStatus {
    PluginStatus {
        id: refused.id.clone(),
        version: refused.version.clone(),
        track: None,
        generation: None,
        sha8: refused.sha8.clone(),
        file: file.display().to_string(),
        state: PluginState::Refused,
        reason: Some(refused.reason.clone()),
        percent: None,
        loaded_at: refused.at,
        calls: 0,
        faults: 0,
        modes: Vec::new(),
        message_types: Vec::new(),
        grants: Vec::new(),
    }
}

fn row(served: &Served, state: PluginState) -> PluginStatus {
    let generation: &WasmGeneration = &served.generation;
    let manifest = generation.manifest();
    let (calls, faults) = generation.tally();
    PluginStatus {
        id: manifest.id.to_string(),
        version: manifest.version.clone(),
        track: Some(generation.track()),
        generation: Some(generation.id().0),
        sha8: generation.code().chars().take(8).collect(),
        file: served.file.display().to_string(),
        state,
        reason: None,
        percent: None,
        loaded_at: served.loaded_at,
        calls,
        faults,
        modes: manifest.modes.iter().map(|offer| offer.name.clone()).collect(),
        message_types: manifest.message_types.clone(),
        grants: generation.grants().to_texts(),
    }
}
