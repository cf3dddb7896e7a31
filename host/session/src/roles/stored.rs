//! Handlers in the session record. Rule: everything that a mode would miss is in the record: state, timers, open
//! requests, watches; an event that has not been delivered yet counts as still open.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_contract::event::Failure;
use modehost_contract::{Event, Generation, Snapshot};
use modehost_ids::PluginId;
use modehost_storage::traits::StoredHandler;
use tokio::time::Instant;

use super::Roles;
use super::handler::Handler;
use crate::clock::unix_ms;
use crate::config::Language;
use crate::environment::Environment;
use crate::requests::request_failed;
use crate::work::WorkQueue;

/// The target of restored handlers.
pub(crate) struct Resumed<'a> {
    /// Gets the events that the handlers have missed.
    pub(crate) work: &'a mut WorkQueue,
    /// The language to speak to the user in.
    pub(crate) language: Language,
}

impl Roles {
    /// The handlers as of now, with the time of the record.
    pub(crate) fn stored(&mut self, work: &WorkQueue) -> (Vec<StoredHandler>, u64) {
        let mut handlers = Vec::with_capacity(self.handlers.len());
        let (now, saved_at) = (Instant::now(), unix_ms());
        let ends_at = |due: Instant| {
            let left = due.saturating_duration_since(now).as_millis();
            saved_at.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))
        };
        for handler in &mut self.handlers {
            let _ = handler.take_snapshot();
            let Some(snapshot) = handler.last_snapshot() else { continue };
            let mut timers: Vec<_> = handler.timers.iter().map(|(id, due)| (*id, ends_at(*due))).collect();
            let mut requests: Vec<_> = handler.requests.keys().copied().collect();
            // Outcomes that are not delivered yet would be lost with this process as well.
            let untold = work.events_of(&handler.plugin);
            for event in untold {
                match event {
                    Event::Timer(id) => timers.push((*id, saved_at)),
                    event => requests.extend(event.completes()),
                }
            }
            handlers.push(StoredHandler {
                plugin: handler.plugin.as_str().to_owned(),
                version: handler.generation.manifest().version.clone(),
                schema: snapshot.schema,
                state: snapshot.state.clone(),
                timers,
                requests,
                watches: handler.watches.keys().map(|key| key.to_string()).collect(),
                mode: handler.role.mode.as_ref().map(|mode| mode.to_string()),
                ending: handler.role.ending,
            });
        }
        handlers.extend(self.orphans.iter().cloned());
        (handlers, saved_at)
    }

    /// True while a mode runs, or a handler has something open.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.mode.is_some() || self.handlers.iter().any(|handler| !handler.is_idle())
    }

    /// Restores the handlers of an earlier process.
    pub(crate) fn restore_all(
        &mut self,
        env: &Environment,
        (mode, stored): (Option<String>, Vec<StoredHandler>),
        saved_at: u64,
        mut resumed: Resumed<'_>,
    ) {
        self.mode = mode.map(Into::into);
        self.clock.resume_from(saved_at);
        for handler in stored {
            self.restore(env, handler, saved_at, &mut resumed);
        }
        // A mode whose plugin is gone has ended.
        if !self.handlers.iter().any(|handler| handler.role.mode == self.mode) {
            self.mode = None;
        }
    }

    /// Restores the handlers of plugins that have been loaded since.
    pub(crate) fn adopt_orphans(&mut self, env: &Environment, mut resumed: Resumed<'_>) {
        for stored in std::mem::take(&mut self.orphans) {
            // A handler that has started meanwhile wins.
            if self.index_of(&stored.plugin.as_str().into()).is_none() {
                self.restore(env, stored, unix_ms(), &mut resumed);
            }
        }
    }

    fn restore(&mut self, env: &Environment, stored: StoredHandler, saved_at: u64, resumed: &mut Resumed<'_>) {
        let plugin = PluginId::from(stored.plugin.as_str());
        let (generation, discarded_before) = {
            let table = env.services().catalog.table();
            let entry = table.plugins.get(&plugin);
            let generation = entry.map(|entry| entry.generation_for(&env.handle.device).clone());
            (generation, entry.map_or(0, |entry| entry.discarded_before))
        };
        let (now, unix) = (Instant::now(), unix_ms());
        // If the system clock was set back since, no more time is left than at the save.
        let left = |ends_at: u64| ends_at.saturating_sub(unix).min(ends_at.saturating_sub(saved_at));
        let Some(generation) = generation else {
            tracing::warn!(%plugin, device = %env.handle.device, "the state of a plugin that is not loaded is kept");
            let timers = stored.timers.iter().map(|(id, ends_at)| (*id, unix.saturating_add(left(*ends_at)))).collect();
            self.orphans.push(StoredHandler { mode: None, timers, ..stored });
            return;
        };
        if saved_at < discarded_before {
            return self.restart_discarded(env, &plugin, stored.mode.map(Into::into), generation, resumed);
        }
        let version = generation.manifest().version.clone();
        let snapshot = Snapshot { schema: stored.schema, state: stored.state };
        let mut handler = Handler::new(plugin.clone(), generation, None).with_snapshot(snapshot);
        handler.role.mode = stored.mode.map(Into::into);
        handler.role.ending = stored.ending;
        for (id, ends_at) in stored.timers {
            let delay = Duration::from_millis(left(ends_at)).min(limits::TIMER_MOST);
            handler.timers.insert(id, now + delay);
        }
        self.handlers.push(handler);
        for key in &stored.watches {
            self.watch(env, &plugin, key);
        }
        if version != stored.version {
            let event = Event::Upgraded { old_version: stored.version.into() };
            resumed.work.push_event(plugin.clone(), event);
        }
        for request in stored.requests {
            let event = request_failed(request, Failure::Interrupted, "the server was restarted");
            resumed.work.push_event(plugin.clone(), event);
        }
    }

    /// The operator has discarded the stored state of this plugin: a running mode restarts, and everything else is
    /// dropped.
    fn restart_discarded(
        &mut self,
        env: &Environment,
        plugin: &PluginId,
        mode: Option<Arc<str>>,
        generation: Arc<dyn Generation>,
        resumed: &mut Resumed<'_>,
    ) {
        tracing::info!(%plugin, device = %env.handle.device, "begins afresh: its state was discarded by the operator");
        if mode.is_none() {
            return;
        }
        let mut handler = Handler::new(plugin.clone(), generation, None);
        handler.role.mode.clone_from(&mode);
        self.handlers.push(handler);
        let event = Event::Started(env.start(mode, resumed.language));
        resumed.work.push_event(plugin.clone(), event);
    }
}
