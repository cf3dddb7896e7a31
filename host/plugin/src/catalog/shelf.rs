//! Which generations there are, and how they follow each other. Rule: pure state; time is given,
//! nothing is loaded here, and a plugin never has more than two generations alive.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_contract::{Candidate, Entry, Generation, Manifest, Table};
use modehost_ids::{GenerationId, PluginId};

use crate::generation::WasmGeneration;
use crate::load::LoadError;

/// A generation and where its plugin comes from.
#[derive(Clone)]
pub(crate) struct Served {
    pub generation: Arc<WasmGeneration>,
    /// The file that the plugin has now; the same for all its generations.
    pub file: PathBuf,
    /// Unix ms.
    pub loaded_at: u64,
}

/// A generation that has not proven itself: the candidate if there is one, else the active one.
struct Trial {
    began: Instant,
    faults: u32,
}

/// One plugin.
pub(crate) struct Slot {
    pub active: Served,
    pub candidate: Option<(Served, u8)>,
    /// Serves on if the active one fails.
    pub fallback: Option<Served>,
    trial: Option<Trial>,
}

/// What was taken back last, and why.
#[derive(Clone)]
pub(crate) struct TakenBack {
    pub served: Served,
    pub why: String,
}

/// The rules of trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// 1 to 99: a new version serves this share first.
    pub canary_percent: u8,
    pub faults: u32,
    pub window: Duration,
}

/// All plugins of this server.
pub(crate) struct Shelf {
    pub slots: BTreeMap<PluginId, Slot>,
    pub taken_back: HashMap<PluginId, TakenBack>,
    pub policy: Policy,
}

