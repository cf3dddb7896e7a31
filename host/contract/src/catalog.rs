//! Which generation serves whom. Rule: a table is immutable and replaced as a whole; a session
//! loads it before each event and migrates its instances to what it finds there.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arc_swap::Guard;
use modehost_ids::{DeviceId, GenerationId, PluginId};

use crate::mode::{Fault, Generation, Snapshot};

/// A generation on trial, for a share of the devices.
#[derive(Clone)]
pub struct Candidate {
    pub generation: Arc<dyn Generation>,
    /// 1 to 99.
    pub percent: u8,
}

/// What serves one plugin.
#[derive(Clone)]
pub struct Entry {
    pub active: Arc<dyn Generation>,
    pub candidate: Option<Candidate>,
    /// The generation before: a session goes back to it when the active one fails where this one does
    /// not, on trial and later. None where nothing older is kept.
    pub fallback: Option<Arc<dyn Generation>>,
    /// The active one, or the candidate, has yet to prove itself.
    pub on_trial: bool,
    /// Counts up when sessions that went back are to try the generation on trial once more.
    pub round: u32,
    /// The generation whose sessions begin without the state of other code: the operator wanted it so.
    pub discards_state: Option<GenerationId>,
    /// Stored state that is older than this Unix ms was discarded; 0: none was.
    pub discarded_before: u64,
}

impl Entry {
    /// A generation that serves everybody, with nothing before it.
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

    /// The generation for this device; the same device always falls on the same side.
    pub fn generation_for(&self, device: &DeviceId) -> &Arc<dyn Generation> {
        match &self.candidate {
            Some(candidate) if share(device) < candidate.percent => &candidate.generation,
            _ => &self.active,
        }
    }
}

/// Stable number of a device, 0 to 99.
fn share(device: &DeviceId) -> u8 {
    let mut hasher = DefaultHasher::new();
    device.hash(&mut hasher);
    (hasher.finish() % 100) as u8
}

/// The catalog at one instant.
#[derive(Clone, Default)]
pub struct Table {
    /// Counts up with every change.
    pub version: u64,
    pub plugins: HashMap<PluginId, Entry>,
    /// Message type to plugin.
    pub types: HashMap<String, PluginId>,
    /// Mode name or alias to plugin and canonical name.
    pub modes: HashMap<String, (PluginId, Arc<str>)>,
}

impl Table {
    /// Canonical names of all modes, sorted.
    pub fn mode_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.modes.values().map(|(_, name)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What a session saw of a generation.
#[derive(Debug)]
pub enum Report<'a> {
    /// A call went well; said once for each session and generation.
    Served,
    /// A call went wrong, and the generation before could not do it either, or there is none.
    Faulted(&'a Fault),
    /// The session went back: the generation before did what this one could not.
    WentBack(&'a Fault),
    /// It does not take state that the generation before restores.
    RefusedState(&'a Fault),
}

/// The plugins of this server.
pub trait Catalog: Send + Sync {
    /// The table as it is now; cheap.
    fn table(&self) -> Guard<Arc<Table>>;

    /// Says what happened in a device's session, so that a bad generation can be rolled back as a
    /// whole. Cheap; does not wait.
    fn report(&self, plugin: &PluginId, generation: GenerationId, device: &DeviceId, report: Report<'_>);
}

/// The state that sessions hold of a plugin. A new version is tried on some of it before it is in force.
pub trait StateSamples: Send + Sync {
    /// Up to `most` snapshots: of sessions in memory first, then of stored ones, the newest first. Blocks
    /// for a bounded time; what does not come by then is left out.
    fn samples(&self, plugin: &PluginId, most: usize) -> Vec<Snapshot>;
}
