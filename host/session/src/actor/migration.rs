//! Handlers to the generation that the catalog holds now. Rule: only between two events; a handler that the new generation
//! does not take stays as it was, and the catalog hears of it.

use std::sync::Arc;
use std::time::Instant as Clock;

use modehost_contract::event::EndReason;
use modehost_contract::{Event, Generation, Report};
use modehost_ids::PluginId;
use modehost_protocol::reply;

use super::Session;
use crate::roles::handler::{Delivered, Refusal};
use crate::roles::{Drift, Resumed};

impl Session {
    /// Moves every handler to what the catalog holds now.
    pub(super) async fn migrate(&mut self) {
        let resumed = Resumed { language: self.language(), work: &mut self.work };
        self.roles.adopt_orphans(&self.env, resumed);
        let plugins: Vec<PluginId> = self.roles.handlers.iter().map(|handler| handler.plugin.clone()).collect();
        for plugin in plugins {
            if let Some(place) = self.roles.place(&plugin) {
                self.sync_generation(place).await;
                self.roles.settle_trial(&self.env, &plugin);
            }
        }
    }

    /// Brings one handler to where it should be, between two events.
    pub(super) async fn sync_generation(&mut self, place: usize) {
        match self.roles.drift(&self.env, place) {
            Drift::None => {}
            Drift::RolledBack => {
                let round = self.roles.round_of(&self.env, place);
                let handler = &mut self.roles.handlers[place];
                handler.go_back(round);
                tracing::debug!(plugin = %handler.plugin, device = %self.env.handle.device, "went back with its generation");
            }
            Drift::Gone => self.remove(place).await,
            Drift::Afresh => {
                let plugin = self.roles.handlers[place].plugin.clone();
                tracing::info!(%plugin, device = %self.env.handle.device, "begins afresh: its state was discarded by the operator");
                if let Some(fault) = self.restart(&plugin, place).await {
                    tracing::warn!(%plugin, device = %self.env.handle.device, %fault, "did not begin");
                }
                self.make_dirty();
            }
            Drift::Move(new) if new.code() == self.roles.handlers[place].generation.code() => {
                let handler = &mut self.roles.handlers[place];
                let changed = handler.generation.config() != new.config();
                // A sleeping instance is configured anew when it wakes.
                if handler.change_terms(&new) && changed {
                    let event = Event::ConfigChanged { config: new.config(), device: self.env.device.clone() };
                    self.work.push_event(handler.plugin.clone(), event);
                }
            }
            Drift::Move(new) => self.swap(place, &new).await,
        }
    }

    async fn swap(&mut self, place: usize, new: &Arc<dyn Generation>) {
        let asleep = !self.roles.handlers[place].is_live();
        if asleep && !self.roles.handlers[place].is_fresh() && self.roles.make_live(&self.env, place).await.is_err() {
            return; // Tried again at the next event.
        }
        let (context, round) = (self.roles.context(), self.roles.round_of(&self.env, place));
        let begun = Clock::now();
        let handler = &mut self.roles.handlers[place];
        let (plugin, old) = (handler.plugin.clone(), handler.generation.id());
        let moved = handler.move_to(new, (context, round));
        metrics::histogram!("modehost_swap_pause_seconds").record(begun.elapsed().as_secs_f64());
        match moved {
            Ok(effects) => {
                self.make_dirty();
                self.apply(&plugin, effects, None).await;
                if asleep && let Some(place) = self.roles.place(&plugin) {
                    self.roles.handlers[place].hibernate();
                }
            }
            Err(refusal) => {
                let (Refusal::State(fault) | Refusal::Failed(fault) | Refusal::Unknown(fault) | Refusal::Later(fault)) =
                    &refusal;
                tracing::warn!(%plugin, device = %self.env.handle.device, generation = new.id().0, stays = old.0, %fault, "not swapped");
                let report = match &refusal {
                    Refusal::State(fault) => Report::RefusedState(fault),
                    Refusal::Failed(fault) => Report::WentBack(fault),
                    Refusal::Unknown(fault) => Report::Faulted(fault),
                    Refusal::Later(_) => return,
                };
                self.env.services().catalog.report(&plugin, new.id(), &self.env.handle.device, report);
            }
        }
    }

    /// The operator has removed the plugin: its handler is told, and goes.
    async fn remove(&mut self, place: usize) {
        let plugin = self.roles.handlers[place].plugin.clone();
        if self.roles.make_live(&self.env, place).await.is_ok()
            && let Delivered::Effects(effects) = self.deliver_to(place, Event::Ended(EndReason::Removed))
        {
            self.apply(&plugin, effects, None).await;
        }
        let Some(place) = self.roles.place(&plugin) else { return };
        let handler = self.roles.handlers.remove(place);
        self.end_speech_of(&plugin);
        if let Some(mode) = handler.role.mode
            && self.roles.mode.as_ref() == Some(&mode)
        {
            self.roles.mode = None;
            self.presence.link.send(reply::mode_ok("end", &mode, self.env.id.as_str()));
            self.presence.link.send(reply::system(&format!("mode {mode} has been removed by the operator")));
        }
        self.make_dirty();
    }
}
