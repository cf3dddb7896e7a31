//! Which generation serves which session. Rule: a table is immutable and replaced as a whole; a session loads it before
//! each event and migrates its instances accordingly.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arc_swap::Guard;
use modehost_ids::{DeviceId, GenerationId, PluginId};

use crate::mode::{Fault, Generation, Snapshot};
use crate::mode_info::ModeInfo;

/// A generation on trial, for a share of the devices.
#[derive(Clone)]
pub struct Candidate {
    /// The generation on trial.
    pub generation: Arc<dyn Generation>,
    /// Percent of the devices, 1 to 99.
    pub percent: u8,
}

/// The generations of one plugin.
#[derive(Clone)]
pub struct CatalogEntry {
    /// The generation for all devices that do not get the candidate.
    pub active: Arc<dyn Generation>,
    /// A generation for a share of the devices, if there is one.
    pub candidate: Option<Candidate>,
    /// The previous generation: a session rolls back to it when the active one fails where this one does not, on trial
    /// and later. None where none is kept.
    pub fallback: Option<Arc<dyn Generation>>,
    /// The active generation, or the candidate, is on trial.
    pub on_trial: bool,
    /// Incremented when sessions that rolled back should try the generation on trial again.
    pub round: u32,
    /// The generation whose sessions start without the state of other code: the operator has asked for it.
    pub discards_state: Option<GenerationId>,
    /// Stored state older than this Unix ms has been discarded; 0: none has.
    pub discarded_before: u64,
}

impl CatalogEntry {
    /// A generation that serves all devices, with no previous one.
    pub fn of(active: Arc<dyn Generation>) -> Self {
        Self {
            active,
            candidate: None,
            fallback: None,
            on_trial: false,
            round: 0,
            discards_state: None,
            discarded_before: 0,
        }
    }

    /// The generation for this device; the same device always gets the same side.
    pub fn generation_for(&self, device: &DeviceId) -> &Arc<dyn Generation> {
        match &self.candidate {
            Some(candidate) if share(device) < candidate.percent => &candidate.generation,
            _ => &self.active,
        }
    }
}

/// A stable number for a device, 0 to 99.
fn share(device: &DeviceId) -> u8 {
    let mut hasher = DefaultHasher::new();
    device.hash(&mut hasher);
    (hasher.finish() % 100) as u8
}

/// The catalog at one instant.
#[derive(Clone, Default)]
pub struct CatalogTable {
    /// Incremented with every change.
    pub revision: u64,
    /// The generations of each plugin.
    pub plugins: HashMap<PluginId, CatalogEntry>,
    /// Message type to plugin.
    pub types: HashMap<String, PluginId>,
    /// Mode name or alias to plugin and canonical name.
    pub modes: HashMap<String, (PluginId, Arc<str>)>,
    /// All modes as their plugins offer them, sorted by name.
    pub offers: Arc<[ModeInfo]>,
}

impl CatalogTable {
    /// Canonical names of all modes, sorted.
    pub fn mode_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.modes.values().map(|(_, name)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Collects the offers of all active generations.
    pub fn update_offers(&mut self) {
        let manifests = self.plugins.values().map(|entry| entry.active.manifest());
        let mut offers: Vec<ModeInfo> = manifests.flat_map(|manifest| manifest.modes.iter().cloned()).collect();
        offers.sort_by(|one, other| one.name.cmp(&other.name));
        self.offers = offers.into();
    }
}

/// How a generation performed in a session.
#[derive(Debug)]
pub enum GenerationReport<'a> {
    /// A call succeeded; reported once for each session and generation.
    Served,
    /// A call failed, and the previous generation failed as well or does not exist.
    Faulted(&'a Fault),
    /// The session rolled back: the previous generation succeeded where this one failed.
    RolledBack(&'a Fault),
    /// It fails to restore state that the previous generation restores.
    RestoreFailed(&'a Fault),
}

/// The plugins of this server.
pub trait Catalog: Send + Sync {
    /// The current table; cheap.
    fn table(&self) -> Guard<Arc<CatalogTable>>;

    /// Reports how a generation performed in a device's session, so that a bad generation can be rolled back as a
    /// whole. Cheap; does not wait.
    fn report(&self, plugin: &PluginId, generation: GenerationId, device: &DeviceId, report: GenerationReport<'_>);
}

/// Samples of a plugin's state in sessions. A new generation is tried on them before it is published.
pub trait StateSamples: Send + Sync {
    /// Up to `most` snapshots: of sessions in memory first, then of stored ones, newest first. Blocks for a bounded
    /// time; samples that arrive later are left out.
    fn samples(&self, plugin: &PluginId, most: usize) -> Vec<Snapshot>;
}
