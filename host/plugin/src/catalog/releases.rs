//! Which releases there are of each plugin, and how they follow each other. Rule: pure state; time is
//! given, nothing is loaded here, and a plugin never has more than two generations alive.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_contract::{Candidate, Entry, Generation, Manifest, Table};
use modehost_ids::{DeviceId, GenerationId, PluginId};

use super::trial::{Trial, Verdict};
use crate::generation::WasmGeneration;
use crate::load::LoadError;

/// A generation and where its plugin comes from.
#[derive(Clone)]
pub(crate) struct Release {
    pub generation: Arc<WasmGeneration>,
    /// The file that the plugin has now; the same for all its releases.
    pub file: PathBuf,
    /// Unix ms.
    pub loaded_at: u64,
}

/// One plugin.
pub(crate) struct PluginSlot {
    pub active: Release,
    pub candidate: Option<(Release, u8)>,
    /// The release before; sessions that the newer one fails go back to it.
    pub fallback: Option<Release>,
    /// Of the candidate if there is one, else of the active release.
    trial: Trial,
    /// See [`Entry::discards_state`].
    pub discards_state: Option<GenerationId>,
    /// See [`Entry::discarded_before`].
    pub discarded_before: u64,
}

/// What was rolled back last, and why.
#[derive(Clone)]
pub(crate) struct RolledBack {
    pub id: PluginId,
    pub version: String,
    /// SHA-256 of the component in hex.
    pub code: String,
    pub file: PathBuf,
    pub why: String,
    /// Unix ms.
    pub at: u64,
    /// Where it served in this process.
    pub release: Option<Release>,
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
pub(crate) struct Releases {
    pub slots: BTreeMap<PluginId, PluginSlot>,
    pub rolled_back: HashMap<PluginId, RolledBack>,
    pub policy: Policy,
}

impl Releases {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { slots: BTreeMap::new(), rolled_back: HashMap::new(), policy }
    }

    /// Puts a release in force: the first of its plugin at once, another on trial.
    pub(crate) fn publish(&mut self, release: Release, now: Instant) -> Result<(), LoadError> {
        self.check_claims(&release)?;
        let (id, file) = (release.generation.manifest().id.clone(), release.file.clone());
        let Policy { canary_percent, .. } = self.policy;
        let Some(slot) = self.slots.get_mut(&id) else {
            let slot = PluginSlot {
                active: release,
                candidate: None,
                fallback: None,
                trial: Trial::proven(now),
                discards_state: None,
                discarded_before: 0,
            };
            self.slots.insert(id, slot);
            return Ok(());
        };
        // A trial that still runs ends here: what served somebody and failed nobody counts as good. Where it
        // did not, the one before stays the way back.
        slot.candidate = None;
        let good = match slot.fallback.take() {
            Some(fallback) if !slot.trial.is_spotless() => fallback,
            _ => slot.active.clone(),
        };
        slot.trial = Trial::begin(now);
        slot.discards_state = None;
        // Other settings for the same code hold for everybody at once.
        let same_code = good.generation.code() == release.generation.code();
        if (1..100).contains(&canary_percent) && !same_code {
            slot.active = good;
            slot.candidate = Some((release, canary_percent));
        } else {
            slot.fallback = Some(good);
            slot.active = release;
        }
        // A plugin has one file. With its older releases left at another one, it would be taken
        // for gone when that goes, or stay when the new one does.
        for older in std::iter::once(&mut slot.active).chain(&mut slot.fallback) {
            older.file.clone_from(&file);
        }
        Ok(())
    }

