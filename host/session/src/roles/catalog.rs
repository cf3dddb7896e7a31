//! What the catalog wants of a handler, and what it says of modes. Rule: the catalog is asked at each event, so that what
//! it holds now decides, and its table is never kept.

use std::sync::Arc;

use modehost_contract::mode::Subscriptions;
use modehost_contract::{Fault, Generation, VoicePolicy};
use modehost_ids::PluginId;

use super::Roles;
use super::handler::{Handler, way_back};
use crate::environment::Environment;

/// How a handler differs from what the catalog wants.
pub(crate) enum Drift {
    None,
    /// It is to move there.
    Move(Arc<dyn Generation>),
    /// It is to begin there afresh: the operator has discarded the state.
    Afresh,
    /// The catalog went back to the generation that the handler came from.
    RolledBack,
    /// The plugin is no more.
    Gone,
}

/// The generation of a plugin for one device.
pub(crate) struct Versions {
    pub(crate) generation: Arc<dyn Generation>,
    /// The one that the session would go back to.
    pub(crate) fallback: Option<Arc<dyn Generation>>,
}

impl Versions {
    /// What the catalog has of a plugin for this device.
    ///
    /// # Errors
    /// If the plugin is not loaded.
    pub(crate) fn of(env: &Environment, plugin: &PluginId) -> Result<Self, Fault> {
        let table = env.services().catalog.table();
        let entry = table.plugins.get(plugin).ok_or_else(|| Fault::Open(format!("no plugin {plugin} is loaded")))?;
        let generation = entry.generation_for(&env.handle.device).clone();
        let fallback = way_back(entry, &generation).cloned();
        Ok(Self { generation, fallback })
    }
}

impl Roles {
    /// A new handler for a plugin that has none. Gives its index.
    ///
    /// # Errors
    /// If the plugin is not loaded.
    pub(crate) fn insert(&mut self, env: &Environment, plugin: &PluginId) -> Result<usize, Fault> {
        let Versions { generation, fallback } = Versions::of(env, plugin)?;
        self.handlers.push(Handler::new(plugin.clone(), generation, fallback));
        Ok(self.handlers.len() - 1)
    }

    /// How a handler differs from what the catalog wants.
    pub(crate) fn drift(&self, env: &Environment, place: usize) -> Drift {
        let handler = &self.handlers[place];
        let table = env.services().catalog.table();
        let Some(entry) = table.plugins.get(&handler.plugin) else { return Drift::Gone };
        let wanted = entry.generation_for(&env.handle.device);
        if wanted.id() == handler.generation.id() {
            return Drift::None;
        }
        if handler.trial().is_some_and(|trial| trial.old() == wanted.id()) {
            return Drift::RolledBack;
        }
        if handler.has_refused(wanted.id(), entry.round) {
            return Drift::None;
        }
        if entry.discards_state == Some(wanted.id()) {
            return Drift::Afresh;
        }
        Drift::Move(wanted.clone())
    }

    /// The round of trials that the plugin of a handler is in.
    pub(crate) fn round_of(&self, env: &Environment, place: usize) -> u32 {
        let table = env.services().catalog.table();
        table.plugins.get(&self.handlers[place].plugin).map_or(0, |entry| entry.round)
    }

    /// Keeps less for the way back once the catalog knows that the generation is good.
    pub(crate) fn settle_trial(&mut self, env: &Environment, plugin: &PluginId) {
        let over = {
            let table = env.services().catalog.table();
            table.plugins.get(plugin).is_none_or(|entry| !entry.on_trial)
        };
        if over && let Some(handler) = self.handler_mut(plugin) {
            handler.settle();
        }
    }

    /// Whether a `mode` message ends or begins a mode.
    pub(crate) fn changes_mode(&self, env: &Environment, start: bool, name: &str) -> bool {
        let Some((_, mode)) = find_mode(env, name) else { return false };
        let is_current = self.is_current(env, &mode);
        if start { !is_current } else { is_current && self.mode.is_some() }
    }

    /// Whether this mode, by its canonical name, is the one that runs.
    pub(crate) fn is_current(&self, env: &Environment, mode: &str) -> bool {
        let default = || env.config().default_mode.as_deref() == Some(mode);
        self.mode.as_deref().map_or_else(default, |current| current == mode)
    }

    /// True while a mode runs that keeps what is said.
    pub(crate) fn records(&self, env: &Environment) -> bool {
        let mode = self.mode.as_ref().and_then(|mode| find_mode(env, mode));
        mode.is_some_and(|(plugin, _)| voice_policy(env, &plugin) == VoicePolicy::Exclusive)
    }

    /// The mode that takes what is said, unless it has `declined`; none where only the default mode does.
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
