//! Beginning and ending modes. Rule: a switch is atomic. The new mode is told first and its
//! effects wait; only if that went well does the old one end, and then both lists are carried out, with
//! one record of the session that knows of both.

use std::sync::Arc;

use modehost_contract::Event;
use modehost_contract::event::EndReason;
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode};

use super::Session;
use super::durable::Step;
use crate::roles::find_mode;
use crate::roles::handler::Delivered;

impl Session {
    /// A `mode` message of the device.
    pub(super) async fn handle_mode_message(&mut self, start: bool, name: &str) {
        let state = if start { "start" } else { "end" };
        let Some((plugin, mode)) = find_mode(&self.env, name) else {
            let names = self.env.services().catalog.table().mode_names();
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            let message = format!("there is no mode {name}; the modes are: {}", names.join(", "));
            self.presence.link.send(reply::mode_error(ErrorCode::UnknownMode, &message, state, name, Some(&names)));
            return;
        };
        let is_current = self.roles.is_current(&self.env, &mode);
        match (start, is_current) {
            (true, false) => {
                let answer = Some((state, &mode));
                self.change_mode(Some((plugin, mode.clone())), EndReason::Switched, answer).await;
            }
            (false, true) if self.roles.mode.is_some() => {
                self.change_mode(None, EndReason::Requested, Some((state, &mode))).await;
            }
            // It runs already, or does not run any more.
            _ => self.presence.link.send(reply::mode_ok(state, &mode, self.env.id.as_str())),
        }
    }

    /// A `switch-mode` effect: none is the default mode. The device is told as if it had asked itself,
    /// unknown modes too. Where it has been given up, no mode begins any more.
    pub(super) async fn switch(&mut self, name: Option<&str>) {
        if self.presence.link.is_over() {
            return;
        }
        match name {
            Some(name) => self.handle_mode_message(true, name).await,
            None => {
                let ended = self.roles.mode.clone();
                self.change_mode(None, EndReason::Switched, ended.as_ref().map(|mode| ("end", mode))).await;
            }
        }
    }

    /// Ends the current mode and begins `target`; without one, the default mode is left. `answer`
    /// is the state and mode that a `mode` message named.
    async fn change_mode(
        &mut self,
        target: Option<(PluginId, Arc<str>)>,
        why: EndReason,
        answer: Option<(&str, &Arc<str>)>,
    ) {
        let default = self.config().default_mode.clone();
        // The default mode lies under all others: it is never begun over them.
        let target = target.filter(|(_, mode)| default.as_ref() != Some(mode));
        let begun = match &target {
            None => Vec::new(),
            Some((plugin, mode)) => match self.deliver(plugin, self.started(mode)).await {
                Delivered::Effects(effects) => effects,
                Delivered::Rejected(rejection) => return self.refuse(plugin, mode, &rejection.message),
                Delivered::Skipped(_) | Delivered::Lost(..) => {
                    return self.refuse(plugin, mode, "it failed to start; try again later");
                }
            },
        };
        let new_place = target.as_ref().and_then(|(plugin, _)| self.roles.place(plugin));
        let old = self.roles.mode.clone().and_then(|mode| self.roles.place_of_mode(&mode));
        let mut ended = None;
        if let Some(place) = old.filter(|place| Some(*place) != new_place) {
            let plugin = self.roles.handlers[place].plugin.clone();
            if let Delivered::Effects(effects) = self.deliver(&plugin, Event::Ended(why)).await {
                ended = Some((plugin.clone(), effects));
            }
            if let Some(handler) = self.roles.handler_mut(&plugin) {
                handler.role.mode = None;
            }
            // What was said to the mode that has ended is for no other (A.4).
            self.drop_sound();
        }
        self.roles.mode = target.as_ref().map(|(_, mode)| mode.clone());
        if let Some((plugin, mode)) = &target {
            self.roles.begin_mode(plugin, mode);
        }
        // One step for the roles and all that they want: after a kill neither is there without the other.
        let mut step = Step::default();
        let ended = ended.map(|(plugin, effects)| self.begin(&plugin, effects, &mut step));
        let begun = target.as_ref().map(|(plugin, _)| self.begin(plugin, begun, &mut step));
        let whole = self.commit(step).await;
        self.end_speech();
        if let Some((state, mode)) = answer {
            self.presence.link.send(reply::mode_ok(state, mode, self.env.id.as_str()));
        }
        for list in ended.into_iter().chain(begun) {
            let plugin = list.plugin.clone();
            self.complete(list, whole, None).await;
            if target.as_ref().is_none_or(|(new, _)| *new != plugin) {
                self.end_speech_of(&plugin);
            }
        }
        if let Some(now) = self.roles.mode.clone().or(default) {
            self.notify_subscribers(|subscriptions| subscriptions.mode_change, &Event::ModeChanged(now));
        }
    }

    /// The new mode did not begin: the old one goes on.
    fn refuse(&mut self, plugin: &PluginId, mode: &str, why: &str) {
        if let Some(place) = self.roles.place(plugin)
            && self.roles.handlers[place].role.mode.is_none()
            && !self.roles.handlers[place].is_ahead()
            && self.roles.handlers[place].good().is_none()
        {
            self.roles.handlers.remove(place);
        }
        let message = format!("mode {mode} was not begun: {why}");
        self.presence.link.send(reply::mode_error(ErrorCode::ModeFault, &message, "start", mode, None));
    }

    fn started(&self, mode: &Arc<str>) -> Event {
        Event::Started(self.env.start(Some(mode.clone()), self.language()))
    }
}
