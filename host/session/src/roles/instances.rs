//! Live instances. Rule: an instance is live only with a permit of the budget; a session that waits for a permit holds
//! none, and idle instances hibernate.

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
    /// If there was no capacity for an instance in time. Other restore failures surface at the next event.
    pub(crate) async fn make_live(&mut self, env: &Environment, index: usize) -> Result<(), Fault> {
        if self.handlers[index].is_live() {
            return Ok(());
        }
        let patience = Instant::now() + limits::PERMIT_PATIENCE;
        loop {
            if self.handlers[index].permit.is_none() {
                let permit = match env.shared.budget.try_permit() {
                    Some(permit) => permit,
                    None => {
                        // A session that waits holds no permits, or two sessions could deadlock.
                        self.handlers.iter_mut().for_each(Handler::hibernate);
                        let waited = env.shared.budget.permit().await;
                        waited.ok_or_else(|| {
                            let message = "every live instance is in use; raise plugins.limits.live_instances";
                            Fault::Capacity(message.into())
                        })?
                    }
                };
                self.handlers[index].permit = Some(permit);
            }
            if self.hibernate_at.is_none() {
                self.hibernate_at = Some(Instant::now() + limits::HANDLER_LINGER);
            }
            match self.handlers[index].make_live() {
                // A full instance pool is not the mode's fault: others hibernate for it, this session first.
                Err(fault @ Fault::Capacity(_)) => {
                    self.handlers.iter_mut().for_each(Handler::hibernate);
                    if Instant::now() >= patience {
                        return Err(fault);
                    }
                    env.shared.budget.relieve().await;
                }
                // Other restore failures surface in `deliver`, which handles them.
                _ => return Ok(()),
            }
        }
    }

    /// Hibernates idle instances; with `pressure`, all of them.
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

    /// Sends the current state of a plugin, for a new version to be tried on it.
    pub(crate) fn sample(&mut self, plugin: &PluginId, samples: &mpsc::Sender<Snapshot>) {
        let Some(index) = self.index_of(plugin) else { return };
        let _ = self.handlers[index].take_snapshot();
        if let Some(snapshot) = self.handlers[index].last_snapshot() {
            // Dropped if enough samples have arrived.
            let _ = samples.try_send(snapshot.clone());
        }
    }

    /// Whether a check for idle instances is due.
    pub(crate) fn is_hibernation_due(&self, now: Instant) -> bool {
        self.hibernate_at.is_some_and(|at| at <= now)
    }
}
