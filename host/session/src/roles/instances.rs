//! Instances in memory. Rule: an instance lives only with a permit of the budget; whoever waits for one holds none, and
//! instances that nothing happens to are put to sleep.

use crate::limits;
use modehost_contract::{Fault, Snapshot};
use modehost_ids::PluginId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Roles;
use super::handler::Handler;
use crate::environment::Environment;

impl Roles {
    /// Makes a handler live, within the budget.
    ///
    /// # Errors
    /// If there was no room for an instance in time. What cannot be restored otherwise fails at the next event.
    pub(crate) async fn make_live(&mut self, env: &Environment, place: usize) -> Result<(), Fault> {
        if self.handlers[place].is_live() {
            return Ok(());
        }
        let patience = Instant::now() + limits::PERMIT_PATIENCE;
        loop {
            if self.handlers[place].permit.is_none() {
                let permit = match env.shared.budget.try_permit() {
                    Some(permit) => permit,
                    None => {
                        // Whoever waits holds nothing, or two sessions could wait for each other.
                        self.handlers.iter_mut().for_each(Handler::hibernate);
                        let waited = env.shared.budget.permit().await;
                        waited.ok_or_else(|| {
                            let message = "every live instance is in use; raise plugins.limits.live_instances";
                            Fault::Capacity(message.into())
                        })?
                    }
                };
                self.handlers[place].permit = Some(permit);
            }
            if self.hibernate_at.is_none() {
                self.hibernate_at = Some(Instant::now() + limits::HANDLER_LINGER);
            }
            match self.handlers[place].make_live() {
                // A pool that is full is not the mode's doing: others sleep for it, ours first.
                Err(fault @ Fault::Capacity(_)) => {
                    self.handlers.iter_mut().for_each(Handler::hibernate);
                    if Instant::now() >= patience {
                        return Err(fault);
                    }
                    env.shared.budget.relieve().await;
                }
                // What cannot be restored otherwise fails in `deliver`, which knows what to do about it.
                _ => return Ok(()),
            }
        }
    }

    /// Puts instances to sleep that nothing has happened to; with `pressure`, all of them.
    pub(crate) fn hibernate(&mut self, env: &Environment, pressure: bool) {
        let (now, keep) = (Instant::now(), env.config().hibernate_after);
        let mut next = None::<Instant>;
        for handler in self.handlers.iter_mut().filter(|handler| handler.permit.is_some()) {
            let linger = if handler.role.mode.is_some() { keep } else { keep.min(limits::HANDLER_LINGER) };
            let due = handler.used + linger;
            if pressure || due <= now {
                handler.hibernate();
                metrics::counter!("modehost_hibernations_total").increment(1);
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        self.hibernate_at = next;
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

    /// Whether instances are to be looked at now.
    pub(crate) fn is_hibernation_due(&self, now: Instant) -> bool {
        self.hibernate_at.is_some_and(|at| at <= now)
    }
}
