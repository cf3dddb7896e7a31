//! Comparison of handlers with the catalog. Rule: the catalog is asked at each event, so that its current table
//! decides; the table is never kept.

use std::sync::Arc;

use modehost_contract::mode::Subscriptions;
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Fault, Generation, VoicePolicy};
use modehost_ids::PluginId;

use super::Roles;
use super::handler::{Handler, rollback_generation};
use crate::environment::Environment;

/// How a handler differs from what the catalog wants.
pub(crate) enum Drift {
    None,
    /// It has to migrate to this generation.
    Migrate(Arc<dyn Generation>),
    /// It has to restart empty on the current generation: the operator has discarded the state.
    Restart,
    /// The catalog has rolled back to the generation that the handler came from.
    RolledBack,
    /// The plugin has been removed.
    Removed,
}

/// The generations of a plugin for one device.
pub(crate) struct Generations {
    pub(crate) generation: Arc<dyn Generation>,
    /// The generation that the session would roll back to.
    pub(crate) fallback: Option<Arc<dyn Generation>>,
}

impl Generations {
    /// The catalog's generations of a plugin for this device.
    ///
    /// # Errors
    /// If the plugin is not loaded.
    pub(crate) fn of(env: &Environment, plugin: &PluginId) -> Result<Self, Fault> {
        let table = env.services().catalog.table();
        let entry = table.plugins.get(plugin).ok_or_else(|| Fault::Open(format!("no plugin {plugin} is loaded")))?;
        let generation = entry.generation_for(&env.handle.device).clone();
        let fallback = rollback_generation(entry, &generation).cloned();
        Ok(Self { generation, fallback })
    }
}

impl Roles {
    /// Creates a handler for a plugin that has none. Returns its index.
    ///
    /// # Errors
    /// If the plugin is not loaded.
    pub(crate) fn insert(&mut self, env: &Environment, plugin: &PluginId) -> Result<usize, Fault> {
        let Generations { generation, fallback } = Generations::of(env, plugin)?;
        self.handlers.push(Handler::new(plugin.clone(), generation, fallback));
        Ok(self.handlers.len() - 1)
    }

    /// How a handler differs from what the catalog wants.
    pub(crate) fn drift(&self, env: &Environment, index: usize) -> Drift {
        let handler = &self.handlers[index];
        let table = env.services().catalog.table();
        let Some(entry) = table.plugins.get(&handler.plugin) else { return Drift::Removed };
        let wanted = entry.generation_for(&env.handle.device);
        if wanted.id() == handler.generation.id() {
            return Drift::None;
        }
        if handler.trial().is_some_and(|trial| trial.old() == wanted.id()) {
            return Drift::RolledBack;
        }
        if handler.has_failed(wanted.id(), entry.round) {
            return Drift::None;
        }
        if entry.discards_state == Some(wanted.id()) {
            return Drift::Restart;
        }
        Drift::Migrate(wanted.clone())
    }

    /// The modes of the server, if the handler has subscribed to them and does not know them as they are.
    pub(crate) fn unknown_modes(&mut self, env: &Environment, index: usize) -> Option<Arc<[ModeInfo]>> {
        let handler = &mut self.handlers[index];
        if !handler.generation.manifest().subscriptions.modes {
            return None;
        }
        let table = env.services().catalog.table();
        match &mut handler.role.known_modes {
            Some(known) if Arc::ptr_eq(known, &table.offers) => None,
            Some(known) if **known == *table.offers => {
                // The table has changed, the modes have not; the next comparison is that of two pointers again.
                *known = table.offers.clone();
                None
            }
            _ => Some(table.offers.clone()),
        }
    }

    /// The current trial round of a handler's plugin.
    pub(crate) fn trial_round(&self, env: &Environment, index: usize) -> u32 {
        let table = env.services().catalog.table();
        table.plugins.get(&self.handlers[index].plugin).map_or(0, |entry| entry.round)
    }

    /// Reduces what is kept for a rollback once the catalog has accepted the generation.
    pub(crate) fn end_trial(&mut self, env: &Environment, plugin: &PluginId) {
        let over = {
            let table = env.services().catalog.table();
            table.plugins.get(plugin).is_none_or(|entry| !entry.on_trial)
        };
        if over && let Some(handler) = self.handler_mut(plugin) {
            handler.end_trial();
        }
    }

    /// Whether a `mode` message changes the mode.
    pub(crate) fn changes_mode(&self, env: &Environment, start: bool, name: &str) -> bool {
        let Some((_, mode)) = find_mode(env, name) else { return false };
        let is_current = self.is_current(env, &mode);
        if start { !is_current } else { is_current && self.mode.is_some() }
    }

    /// Whether this mode, by its canonical name, is the current one.
    pub(crate) fn is_current(&self, env: &Environment, mode: &str) -> bool {
        let default = || env.config().default_mode.as_deref() == Some(mode);
        self.mode.as_deref().map_or_else(default, |current| current == mode)
    }

    /// True while the current mode records what is said.
    pub(crate) fn records(&self, env: &Environment) -> bool {
        let mode = self.mode.as_ref().and_then(|mode| find_mode(env, mode));
        mode.is_some_and(|(plugin, _)| voice_policy(env, &plugin) == VoicePolicy::Exclusive)
    }

    /// The mode that receives transcripts, unless it has `declined`; none where only the default mode does.
    pub(crate) fn listening_mode(&self, env: &Environment, declined: bool) -> Option<(PluginId, Arc<str>)> {
        let current = self.mode.as_ref().filter(|_| !declined).and_then(|mode| find_mode(env, mode));
        current.filter(|(plugin, _)| voice_policy(env, plugin) != VoicePolicy::None)
    }
}

/// The plugin and the canonical name of a mode.
pub(crate) fn find_mode(env: &Environment, name: &str) -> Option<(PluginId, Arc<str>)> {
    env.services().catalog.table().modes.get(name).cloned()
}

/// The plugins that have subscribed to a kind of event, in the order of their ids.
pub(crate) fn subscribers(env: &Environment, wants: impl Fn(&Subscriptions) -> bool) -> Vec<PluginId> {
    let table = env.services().catalog.table();
    let wanting = table.plugins.iter().filter(|(_, entry)| wants(&entry.active.manifest().subscriptions));
    let mut plugins: Vec<PluginId> = wanting.map(|(plugin, _)| plugin.clone()).collect();
    plugins.sort();
    plugins
}

fn voice_policy(env: &Environment, plugin: &PluginId) -> VoicePolicy {
    let table = env.services().catalog.table();
    table.plugins.get(plugin).map_or(VoicePolicy::None, |entry| entry.active.manifest().voice)
}
