//! Which generation serves whom. Rule: a table is immutable and replaced as a whole; a session
//! loads it before each event and moves its instances to what it finds there.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arc_swap::Guard;
use modehost_ids::{DeviceId, GenerationId, PluginId};

use crate::mode::{Fault, Generation};

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
    /// The generation that a session returns to when the active one (or the candidate) fails it
    /// while on trial; none once the trial is over.
    pub fallback: Option<Arc<dyn Generation>>,
}

impl Entry {
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
    /// A session moved to this generation and its first event went well.
    Settled,
    /// A call went wrong.
    Faulted(&'a Fault),
    /// A session went back from this generation.
    RolledBack(&'a Fault),
}

/// The plugins of this server.
pub trait Catalog: Send + Sync {
    /// The table as it is now; cheap.
    fn table(&self) -> Guard<Arc<Table>>;

    /// Tells what happened, so that a bad generation can be rolled back as a whole. Cheap; does
    /// not wait.
    fn report(&self, plugin: &PluginId, generation: GenerationId, report: Report<'_>);
}
