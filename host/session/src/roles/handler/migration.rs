//! A handler to another generation, and back. Rule: only between two events; a handler that the new generation does not
//! take is as before.

use std::sync::Arc;

use modehost_contract::{Context, Effect, Event, Fault, Generation};

use super::Handler;
use super::way_back::{Trial, restore_instance};

/// Why a handler did not move.
pub(crate) enum Refusal {
    /// The new generation does not take over state that the old one restores.
    State(Fault),
    /// It failed otherwise, where the old one did not.
    Failed(Fault),
    /// Neither takes the state.
    Unknown(Fault),
    /// The host had no room: it is tried again.
    Later(Fault),
}

impl Handler {
    /// Back to the generation before, because the catalog went back: state at the swap, and what has been
    /// told since.
    pub(crate) fn go_back(&mut self, round: u32) {
        let Some(trial) = self.standing.trial.take() else { return };
        self.standing.refused = Some((self.generation.id(), round));
        self.standing.served = false;
        self.instance = None;
        (self.generation, self.state) = (trial.before.generation, trial.before.state);
    }

    /// Goes on under another configuration and other grants of the same code: a live instance holds the
    /// ones that it was opened with, so another takes its place. True if one was live.
    pub(crate) fn change_terms(&mut self, new: &Arc<dyn Generation>) -> bool {
        let live = self.is_live();
        if live {
            let _ = self.refresh();
            self.instance = None;
        }
        self.generation = new.clone();
        self.standing.served = false;
        // What cannot be restored fails in `deliver`, which knows what to do about it.
        live && {
            let _ = self.make_live();
            true
        }
    }

    /// Moves to another generation between two events: snapshot, restore, `upgraded`.
    ///
    /// # Errors
    /// If the new generation does not take the state over or fails on `upgraded`; the handler is
    /// then as before, and will not try that generation again in this round.
    pub(crate) fn move_to(
        &mut self,
        new: &Arc<dyn Generation>,
        (context, round): (Context, u32),
    ) -> Result<Vec<Effect>, Refusal> {
        if self.is_fresh() {
            self.standing.trial = Some(Trial::new(self.as_it_is()));
            self.generation = new.clone();
            self.standing.served = false;
            return Ok(Vec::new());
        }
        let _ = self.refresh();
        let upgraded = Event::Upgraded { old_version: self.generation.manifest().version.as_str().into() };
        let moved = restore_instance(&**new, &self.state).and_then(|mut instance| {
            let effects = instance.handle(context, &upgraded)?;
            Ok((instance, effects))
        });
        match moved {
            Ok((instance, effects)) => {
                self.standing.trial = Some(Trial::new(self.as_it_is()));
                self.generation = new.clone();
                self.standing.served = false;
                self.instance = Some(instance);
                self.state.tail.push((context, upgraded));
                Ok(effects)
            }
            Err(fault @ Fault::Capacity(_)) => Err(Refusal::Later(fault)),
            Err(fault) => {
                self.standing.refused = Some((new.id(), round));
                // State that its own generation does not take either says nothing of the new one.
                match restore_instance(&*self.generation, &self.state) {
                    Ok(_) if matches!(fault, Fault::Restore(_)) => Err(Refusal::State(fault)),
                    Ok(_) => Err(Refusal::Failed(fault)),
                    Err(_) => Err(Refusal::Unknown(fault)),
                }
            }
        }
    }
}
