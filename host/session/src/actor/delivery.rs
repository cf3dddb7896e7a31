//! Events to handlers. Rule: opening, waking from hibernation, hot swap and recovery all go through here, and only between
//! two events.

use modehost_contract::{Event, Fault};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};

use super::Session;
use crate::roles::handler::Delivered;
use crate::roles::{Drift, Versions};

/// Whether a handler is told `started` before an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StartPolicy {
    /// The event is itself the beginning of a role.
    Own,
    /// If the handler is new.
    IfNew,
    /// As `IfNew`, and also if its role had ended: somebody wants it again.
    Revive,
}

impl StartPolicy {
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
    /// Gives an event to the plugin's handler, which is opened, woken or moved first as need be.
    pub(super) async fn deliver(&mut self, plugin: &PluginId, event: Event) -> Delivered {
        let policy = StartPolicy::before(&event);
        let ends = matches!(event, Event::Ended(_));
        let for_the_present = ends || matches!(event, Event::Detached | Event::Aborted { .. });
        if for_the_present && self.roles.place(plugin).is_none() {
            return Delivered::Effects(Vec::new());
        }
        let delivered = match self.activate(plugin, policy).await {
            Ok(place) => self.deliver_or_restart(plugin, place, event).await,
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

    /// One delivery to a handler that is there. Where no generation takes its state any more, it begins
    /// afresh, its device is told so, and the event is given to that.
    async fn deliver_or_restart(&mut self, plugin: &PluginId, place: usize, event: Event) -> Delivered {
        let (fault, event) = match self.deliver_to(place, event) {
            Delivered::Lost(fault, event) => (fault, event),
            delivered => return delivered,
        };
        tracing::error!(%plugin, device = %self.env.handle.device, %fault, "state lost: no version takes it; the mode begins afresh");
        metrics::counter!("modehost_state_lost_total", "plugin" => plugin.to_string()).increment(1);
        let message = format!("{plugin} could not take up the state that it had, and begins afresh");
        self.presence.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::default()));
        if let Some(fault) = self.restart(plugin, place).await {
            return Delivered::Skipped(fault);
        }
        match self.roles.place(plugin) {
            Some(_) if matches!(event, Event::Started(_)) => Delivered::Effects(Vec::new()),
            Some(place) => self.deliver_to(place, event),
            None => Delivered::Effects(Vec::new()),
        }
    }

    /// Makes the handler anew, in the role that it has.
    pub(super) async fn restart(&mut self, plugin: &PluginId, place: usize) -> Option<Fault> {
        let Versions { generation, fallback } = match Versions::of(&self.env, plugin) {
            Ok(found) => found,
            Err(fault) => return Some(fault),
        };
        let mode = self.roles.handlers[place].role.mode.clone();
        self.roles.handlers[place].begin_afresh(generation, fallback);
        self.end_speech_of(plugin);
        let started = Event::Started(self.env.start(mode, self.language()));
        match self.deliver_to(place, started) {
            Delivered::Effects(effects) => {
                self.apply(plugin, effects, None).await;
                None
            }
            Delivered::Rejected(rejection) => Some(Fault::Failed(rejection.message)),
            Delivered::Skipped(fault) | Delivered::Lost(fault, _) => Some(fault),
        }
    }

    /// One delivery to a handler that is there.
    pub(super) fn deliver_to(&mut self, place: usize, event: Event) -> Delivered {
        let context = self.roles.context();
        let delivered = self.roles.handlers[place].deliver(&self.env, context, event);
        self.make_dirty();
        delivered
    }

    /// Makes the plugin's handler ready for an event: there, live, of the right generation.
    async fn activate(&mut self, plugin: &PluginId, policy: StartPolicy) -> Result<usize, Fault> {
        if let Some(place) = self.roles.place(plugin)
            && !matches!(self.roles.drift(&self.env, place), Drift::None)
        {
            self.sync_generation(place).await;
        }
        let (place, new) = match self.roles.place(plugin) {
            Some(place) => (place, false),
            None => (self.roles.insert(&self.env, plugin)?, true),
        };
        self.roles.make_live(&self.env, place).await?;
        // Once the device has been given up, nobody can want a role again.
        let ending = self.roles.handlers[place].role.ending;
        let revived = policy == StartPolicy::Revive && ending && !self.presence.link.is_over();
        if revived || (new && policy != StartPolicy::Own) {
            self.roles.handlers[place].role.ending = false;
            let started = Event::Started(self.env.start(None, self.language()));
            match self.deliver_to(place, started) {
                Delivered::Effects(effects) => self.apply(plugin, effects, None).await,
                Delivered::Rejected(rejection) => return Err(Fault::Failed(rejection.message)),
                Delivered::Skipped(fault) | Delivered::Lost(fault, _) => {
                    self.roles.handlers.remove(place);
                    return Err(fault);
                }
            }
        }
        self.roles.place(plugin).ok_or_else(|| Fault::Open("it was removed".into()))
    }
}
