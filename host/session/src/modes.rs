//! Beginning and ending modes. Rule: a switch is atomic. The new mode is told first and its
//! effects wait; only if that went well does the old one end, and then both lists are carried out, with
//! one record of the session that knows of both.

use std::sync::Arc;

use modehost_contract::Event;
use modehost_contract::event::EndReason;
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode};

use crate::actor::{Session, Work};
use crate::handler::Delivered;

impl Session {
    /// A `mode` message of the device.
    pub(crate) async fn mode_message(&mut self, start: bool, name: &str) {
        let state = if start { "start" } else { "end" };
        let Some((plugin, mode)) = self.find_mode(name) else {
            let names = self.shared.services.catalog.table().mode_names();
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            let message = format!("there is no mode {name}; the modes are: {}", names.join(", "));
            self.link.send(reply::mode_error(ErrorCode::UnknownMode, &message, state, name, Some(&names)));
            return;
        };
        let current = self.mode.clone().or_else(|| self.config().default_mode.clone());
        let is_current = current.as_deref() == Some(&*mode);
        match (start, is_current) {
            (true, false) => {
                let answer = Some((state, &mode));
                self.change_mode(Some((plugin, mode.clone())), EndReason::Switched, answer).await;
            }
            (false, true) if self.mode.is_some() => {
                self.change_mode(None, EndReason::Asked, Some((state, &mode))).await;
            }
            // It runs already, or does not run any more.
            _ => self.link.send(reply::mode_ok(state, &mode, self.id.as_str())),
        }
    }

    /// A `switch-mode` effect: none is the default mode. The device is told as if it had asked itself,
    /// unknown modes too. Where it has been given up, no mode begins any more.
    pub(crate) async fn switch(&mut self, name: Option<&str>) {
        if self.link.is_over() {
            return;
        }
        match name {
            Some(name) => self.mode_message(true, name).await,
            None => {
                let ended = self.mode.clone();
                self.change_mode(None, EndReason::Switched, ended.as_ref().map(|mode| ("end", mode))).await;
            }
        }
    }

    /// Whether a `mode` message ends or begins a mode.
    pub(crate) fn changes_mode(&self, start: bool, name: &str) -> bool {
        let Some((_, mode)) = self.find_mode(name) else { return false };
        let current = self.mode.clone().or_else(|| self.config().default_mode.clone());
        let is_current = current.as_deref() == Some(&*mode);
        if start { !is_current } else { is_current && self.mode.is_some() }
    }

    /// The plugin and the canonical name of a mode.
    pub(crate) fn find_mode(&self, name: &str) -> Option<(PluginId, Arc<str>)> {
        self.shared.services.catalog.table().modes.get(name).cloned()
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
            Some((plugin, mode)) => match self.give(plugin, Event::Started(self.start(Some(mode.clone())))).await {
                Delivered::Effects(effects) => effects,
                Delivered::Rejected(rejection) => return self.refuse(plugin, mode, &rejection.message),
                Delivered::Skipped(_) | Delivered::Lost(..) => {
                    return self.refuse(plugin, mode, "it failed to start; try again later");
                }
            },
        };
        let new_place = target.as_ref().and_then(|(plugin, _)| self.place(plugin));
        let old = self.mode.clone().and_then(|mode| self.find_place_of(&mode));
        let mut ended = None;
        if let Some(place) = old.filter(|place| Some(*place) != new_place) {
            let plugin = self.handlers[place].plugin.clone();
            if let Delivered::Effects(effects) = self.give(&plugin, Event::Ended(why)).await {
                ended = Some((plugin.clone(), effects));
            }
            if let Some(place) = self.place(&plugin) {
                self.handlers[place].mode = None;
            }
            // What was said to the mode that has ended is for no other (A.4).
            self.forget_sound();
        }
        self.mode = target.as_ref().map(|(_, mode)| mode.clone());
        if let Some((plugin, mode)) = &target
            && let Some(place) = self.place(plugin)
        {
            self.handlers[place].mode = Some(mode.clone());
            self.handlers[place].ending = false;
        }
        // One record of the roles and of all that they want: after a kill neither is there without the other.
        let ended = ended.map(|(plugin, effects)| self.begin(&plugin, effects, None));
        let begun = target.as_ref().map(|(plugin, _)| self.begin(plugin, begun, None));
        let record = self.save();
        let mut lists = Vec::new();
        for mut list in ended.into_iter().chain(begun) {
            let whole = self.settle(&mut list.barrier).await;
            lists.push((list, whole));
        }
        self.recorded(record).await;
        self.end_turn();
        if let Some((state, mode)) = answer {
            self.link.send(reply::mode_ok(state, mode, self.id.as_str()));
        }
        for (list, whole) in lists {
            let plugin = list.plugin.clone();
            self.complete(list, whole, None).await;
            if target.as_ref().is_none_or(|(new, _)| *new != plugin) {
                self.end_turn_of(&plugin);
            }
        }
        if let Some(now) = self.mode.clone().or(default) {
            self.tell_subscribers(|subscriptions| subscriptions.mode_change, &Event::ModeChanged(now));
        }
    }

    /// The new mode did not begin: the old one goes on.
    fn refuse(&mut self, plugin: &PluginId, mode: &str, why: &str) {
        if let Some(place) = self.place(plugin)
            && self.handlers[place].mode.is_none()
            && !self.handlers[place].is_ahead()
            && self.handlers[place].good().is_none()
        {
            self.handlers.remove(place);
        }
        let message = format!("mode {mode} was not begun: {why}");
        self.link.send(reply::mode_error(ErrorCode::ModeFault, &message, "start", mode, None));
    }

    /// Place of the handler that is this mode now.
    fn find_place_of(&self, mode: &str) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.mode.as_deref() == Some(mode))
    }

    /// Tells an event to every plugin that has subscribed to its kind, in the order of their ids.
    pub(crate) fn tell_subscribers(
        &mut self,
        wants: impl Fn(&modehost_contract::mode::Subscriptions) -> bool,
        event: &Event,
    ) {
        let mut plugins: Vec<PluginId> = {
            let table = self.shared.services.catalog.table();
            let wanting = table.plugins.iter().filter(|(_, entry)| wants(&entry.active.manifest().subscriptions));
            wanting.map(|(plugin, _)| plugin.clone()).collect()
        };
        plugins.sort();
        for plugin in plugins {
            self.work.push_back(Work::Tell { plugin, event: event.clone(), body: None });
        }
    }
}
