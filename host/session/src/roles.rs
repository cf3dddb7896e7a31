//! The plugins of a session: their handlers, the current mode, and open requests. Rule: a handler belongs to one
//! plugin, and at most one handler is the current mode; a request belongs to the session, so it survives hibernation
//! and swap of the instance that made it.
//!
//! Further methods in `roles/`: [`catalog`] (comparison with the catalog), [`instances`] (live instances), [`stored`]
//! (handlers in the session record). A [`handler`] is a type of its own.

mod catalog;
pub(crate) mod handler;
mod instances;
mod stored;

use std::sync::Arc;

use crate::limits;
use modehost_contract::event::Device;
use modehost_contract::id::RequestId;
use modehost_contract::{Context, Event};
use modehost_ids::{GenerationId, PluginId};
use modehost_storage::traits::{Document, StoredHandler};
use tokio::time::Instant;

pub(crate) use self::catalog::{Drift, Generations, find_mode, subscribers};
use self::handler::Handler;
pub(crate) use self::stored::Resumed;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::inspect::HandlerInfo;
use crate::requests::{OpenRequest, Requests};
use crate::turns::TurnLink;
use crate::work::WorkQueue;

/// The roles of a session.
#[derive(Default)]
pub(crate) struct Roles {
    /// The current mode; none for the default mode.
    pub(crate) mode: Option<Arc<str>>,
    pub(crate) handlers: Vec<Handler>,
    /// Stored state of plugins that are not loaded.
    orphans: Vec<StoredHandler>,
    /// Pending outcomes of the requests of all handlers.
    pub(crate) requests: Requests,
    /// When to check for idle instances.
    hibernate_at: Option<Instant>,
    /// The clock that modes see.
    clock: Clock,
}

