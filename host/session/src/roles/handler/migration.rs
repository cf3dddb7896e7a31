//! Migration of a handler to another generation, and rollback. Rule: only between two events; a handler that fails to
//! migrate is unchanged.

use std::sync::Arc;

use modehost_contract::{Context, Effect, Event, Fault, Generation};

use super::Handler;
use super::rollback::{Trial, restore_instance};

/// Why a handler did not migrate.
pub(crate) enum MigrationError {
    /// The new generation fails to restore state that the old one restores.
    State(Fault),
    /// It failed otherwise, where the old one did not.
    Failed(Fault),
    /// Neither restores the state.
    BothFailed(Fault),
    /// The host had no capacity: retried later.
    Retry(Fault),
}

impl Handler {
    /// Rolls back to the previous generation, because the catalog has: to the state at the swap, with the events since
    /// replayed.
    pub(crate) fn roll_back(&mut self, round: u32) {
        let Some(trial) = self.health.trial.take() else { return };
        self.health.failed = Some((self.generation.id(), round));
        self.health.reported_served = false;
        self.instance = None;
        (self.generation, self.state) = (trial.target.generation, trial.target.state);
    }

    /// Continues with another configuration and other grants of the same code: a live instance keeps those that it was
    /// opened with, so it is replaced. True if one was live.
    pub(crate) fn reconfigure(&mut self, new: &Arc<dyn Generation>) -> bool {
        let live = self.is_live();
        if live {
            let _ = self.take_snapshot();
            self.instance = None;
        }
        self.generation = new.clone();
        self.health.reported_served = false;
        // Restore failures surface in `deliver`, which handles them.
        live && {
            let _ = self.make_live();
            true
        }
    }

    /// Migrates to another generation between two events: snapshot, restore, `upgraded`.
    ///
    /// # Errors
    /// If the new generation fails to restore the state or fails on `upgraded`; the handler is unchanged, and does not
    /// try that generation again in this round.
    pub(crate) fn migrate_to(
        &mut self,
        new: &Arc<dyn Generation>,
        (context, round): (Context, u32),
    ) -> Result<Vec<Effect>, MigrationError> {
        if self.is_fresh() {
            self.health.trial = Some(Trial::new(self.as_rollback_target()));
            self.generation = new.clone();
            self.health.reported_served = false;
            return Ok(Vec::new());
        }
        let _ = self.take_snapshot();
        let upgraded = Event::Upgraded { old_version: self.generation.manifest().version.as_str().into() };
        let moved = restore_instance(&**new, &self.state).and_then(|mut instance| {
            let effects = instance.handle(context, &upgraded)?;
            Ok((instance, effects))
        });
        match moved {
            Ok((instance, effects)) => {
                self.health.trial = Some(Trial::new(self.as_rollback_target()));
                self.generation = new.clone();
                self.health.reported_served = false;
                // The new version may keep of it what the old one did not.
                self.role.known_modes = None;
                self.instance = Some(instance);
                self.state.tail.push((context, upgraded));
                Ok(effects)
            }
            Err(fault @ Fault::Capacity(_)) => Err(MigrationError::Retry(fault)),
            Err(fault) => {
                self.health.failed = Some((new.id(), round));
                // State that its own generation does not restore either says nothing about the new one.
                match restore_instance(&*self.generation, &self.state) {
                    Ok(_) if matches!(fault, Fault::Restore(_)) => Err(MigrationError::State(fault)),
                    Ok(_) => Err(MigrationError::Failed(fault)),
                    Err(_) => Err(MigrationError::BothFailed(fault)),
                }
            }
        }
    }
}
