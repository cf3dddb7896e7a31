//! What plugins have in a session: their handlers, the mode that runs, and the requests that are open. Rule: a handler
//! belongs to one plugin, and at most one handler is the current mode; a request belongs to the session, so it survives
//! hibernation and swap of the instance that made it.
//!
//! Methods also in `roles/`: [`catalog`] (what the catalog wants of a handler), [`instances`] (instances in memory),
//! [`stored`] (handlers in the record of the session). A [`handler`] is a type of its own.

mod catalog;
pub(crate) mod handler;
mod instances;
mod stored;

use std::sync::Arc;

use crate::limits;
use modehost_contract::event::{Device, RequestId};
use modehost_contract::{Context, Event};
use modehost_ids::{GenerationId, PluginId};
use modehost_storage::traits::{Document, StoredHandler};
use tokio::time::Instant;

pub(crate) use self::catalog::{Drift, Versions, find_mode, subscribers};
use self::handler::Handler;
pub(crate) use self::stored::Resumed;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::inspect::HandlerInfo;
use crate::requests::{Open, Requests};
use crate::turns::Tie;
use crate::work::WorkQueue;

/// The roles of a session.
#[derive(Default)]
pub(crate) struct Roles {
    /// The current mode; none for the default mode.
    pub(crate) mode: Option<Arc<str>>,
    pub(crate) handlers: Vec<Handler>,
    /// What an earlier process left of plugins that are not loaded.
    orphans: Vec<StoredHandler>,
    /// What the open requests of all handlers are still to come to.
    pub(crate) requests: Requests,
    /// When to look for instances that nothing happens to.
    hibernate_at: Option<Instant>,
    /// The time that modes are given.
    clock: Clock,
}