impl Roles {
    /// Index of a plugin's handler.
    pub(crate) fn index_of(&self, plugin: &PluginId) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.plugin == *plugin)
    }

    /// A plugin's handler.
    pub(crate) fn handler_mut(&mut self, plugin: &PluginId) -> Option<&mut Handler> {
        self.handlers.iter_mut().find(|handler| handler.plugin == *plugin)
    }

    /// Index of the handler that runs this mode.
    pub(crate) fn index_of_mode(&self, mode: &str) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.role.mode.as_deref() == Some(mode))
    }

    /// The plugin runs this mode from now on.
    pub(crate) fn begin_mode(&mut self, plugin: &PluginId, mode: &Arc<str>) {
        if let Some(handler) = self.handler_mut(plugin) {
            handler.role.mode = Some(mode.clone());
            handler.role.ending = false;
        }
    }

    /// True if the session has no handlers and no open requests.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.handlers.is_empty()
    }

    /// Time and random seed for the next event; time never goes back within a session.
    pub(crate) fn context(&mut self) -> Context {
        Context { now: self.clock.now(), seed: fastrand::u64(..) }
    }

    /// Unix ms of the last event; 0 before the first.
    pub(crate) fn last_event(&self) -> u64 {
        self.clock.last()
    }

    /// Closes a request, if it is still this one; a cancelled one with the same id had another serial.
    pub(crate) fn close_request(&mut self, plugin: &PluginId, request: RequestId, serial: u64) -> Option<OpenRequest> {
        let open = &mut self.handler_mut(plugin)?.requests;
        if open.get(&request).map(|open| open.serial) != Some(serial) {
            return None;
        }
        open.remove(&request)
    }

    /// Whether a request is open that was made after this one.
    pub(crate) fn has_request_since(&self, serial: u64) -> bool {
        self.handlers.iter().any(|handler| handler.requests.values().any(|open| open.serial > serial))
    }

    /// Whether a request is open whose turn is `wanted`.
    pub(crate) fn has_request_where(&self, wanted: impl Fn(TurnLink) -> bool) -> bool {
        let is_wanted = |open: &OpenRequest| open.turn_link.is_some_and(&wanted);
        self.handlers.iter().any(|handler| handler.requests.values().any(is_wanted))
    }

    /// Cancels the questions whose answers would be spoken, and sends their plugins `aborted`; with `all`, to every
    /// mode that is live or waits for something. Plugins for which `is_notified` holds get nothing here. True if a
    /// question was cancelled.
    pub(crate) fn drop_spoken(
        &mut self,
        reason: &str,
        all: bool,
        is_notified: impl Fn(&PluginId) -> bool,
        work: &mut WorkQueue,
    ) -> bool {
        let mut any = false;
        for handler in &mut self.handlers {
            let before = handler.requests.len();
            handler.requests.retain(|_, open| !open.spoken);
            let dropped = handler.requests.len() < before;
            any |= dropped;
            let awake = all && handler.role.mode.is_some() && (handler.is_live() || !handler.is_idle() || dropped);
            if (dropped || awake) && !is_notified(&handler.plugin) {
                let event = Event::Aborted { reason: reason.into(), heard: None };
                work.push_event(handler.plugin.clone(), event);
            }
        }
        any
    }

    /// Watches a document for a plugin; the watch survives the instance.
    pub(crate) fn watch(&mut self, env: &Environment, plugin: &PluginId, key: &str) {
        let Some(handler) = self.handler_mut(plugin) else { return };
        let watches = &mut handler.watches;
        if watches.contains_key(key) || watches.len() >= limits::WATCHES {
            return;
        }
        let (session, owner) = (Arc::downgrade(&env.handle), plugin.clone());
        let watcher = move |changed: &Document| match session.upgrade() {
            Some(session) => {
                session.inbox.push_document(&owner, changed);
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

    /// Enqueues events for all timers that are due, in the order of their times.
    pub(crate) fn fire_timers(&mut self, now: Instant, work: &mut WorkQueue) {
        let mut due: Vec<(Instant, usize, u64)> = Vec::new();
        for (index, handler) in self.handlers.iter().enumerate() {
            due.extend(handler.timers.iter().filter(|(_, at)| **at <= now).map(|(id, at)| (*at, index, *id)));
        }
        due.sort_unstable();
        for (_, index, id) in due {
            self.handlers[index].timers.remove(&id);
            work.push_event(self.handlers[index].plugin.clone(), Event::Timer(id));
        }
    }

    /// The session has expired: stops all timers.
    pub(crate) fn stop_timers(&mut self) {
        for handler in &mut self.handlers {
            handler.timers.clear();
        }
    }

    /// For a session that has expired: the next plugin that has not got `ended`. No mode runs any more.
    pub(crate) fn next_not_ended(&mut self) -> Option<PluginId> {
        let handler = self.handlers.iter_mut().find(|handler| !handler.role.ending)?;
        handler.role.mode = None;
        self.mode = None;
        Some(handler.plugin.clone())
    }

    /// Drops handlers that have got `ended` and have nothing open.
    pub(crate) fn close_ended(&mut self) {
        self.handlers.retain(|handler| !handler.role.ending || !handler.is_idle());
    }

    /// Drops all handlers; what they have stored stays.
    pub(crate) fn close_all(&mut self) {
        self.handlers.clear();
    }

    /// Drops everything: the device is being forgotten.
    pub(crate) fn forget(&mut self) {
        self.handlers.clear();
        self.orphans.clear();
        self.requests = Requests::default();
        self.mode = None;
    }

    /// The configuration has given the device another alias or other groups.
    pub(crate) fn change_device(&self, device: &Device, work: &mut WorkQueue) {
        for handler in &self.handlers {
            let event = Event::ConfigChanged { config: handler.generation.config(), device: device.clone() };
            work.push_event(handler.plugin.clone(), event);
        }
    }

    /// When a timer is due, or idle instances are to be checked.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timers = self.handlers.iter().flat_map(|handler| handler.timers.values().copied()).min();
        [timers, self.hibernate_at].into_iter().flatten().min()
    }

    /// Number of live instances.
    pub(crate) fn live(&self) -> usize {
        self.handlers.iter().filter(|handler| handler.is_live()).count()
    }

    /// The mode that receives transcripts, with the generation that serves it. The default mode runs below the others.
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
