//! Lending instances to a session and taking them back. Rule: opening, waking from hibernation,
//! hot swap and recovery all go through here, and only between two events.

use std::sync::Arc;
use std::time::Instant as Clock;

use modehost_contract::catalog::Report;
use modehost_contract::event::{EndReason, Start};
use modehost_contract::{Event, Fault, Generation};
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_protocol::reply;
use tokio::time::Instant;

use crate::actor::{Session, Work};
use crate::handler::{Delivered, Handler};

/// How a handler stands to the catalog.
enum Standing {
    /// As it should be.
    Current,
    /// It is to move there.
    Move(Arc<dyn Generation>),
    /// The catalog went back to the generation that the handler came from.
    Return,
    /// The plugin is no more.
    Gone,
}

/// What a handler is told before an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Greeting {
    /// The event is itself the beginning of a role.
    Own,
    /// `started`, if the handler is new.
    IfNew,
    /// As `IfNew`, and also if its role had ended: somebody wants it again.
    Revive,
}

impl Greeting {
    fn before(event: &Event) -> Self {
        match event {
            Event::Started(_) => Self::Own,
            Event::Message { .. } | Event::Transcript(_) | Event::Attached(_) | Event::Hello(_) => Self::Revive,
            // Outcomes, timers and the end itself do not bring a role back.
            _ => Self::IfNew,
        }
    }
}

