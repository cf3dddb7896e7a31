//! Lending instances to a session and taking them back. Rule: opening, waking from hibernation,
//! hot swap and recovery all go through here, and only between two events.

use std::sync::Arc;
use std::time::Instant as Clock;

use modehost_contract::event::{EndReason, Start};
use modehost_contract::{Entry, Event, Fault, Generation, Report, Snapshot};
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::actor::{Session, Work};
use crate::handler::{Delivered, Handler, Refusal, WayBack};

/// How a handler stands to the catalog.
enum Standing {
    /// As it should be.
    Current,
    /// It is to move there.
    Move(Arc<dyn Generation>),
    /// It is to begin there afresh: the operator has discarded the state.
    Afresh,
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
            Ok(place) => self.deliver_or_begin_afresh(plugin, place, event).await,
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

    /// One delivery to a handler that is there. Where no generation takes its state any more, it begins
    /// afresh, its device is told so, and the event is given to that.
    async fn deliver_or_begin_afresh(&mut self, plugin: &PluginId, place: usize, event: Event) -> Delivered {
        let (fault, event) = match self.deliver(place, event) {
            Delivered::Lost(fault, event) => (fault, event),
            delivered => return delivered,
        };
        tracing::error!(%plugin, device = %self.handle.device, %fault, "state lost: no version takes it; the mode begins afresh");
        metrics::counter!("modehost_state_lost_total", "plugin" => plugin.to_string()).increment(1);
        let message = format!("{plugin} could not take up the state that it had, and begins afresh");
        self.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::default()));
        if let Some(fault) = self.begin_afresh(plugin, place).await {
            return Delivered::Skipped(fault);
        }
        match self.place(plugin) {
            Some(_) if matches!(event, Event::Started(_)) => Delivered::Effects(Vec::new()),
            Some(place) => self.deliver(place, event),
            None => Delivered::Effects(Vec::new()),
        }
    }

    /// Makes the handler anew, in the role that it has.
    async fn begin_afresh(&mut self, plugin: &PluginId, place: usize) -> Option<Fault> {
        let (generation, fallback) = match self.generation_for(plugin) {
            Ok(found) => found,
            Err(fault) => return Some(fault),
        };
        let mode = self.handlers[place].mode.clone();
        self.handlers[place].begin_afresh(generation, fallback);
        self.end_turn_of(plugin);
        let started = Event::Started(self.start(mode));
        match self.deliver(place, started) {
            Delivered::Effects(effects) => {
                self.carry(plugin, effects, None).await;
                None
            }
            Delivered::Rejected(rejection) => Some(Fault::Failed(rejection.message)),
            Delivered::Skipped(fault) | Delivered::Lost(fault, _) => Some(fault),
        }
    }

    /// One delivery to a handler that is there; what becomes of it is reported.
    fn deliver(&mut self, place: usize, event: Event) -> Delivered {
        let context = self.context();
        let Self { handlers, shared, handle, .. } = self;
        let handler = &mut handlers[place];
        handler.used = Instant::now();
        let plugin = handler.plugin.clone();
        let own = handler.generation.clone();
        // Asked for only where something went wrong.
        let before = || {
            let table = shared.services.catalog.table();
            let entry = table.plugins.get(&plugin);
            let fallback = entry.and_then(|entry| way_back(entry, &own)).cloned();
            WayBack { fallback, round: entry.map_or(0, |entry| entry.round) }
        };
        let delivered = handler.deliver((context, event), &before, &mut |generation, report| {
            if let Report::Faulted(fault) | Report::WentBack(fault) | Report::RefusedState(fault) = &report {
                let went_back = !matches!(report, Report::Faulted(_));
                tracing::warn!(%plugin, %generation, device = %handle.device, went_back, %fault, "a mode failed");
            }
            shared.services.catalog.report(&plugin, generation, &handle.device, report);
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
                Delivered::Skipped(fault) | Delivered::Lost(fault, _) => {
                    self.handlers.remove(place);
                    return Err(fault);
                }
            }
        }
        self.place(plugin).ok_or_else(|| Fault::Open("it was removed".into()))
    }

    /// What `started` says.
    pub(crate) fn start(&self, mode: Option<Arc<str>>) -> Start {
        let (device, session_id) = (self.device.clone(), self.id.as_str().into());
        Start { mode, device, session_id, language: self.language().tag().into() }
    }

    fn insert(&mut self, plugin: &PluginId) -> Result<usize, Fault> {
        let (generation, fallback) = self.generation_for(plugin)?;
        self.handlers.push(Handler::new(plugin.clone(), generation, fallback));
        Ok(self.handlers.len() - 1)
    }

    /// The generation of a plugin for this device, and the one that it would go back to.
    #[expect(clippy::type_complexity, reason = "two uses, side by side")]
    fn generation_for(&self, plugin: &PluginId) -> Result<(Arc<dyn Generation>, Option<Arc<dyn Generation>>), Fault> {
        let table = self.shared.services.catalog.table();
        let entry = table.plugins.get(plugin).ok_or_else(|| Fault::Open(format!("no plugin {plugin} is loaded")))?;
        let generation = entry.generation_for(&self.handle.device).clone();
        let fallback = way_back(entry, &generation).cloned();
        Ok((generation, fallback))
    }

    /// Makes a handler live, within the budget.
    pub(crate) async fn wake(&mut self, place: usize) -> Result<(), Fault> {
        if self.handlers[place].is_live() {
            return Ok(());
        }
        let patience = Instant::now() + limits::PERMIT_PATIENCE;
        loop {
            if self.handlers[place].permit.is_none() {
                let permit = match self.shared.budget.try_permit() {
                    Some(permit) => permit,
                    None => {
                        // Whoever waits holds nothing, or two sessions could wait for each other.
                        self.handlers.iter_mut().for_each(Handler::sleep);
                        let waited = self.shared.budget.permit().await;
                        waited.ok_or_else(|| {
                            let message = "every live instance is in use; raise plugins.limits.live_instances";
                            Fault::Capacity(message.into())
                        })?
                    }
                };
                self.handlers[place].permit = Some(permit);
            }
            if self.doze.is_none() {
                self.doze = Some(Instant::now() + limits::HANDLER_LINGER);
            }
            match self.handlers[place].raise() {
                // A pool that is full is not the mode's doing: others sleep for it, ours first.
                Err(fault @ Fault::Capacity(_)) => {
                    self.handlers.iter_mut().for_each(Handler::sleep);
                    if Instant::now() >= patience {
                        return Err(fault);
                    }
                    self.shared.budget.relieve().await;
                }
                // What cannot be raised otherwise fails in `deliver`, which knows what to do about it.
                _ => return Ok(()),
            }
        }
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

    /// The state of a plugin as it is now, for a version that is to be tried on it.
    pub(crate) fn sample(&mut self, plugin: &PluginId, samples: &mpsc::Sender<Snapshot>) {
        let Some(place) = self.place(plugin) else { return };
        let _ = self.handlers[place].refresh();
        if let Some(good) = self.handlers[place].good() {
            // Where enough have come, nobody waits for this one.
            let _ = samples.try_send(good.clone());
        }
    }

    fn standing(&self, place: usize) -> Standing {
        let handler = &self.handlers[place];
        let table = self.shared.services.catalog.table();
        let Some(entry) = table.plugins.get(&handler.plugin) else { return Standing::Gone };
        let wanted = entry.generation_for(&self.handle.device);
        if wanted.id() == handler.generation.id() {
            return Standing::Current;
        }
        if handler.trial().is_some_and(|trial| trial.old() == wanted.id()) {
            return Standing::Return;
        }
        if handler.refused == Some((wanted.id(), entry.round)) {
            return Standing::Current;
        }
        if entry.discards_state == Some(wanted.id()) {
            return Standing::Afresh;
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

    /// Keeps less for the way back once the catalog knows that the generation is good.
    fn settle_trial(&mut self, plugin: &PluginId) {
        let over = {
            let table = self.shared.services.catalog.table();
            table.plugins.get(plugin).is_none_or(|entry| !entry.on_trial)
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
                let round = self.round_of(place);
                let handler = &mut self.handlers[place];
                handler.go_back(round);
                tracing::debug!(plugin = %handler.plugin, device = %self.handle.device, "went back with its generation");
            }
            Standing::Gone => self.remove(place).await,
            Standing::Afresh => {
                let plugin = self.handlers[place].plugin.clone();
                tracing::info!(%plugin, device = %self.handle.device, "begins afresh: its state was discarded by the operator");
                if let Some(fault) = self.begin_afresh(&plugin, place).await {
                    tracing::warn!(%plugin, device = %self.handle.device, %fault, "did not begin");
                }
                self.make_dirty();
            }
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
        let (context, round) = (self.context(), self.round_of(place));
        let begun = Clock::now();
        let handler = &mut self.handlers[place];
        let (plugin, old) = (handler.plugin.clone(), handler.generation.id());
        let moved = handler.move_to(new, (context, round));
        metrics::histogram!("modehost_swap_pause_seconds").record(begun.elapsed().as_secs_f64());
        match moved {
            Ok(effects) => {
                self.make_dirty();
                self.carry(&plugin, effects, None).await;
                if asleep && let Some(place) = self.place(&plugin) {
                    self.handlers[place].sleep();
                }
            }
            Err(refusal) => {
                let (Refusal::State(fault) | Refusal::Failed(fault) | Refusal::Unknown(fault) | Refusal::Later(fault)) =
                    &refusal;
                tracing::warn!(%plugin, device = %self.handle.device, generation = %new.id(), stays = %old, %fault, "not swapped");
                let report = match &refusal {
                    Refusal::State(fault) => Report::RefusedState(fault),
                    Refusal::Failed(fault) => Report::WentBack(fault),
                    Refusal::Unknown(fault) => Report::Faulted(fault),
                    Refusal::Later(_) => return,
                };
                self.shared.services.catalog.report(&plugin, new.id(), &self.handle.device, report);
            }
        }
    }

    fn round_of(&self, place: usize) -> u32 {
        let table = self.shared.services.catalog.table();
        table.plugins.get(&self.handlers[place].plugin).map_or(0, |entry| entry.round)
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

/// What a session goes back to when this generation fails it: what the other devices use where it serves a
/// share of them first, else the one before.
fn way_back<'e>(entry: &'e Entry, generation: &Arc<dyn Generation>) -> Option<&'e Arc<dyn Generation>> {
    match &entry.candidate {
        Some(candidate) if candidate.generation.id() == generation.id() => Some(&entry.active),
        _ if entry.active.id() == generation.id() => entry.fallback.as_ref(),
        // Nothing older is at hand, and the newer one is no way back.
        _ if entry.fallback.as_ref().is_some_and(|fallback| fallback.id() == generation.id()) => None,
        // A generation that the catalog knows no more, as after a rollback that this one could not follow.
        _ => Some(&entry.active),
    }
}
