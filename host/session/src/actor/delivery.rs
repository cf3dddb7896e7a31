//! Event delivery to handlers. Rule: opening, waking from hibernation, hot swap and recovery all happen here, and only
//! between two events.

use modehost_contract::{Event, Fault};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};

use super::Session;
use crate::roles::handler::Delivered;
use crate::roles::{Drift, Generations};

/// Whether a handler receives `started` before an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StartPolicy {
    /// Never: the event itself starts a role.
    Own,
    /// If the handler is new.
    IfNew,
    /// As `IfNew`, and also if its role has ended: the event starts it again.
    Revive,
}

impl StartPolicy {
    fn before(event: &Event) -> Self {
        match event {
            Event::Started(_) => Self::Own,
            Event::Message { .. } | Event::Transcript(_) | Event::Attached(_) | Event::Hello(_) => Self::Revive,
            // Outcomes, timers and `ended` do not restart a role.
            _ => Self::IfNew,
        }
    }
}

impl Session {
    /// Delivers an event to the plugin's handler; opens, wakes or migrates the handler first where needed.
    pub(super) async fn deliver(&mut self, plugin: &PluginId, event: Event) -> Delivered {
        let policy = StartPolicy::before(&event);
        let ends = matches!(event, Event::Ended(_));
        let only_existing = ends || matches!(event, Event::Detached | Event::Aborted { .. });
        if only_existing && self.roles.index_of(plugin).is_none() {
            return Delivered::Effects(Vec::new());
        }
        let delivered = match self.activate(plugin, policy).await {
            Ok(index) => {
                if policy != StartPolicy::Own && !ends {
                    self.sync_modes(plugin, index).await;
                }
                match self.roles.index_of(plugin) {
                    Some(index) => self.deliver_or_restart(plugin, index, event).await,
                    None => Delivered::Skipped(Fault::Open("it was removed".into())),
                }
            }
            Err(fault) => Delivered::Skipped(fault),
        };
        if ends && let Some(handler) = self.roles.handler_mut(plugin) {
            handler.role.ending = true;
        }
        if matches!(delivered, Delivered::Skipped(_)) {
            self.end_speech_of(plugin);
        }
        delivered
    }

    /// Delivers to an existing handler. Where no generation restores its state, the handler restarts empty, the device
    /// gets an error, and the new handler gets the event.
    async fn deliver_or_restart(&mut self, plugin: &PluginId, index: usize, event: Event) -> Delivered {
        let (fault, event) = match self.deliver_to(index, event) {
            Delivered::Lost(fault, event) => (fault, event),
            delivered => return delivered,
        };
        tracing::error!(%plugin, device = %self.env.handle.device, %fault, "state lost: no version takes it; the mode begins afresh");
        metrics::counter!("modehost_state_lost_total", "plugin" => plugin.to_string()).increment(1);
        let message = format!("{plugin} could not take up the state that it had, and begins afresh");
        self.presence.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::default()));
        if let Some(fault) = self.restart(plugin, index).await {
            return Delivered::Skipped(fault);
        }
        if matches!(event, Event::Started(_)) {
            return Delivered::Effects(Vec::new());
        }
        if let Some(index) = self.roles.index_of(plugin) {
            self.sync_modes(plugin, index).await;
        }
        match self.roles.index_of(plugin) {
            Some(index) => self.deliver_to(index, event),
            None => Delivered::Effects(Vec::new()),
        }
    }

    /// Delivers `modes` to a handler that has subscribed to it and does not know the modes as they are. Lazily, before
    /// the handler's next event: a change wakes nobody.
    async fn sync_modes(&mut self, plugin: &PluginId, index: usize) {
        let Some(modes) = self.roles.unknown_modes(&self.env, index) else { return };
        let delivered = self.deliver_to(index, Event::Modes(modes.clone()));
        if matches!(delivered, Delivered::Lost(..) | Delivered::Skipped(Fault::Capacity(_))) {
            // The event that follows meets the same, and is answered for it.
            return;
        }
        // Also where it failed: a list that traps is not delivered before each event again.
        self.roles.handlers[index].role.known_modes = Some(modes);
        match delivered {
            Delivered::Effects(effects) => self.apply(plugin, effects, None).await,
            Delivered::Rejected(rejection) => tracing::warn!(%plugin, why = rejection.message, "rejected `modes`"),
            Delivered::Skipped(_) | Delivered::Lost(..) => {}
        }
    }

    /// Replaces the handler by a new one in the same role.
    pub(super) async fn restart(&mut self, plugin: &PluginId, index: usize) -> Option<Fault> {
        let Generations { generation, fallback } = match Generations::of(&self.env, plugin) {
            Ok(found) => found,
            Err(fault) => return Some(fault),
        };
        let mode = self.roles.handlers[index].role.mode.clone();
        self.roles.handlers[index].restart_empty(generation, fallback);
        self.end_speech_of(plugin);
        let started = Event::Started(self.env.start(mode, self.language()));
        match self.deliver_to(index, started) {
            Delivered::Effects(effects) => {
                self.apply(plugin, effects, None).await;
                None
            }
            Delivered::Rejected(rejection) => Some(Fault::Failed(rejection.message)),
            Delivered::Skipped(fault) | Delivered::Lost(fault, _) => Some(fault),
        }
    }

    /// Delivers to an existing handler.
    pub(super) fn deliver_to(&mut self, index: usize, event: Event) -> Delivered {
        let context = self.roles.context();
        let delivered = self.roles.handlers[index].deliver(&self.env, context, event);
        self.make_dirty();
        delivered
    }

    /// Makes the plugin's handler ready for an event: existing, live, of the right generation.
    async fn activate(&mut self, plugin: &PluginId, policy: StartPolicy) -> Result<usize, Fault> {
        if let Some(index) = self.roles.index_of(plugin)
            && !matches!(self.roles.drift(&self.env, index), Drift::None)
        {
            self.sync_generation(index).await;
        }
        let (index, new) = match self.roles.index_of(plugin) {
            Some(index) => (index, false),
            None => (self.roles.insert(&self.env, plugin)?, true),
        };
        self.roles.make_live(&self.env, index).await?;
        // Once the session has expired, no role restarts.
        let ending = self.roles.handlers[index].role.ending;
        let revived = policy == StartPolicy::Revive && ending && !self.presence.link.is_expired();
        if revived || (new && policy != StartPolicy::Own) {
            self.roles.handlers[index].role.ending = false;
            let started = Event::Started(self.env.start(None, self.language()));
            match self.deliver_to(index, started) {
                Delivered::Effects(effects) => self.apply(plugin, effects, None).await,
                Delivered::Rejected(rejection) => return Err(Fault::Failed(rejection.message)),
                Delivered::Skipped(fault) | Delivered::Lost(fault, _) => {
                    self.roles.handlers.remove(index);
                    return Err(fault);
                }
            }
        }
        self.roles.index_of(plugin).ok_or_else(|| Fault::Open("it was removed".into()))
    }
}
