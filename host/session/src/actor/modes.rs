//! Starting and ending modes. Rule: a switch is atomic. The new mode gets its event first and its effects wait; only if
//! that succeeds does the old mode end, and both lists of effects are applied with one session record that includes
//! both.

use std::sync::Arc;

use modehost_contract::event::EndReason;
use modehost_contract::{Event, Rejection};
use modehost_ids::PluginId;
use modehost_protocol::reply;

use super::Session;
use super::durable::WriteBatch;
use crate::roles::find_mode;
use crate::roles::handler::Delivered;

impl Session {
    /// Handles a `mode` message of the device.
    pub(super) async fn handle_mode_message(&mut self, start: bool, name: &str) {
        let state = if start { "start" } else { "end" };
        let Some((plugin, mode)) = find_mode(&self.env, name) else {
            let names = self.env.services().catalog.table().mode_names();
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            let message = format!("there is no mode {name}; the modes are: {}", names.join(", "));
            self.presence.link.send(reply::mode_unknown(&message, state, name, &names));
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
            // Already running, or not running.
            _ => self.presence.link.send(reply::mode_ok(state, &mode, self.env.id.as_str())),
        }
    }

    /// Handles a `switch-mode` effect: none is the default mode. The device gets the same replies as if it had asked,
    /// for unknown modes as well. After the session has expired, no mode starts.
    pub(super) async fn switch(&mut self, name: Option<&str>) {
        if self.presence.link.is_expired() {
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

    /// Ends the current mode and starts `target`; without one, the session returns to the default mode. `answer`: state
    /// and mode of the `mode` message to acknowledge.
    async fn change_mode(
        &mut self,
        target: Option<(PluginId, Arc<str>)>,
        why: EndReason,
        answer: Option<(&str, &Arc<str>)>,
    ) {
        let default = self.config().default_mode.clone();
        // The default mode runs below all others: it is never started on top of them.
        let target = target.filter(|(_, mode)| default.as_ref() != Some(mode));
        let begun = match &target {
            None => Vec::new(),
            Some((plugin, mode)) => match self.deliver(plugin, self.started(mode)).await {
                Delivered::Effects(effects) => effects,
                Delivered::Rejected(Rejection { message, retry_after_ms, .. }) => {
                    return self.abort_switch(plugin, mode, &message, retry_after_ms);
                }
                Delivered::Skipped(_) | Delivered::Lost(..) => {
                    return self.abort_switch(plugin, mode, "it failed to start; try again later", None);
                }
            },
        };
        let new_index = target.as_ref().and_then(|(plugin, _)| self.roles.index_of(plugin));
        let old = self.roles.mode.clone().and_then(|mode| self.roles.index_of_mode(&mode));
        let mut ended = None;
        if let Some(index) = old.filter(|index| Some(*index) != new_index) {
            let plugin = self.roles.handlers[index].plugin.clone();
            if let Delivered::Effects(effects) = self.deliver(&plugin, Event::Ended(why)).await {
                ended = Some((plugin.clone(), effects));
            }
            if let Some(handler) = self.roles.handler_mut(&plugin) {
                handler.role.mode = None;
            }
            // Speech that was meant for the ended mode goes to no other (A.4).
            self.drop_audio();
        }
        self.roles.mode = target.as_ref().map(|(_, mode)| mode.clone());
        if let Some((plugin, mode)) = &target {
            self.roles.begin_mode(plugin, mode);
        }
        // One transaction for the roles and their writes: after a crash neither exists without the other.
        let mut batch = WriteBatch::default();
        let ended = ended.map(|(plugin, effects)| self.stage(&plugin, effects, &mut batch));
        let begun = target.as_ref().map(|(plugin, _)| self.stage(plugin, begun, &mut batch));
        let committed = self.commit(batch).await;
        self.end_speech();
        if let Some((state, mode)) = answer {
            self.presence.link.send(reply::mode_ok(state, mode, self.env.id.as_str()));
        }
        for list in ended.into_iter().chain(begun) {
            let plugin = list.plugin.clone();
            self.complete(list, committed, None).await;
            if target.as_ref().is_none_or(|(new, _)| *new != plugin) {
                self.end_speech_of(&plugin);
            }
        }
        if let Some(now) = self.roles.mode.clone().or(default) {
            self.notify_subscribers(|subscriptions| subscriptions.mode_change, &Event::ModeChanged(now));
        }
    }

    /// The new mode failed to start: the old one continues.
    fn abort_switch(&mut self, plugin: &PluginId, mode: &str, why: &str, retry_after_ms: Option<u32>) {
        if let Some(index) = self.roles.index_of(plugin)
            && self.roles.handlers[index].role.mode.is_none()
            && !self.roles.handlers[index].has_tail()
            && self.roles.handlers[index].last_snapshot().is_none()
        {
            self.roles.handlers.remove(index);
        }
        let message = format!("mode {mode} was not started: {why}");
        self.presence.link.send(reply::mode_not_started(&message, mode, retry_after_ms));
    }

    fn started(&self, mode: &Arc<str>) -> Event {
        Event::Started(self.env.start(Some(mode.clone()), self.language()))
    }
}