impl Roles {
    /// Index of a plugin's handler.
    pub(crate) fn place(&self, plugin: &PluginId) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.plugin == *plugin)
    }

    /// A plugin's handler.
    pub(crate) fn handler_mut(&mut self, plugin: &PluginId) -> Option<&mut Handler> {
        self.handlers.iter_mut().find(|handler| handler.plugin == *plugin)
    }

    /// Index of the handler that is this mode now.
    pub(crate) fn place_of_mode(&self, mode: &str) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.role.mode.as_deref() == Some(mode))
    }

    /// The plugin is this mode from now on.
    pub(crate) fn begin_mode(&mut self, plugin: &PluginId, mode: &Arc<str>) {
        if let Some(handler) = self.handler_mut(plugin) {
            handler.role.mode = Some(mode.clone());
            handler.role.ending = false;
        }
    }

    /// True while nothing of any plugin is in the session.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.handlers.is_empty()
    }

    /// Time and chance for the next event; time never goes back within a session.
    pub(crate) fn context(&mut self) -> Context {
        Context { now: self.clock.now(), seed: fastrand::u64(..) }
    }

    /// Unix ms of the last event; 0 before the first.
    pub(crate) fn last_event(&self) -> u64 {
        self.clock.last()
    }

    /// Lets go of a request, if this is still it; a cancelled one of the same id had another serial.
    pub(crate) fn close_request(&mut self, plugin: &PluginId, request: RequestId, serial: u64) -> Option<Open> {
        let open = &mut self.handler_mut(plugin)?.requests;
        if open.get(&request).map(|open| open.serial) != Some(serial) {
            return None;
        }
        open.remove(&request)
    }

    /// Whether a request is open that was made after this one.
    pub(crate) fn asks_since(&self, serial: u64) -> bool {
        self.handlers.iter().any(|handler| handler.requests.values().any(|open| open.serial > serial))
    }

    /// Whether a request is open with a tie that is wanted.
    pub(crate) fn asks_with(&self, wanted: impl Fn(Tie) -> bool) -> bool {
        let is_wanted = |open: &Open| open.tie.is_some_and(&wanted);
        self.handlers.iter().any(|handler| handler.requests.values().any(is_wanted))
    }

    /// Drops the questions whose answers would be spoken, and tells their plugins `aborted`; with `all`, every mode that
    /// is awake or waits for something. Plugins that `know` of it are told nothing. True if a question was dropped.
    pub(crate) fn drop_spoken(
        &mut self,
        reason: &str,
        all: bool,
        know: impl Fn(&PluginId) -> bool,
        work: &mut WorkQueue,
    ) -> bool {
        let mut any = false;
        for handler in &mut self.handlers {
            let before = handler.requests.len();
            handler.requests.retain(|_, open| !open.spoken);
            let dropped = handler.requests.len() < before;
            any |= dropped;
            let awake = all && handler.role.mode.is_some() && (handler.is_live() || !handler.is_idle() || dropped);
            if (dropped || awake) && !know(&handler.plugin) {
                let event = Event::Aborted { reason: reason.into(), heard: None };
                work.push_event(handler.plugin.clone(), event);
            }
        }
        any
    }

    /// Begins to watch a document for a plugin; the watch survives the instance.
    pub(crate) fn watch(&mut self, env: &Environment, plugin: &PluginId, key: &str) {
        let Some(handler) = self.handler_mut(plugin) else { return };
        let watches = &mut handler.watches;
        if watches.contains_key(key) || watches.len() >= limits::WATCHES {
            return;
        }
        let (session, owner) = (Arc::downgrade(&env.handle), plugin.clone());
        let watcher = move |changed: &Document| match session.upgrade() {
            Some(session) => {
                session.inbox.document(&owner, changed);
                true
            }
            None => false,
        };
        watches.insert(key.into(), env.services().documents.watch(key, Box::new(watcher)));
    }

    /// Whether a plugin watches a document.
    pub(crate) fn is_watching(&self, plugin: &PluginId, key: &str) -> bool {
        self.handlers.iter().any(|handler| handler.plugin == *plugin && handler.watches.contains_key(key))
    }

    /// Events for all timers that are due, in the order of their times.
    pub(crate) fn fire_timers(&mut self, now: Instant, work: &mut WorkQueue) {
        let mut due: Vec<(Instant, usize, u64)> = Vec::new();
        for (place, handler) in self.handlers.iter().enumerate() {
            due.extend(handler.timers.iter().filter(|(_, at)| **at <= now).map(|(id, at)| (*at, place, *id)));
        }
        due.sort_unstable();
        for (_, place, id) in due {
            self.handlers[place].timers.remove(&id);
            work.push_event(self.handlers[place].plugin.clone(), Event::Timer(id));
        }
    }

    /// The device has been given up: no timer runs any more.
    pub(crate) fn stop_timers(&mut self) {
        for handler in &mut self.handlers {
            handler.timers.clear();
        }
    }

    /// Of a device that has been given up: the next plugin that has not been told the end of its role. No mode runs any
    /// more.
    pub(crate) fn next_to_end(&mut self) -> Option<PluginId> {
        let handler = self.handlers.iter_mut().find(|handler| !handler.role.ending)?;
        handler.role.mode = None;
        self.mode = None;
        Some(handler.plugin.clone())
    }

    /// Lets go of handlers that have been told the end and have nothing open.
    pub(crate) fn close_ended(&mut self) {
        self.handlers.retain(|handler| !handler.role.ending || !handler.is_idle());
    }

    /// Lets go of all handlers: what they have stored stays.
    pub(crate) fn close_all(&mut self) {
        self.handlers.clear();
    }

    /// Lets go of everything: the device is being forgotten.
    pub(crate) fn forget(&mut self) {
        self.handlers.clear();
        self.orphans.clear();
        self.requests = Requests::default();
        self.mode = None;
    }

    /// The settings have given the device another name or other groups.
    pub(crate) fn change_device(&self, device: &Device, work: &mut WorkQueue) {
        for handler in &self.handlers {
            let event = Event::ConfigChanged { config: handler.generation.config(), device: device.clone() };
            work.push_event(handler.plugin.clone(), event);
        }
    }

    /// When a timer is due, or instances are to be looked at.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timers = self.handlers.iter().flat_map(|handler| handler.timers.values().copied()).min();
        [timers, self.hibernate_at].into_iter().flatten().min()
    }

    /// Live instances.
    pub(crate) fn live(&self) -> usize {
        self.handlers.iter().filter(|handler| handler.is_live()).count()
    }

    /// The mode that takes what is said, with the generation that serves it. The default mode lies under the others.
    pub(crate) fn served(&self) -> Option<(Arc<str>, GenerationId)> {
        let serves = self.handlers.iter().find(|handler| handler.role.mode.is_some() && handler.role.mode == self.mode);
        let serves = serves.or_else(|| self.handlers.iter().find(|handler| handler.role.mode.is_some()));
        serves.and_then(|handler| Some((handler.role.mode.clone()?, handler.generation.id())))
    }

    /// For operators.
    pub(crate) fn inspect(&self) -> Vec<HandlerInfo> {
        let handlers = self.handlers.iter().map(|handler| HandlerInfo {
            plugin: handler.plugin.clone(),
            generation: handler.generation.id(),
            version: handler.generation.manifest().version.clone(),
            mode: handler.role.mode.as_ref().map(|mode| mode.to_string()),
            live: handler.is_live(),
            requests: handler.requests.len(),
            timers: handler.timers.len(),
        });
        handlers.collect()
    }
}
