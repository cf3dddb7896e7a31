//! The releases of all plugins. Rule: pure state: time is passed in, nothing is loaded here; no two plugins claim the
//! same message type or mode.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_contract::{CatalogTable, Generation, Manifest};
use modehost_ids::{DeviceId, GenerationId, PluginId};

use super::release::{Release, RollbackCause, RolledBackRelease};
use super::slot::{PluginSlot, TrialCheck};
use crate::load::LoadError;

/// All plugins of this server.
pub(crate) struct Releases {
    pub slots: BTreeMap<PluginId, PluginSlot>,
    /// The last rolled-back release of each plugin.
    pub rolled_back: HashMap<PluginId, RolledBackRelease>,
    pub policy: TrialPolicy,
}

/// The rules of trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrialPolicy {
    /// 1 to 99: share of the devices that get a new version first.
    pub canary_percent: u8,
    /// Session rollbacks during a trial after which the version as a whole is rolled back.
    pub max_faults: u32,
    /// Length of a trial.
    pub window: Duration,
}

/// What has changed by the end of trials.
#[derive(Debug, Default)]
pub(crate) struct DueTrials {
    /// Plugins whose active release has passed its trial.
    pub passed: Vec<PluginId>,
    /// The table has to be published.
    pub table_changed: bool,
}

impl Releases {
    pub(crate) fn new(policy: TrialPolicy) -> Self {
        Self { slots: BTreeMap::new(), rolled_back: HashMap::new(), policy }
    }

    /// Rolls out a release: the first of its plugin at once, others on trial.
    ///
    /// # Errors
    /// If it claims a message type or mode of another plugin.
    pub(crate) fn roll_out(&mut self, release: Release, now: Instant) -> Result<(), LoadError> {
        self.check_claims(&release)?;
        let id = release.id().clone();
        match self.slots.get_mut(&id) {
            Some(slot) => slot.start_trial(release, self.policy.canary_percent, now),
            None => drop(self.slots.insert(id, PluginSlot::first(release, now))),
        }
        Ok(())
    }

    /// Sessions that move to the newest release start without their state, and so do stored sessions older than
    /// `now_ms`.
    pub(crate) fn discard_state(&mut self, id: &PluginId, now_ms: u64) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.discard_state(now_ms);
        }
    }

    /// The plugins whose file is one of these and still does not exist.
    pub(crate) fn plugins_of_files(&self, gone: &[PathBuf]) -> Vec<PluginId> {
        let is_orphaned = |file: &PathBuf| gone.contains(file) && !file.exists();
        self.slots.iter().filter(|(_, slot)| is_orphaned(&slot.active.file)).map(|(id, _)| id.clone()).collect()
    }

    /// Replaces the active release and the candidate, if there is one, by the same code with other settings. The trial
    /// of a candidate goes on.
    pub(crate) fn replace_config(&mut self, active: Release, candidate: Option<Release>, now: Instant) {
        let active = match self.slots.get_mut(active.id()) {
            Some(slot) => slot.replace_config(active, candidate),
            None => Some(active),
        };
        if let Some(active) = active {
            // The claims are those of the code, which has not changed, so this cannot conflict.
            let _ = self.roll_out(active, now);
        }
    }

    /// A generation has served a session.
    pub(crate) fn record_served(&mut self, id: &PluginId, generation: GenerationId, device: &DeviceId) {
        if let Some(slot) = self.newest_slot(id, generation) {
            slot.record_served(device);
        }
    }

    /// A session was rolled back from a generation. Returns the release if that exceeded the limit and it was rolled
    /// back.
    pub(crate) fn record_rollback(
        &mut self,
        id: &PluginId,
        generation: GenerationId,
        device: &DeviceId,
        cause: RollbackCause,
    ) -> Option<RolledBackRelease> {
        let max_faults = self.policy.max_faults;
        let slot = self.newest_slot(id, generation)?;
        if !slot.record_rollback(device, max_faults) {
            return None;
        }
        let sessions = match slot.rolled_back_sessions() {
            1 => "a session went back from it".to_owned(),
            many => format!("{many} sessions rolled back from it"),
        };
        self.roll_back(id, RollbackCause { why: format!("{sessions}; the last: {}", cause.why), ..cause })
    }

    /// A generation rejected state that the previous one restores: once is enough to roll it back.
    pub(crate) fn record_state_rejected(
        &mut self,
        id: &PluginId,
        generation: GenerationId,
        cause: RollbackCause,
    ) -> Option<RolledBackRelease> {
        self.newest_slot(id, generation)?;
        let why = format!("it does not take the state of the version before over: {}", cause.why);
        self.roll_back(id, RollbackCause { why, ..cause })
    }

    /// The plugin's slot if this is its newest generation; reports about older ones are ignored.
    fn newest_slot(&mut self, id: &PluginId, generation: GenerationId) -> Option<&mut PluginSlot> {
        self.slots.get_mut(id).filter(|slot| slot.newest().generation.id() == generation)
    }

    /// Rolls back the newest release; `None` if there is no previous one.
    pub(crate) fn roll_back(&mut self, id: &PluginId, cause: RollbackCause) -> Option<RolledBackRelease> {
        let release = self.slots.get_mut(id)?.roll_back()?;
        let rolled_back = RolledBackRelease::of(release, cause);
        self.rolled_back.insert(id.clone(), rolled_back.clone());
        Some(rolled_back)
    }

    /// Ends the trials that are due.
    pub(crate) fn end_due_trials(&mut self, now: Instant) -> DueTrials {
        let window = self.policy.window;
        let mut outcome = DueTrials::default();
        for (id, slot) in &mut self.slots {
            let check = slot.check_trial(now, window);
            outcome.table_changed |= check != TrialCheck::Unchanged;
            if check == TrialCheck::Passed {
                outcome.passed.push(id.clone());
            }
        }
        outcome
    }

    /// Why this code was rolled back; `None` if it was not, or is active.
    pub(crate) fn rollback_reason(&self, id: &PluginId, code: &str) -> Option<&str> {
        let rolled_back = self.rolled_back.get(id)?;
        // If only the settings were at fault, the code may be loaded again.
        let serves = self.slots.get(id).is_some_and(|slot| slot.active.code() == code);
        (rolled_back.code == code && !serves).then_some(rolled_back.cause.why.as_str())
    }

    /// The table that is published to sessions.
    pub(crate) fn table(&self, version: u64) -> CatalogTable {
        let mut table = CatalogTable { revision: version, ..CatalogTable::default() };
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
        table.update_offers();
        table
    }

    /// Checks that no other plugin has the same message type or mode.
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

/// A name that only one plugin can have.
struct Claim {
    /// Kind of the name, for messages.
    what: &'static str,
    name: String,
}

/// The first claim that two plugins have in common.
fn shared_claim(one: &Manifest, other: &Manifest) -> Option<Claim> {
    if let Some(kind) = one.message_types.iter().find(|kind| other.message_types.contains(kind)) {
        return Some(Claim { what: "message type", name: kind.clone() });
    }
    let mode_names = |manifest: &Manifest| -> Vec<String> {
        manifest.modes.iter().flat_map(|offer| std::iter::once(&offer.name).chain(&offer.aliases)).cloned().collect()
    };
    let theirs = mode_names(other);
    mode_names(one).into_iter().find(|word| theirs.contains(word)).map(|name| Claim { what: "mode", name })
}
