//! Migration of handlers to the generation that the catalog serves. Rule: only between two events; a handler that fails
//! to migrate stays as it was, and the catalog gets a report.

use std::sync::Arc;
use std::time::Instant as Clock;

use modehost_contract::event::EndReason;
use modehost_contract::{Event, Generation, GenerationReport};
use modehost_ids::PluginId;
use modehost_protocol::reply;

use super::Session;
use crate::roles::handler::{Delivered, MigrationError};
use crate::roles::{Drift, Resumed};

impl Session {
    /// Migrates every handler to the generation that the catalog serves.
    pub(super) async fn migrate(&mut self) {
        let resumed = Resumed { language: self.language(), work: &mut self.work };
        self.roles.adopt_orphans(&self.env, resumed);
        let plugins: Vec<PluginId> = self.roles.handlers.iter().map(|handler| handler.plugin.clone()).collect();
        for plugin in plugins {
            if let Some(index) = self.roles.index_of(&plugin) {
                self.sync_generation(index).await;
                self.roles.end_trial(&self.env, &plugin);
            }
        }
    }

    /// Brings one handler to the generation it should run, between two events.
    pub(super) async fn sync_generation(&mut self, index: usize) {
        match self.roles.drift(&self.env, index) {
            Drift::None => {}
            Drift::RolledBack => {
                let round = self.roles.trial_round(&self.env, index);
                let handler = &mut self.roles.handlers[index];
                handler.roll_back(round);
                tracing::debug!(plugin = %handler.plugin, device = %self.env.handle.device, "rolled back with its generation");
            }
            Drift::Removed => self.remove(index).await,
            Drift::Restart => {
                let plugin = self.roles.handlers[index].plugin.clone();
                tracing::info!(%plugin, device = %self.env.handle.device, "begins afresh: its state was discarded by the operator");
                if let Some(fault) = self.restart(&plugin, index).await {
                    tracing::warn!(%plugin, device = %self.env.handle.device, %fault, "did not begin");
                }
                self.make_dirty();
            }
            Drift::Migrate(new) if new.code() == self.roles.handlers[index].generation.code() => {
                let handler = &mut self.roles.handlers[index];
                let changed = handler.generation.config() != new.config();
                // A hibernating instance gets the new configuration when it wakes.
                if handler.reconfigure(&new) && changed {
                    let event = Event::ConfigChanged { config: new.config(), device: self.env.device.clone() };
                    self.work.push_event(handler.plugin.clone(), event);
                }
            }
            Drift::Migrate(new) => self.swap(index, &new).await,
        }
    }

    async fn swap(&mut self, index: usize, new: &Arc<dyn Generation>) {
        let hibernating = !self.roles.handlers[index].is_live();
        if hibernating
            && !self.roles.handlers[index].is_fresh()
            && self.roles.make_live(&self.env, index).await.is_err()
        {
            return; // Retried at the next event.
        }
        let (context, round) = (self.roles.context(), self.roles.trial_round(&self.env, index));
        let begun = Clock::now();
        let handler = &mut self.roles.handlers[index];
        let (plugin, old) = (handler.plugin.clone(), handler.generation.id());
        let moved = handler.migrate_to(new, (context, round));
        metrics::histogram!("modehost_swap_pause_seconds").record(begun.elapsed().as_secs_f64());
        match moved {
            Ok(effects) => {
                self.make_dirty();
                self.apply(&plugin, effects, None).await;
                if hibernating && let Some(index) = self.roles.index_of(&plugin) {
                    self.roles.handlers[index].hibernate();
                }
            }
            Err(error) => {
                let (MigrationError::State(fault)
                | MigrationError::Failed(fault)
                | MigrationError::BothFailed(fault)
                | MigrationError::Retry(fault)) = &error;
                tracing::warn!(%plugin, device = %self.env.handle.device, generation = new.id().0, stays = old.0, %fault, "not swapped");
                let report = match &error {
                    MigrationError::State(fault) => GenerationReport::RestoreFailed(fault),
                    MigrationError::Failed(fault) => GenerationReport::RolledBack(fault),
                    MigrationError::BothFailed(fault) => GenerationReport::Faulted(fault),
                    MigrationError::Retry(_) => return,
                };
                self.env.services().catalog.report(&plugin, new.id(), &self.env.handle.device, report);
            }
        }
    }

    /// The operator has removed the plugin: its handler gets `ended` and is dropped.
    async fn remove(&mut self, index: usize) {
        let plugin = self.roles.handlers[index].plugin.clone();
        if self.roles.make_live(&self.env, index).await.is_ok()
            && let Delivered::Effects(effects) = self.deliver_to(index, Event::Ended(EndReason::Removed))
        {
            self.apply(&plugin, effects, None).await;
        }
        let Some(index) = self.roles.index_of(&plugin) else { return };
        let handler = self.roles.handlers.remove(index);
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
