//! Which releases there are of each plugin. Rule: pure state; time is given, nothing is loaded here, and no two
//! plugins claim the same message type or mode.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_contract::{Generation, Manifest, Table};
use modehost_ids::{DeviceId, GenerationId, PluginId};

use super::release::{Cause, Release, RolledBack};
use super::slot::{PluginSlot, Settled};
use crate::load::LoadError;

/// All plugins of this server.
pub(crate) struct Releases {
    pub slots: BTreeMap<PluginId, PluginSlot>,
    /// What was rolled back last of each plugin.
    pub rolled_back: HashMap<PluginId, RolledBack>,
    pub policy: Policy,
}

/// The rules of trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// 1 to 99: a new version serves this share first.
    pub canary_percent: u8,
    /// Sessions that may go back on trial before the version is rolled back as a whole.
    pub faults: u32,
    /// How long a trial lasts.
    pub window: Duration,
}

/// What the end of trials has changed.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Plugins whose active release is known to be good from now on.
    pub good: Vec<PluginId>,
    /// The table is another one.
    pub changed: bool,
}

impl Releases {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { slots: BTreeMap::new(), rolled_back: HashMap::new(), policy }
    }

    /// Puts a release in force: the first of its plugin at once, another on trial.
    ///
    /// # Errors
    /// If it claims what another plugin has.
    pub(crate) fn roll_out(&mut self, release: Release, now: Instant) -> Result<(), LoadError> {
        self.check_claims(&release)?;
        let id = release.id().clone();
        match self.slots.get_mut(&id) {
            Some(slot) => slot.succeed(release, self.policy.canary_percent, now),
            None => drop(self.slots.insert(id, PluginSlot::first(release, now))),
        }
        Ok(())
    }

    /// The sessions that the newest release takes over from another begin without their state, and so do
    /// stored ones that are older than `now_ms`.
    pub(crate) fn discard_state(&mut self, id: &PluginId, now_ms: u64) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.discard_state(now_ms);
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
        let active = match self.slots.get_mut(active.id()) {
            Some(slot) => slot.replace_both(active, candidate),
            None => Some(active),
        };
        if let Some(active) = active {
            // The claims are those of the code, which has not changed, so this cannot conflict.
            let _ = self.roll_out(active, now);
        }
    }

    /// A session was served by a generation.
    pub(crate) fn served(&mut self, id: &PluginId, generation: GenerationId, device: &DeviceId) {
        if let Some(slot) = self.newest_is(id, generation) {
            slot.served(device);
        }
    }

    /// A session went back from a generation. If it is one too many, the release is rolled back and named.
    pub(crate) fn went_back(
        &mut self,
        id: &PluginId,
        generation: GenerationId,
        device: &DeviceId,
        cause: Cause,
    ) -> Option<RolledBack> {
        let most = self.policy.faults;
        let slot = self.newest_is(id, generation)?;
        if !slot.went_back(device, most) {
            return None;
        }
        let sessions = match slot.open_faults() {
            1 => "a session went back from it".to_owned(),
            many => format!("{many} sessions went back from it"),
        };
        self.roll_back(id, Cause { why: format!("{sessions}; the last: {}", cause.why), ..cause })
    }

    /// A generation refused state that the one before restores: once is enough.
    pub(crate) fn refused_state(
        &mut self,
        id: &PluginId,
        generation: GenerationId,
        cause: Cause,
    ) -> Option<RolledBack> {
        self.newest_is(id, generation)?;
        let why = format!("it does not take the state of the version before over: {}", cause.why);
        self.roll_back(id, Cause { why, ..cause })
    }

    /// The plugin, if this is its newest generation: of others nothing is weighed any more.
    fn newest_is(&mut self, id: &PluginId, generation: GenerationId) -> Option<&mut PluginSlot> {
        self.slots.get_mut(id).filter(|slot| slot.newest().generation.id() == generation)
    }

    /// Rolls the newest release back; none if nothing before it is kept.
    pub(crate) fn roll_back(&mut self, id: &PluginId, cause: Cause) -> Option<RolledBack> {
        let release = self.slots.get_mut(id)?.roll_back()?;
        let rolled_back = RolledBack::of(release, cause);
        self.rolled_back.insert(id.clone(), rolled_back.clone());
        Some(rolled_back)
    }

    /// Looks at the trials whose time is over.
    pub(crate) fn settle(&mut self, now: Instant) -> Outcome {
        let window = self.policy.window;
        let mut outcome = Outcome::default();
        for (id, slot) in &mut self.slots {
            let settled = slot.settle(now, window);
            outcome.changed |= settled != Settled::Nothing;
            if settled == Settled::Good {
                outcome.good.push(id.clone());
            }
        }
        outcome
    }

    /// Why this code was rolled back, if it was and does not serve.
    pub(crate) fn why_rolled_back(&self, id: &PluginId, code: &str) -> Option<&str> {
        let rolled_back = self.rolled_back.get(id)?;
        // If only the settings were at fault, the code may come again.
        let serves = self.slots.get(id).is_some_and(|slot| slot.active.code() == code);
        (rolled_back.code == code && !serves).then_some(rolled_back.cause.why.as_str())
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
            table.plugins.insert(id.clone(), slot.entry());
        }
        table
    }

    /// Two plugins cannot claim the same message type or mode.
    fn check_claims(&self, release: &Release) -> Result<(), LoadError> {
        let manifest = release.generation.manifest();
        let others = self.slots.iter().filter(|(id, _)| **id != manifest.id);
        for (other, slot) in others {
            let candidate = slot.candidate.as_ref().map(|candidate| &candidate.release);
            for theirs in std::iter::once(&slot.active).chain(candidate).map(|release| release.generation.manifest()) {
                if let Some(Claim { what, name }) = shared_claim(manifest, theirs) {
                    let (file, other) = (release.file.display().to_string(), other.to_string());
                    return Err(LoadError::Conflict { file, what, name, other });
                }
            }
        }
        Ok(())
    }
}

/// Something that one plugin only can have.
struct Claim {
    /// For people.
    what: &'static str,
    name: String,
}

/// A claim that two plugins have in common.
fn shared_claim(one: &Manifest, other: &Manifest) -> Option<Claim> {
    if let Some(kind) = one.message_types.iter().find(|kind| other.message_types.contains(kind)) {
        return Some(Claim { what: "message type", name: kind.clone() });
    }
    let words = |manifest: &Manifest| -> Vec<String> {
        manifest.modes.iter().flat_map(|offer| std::iter::once(&offer.name).chain(&offer.aliases)).cloned().collect()
    };
    let theirs = words(other);
    words(one).into_iter().find(|word| theirs.contains(word)).map(|name| Claim { what: "mode", name })
}