    /// The sessions that the newest release takes over from another begin without their state, and so do
    /// stored ones that are older than `now_ms`.
    pub(crate) fn discard_state(&mut self, id: &PluginId, now_ms: u64) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.discards_state = Some(slot.newest().generation.id());
            slot.discarded_before = now_ms;
        }
    }

    /// The plugins whose file is one of these, and is still not there.
    pub(crate) fn plugins_of_files(&self, gone: &[PathBuf]) -> Vec<PluginId> {
        let homeless = |file: &PathBuf| gone.contains(file) && !file.exists();
        self.slots.iter().filter(|(_, slot)| homeless(&slot.active.file)).map(|(id, _)| id.clone()).collect()
    }

    /// Puts other settings in force for the active release and the candidate, if there is one,
    /// without a new trial of the candidate.
    pub(crate) fn replace_config(&mut self, active: Release, candidate: Option<Release>, now: Instant) {
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

    /// A session was served by a generation.
    pub(crate) fn served(&mut self, id: &PluginId, generation: GenerationId, device: &DeviceId) {
        if let Some(slot) = self.slots.get_mut(id)
            && slot.newest().generation.id() == generation
        {
            slot.trial.served(device);
        }
    }

    /// A session went back from a generation. If it is one too many, the release is rolled back and named.
    pub(crate) fn went_back(
        &mut self,
        id: &PluginId,
        generation: GenerationId,
        device: &DeviceId,
        (why, now_ms): (&str, u64),
    ) -> Option<RolledBack> {
        let most = self.policy.faults;
        let slot = self.slots.get_mut(id)?;
        if slot.newest().generation.id() != generation || !slot.trial.went_back(device, most) {
            return None;
        }
        let sessions = match slot.trial.open_faults() {
            1 => "a session went back from it".to_owned(),
            many => format!("{many} sessions went back from it"),
        };
        self.roll_back(id, format!("{sessions}; the last: {why}"), now_ms)
    }

    /// A generation refused state that the one before restores: once is enough.
    pub(crate) fn refused_state(
        &mut self,
        id: &PluginId,
        generation: GenerationId,
        (why, now_ms): (&str, u64),
    ) -> Option<RolledBack> {
        let slot = self.slots.get(id)?;
        if slot.newest().generation.id() != generation {
            return None;
        }
        self.roll_back(id, format!("it does not take the state of the version before over: {why}"), now_ms)
    }

    /// Rolls the newest release back; none if nothing before it is kept.
    pub(crate) fn roll_back(&mut self, id: &PluginId, why: String, now_ms: u64) -> Option<RolledBack> {
        let slot = self.slots.get_mut(id)?;
        let release = match (slot.candidate.take(), slot.fallback.take()) {
            (Some((candidate, _)), fallback) => {
                slot.fallback = fallback;
                candidate
            }
            (None, Some(fallback)) => std::mem::replace(&mut slot.active, fallback),
            (None, None) => return None,
        };
        slot.trial = Trial::proven(Instant::now());
        if slot.discards_state.take().is_some() {
            slot.discarded_before = 0;
        }
        let manifest = release.generation.manifest();
        let rolled_back = RolledBack {
            id: id.clone(),
            version: manifest.version.clone(),
            code: release.generation.code().to_owned(),
            file: release.file.clone(),
            why,
            at: now_ms,
            release: Some(release),
        };
        self.rolled_back.insert(id.clone(), rolled_back.clone());
        Some(rolled_back)
    }

    /// Looks at the trials whose time is over: one that has proven itself ends, a candidate begins to serve
    /// all. Gives the plugins whose active release is known to be good from now on, and whether anything
    /// has changed.
    pub(crate) fn settle(&mut self, now: Instant) -> (Vec<PluginId>, bool) {
        let window = self.policy.window;
        let (mut good, mut changed) = (Vec::new(), false);
        for (id, slot) in &mut self.slots {
            match slot.trial.look(now, window) {
                Verdict::Pending => continue,
                Verdict::Retry => {}
                Verdict::Proven => match slot.candidate.take() {
                    Some((candidate, _)) => {
                        // Now it serves the other devices as well, which is a trial of its own.
                        slot.fallback = Some(std::mem::replace(&mut slot.active, candidate));
                        let trial = std::mem::replace(&mut slot.trial, Trial::begin(now));
                        slot.trial = trial.widen(now);
                    }
                    None => good.push(id.clone()),
                },
            }
            changed = true;
        }
        (good, changed)
    }

    /// Why this code was rolled back, if it was and does not serve.
    pub(crate) fn why_rolled_back(&self, id: &PluginId, code: &str) -> Option<&str> {
        let rolled_back = self.rolled_back.get(id)?;
        // If only the settings were at fault, the code may come again.
        let serves = self.slots.get(id).is_some_and(|slot| slot.active.generation.code() == code);
        (rolled_back.code == code && !serves).then_some(rolled_back.why.as_str())
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
            let shared = |release: &Release| -> Arc<dyn Generation> { release.generation.clone() };
            let candidate = slot.candidate.as_ref();
            let entry = Entry {
                active: shared(&slot.active),
                candidate: candidate
                    .map(|(release, percent)| Candidate { generation: shared(release), percent: *percent }),
                fallback: slot.fallback.as_ref().map(shared),
                on_trial: slot.is_on_trial(),
                round: slot.trial.round,
                discards_state: slot.discards_state,
                discarded_before: slot.discarded_before,
            };
            table.plugins.insert(id.clone(), entry);
        }
        table
    }

    /// Two plugins cannot claim the same message type or mode.
    fn check_claims(&self, release: &Release) -> Result<(), LoadError> {
        let manifest = release.generation.manifest();
        let others = self.slots.iter().filter(|(id, _)| **id != manifest.id);
        for (other, slot) in others {
            let candidate = slot.candidate.as_ref().map(|(release, _)| release);
            for theirs in std::iter::once(&slot.active).chain(candidate).map(|release| release.generation.manifest()) {
                if let Some((what, name)) = shared_claim(manifest, theirs) {
                    let (file, other) = (release.file.display().to_string(), other.to_string());
                    return Err(LoadError::Conflict { file, what, name, other });
                }
            }
        }
        Ok(())
    }
}

impl PluginSlot {
    /// The release that came last: the candidate, or the active one.
    pub(crate) fn newest(&self) -> &Release {
        self.candidate.as_ref().map_or(&self.active, |(release, _)| release)
    }

    /// True while the newest release has yet to prove itself.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.trial.is_open()
    }

    /// Sessions that went back from the newest release and have not been served by it since.
    pub(crate) fn open_faults(&self) -> usize {
        self.trial.open_faults()
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