impl Session {
    /// Place of a plugin's handler.
    pub(crate) fn place(&self, plugin: &PluginId) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.plugin == *plugin)
    }

    /// Gives an event to the plugin's handler, which is opened, woken or moved first as need be.
    pub(crate) async fn give(&mut self, plugin: &PluginId, event: Event) -> Delivered {
        let greeting = Greeting::before(&event);
        let ends = matches!(event, Event::Ended(_));
        let for_the_present = ends || matches!(event, Event::Detached | Event::Aborted { .. });
        if for_the_present && self.place(plugin).is_none() {
            return Delivered::Effects(Vec::new());
        }
        let delivered = match self.lend(plugin, greeting).await {
            Ok(place) => self.deliver(place, event),
            Err(fault) => Delivered::Skipped(fault),
        };
        if ends && let Some(place) = self.place(plugin) {
            self.handlers[place].ending = true;
        }
        if matches!(delivered, Delivered::Skipped(_)) {
            self.end_turn_of(plugin);
        }
        delivered
    }

    /// One delivery to a handler that is there; faults are reported.
    fn deliver(&mut self, place: usize, event: Event) -> Delivered {
        let context = self.context();
        let Self { handlers, shared, handle, .. } = self;
        let handler = &mut handlers[place];
        handler.used = Instant::now();
        let plugin = handler.plugin.clone();
        let delivered = handler.deliver(context, event, &mut |generation, fault, went_back| {
            let report = if went_back { Report::RolledBack(fault) } else { Report::Faulted(fault) };
            tracing::warn!(plugin = %plugin, generation = %generation, device = %handle.device, went_back, fault = fault.label(), "a mode failed");
            shared.services.catalog.report(&plugin, generation, report);
        });
        self.make_dirty();
        delivered
    }

    /// Makes the plugin's handler ready for an event: there, live, of the right generation.
    async fn lend(&mut self, plugin: &PluginId, greeting: Greeting) -> Result<usize, Fault> {
        if let Some(place) = self.place(plugin)
            && !matches!(self.standing(place), Standing::Current)
        {
            self.renew(place).await;
        }
        let (place, new) = match self.place(plugin) {
            Some(place) => (place, false),
            None => (self.insert(plugin)?, true),
        };
        self.wake(place).await?;
        // Once the device has been given up, nobody can want a role again.
        let revived = greeting == Greeting::Revive && self.handlers[place].ending && !self.link.is_over();
        if revived || (new && greeting != Greeting::Own) {
            self.handlers[place].ending = false;
            let started = Event::Started(self.start(None));
            match self.deliver(place, started) {
                Delivered::Effects(effects) => self.carry(plugin, effects, None).await,
                Delivered::Rejected(rejection) => return Err(Fault::Failed(rejection.message)),
                Delivered::Skipped(fault) => {
                    self.handlers.remove(place);
                    return Err(fault);
                }
            }
        }
        self.place(plugin).ok_or_else(|| Fault::Open("it was removed".into()))
    }

    /// What `started` says.
    pub(crate) fn start(&self, mode: Option<Arc<str>>) -> Start {
        Start { mode, device: self.device.clone(), session_id: self.id.as_str().into() }
    }

    fn insert(&mut self, plugin: &PluginId) -> Result<usize, Fault> {
        let table = self.shared.services.catalog.table();
        let entry = table.plugins.get(plugin).ok_or_else(|| Fault::Open(format!("no plugin {plugin} is loaded")))?;
        let generation = entry.generation_for(&self.handle.device).clone();
        let fallback = match &entry.candidate {
            // On trial for a share of the devices: the way back is what the others use.
            Some(candidate) if candidate.generation.id() == generation.id() => Some(entry.active.clone()),
            _ => entry.fallback.clone(),
        };
        self.handlers.push(Handler::new(plugin.clone(), generation, fallback));
        Ok(self.handlers.len() - 1)
    }

    /// Makes a handler live, within the budget.
    pub(crate) async fn wake(&mut self, place: usize) -> Result<(), Fault> {
        if self.handlers[place].is_live() {
            return Ok(());
        }
        if self.handlers[place].permit.is_none() {
            let permit = match self.shared.budget.try_permit() {
                Some(permit) => permit,
                None => {
                    // Whoever waits holds nothing, or two sessions could wait for each other.
                    self.handlers.iter_mut().for_each(Handler::sleep);
                    let waited = self.shared.budget.permit().await;
                    waited.ok_or_else(|| {
                        Fault::Open("every live instance is in use; raise plugins.limits.live_instances".into())
                    })?
                }
            };
            self.handlers[place].permit = Some(permit);
        }
        if self.doze.is_none() {
            self.doze = Some(Instant::now() + limits::HANDLER_LINGER);
        }
        // What cannot be raised fails in `deliver`, which knows what to do about it.
        let _ = self.handlers[place].raise();
        Ok(())
    }

    /// Puts instances to sleep that nothing has happened to; with `pressure`, all of them.
    pub(crate) fn hibernate(&mut self, pressure: bool) {
        let (now, keep) = (Instant::now(), self.config().hibernate_after);
        let mut next = None::<Instant>;
        for handler in self.handlers.iter_mut().filter(|handler| handler.permit.is_some()) {
            let linger = if handler.mode.is_some() { keep } else { keep.min(limits::HANDLER_LINGER) };
            let due = handler.used + linger;
            if pressure || due <= now {
                handler.sleep();
                metrics::counter!("modehost_hibernations_total").increment(1);
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        self.doze = next;
    }

    fn standing(&self, place: usize) -> Standing {
        let handler = &self.handlers[place];
        let table = self.shared.services.catalog.table();
        let Some(entry) = table.plugins.get(&handler.plugin) else { return Standing::Gone };
        let wanted = entry.generation_for(&self.handle.device);
        if wanted.id() == handler.generation.id() {
            return Standing::Current;
        }
        if handler.trial().is_some_and(|trial| trial.old.id() == wanted.id()) {
            return Standing::Return;
        }
        if handler.refused == Some(wanted.id()) {
            return Standing::Current;
        }
        Standing::Move(wanted.clone())
    }

    /// Moves every handler to what the catalog holds now.
    pub(crate) async fn migrate(&mut self) {
        self.adopt_orphans();
        let plugins: Vec<PluginId> = self.handlers.iter().map(|handler| handler.plugin.clone()).collect();
        for plugin in plugins {
            if let Some(place) = self.place(&plugin) {
                self.renew(place).await;
                self.settle_trial(&plugin);
            }
        }
    }

    /// Forgets the way back once the catalog has.
    fn settle_trial(&mut self, plugin: &PluginId) {
        let over = {
            let table = self.shared.services.catalog.table();
            table.plugins.get(plugin).is_none_or(|entry| entry.fallback.is_none() && entry.candidate.is_none())
        };
        if over && let Some(place) = self.place(plugin) {
            self.handlers[place].settle();
        }
    }

    /// Brings one handler to where it should be, between two events.
    async fn renew(&mut self, place: usize) {
        match self.standing(place) {
            Standing::Current => {}
            Standing::Return => {
                let handler = &mut self.handlers[place];
                handler.go_back();
                tracing::debug!(plugin = %handler.plugin, device = %self.handle.device, "went back with its generation");
            }
            Standing::Gone => self.remove(place).await,
            Standing::Move(new) if new.code() == self.handlers[place].generation.code() => {
                let handler = &mut self.handlers[place];
                let changed = handler.generation.config() != new.config();
                // A sleeping instance is configured anew when it wakes.
                if handler.change_terms(&new) && changed {
                    let event = Event::ConfigChanged { config: new.config(), device: self.device.clone() };
                    self.work.push_back(Work::Tell { plugin: handler.plugin.clone(), event, body: None });
                }
            }
            Standing::Move(new) => self.swap(place, &new).await,
        }
    }

    async fn swap(&mut self, place: usize, new: &Arc<dyn Generation>) {
        let asleep = !self.handlers[place].is_live();
        if asleep && !self.handlers[place].is_fresh() && self.wake(place).await.is_err() {
            return; // Tried again at the next event.
        }
        let context = self.context();
        let begun = Clock::now();
        let handler = &mut self.handlers[place];
        let (plugin, old) = (handler.plugin.clone(), handler.generation.id());
        let moved = handler.move_to(new, context);
        metrics::histogram!("modehost_swap_pause_seconds").record(begun.elapsed().as_secs_f64());
        match moved {
            Ok(effects) => {
                self.shared.services.catalog.report(&plugin, new.id(), Report::Settled);
                self.make_dirty();
                self.carry(&plugin, effects, None).await;
                if asleep && let Some(place) = self.place(&plugin) {
                    self.handlers[place].sleep();
                }
            }
            Err(fault) => {
                tracing::warn!(plugin = %plugin, device = %self.handle.device, generation = %new.id(), stays = %old, fault = fault.label(), "not swapped");
                self.shared.services.catalog.report(&plugin, new.id(), Report::RolledBack(&fault));
            }
        }
    }

    /// The operator has removed the plugin: its handler is told, and goes.
    async fn remove(&mut self, place: usize) {
        let plugin = self.handlers[place].plugin.clone();
        if self.wake(place).await.is_ok()
            && let Delivered::Effects(effects) = self.deliver(place, Event::Ended(EndReason::Removed))
        {
            self.carry(&plugin, effects, None).await;
        }
        let Some(place) = self.place(&plugin) else { return };
        let handler = self.handlers.remove(place);
        self.end_turn_of(&plugin);
        if let Some(mode) = handler.mode
            && self.mode.as_ref() == Some(&mode)
        {
            self.mode = None;
            self.link.send(reply::mode_ok("end", &mode, self.id.as_str()));
            self.link.send(reply::system(&format!("mode {mode} has been removed by the operator")));
        }
        self.make_dirty();
    }
}