impl Shelf {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { slots: BTreeMap::new(), taken_back: HashMap::new(), policy }
    }

    /// Puts a generation in force: the first of its plugin at once, another on trial.
    pub(crate) fn publish(&mut self, served: Served, now: Instant) -> Result<(), LoadError> {
        self.check_claims(&served)?;
        let (id, file) = (served.generation.manifest().id.clone(), served.file.clone());
        let Policy { canary_percent, .. } = self.policy;
        let Some(slot) = self.slots.get_mut(&id) else {
            self.slots.insert(id, Slot { active: served, candidate: None, fallback: None, trial: None });
            return Ok(());
        };
        // A trial that still runs ends here: what has not faulted so far counts as good.
        slot.candidate = None;
        let spotless = slot.trial.as_ref().is_none_or(|trial| trial.faults == 0);
        let good = match slot.fallback.take() {
            Some(fallback) if !spotless => fallback,
            _ => slot.active.clone(),
        };
        slot.trial = Some(Trial { began: now, faults: 0 });
        // Other settings for the same code hold for everybody at once.
        let same_code = good.generation.code() == served.generation.code();
        if (1..100).contains(&canary_percent) && !same_code {
            slot.active = good;
            slot.candidate = Some((served, canary_percent));
        } else {
            slot.fallback = Some(good);
            slot.active = served;
        }
        // A plugin has one file. With its older generations left at another one, it would be taken
        // for gone when that goes, or stay when the new one does.
        for older in std::iter::once(&mut slot.active).chain(&mut slot.fallback) {
            older.file.clone_from(&file);
        }
        Ok(())
    }

    /// The plugins whose file is one of these, and is still not there.
    pub(crate) fn homed_in(&self, gone: &[PathBuf]) -> Vec<PluginId> {
        let homeless = |file: &PathBuf| gone.contains(file) && !file.exists();
        self.slots.iter().filter(|(_, slot)| homeless(&slot.active.file)).map(|(id, _)| id.clone()).collect()
    }

    /// Puts other settings in force for the active generation and the candidate, if there is one,
    /// without a new trial of the candidate.
    pub(crate) fn resettle(&mut self, active: Served, candidate: Option<Served>, now: Instant) {
        let id = active.generation.manifest().id.clone();
        if let (Some(slot), Some(candidate)) = (self.slots.get_mut(&id), candidate)
            && let Some((_, percent)) = slot.candidate
        {
            slot.active = active;
            slot.candidate = Some((candidate, percent));
            return;
        }
        // The claims are those of the code, which has not changed, so this cannot conflict.
        let _ = self.publish(active, now);
    }

    /// Counts a fault. If it is one too many, the generation is taken back and named.
    pub(crate) fn fault(&mut self, id: &PluginId, generation: GenerationId, why: &str) -> Option<TakenBack> {
        let most = self.policy.faults;
        let slot = self.slots.get_mut(id)?;
        if slot.on_trial()?.generation.id() != generation {
            return None;
        }
        let trial = slot.trial.as_mut()?;
        trial.faults += 1;
        if trial.faults < most {
            return None;
        }
        let why = format!("{} faults on trial, the last: {why}", trial.faults);
        self.take_back(id, why)
    }

    /// Takes the generation on trial back; none if there is no trial.
    pub(crate) fn take_back(&mut self, id: &PluginId, why: String) -> Option<TakenBack> {
        let slot = self.slots.get_mut(id)?;
        let served = match (slot.candidate.take(), slot.fallback.take()) {
            (Some((candidate, _)), fallback) => {
                slot.fallback = fallback;
                candidate
            }
            (None, Some(fallback)) => std::mem::replace(&mut slot.active, fallback),
            (None, None) => return None,
        };
        slot.trial = None;
        let taken = TakenBack { served, why };
        self.taken_back.insert(id.clone(), taken.clone());
        Some(taken)
    }

    /// Ends trials whose time is over: a candidate begins to serve all, an old generation retires.
    /// True if anything has changed.
    pub(crate) fn settle(&mut self, now: Instant) -> bool {
        let window = self.policy.window;
        let mut changed = false;
        for slot in self.slots.values_mut() {
            if slot.trial.as_ref().is_none_or(|trial| now.saturating_duration_since(trial.began) < window) {
                continue;
            }
            changed = true;
            if let Some((candidate, _)) = slot.candidate.take() {
                // Now it serves the other devices as well, which is a trial of its own.
                slot.fallback = Some(std::mem::replace(&mut slot.active, candidate));
                slot.trial = Some(Trial { began: now, faults: 0 });
            } else {
                slot.fallback = None;
                slot.trial = None;
            }
        }
        changed
    }

    /// The code of this plugin that was taken back last.
    pub(crate) fn is_bad(&self, id: &PluginId, code: &str) -> Option<&str> {
        let taken = self.taken_back.get(id)?;
        // If only the settings were at fault, the code may come again.
        let serves = self.slots.get(id).is_some_and(|slot| slot.active.generation.code() == code);
        (taken.served.generation.code() == code && !serves).then_some(taken.why.as_str())
    }

    /// The table that sessions see.
    pub(crate) fn table(&self, version: u64) -> Table {
        let mut table = Table { version, ..Table::default() };
        for (id, slot) in &self.slots {
            let manifest = slot.active.generation.manifest();
            for kind in &manifest.message_types {
                table.types.insert(kind.clone(), id.clone());
            }
            for offer in &manifest.modes {
                let name: Arc<str> = offer.name.as_str().into();
                for word in std::iter::once(&offer.name).chain(&offer.aliases) {
                    table.modes.insert(word.clone(), (id.clone(), name.clone()));
                }
            }
            let shared = |served: &Served| -> Arc<dyn Generation> { served.generation.clone() };
            let candidate = slot.candidate.as_ref();
            let entry = Entry {
                active: shared(&slot.active),
                candidate: candidate
                    .map(|(served, percent)| Candidate { generation: shared(served), percent: *percent }),
                fallback: slot.fallback.as_ref().map(shared),
            };
            table.plugins.insert(id.clone(), entry);
        }
        table
    }

    /// Two plugins cannot claim the same message type or mode.
    fn check_claims(&self, served: &Served) -> Result<(), LoadError> {
        let manifest = served.generation.manifest();
        let others = self.slots.iter().filter(|(id, _)| **id != manifest.id);
        for (other, slot) in others {
            let candidate = slot.candidate.as_ref().map(|(served, _)| served);
            for theirs in std::iter::once(&slot.active).chain(candidate).map(|served| served.generation.manifest()) {
                if let Some((what, name)) = shared_claim(manifest, theirs) {
                    let (file, other) = (served.file.display().to_string(), other.to_string());
                    return Err(LoadError::Conflict { file, what, name, other });
                }
            }
        }
        Ok(())
    }
}

impl Slot {
    /// The generation that has yet to prove itself.
    pub(crate) fn on_trial(&self) -> Option<&Served> {
        self.trial.as_ref()?;
        Some(self.candidate.as_ref().map_or(&self.active, |(served, _)| served))
    }
}

/// A claim that two plugins have in common.
fn shared_claim(one: &Manifest, other: &Manifest) -> Option<(&'static str, String)> {
    if let Some(kind) = one.message_types.iter().find(|kind| other.message_types.contains(kind)) {
        return Some(("message type", kind.clone()));
    }
    let words = |manifest: &Manifest| -> Vec<String> {
        manifest.modes.iter().flat_map(|offer| std::iter::once(&offer.name).chain(&offer.aliases)).cloned().collect()
    };
    let theirs = words(other);
    words(one).into_iter().find(|word| theirs.contains(word)).map(|word| ("mode", word))
}
